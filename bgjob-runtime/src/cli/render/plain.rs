//! Text that a job wrote, made safe for a terminal.
//!
//! A job may print anything, also sequences that move the cursor, change the title or turn the
//! direction of writing. On a terminal they are dropped or made visible; in a pipe and in files
//! nothing is changed.

use std::fmt::Write as _;

/// `text` without escape sequences; other control characters and those that change the direction
/// of writing or have no width are written as `\u{…}`. Line ends and tabs stay.
pub fn text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let stripped = anstream::adapter::strip_str(text).to_string();
    let mut chars = stripped.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => plain.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            // A line that was drawn over itself, such as a progress bar: each state on its own line.
            '\r' => plain.push('\n'),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(plain, "\\u{{{:x}}}", u32::from(c));
            }
            c => plain.push(c),
        }
    }
    plain
}

/// [`text`] on one line, cut after `max` characters.
pub fn line(words: &str, max: usize) -> String {
    let flat = text(words).split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &flat[..end]),
        None => flat,
    }
}

/// Marks of direction (Unicode UAX 9), zero-width characters, and line separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_vanish_and_tricks_become_visible() {
        assert_eq!(text("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}x"), "red x");
        assert_eq!(text("a\u{202e}b\u{200b}"), "a\\u{202e}b\\u{200b}");
        assert!(!text("a\u{9b}2Jb").contains('\u{9b}'));
    }

    #[test]
    fn lines_and_tabs_stay_and_redrawn_lines_are_split() {
        assert_eq!(text("a\tb\r\nc\n"), "a\tb\nc\n");
        assert_eq!(text("10%\r20%\n"), "10%\n20%\n");
    }

    #[test]
    fn a_line_is_flat_and_short() {
        assert_eq!(line("a\n b\u{1b}[2J  c", 80), "a b c");
        assert_eq!(line("größer", 3), "grö…");
    }
}
