//! The terminal on standard error as the bars see it.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::TermLike;

use crate::cli::console;

/// Columns and rows where the terminal does not tell.
const SIZE: (u16, u16) = (80, 24);

/// Standard error. The bars are padded to the end of the line; the cursor goes back to its beginning
/// after each drawing, since a `^C` that the terminal echoes at the end would wrap, and clearing the
/// bars would then miss a line.
#[derive(Debug, Default)]
pub struct Screen {
    drawn: Mutex<Vec<u8>>,
}

impl Screen {
    fn draw(&self, text: &str) -> io::Result<()> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn go(&self, steps: usize, direction: char) -> io::Result<()> {
        match steps {
            0 => Ok(()),
            _ => self.draw(&format!("\u{1b}[{steps}{direction}")),
        }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        console::err_size().unwrap_or(SIZE).0
    }

    fn height(&self) -> u16 {
        console::err_size().unwrap_or(SIZE).1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.draw(text)?;
        self.draw("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.draw(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw("\r\u{1b}[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut err = io::stderr().lock();
        err.write_all(&drawn)?;
        err.write_all(b"\r")?;
        drawn.clear();
        err.flush()
    }
}
