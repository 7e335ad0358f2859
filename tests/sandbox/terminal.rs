//! A terminal: a pseudo-terminal pair with a program behind it, and what a person would see on it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::until;

/// A program on a terminal of its own.
pub struct Terminal {
    child: Child,
    keys: File,
    seen: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    columns: usize,
}

impl Terminal {
    /// Starts `command` on a terminal of that size, which it gets as its controlling terminal.
    pub fn start(command: &mut Command, columns: u16, rows: u16) -> Self {
        let (master, slave) = pair(columns, rows);
        command
            .stdin(slave.try_clone().expect("a descriptor"))
            .stdout(slave.try_clone().expect("a descriptor"))
            .stderr(slave);
        // SAFETY: setsid(2) and ioctl(2) are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let child = command.spawn().expect("the program starts");
        // The slave's descriptors in `command` would keep the terminal open.
        command.stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, shared) = (File::from(master), Arc::clone(&seen));
        let keys = screen.try_clone().expect("a descriptor");
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // EIO is the end: nobody has the other side any more.
            while let Ok(bytes) = screen.read(&mut buffer) {
                if bytes == 0 {
                    break;
                }
                shared
                    .lock()
                    .expect("not poisoned")
                    .extend(&buffer[..bytes]);
            }
        });
        Terminal {
            child,
            keys,
            seen,
            reader: Some(reader),
            columns: columns.into(),
        }
    }

    /// Types keys; `\x03` is Ctrl-C.
    pub fn press(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .expect("the terminal takes keys");
    }

    /// Everything that was written, with its control sequences.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("not poisoned")).into_owned()
    }

    /// What stands on the screen and above it.
    pub fn screen(&self) -> String {
        drawn(&self.raw(), self.columns)
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        until(&format!("the screen shows `{text}`"), || {
            self.screen().contains(text)
        });
    }

    /// Waits for the program's end; its exit code and the screen.
    pub fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("the program ends").code();
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends");
        }
        (code, self.screen())
    }
}

fn pair(columns: u16, rows: u16) -> (OwnedFd, OwnedFd) {
    let size = libc::winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let (mut master, mut slave) = (-1, -1);
    // SAFETY: openpty(3) writes the two descriptors and reads the size; the null pointers mean defaults.
    let opened = unsafe {
        libc::openpty(
            &raw mut master,
            &raw mut slave,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &raw const size as *mut _,
        )
    };
    assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: both were just opened and belong to nobody else.
    let (master, slave) = unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
    // The program must not inherit the side that is ours.
    rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).expect("a descriptor");
    (master, slave)
}

/// What a terminal of `columns` shows of `text`: line ends, carriage returns, cursor up, and clearing
/// to the end of the line or the screen; colours leave no trace.
pub fn drawn(text: &str, columns: usize) -> String {
    let (mut lines, mut row, mut column) = (vec![Vec::<char>::new()], 0, 0);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                if row == lines.len() {
                    lines.push(Vec::new());
                }
            }
            '\u{1b}' => {
                let mut sequence = String::new();
                for c in chars.by_ref().skip_while(|c| *c == '[') {
                    sequence.push(c);
                    if c.is_ascii_alphabetic() {
                        break;
                    }
                }
                let steps = sequence
                    .trim_end_matches(char::is_alphabetic)
                    .parse()
                    .unwrap_or(1);
                match sequence.chars().last() {
                    Some('A') => row -= steps.min(row),
                    Some('K') => lines[row].truncate(column),
                    Some('J') => {
                        lines[row].truncate(column);
                        lines.truncate(row + 1);
                    }
                    _ => {}
                }
            }
            c => {
                if column == columns {
                    (row, column) = (row + 1, 0);
                    if row == lines.len() {
                        lines.push(Vec::new());
                    }
                }
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| line.iter().collect()).collect();
    lines.join("\n")
}
