//! Tokens that lie whole in a slice of bytes.
//!
//! Nothing here judges: `None` means that a token is not whole or not well-formed, and that the scanner
//! must look at it byte by byte, across the ends of its buffer.

/// Eight times the byte 1.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each of eight bytes.
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Where the white space ends that begins at `at`.
#[inline]
pub fn space(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b' ') => at = blanks(bytes, at + 1),
            Some(b'\t' | b'\n' | b'\r') => at += 1,
            _ => return at,
        }
    }
}

/// Where the blanks end; the indentation of a deep line is long.
#[inline]
fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word(bytes, at) {
        let others = word ^ (ONES * b' ' as u64);
        if others != 0 {
            return at + first(others);
        }
        at += 8;
    }
    while bytes.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// Where the string's plain text ends that begins at `at`: at a quote, a backslash, a control
/// character or the end of the slice.
#[inline]
pub fn plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word(bytes, at) {
        let stops = stops(word);
        if stops != 0 {
            return at + first(stops);
        }
        at += 8;
    }
    while let Some(b' '..=b'!' | b'#'..=b'[' | b']'..) = bytes.get(at) {
        at += 1;
    }
    at
}

/// Whole plain characters at the beginning of the slice, at most `limit`: their bytes, and how many
/// they are.
pub fn characters(bytes: &[u8], limit: u64) -> (usize, u64) {
    let run = &bytes[..plain(bytes, 0)];
    let text = std::str::from_utf8(run)
        .or_else(|e| std::str::from_utf8(&run[..e.valid_up_to()]))
        .unwrap_or_default();
    let count = text.chars().count() as u64;
    if count <= limit {
        return (text.len(), count);
    }
    let rest = text.char_indices().zip(0..).find(|(_, n)| *n == limit);
    rest.map_or((0, 0), |((at, _), n)| (at, n))
}

#[inline]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*word))
}

/// The index of the first byte of which a bit is set.
#[inline]
fn first(bits: u64) -> usize {
    (bits.trailing_zeros() / 8) as usize
}

/// Marks the bytes at which plain text ends. The first mark is right; a borrow may add wrong ones
/// behind it.
#[inline]
fn stops(word: u64) -> u64 {
    let quotes = word ^ (ONES * b'"' as u64);
    let backslashes = word ^ (ONES * b'\\' as u64);
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    (controls | zeros(quotes) | zeros(backslashes)) & HIGHS
}

/// Where the string ends whose text begins at `at`, behind the opening quote.
#[inline]
pub fn string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = plain(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at = escape(bytes, at + 1)?,
            _ => return None,
        }
    }
}

/// Where a member's name ends that begins at `at`, if no escape is in it and its colon is close behind.
pub fn plain_name(bytes: &[u8], at: usize) -> Option<usize> {
    if *bytes.get(at)? != b'"' {
        return None;
    }
    let end = plain(bytes, at + 1);
    bytes.get(end..)?.starts_with(b"\":").then_some(end + 1)
}

#[inline]
fn escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => {
            let digits = bytes.get(at + 1..at + 5)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 5)
        }
        _ => None,
    }
}

/// Where the number, `true`, `false` or `null` ends that begins at `at`. A number at the end of the
/// slice may not be whole.
#[inline]
pub fn scalar(bytes: &[u8], at: usize) -> Option<usize> {
    let word = |word: &[u8]| {
        let end = at + word.len();
        (bytes.get(at..end)? == word).then_some(end)
    };
    match bytes.get(at)? {
        b'0' => broken(bytes, at + 1),
        b'1'..=b'9' => broken(bytes, digits(bytes, at + 1)),
        b'-' => negative(bytes, at + 1),
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        _ => None,
    }
}

#[inline]
fn negative(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'0' => broken(bytes, at + 1),
        b'1'..=b'9' => broken(bytes, digits(bytes, at + 1)),
        _ => None,
    }
}

/// The part of a number behind its whole digits.
#[inline]
fn broken(bytes: &[u8], mut at: usize) -> Option<usize> {
    if *bytes.get(at)? == b'.' {
        at = some_digits(bytes, at + 1)?;
    }
    match bytes.get(at)? {
        b'e' | b'E' => exponent(bytes, at + 1),
        _ => Some(at),
    }
}

fn exponent(bytes: &[u8], at: usize) -> Option<usize> {
    let signed = matches!(bytes.get(at)?, b'+' | b'-');
    let end = some_digits(bytes, at + usize::from(signed))?;
    (end < bytes.len()).then_some(end)
}

#[inline]
fn some_digits(bytes: &[u8], at: usize) -> Option<usize> {
    let end = digits(bytes, at);
    (end > at).then_some(end)
}

/// Where the digits end.
#[inline]
pub fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn eight_bytes_at_a_time_end_where_one_does(bytes in prop::collection::vec(prop_oneof![8 => Just(b' '), 8 => Just(b'a'), 1 => any::<u8>()], 0..60)) {
            let end = |plain: fn(&u8) -> bool| bytes.iter().take_while(|b| plain(b)).count();
            prop_assert_eq!(plain(&bytes, 0), end(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f)));
            prop_assert_eq!(space(&bytes, 0), end(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')));
        }

        #[test]
        fn characters_are_counted_as_they_are(text in "[a-z\u{e4}\u{20ac}\u{1f600}]{0,40}", limit in 0u64..50, cut in 0usize..4) {
            let bytes = &text.as_bytes()[..text.len().saturating_sub(cut)];
            let whole = bytes.utf8_chunks().next().map_or("", |run| run.valid());
            let wanted: String = whole.chars().take(limit as usize).collect();
            prop_assert_eq!(characters(bytes, limit), (wanted.len(), wanted.chars().count() as u64));
        }
    }
}
