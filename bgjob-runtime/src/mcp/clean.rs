//! Text from jobs as a model may see it: no terminal commands, nothing invisible.

/// One line of at most `limit` characters.
pub fn line(text: &str, limit: usize) -> String {
    let cleaned = text_of(text).replace('\n', " ");
    clip(cleaned.trim(), limit)
}

/// Several lines of at most `limit` characters in all; the end is kept, where the reason mostly is.
pub fn text(text: &str, limit: usize) -> String {
    let cleaned = text_of(text);
    let excess = cleaned.chars().count().saturating_sub(limit);
    if excess == 0 {
        return cleaned;
    }
    let kept: String = cleaned.chars().skip(excess).collect();
    format!("…{kept}")
}

fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The text without control sequences (ECMA-48), of overwritten lines what a terminal would leave
/// standing, and with characters that hide or reorder others shown by their numbers.
pub fn text_of(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut line_start = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => escape(&mut chars),
            '\u{9b}' => control_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => control_string(&mut chars),
            '\n' => {
                out.push('\n');
                line_start = out.len();
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            // A progress bar draws over itself: only what it drew last stays.
            '\r' if chars.peek().is_some() => out.truncate(line_start),
            '\t' => out.push('\t'),
            c if c.is_control() => {}
            c if is_deceptive(c) => out.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// After ESC: a control sequence, a control string, or a short sequence.
fn escape(chars: &mut Chars<'_>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            control_sequence(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            control_string(chars);
        }
        _ => {
            while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
            chars.next_if(|c| ('0'..='~').contains(c));
        }
    }
}

/// Parameters and intermediates, then one final character.
fn control_sequence(chars: &mut Chars<'_>) {
    while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
    chars.next_if(|c| ('@'..='~').contains(c));
}

/// Up to BEL or ST; a line end stops one that was never closed, or it would swallow the log.
fn control_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        match c {
            '\x07' | '\u{9c}' => return,
            '\x1b' => {
                chars.next_if(|c| *c == '\\');
                return;
            }
            _ => {}
        }
    }
}

/// Bidirectional controls, zero-width and other characters without a glyph: what can make a reader
/// see another text than there is (Unicode TR 36, TR 39), tags included.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn terminal_commands_vanish() {
        for (dirty, plain) in [
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b]8;;http://evil\x07link\x1b]8;;\x1b\\!", "link!"),
            ("\x1b]52;c;Zm9v\x07x", "x"),
            ("\x1bPq#0\x1b\\x", "x"),
            ("\u{9b}2Jx\u{9d}0;title\u{9c}y", "xy"),
            ("\x1b(Bx\x1b7y\x07\x08z\x7f", "xyz"),
            ("\x1b]never closed\nnext", "\nnext"),
            ("a\0b\x1b", "ab"),
        ] {
            assert_eq!(text_of(dirty), plain, "{dirty:?}");
        }
    }

    #[test]
    fn overwritten_lines_show_their_last_state() {
        assert_eq!(text_of("1%\r50%\r100%\r\ndone\r"), "100%\ndone");
    }

    #[test]
    fn what_hides_or_reorders_is_shown() {
        assert_eq!(
            text_of("a\u{202e}b\u{200b}c\u{e0041}"),
            "a⟨U+202E⟩b⟨U+200B⟩c⟨U+E0041⟩"
        );
        assert_eq!(text_of("ärger 你好 🎉"), "ärger 你好 🎉");
    }

    #[test]
    fn long_text_keeps_its_end_and_long_words_their_beginning() {
        assert_eq!(text("abcdef", 3), "…def");
        assert_eq!(line("ab\ncdef", 3), "ab …");
        assert_eq!(text("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn nothing_left_commands_or_hides(dirty in "[\\x00-\\x9f\u{200b}\u{202e}ab;\\[\\]]{0,60}") {
            for c in text_of(&dirty).chars() {
                prop_assert!(c == '\n' || c == '\t' || !(c.is_control() || is_deceptive(c)), "{c:?}");
            }
        }
    }
}
