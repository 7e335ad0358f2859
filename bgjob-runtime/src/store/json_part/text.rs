//! A window on a string that may be longer than memory.

use std::io::{self, Read};

use super::scan::{Scanner, malformed};

/// Characters of a string, and how many it has in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The characters shown.
    pub text: String,
    /// How many they are.
    pub count: u64,
    /// How many the string has.
    pub total: u64,
}

/// Passes over a string and keeps its characters from `offset` on: at most `count` of them, and no
/// more than take `budget` bytes as JSON text. A lone surrogate shows as U+FFFD.
pub fn window<R: Read>(
    scanner: &mut Scanner<R>,
    offset: u64,
    count: u64,
    budget: usize,
) -> io::Result<Window> {
    scanner.expect(b'"')?;
    let (mut text, mut shown, mut total, mut left) = (String::new(), 0, 0, budget);
    let mut full = false;
    loop {
        let ended = full || shown == count;
        total += scanner.characters(if ended {
            u64::MAX
        } else {
            offset.saturating_sub(total)
        })?;
        let Some(c) = character(scanner)? else {
            break;
        };
        if total >= offset && !ended {
            full = cost(c) > left;
            if !full {
                left -= cost(c);
                text.push(c);
                shown += 1;
            }
        }
        total += 1;
    }
    Ok(Window {
        text,
        count: shown,
        total,
    })
}

/// Bytes of a character inside a JSON string, as serde_json writes it.
fn cost(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

/// The next character, or `None` after the closing quote.
fn character<R: Read>(scanner: &mut Scanner<R>) -> io::Result<Option<char>> {
    match one(scanner)? {
        b'"' => Ok(None),
        b'\\' => escaped(scanner).map(Some),
        0..=0x1f => Err(malformed("a control character stands bare in a string")),
        ascii @ 0x20..=0x7f => Ok(Some(char::from(ascii))),
        lead => multibyte(scanner, lead).map(Some),
    }
}

fn one<R: Read>(scanner: &mut Scanner<R>) -> io::Result<u8> {
    scanner
        .next_byte()?
        .ok_or_else(|| malformed("it ends inside a string"))
}

fn multibyte<R: Read>(scanner: &mut Scanner<R>, lead: u8) -> io::Result<char> {
    let mut bytes = [lead, 0, 0, 0];
    let length = match lead {
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    };
    for byte in &mut bytes[1..length] {
        *byte = one(scanner)?;
    }
    std::str::from_utf8(&bytes[..length])
        .ok()
        .and_then(|text| text.chars().next())
        .ok_or_else(|| malformed("a string is not UTF-8"))
}

fn escaped<R: Read>(scanner: &mut Scanner<R>) -> io::Result<char> {
    Ok(match one(scanner)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => unicode(scanner)?,
        plain @ (b'"' | b'\\' | b'/') => char::from(plain),
        _ => return Err(malformed("an escape in a string is unknown")),
    })
}

/// The character after `\u`; a high surrogate takes the low one behind it along.
fn unicode<R: Read>(scanner: &mut Scanner<R>) -> io::Result<char> {
    let high = hex4(scanner)?;
    if !(0xd800..0xdc00).contains(&high) || scanner.byte()? != Some(b'\\') {
        return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    one(scanner)?;
    if scanner.byte()? != Some(b'u') {
        // The lone surrogate is lost; the escape behind it is what counts.
        return escaped(scanner);
    }
    one(scanner)?;
    let low = hex4(scanner)?;
    let pair = 0x10000 + ((high - 0xd800) << 10) + low.wrapping_sub(0xdc00);
    Ok((0xdc00..0xe000)
        .contains(&low)
        .then(|| char::from_u32(pair))
        .flatten()
        .unwrap_or(char::REPLACEMENT_CHARACTER))
}

fn hex4<R: Read>(scanner: &mut Scanner<R>) -> io::Result<u32> {
    let mut value = 0;
    for _ in 0..4 {
        let digit = char::from(one(scanner)?).to_digit(16);
        value = value * 16 + digit.ok_or_else(|| malformed("`\\u` needs four digits"))?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Drip;
    use super::*;
    use proptest::prelude::*;

    fn of(json: &str, offset: u64, count: u64, budget: usize) -> Window {
        window(&mut Scanner::new(json.as_bytes()), offset, count, budget).unwrap()
    }

    #[test]
    fn escapes_and_pairs_are_characters() {
        let json = r#""a\n\"\u00e4\ud83d\ude00ü\ud800x""#;
        let whole = of(json, 0, u64::MAX, 1000);
        assert_eq!(whole.text, "a\n\"ä😀ü\u{fffd}x");
        assert_eq!((whole.count, whole.total), (8, 8));
        assert_eq!(of(json, 3, 2, 1000).text, "ä😀");
    }

    #[test]
    fn the_budget_binds_by_json_bytes() {
        assert_eq!(of(r#""\n\n\n""#, 0, 9, 4).text, "\n\n");
        assert_eq!(of(r#""äää""#, 0, 9, 5).text, "ää");
    }

    proptest! {
        #[test]
        fn windows_are_what_chars_are(text: String, offset in 0u64..20, count in 0u64..20, few in 1usize..9) {
            let json = serde_json::to_string(&text).unwrap();
            let wanted: String = text.chars().skip(offset as usize).take(count as usize).collect();
            let found = of(&json, offset, count, usize::MAX);
            prop_assert_eq!(&found.text, &wanted);
            prop_assert_eq!(window(&mut Scanner::new(Drip(json.as_bytes(), few)), offset, count, usize::MAX).unwrap(), found.clone());
            prop_assert_eq!(found.total, text.chars().count() as u64);
        }
    }
}
