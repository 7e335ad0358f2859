//! Parts of a JSON file that may be larger than memory: one value by pointer, or a page of it.

use std::io::{self, Read};

mod outline;
mod part;
pub mod pointer;
mod scan;
mod seek;
mod shape;
mod text;

pub use part::{Part, Shown, Want, read};
pub use seek::Missing;
pub use shape::Shape;

use scan::Scanner;
use seek::{Sought, seek};

/// The value that an RFC 6901 pointer names, as JSON text without white space between tokens;
/// `None` if it names nothing. Reads no further than the value, and holds nothing but it.
///
/// # Errors
/// When reading fails (the reader's own kind), the text is not JSON (`InvalidData`) or the pointer is
/// none (`InvalidInput`).
pub fn extract(reader: impl Read, pointer: &str) -> io::Result<Option<Vec<u8>>> {
    let tokens =
        pointer::parse(pointer).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    let mut scanner = Scanner::new(reader);
    if let Sought::Missing(_) = seek(&mut scanner, &tokens)? {
        return Ok(None);
    }
    scanner.tap(usize::MAX);
    scanner.skip()?;
    let value = scanner.untap().unwrap_or_default();
    if tokens.is_empty() {
        scanner.finish()?;
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(("[a-c~/\u{e4}\"0-2]{0,2}", inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
        found.push(here.to_owned());
        let mut child = |name: &str, value: &Value| {
            let mut inner = here.to_owned();
            pointer::push(&mut inner, name);
            pointers(value, &inner, found);
        };
        match value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(i, v)| child(&i.to_string(), v)),
            Value::Object(members) => members.iter().for_each(|(k, v)| child(k, v)),
            _ => {}
        }
    }

    /// Gives one byte at a time, so that every token is split.
    struct Drip<'a>(&'a [u8]);
    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let one = buffer.len().min(1);
            Read::read(&mut self.0, &mut buffer[..one])
        }
    }

    proptest! {
        #[test]
        fn every_pointer_finds_what_serde_json_finds(value in value(), missing in "(/[a-c0-3]{0,2}){1,3}", pretty: bool) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let read_back: Value = serde_json::from_slice(&text).unwrap();
            let mut all = vec![missing];
            pointers(&read_back, "", &mut all);
            for pointer in all {
                let wanted = read_back.pointer(&pointer).map(|v| serde_json::to_vec(v).unwrap());
                prop_assert_eq!(&extract(&text[..], &pointer).unwrap().map(|v| serde_json::from_slice::<Value>(&v).unwrap()),
                    &wanted.map(|v| serde_json::from_slice::<Value>(&v).unwrap()), "{}", pointer);
                prop_assert_eq!(extract(&text[..], &pointer).unwrap(), extract(Drip(&text), &pointer).unwrap());
            }
        }

        #[test]
        fn it_accepts_what_serde_json_accepts_and_nothing_else(text in "[\\[\\]{}:,\"a0-9.eE+\\-\\\\u ntrlfs]{0,12}") {
            let ours = extract(text.as_bytes(), "").is_ok();
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }

    #[test]
    fn the_value_comes_without_white_space() {
        assert_eq!(
            extract(&b" { \"a\" : [ 1 , \"x y\" ] } \n"[..], "")
                .unwrap()
                .unwrap(),
            br#"{"a":[1,"x y"]}"#
        );
    }

    #[test]
    fn torn_text_is_an_error_and_not_a_missing_value() {
        let error = extract(&b"{\"a\":[1,2"[..], "/b").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(
            extract(&b""[..], "").unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }

    #[test]
    fn deep_nesting_ends_in_an_error_and_not_in_a_crash() {
        let bomb = "[".repeat(10_000_000);
        assert_eq!(
            extract(bomb.as_bytes(), "").unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        let deep = format!("{}{}", "[".repeat(900), "]".repeat(900));
        assert_eq!(
            extract(deep.as_bytes(), "").unwrap().unwrap(),
            deep.as_bytes()
        );
    }

    #[test]
    fn a_bad_pointer_is_the_callers_mistake() {
        assert_eq!(
            extract(&b"{}"[..], "a").unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
