//! A few lines of the terminal that are drawn again in place.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use unicode_width::UnicodeWidthChar;

/// The last drawing on standard output.
#[derive(Debug, Default)]
pub struct Screen {
    rows: usize,
}

impl Screen {
    /// Draws `lines` over those of the last drawing. Each is cut to the width of the terminal, and
    /// those that do not fit its height are left out: what scrolled away cannot be drawn over.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn draw(&mut self, lines: &[String], size: (u16, u16)) -> io::Result<()> {
        let (columns, rows) = (usize::from(size.0), usize::from(size.1));
        let colors = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let lines = &lines[..lines.len().min(rows.saturating_sub(1))];
        let mut drawing = String::new();
        // Not more than the terminal has: it may have become smaller.
        let up = self.rows.min(rows.saturating_sub(1));
        if up > 0 {
            drawing.push_str(&format!("\u{1b}[{up}A"));
        }
        drawing.push('\r');
        for line in lines {
            let shown = cut(line, columns);
            drawing.push_str(&match colors {
                true => shown,
                false => anstream::adapter::strip_str(&shown).to_string(),
            });
            // The rest of what stood in this line.
            drawing.push_str("\u{1b}[K\r\n");
        }
        // What stood below.
        drawing.push_str("\u{1b}[J");
        self.rows = lines.len();
        let mut out = io::stdout().lock();
        out.write_all(drawing.as_bytes())?;
        out.flush()
    }
}

/// `line` in at most `columns` columns; its colours stay whole.
pub fn cut(line: &str, columns: usize) -> String {
    let (mut shown, mut used, mut full) = (String::new(), 0, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            shown.push(c);
            // Only colours are written by this program: they end with a letter.
            for c in chars.by_ref() {
                shown.push(c);
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
            continue;
        }
        used += c.width().unwrap_or(0);
        full |= used > columns;
        if !full {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_by_columns_and_its_colours_end() {
        assert_eq!(cut("abcdef", 4), "abcd");
        assert_eq!(cut("日本語", 5), "日本");
        assert_eq!(cut("日a", 1), "", "nothing behind the cut comes back");
        assert_eq!(cut("\u{1b}[31mabc\u{1b}[0m", 2), "\u{1b}[31mab\u{1b}[0m");
    }
}
