//! The scanner against serde_json, with the ends of its buffer at every place.

use super::scan::MAX_DEPTH;
use super::*;
use proptest::prelude::*;
use serde_json::Value;

pub fn value() -> impl Strategy<Value = Value> {
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

/// Gives a few bytes at a time, so that the scanner's buffer ends anywhere in a token.
pub struct Drip<'a>(pub &'a [u8], pub usize);
impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let few = buffer.len().min(self.1);
        Read::read(&mut self.0, &mut buffer[..few])
    }
}

/// Text with white space of all kinds wherever it may stand.
pub fn airy(value: &Value) -> Vec<u8> {
    let mut text = b" ".to_vec();
    let (mut inside, mut escaped) = (false, false);
    for byte in serde_json::to_vec(value).unwrap() {
        let token = !inside && b"[]{}:,".contains(&byte);
        if token {
            text.extend(b"\n \r\t  ");
        }
        text.push(byte);
        if token {
            text.extend(&b"\t          \n"[text.len() % 12..]);
        }
        inside ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
    }
    text
}

fn accepted(text: &[u8], few: usize) -> bool {
    extract(Drip(text, few), "").is_ok()
}

fn accepted_by_serde(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

proptest! {
    #[test]
    fn every_pointer_finds_what_serde_json_finds(value in value(), missing in "(/[a-c0-3]{0,2}){1,3}", pretty: bool, few in 1usize..40) {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        let read_back: Value = serde_json::from_slice(&text).unwrap();
        let mut all = vec![missing];
        pointers(&read_back, "", &mut all);
        for pointer in all {
            let wanted = read_back.pointer(&pointer).map(|v| serde_json::to_vec(v).unwrap());
            prop_assert_eq!(&extract(&text[..], &pointer).unwrap().map(|v| serde_json::from_slice::<Value>(&v).unwrap()),
                &wanted.map(|v| serde_json::from_slice::<Value>(&v).unwrap()), "{}", pointer);
            prop_assert_eq!(extract(&text[..], &pointer).unwrap(), extract(Drip(&text, few), &pointer).unwrap());
        }
    }

    #[test]
    fn it_accepts_what_serde_json_accepts_and_nothing_else(text in "[\\[\\]{}:,\"a0-9.eE+\\-\\\\u ntrlfs]{0,12}") {
        let theirs = accepted_by_serde(text.as_bytes());
        prop_assert_eq!(accepted(text.as_bytes(), usize::MAX), theirs, "{}", text);
        prop_assert_eq!(accepted(text.as_bytes(), 1), theirs, "{}", text);
    }

    #[test]
    fn one_wrong_byte_is_found_when_serde_json_finds_it(value in value(), pretty: bool, at: prop::sample::Index,
        byte in prop::sample::select(b"[]{}:,\"\\019-.eEutfn \n\x01\x7f/".as_slice()), change in 0..3, few in 1usize..40) {
        let mut text = if pretty { airy(&value) } else { serde_json::to_vec(&value).unwrap() };
        let at = at.index(text.len());
        match change {
            0 => text[at] = byte,
            1 => text.insert(at, byte),
            _ => { text.remove(at); }
        }
        let theirs = accepted_by_serde(&text);
        for few in [1, few, usize::MAX] {
            prop_assert_eq!(accepted(&text, few), theirs, "{:?} by {}", String::from_utf8_lossy(&text), few);
        }
    }

    #[test]
    fn white_space_is_left_out_wherever_the_buffer_ends(value in value(), few in 1usize..40) {
        let text = airy(&value);
        let dense = serde_json::to_vec(&value).unwrap();
        for few in [few, usize::MAX] {
            let found = extract(Drip(&text, few), "").unwrap().unwrap();
            prop_assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&dense));
        }
    }
}

