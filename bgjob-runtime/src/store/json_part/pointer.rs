//! JSON pointers (RFC 6901): text to reference tokens and back.

use std::fmt;

/// Why a text is no JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadPointer {
    /// It is neither empty nor begins with `/`.
    NoSlash,
    /// A `~` is followed by neither `0` nor `1`.
    Tilde,
}

impl fmt::Display for BadPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadPointer::NoSlash => "a JSON pointer is empty or begins with `/` (RFC 6901)",
            BadPointer::Tilde => {
                "in a JSON pointer `~` stands as `~0` and `/` inside a name as `~1` (RFC 6901)"
            }
        })
    }
}

impl std::error::Error for BadPointer {}

/// The reference tokens of a pointer, unescaped; none for the whole document.
///
/// # Errors
/// When the text is no RFC 6901 pointer.
pub fn parse(pointer: &str) -> Result<Vec<String>, BadPointer> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let tokens = pointer.strip_prefix('/').ok_or(BadPointer::NoSlash)?;
    tokens.split('/').map(unescape).collect()
}

fn unescape(token: &str) -> Result<String, BadPointer> {
    let mut plain = String::with_capacity(token.len());
    let mut rest = token.chars();
    while let Some(c) = rest.next() {
        plain.push(match c {
            '~' => match rest.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(BadPointer::Tilde),
            },
            other => other,
        });
    }
    Ok(plain)
}

/// Appends the name of a member or the index of an item to a pointer.
pub fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The array index that a token names: digits without a leading zero.
pub fn index(token: &str) -> Option<u64> {
    let canonical = token == "0" || !token.starts_with('0');
    (canonical && token.bytes().all(|b| b.is_ascii_digit()))
        .then(|| token.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_parse() {
        assert_eq!(parse("").unwrap(), Vec::<String>::new());
        assert_eq!(parse("/").unwrap(), [""]);
        assert_eq!(parse("/foo/0").unwrap(), ["foo", "0"]);
        assert_eq!(parse("/a~1b/m~0n/~01").unwrap(), ["a/b", "m~n", "~1"]);
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        assert_eq!(parse("foo"), Err(BadPointer::NoSlash));
        assert_eq!(parse("#/foo"), Err(BadPointer::NoSlash));
        assert_eq!(parse("/a~2"), Err(BadPointer::Tilde));
        assert_eq!(parse("/a~"), Err(BadPointer::Tilde));
    }

    #[test]
    fn pushed_tokens_parse_back() {
        let mut pointer = String::new();
        for token in ["a/b", "m~n", "", "~1"] {
            push(&mut pointer, token);
        }
        assert_eq!(parse(&pointer).unwrap(), ["a/b", "m~n", "", "~1"]);
    }

    #[test]
    fn only_canonical_numbers_are_indices() {
        assert_eq!(index("0"), Some(0));
        assert_eq!(index("10"), Some(10));
        for token in ["01", "+1", "-", "", "1.0", "99999999999999999999"] {
            assert_eq!(index(token), None, "{token}");
        }
    }
}
