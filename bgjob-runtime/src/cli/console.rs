//! Where words go: data to standard output, talk to standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

/// Narrower terminals are treated as this wide.
const MIN_WIDTH: u16 = 40;
/// Help is not wider than this.
pub const MAX_HELP_WIDTH: u16 = 110;

/// What the user wants to hear, and how commands are typed here.
#[derive(Clone, Debug)]
pub struct Console {
    /// Only errors on standard error.
    pub quiet: bool,
    /// The program and the global options that a command needs in order to work as typed.
    pub prefix: String,
}

impl Console {
    /// Says something on standard error, unless the user asked for quiet.
    pub fn say(&self, words: impl fmt::Display) {
        if !self.quiet {
            self.insist(words);
        }
    }

    /// Says something on standard error. When nobody can hear it there is nobody to tell.
    pub fn insist(&self, words: impl fmt::Display) {
        let _ = writeln!(anstream::stderr(), "{words}");
    }

    /// The command `rest` of this program, as it has to be typed.
    pub fn command(&self, rest: impl fmt::Display) -> String {
        format!("{} {rest}", self.prefix)
    }

    /// Writes text with colours to standard output; they are dropped where they do not belong.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn print(&self, text: impl fmt::Display) -> io::Result<()> {
        let text = text.to_string();
        if !text.contains('\u{1b}') {
            // Looking for colours to drop, letter by letter, takes most of the time of a long list.
            return write_line(io::stdout().lock(), &text);
        }
        write_line(anstream::stdout().lock(), &text)
    }

    /// Writes `value` as JSON to standard output: indented on a terminal, on one line elsewhere.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if io::stdout().is_terminal() {
            serde_json::to_writer_pretty(&mut out, value)?;
        } else {
            serde_json::to_writer(&mut out, value)?;
        }
        out.write_all(b"\n")?;
        out.flush()
    }
}

impl Console {
    /// Writes `value` as JSON on one line of standard output.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn json_line(&self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let mut out = io::stdout().lock();
        out.write_all(&line)?;
        out.flush()
    }
}

fn write_line(mut out: impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Whether what is written to standard output keeps its colours.
pub fn out_has_colors() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Whether people read standard output.
pub fn out_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether people read standard output on something that can move its cursor.
pub fn out_can_draw() -> bool {
    out_is_terminal() && is_no_dumb_terminal()
}

/// Whether standard output is a pipe, whose reader may leave.
pub fn out_is_pipe() -> bool {
    let kind = rustix::fs::fstat(io::stdout())
        .map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode));
    kind == Ok(rustix::fs::FileType::Fifo)
}

/// Whether people read standard error.
pub fn err_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether people read standard error on something that can move its cursor.
pub fn err_can_draw() -> bool {
    err_is_terminal() && is_no_dumb_terminal()
}

fn is_no_dumb_terminal() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the terminal on standard output; `None` where there is none.
pub fn width() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.max(MIN_WIDTH))
}

/// Columns and rows of the terminal on standard output, or what is usual where it does not tell.
pub fn out_size() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

/// Columns and rows of the terminal on standard error; `None` where there is none.
pub fn err_size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Columns for help: as wide as the terminal, but no wider than reads well.
pub fn help_width() -> usize {
    usize::from(width().unwrap_or(MAX_HELP_WIDTH).min(MAX_HELP_WIDTH))
}

/// Makes `choice` (`auto`, `always`, `never`) the rule for everything that is written. `auto` looks
/// at `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and at what is written to.
pub fn set_color(choice: &str) {
    let choice = match choice {
        "always" => ColorChoice::Always,
        "never" => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    choice.write_global();
}