/// All texts of up to `longest` of these bytes.
fn texts(bytes: &[u8], longest: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut begin = 0;
    for _ in 0..longest {
        let end = all.len();
        for n in begin..end {
            for byte in bytes {
                all.push([&all[n], &[*byte][..]].concat());
            }
        }
        begin = end;
    }
    all
}

#[test]
fn every_short_text_of_numbers_is_judged_as_serde_json_judges_it() {
    for number in texts(b"-01.e+", 6) {
        let text = [b"[", &number[..], b",1]"].concat();
        let theirs = accepted_by_serde(&text);
        for few in [1, 3, usize::MAX] {
            assert_eq!(accepted(&text, few), theirs, "{number:?} by {few}");
        }
    }
}

#[test]
fn every_short_text_of_brackets_is_judged_as_serde_json_judges_it() {
    for middle in texts(b"[]{},:1", 6) {
        // Digits stand for strings here, so that names need no more bytes than values.
        for item in ["1", "\"\""] {
            let middle = String::from_utf8_lossy(&middle).replace('1', item);
            let text = format!("[{middle}]");
            let theirs = accepted_by_serde(text.as_bytes());
            for few in [1, 2, usize::MAX] {
                assert_eq!(accepted(text.as_bytes(), few), theirs, "{text} by {few}");
            }
        }
    }
}

#[test]
fn every_short_escape_is_judged_as_serde_json_judges_it() {
    for escape in texts(b"u0fG\"\\", 5) {
        let text = [b"[\"\\", &escape[..], b"aaaaaaaa\"]"].concat();
        let theirs = accepted_by_serde(&text);
        for few in [1, usize::MAX] {
            assert_eq!(accepted(&text, few), theirs, "{escape:?} by {few}");
        }
    }
}

#[test]
fn every_byte_at_every_place_of_a_string_is_judged_as_serde_json_judges_it() {
    for (length, at) in (0..20).flat_map(|length| (0..=length).map(move |at| (length, at))) {
        for byte in 0..=255 {
            let mut string = vec![b'a'; length];
            string.insert(at, byte);
            let text = [b"[\"", &string[..], b"\",\"nnnnnnnn\"]"].concat();
            let theirs = accepted_by_serde(&text);
            for few in [5, usize::MAX] {
                assert_eq!(accepted(&text, few), theirs, "{byte} at {at} of {length}");
            }
        }
    }
}

#[test]
fn a_text_of_many_buffers_comes_out_as_it_is() {
    let rows: Vec<Value> = (0..20_000_u32)
        .map(|n| serde_json::json!({"n": n, "\u{e4}": f64::from(n) / 3.0, "s": "x\n".repeat(n as usize % 300)}))
        .collect();
    let value = Value::from(rows);
    let dense = serde_json::to_vec(&value).unwrap();
    assert!(extract(&dense[..], "").unwrap().unwrap() == dense);
    assert!(extract(&airy(&value)[..], "").unwrap().unwrap() == dense);
    let found = extract(&dense[..], "/19999/n").unwrap().unwrap();
    assert_eq!(found, b"19999");
}

#[test]
fn tokens_longer_than_the_buffer_are_tokens() {
    let digits = "7".repeat(300_000);
    let string = format!("\"{}\"", "\u{e4}\\n".repeat(100_000));
    for token in [&digits, &string] {
        let text = format!("[0,{token},1]");
        assert_eq!(
            extract(text.as_bytes(), "/1").unwrap().unwrap(),
            token.as_bytes()
        );
        assert_eq!(extract(text.as_bytes(), "/2").unwrap().unwrap(), b"1");
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
    for (depth, passes) in [(MAX_DEPTH, true), (MAX_DEPTH + 1, false)] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for few in [1, usize::MAX] {
            let found = extract(Drip(deep.as_bytes(), few), "").ok().flatten();
            assert_eq!(found.as_deref(), passes.then_some(deep.as_bytes()));
        }
    }
}

#[test]
fn a_bad_pointer_is_the_callers_mistake() {
    assert_eq!(
        extract(&b"{}"[..], "a").unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
}
