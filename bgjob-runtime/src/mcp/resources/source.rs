//! JSON and files that are read in parts, never whole unless they are small.

use std::fs::File;
use std::io::{self, Read};

use serde_json::{Map, Value, json};

use super::query::{Query, Span};
use super::reply::{JSON, Reply};
use super::uri::Address;
use crate::error::{Code, Error, Result};
use crate::mcp::tools::part::{Asked, Found, MOST};
use crate::service::StateJson;
use crate::store::files;

/// Bytes that come as they are, at most at once.
pub const MOST_BYTES: u64 = 1 << 20;
/// All bytes, if they are not more than that.
pub const WHOLE: Span = Span {
    first: 0,
    last: None,
};
const BYTES: &str = "application/octet-stream";

/// Where bytes come from.
#[derive(Debug)]
pub enum Source {
    Memory(Vec<u8>),
    File(File),
}

impl From<StateJson> for Source {
    fn from(json: StateJson) -> Self {
        match json {
            StateJson::Inline(bytes) => Source::Memory(bytes),
            StateJson::File(file) => Source::File(file),
        }
    }
}

impl Source {
    fn len(&self) -> io::Result<u64> {
        match self {
            Source::Memory(bytes) => Ok(bytes.len() as u64),
            Source::File(file) => Ok(file.metadata()?.len()),
        }
    }

    fn read_at(&self, offset: u64, bytes: u64) -> io::Result<Vec<u8>> {
        match self {
            Source::Memory(all) => {
                let rest = usize::try_from(offset).ok().and_then(|at| all.get(at..));
                let mut part = Vec::new();
                rest.unwrap_or_default()
                    .take(bytes)
                    .read_to_end(&mut part)?;
                Ok(part)
            }
            Source::File(file) => files::read_at(file, offset, bytes),
        }
    }

    fn reader(&self) -> Box<dyn Read + '_> {
        match self {
            Source::Memory(bytes) => Box::new(&bytes[..]),
            Source::File(file) => Box::new(file),
        }
    }
}

/// JSON: the value whole, or a part by pointer and page, or bytes of its text.
pub fn json(address: &Address, source: &Source, of: &str) -> Result<Reply> {
    if let Some(span) = address.query.bytes {
        return bytes(address, source, span, JSON);
    }
    let query = &address.query;
    let small = length(source)? <= MOST;
    let asked = Asked {
        pointer: query.pointer.clone(),
        offset: query.offset,
        count: query.count,
        // A file may be a little larger than a reply of a tool, which has more to say.
        max_bytes: query.max_bytes.or(small.then_some(MOST)),
        outline: query.outline,
    };
    let found = asked.read(source.reader(), of)?;
    if let Some(whole) = &found.whole {
        return Ok(Reply::default().text(address.uri(), JSON, whole.to_string()));
    }
    Ok(part(address, found))
}

fn part(address: &Address, found: Found) -> Reply {
    let (query, reply) = (&address.query, found.reply);
    let mut answer = Reply::default();
    if let Some(value) = &reply.value {
        let page = reply.page.as_ref();
        let uri = address.with(&Query {
            offset: page.map(|page| page.offset),
            count: page.map(|page| page.count),
            ..query.clone()
        });
        answer = answer.text(uri, JSON, value.to_string());
    }
    let facts = [
        ("bytes", reply.job.bytes.map(|bytes| json!(bytes))),
        ("page", reply.page.map(|page| json!(page))),
        ("outline", reply.outline.map(Value::Object)),
        ("warning", reply.job.warning.map(Value::String)),
    ];
    let whole = (*query == Query::default()).then(|| address.with(&spanning(0, None)));
    let facts = facts
        .into_iter()
        .chain([("whole", whole.map(Value::String))])
        .filter_map(|(name, fact)| Some((name.to_owned(), fact?)));
    let outline = address.with(&Query {
        pointer: query.pointer.clone(),
        outline: true,
        ..Query::default()
    });
    let next = found.next.map(|args| address.with(&Query::of(&args)));
    answer.guide(outline, facts.collect(), next)
}

/// Bytes as they are. Whole they have their type; a part of a picture is no picture.
pub fn bytes(address: &Address, source: &Source, span: Span, mime_type: &str) -> Result<Reply> {
    let total = length(source)?;
    if span.first > total || (span.first == total && total > 0) {
        let message = format!(
            "the URI's `bytes` begins at {}, and there are {total}",
            span.first
        );
        return Err(Error::new(Code::InvalidArgument, message));
    }
    let end = span
        .last
        .map_or(total, |last| last.saturating_add(1).min(total));
    let end = end.min(span.first.saturating_add(MOST_BYTES));
    let read = source
        .read_at(span.first, end - span.first)
        .map_err(|error| Error::storage("read the file", error))?;
    let end = span.first + read.len() as u64;
    if span.first == 0 && end == total {
        return Ok(Reply::default().bytes(address.uri(), mime_type, &read));
    }
    let uri = address.with(&spanning(span.first, end.checked_sub(1)));
    let next = (end < total).then(|| address.with(&spanning(end, None)));
    let answer = Reply::default().bytes(uri, BYTES, &read);
    Ok(answer.guide(address.place.uri(), size(total), next))
}

/// What is too large to come whole and cannot be cut into texts.
pub fn too_large(address: &Address, total: u64) -> Reply {
    let next = address.with(&spanning(0, None));
    Reply::default().guide(address.place.uri(), size(total), Some(next))
}

fn spanning(first: u64, last: Option<u64>) -> Query {
    Query {
        bytes: Some(Span { first, last }),
        ..Query::default()
    }
}

fn size(total: u64) -> Map<String, Value> {
    Map::from_iter([("bytes".to_owned(), json!(total))])
}

fn length(source: &Source) -> Result<u64> {
    source
        .len()
        .map_err(|error| Error::storage("read the file", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(query: &str) -> Address {
        let uri = format!("bgjob://jobs/add-9f3k2m7qw4x1a8bdc6tz/result{query}");
        Address::parse(&uri).unwrap()
    }

    fn contents(reply: Reply) -> Vec<Value> {
        let result = serde_json::to_value(reply.into_result(true)).unwrap();
        result["contents"].as_array().unwrap().clone()
    }

    fn text_of(content: &Value) -> Value {
        serde_json::from_str(content["text"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_small_value_comes_whole_under_its_own_uri() {
        let source = Source::Memory(br#"{"a":[1,2]}"#.to_vec());
        let whole = contents(json(&address(""), &source, "it").unwrap());
        assert_eq!(whole.len(), 1);
        assert_eq!(whole[0]["text"], r#"{"a":[1,2]}"#);
        let part = contents(json(&address("?pointer=/a/1"), &source, "it").unwrap());
        assert_eq!((part.len(), &part[0]["text"]), (1, &json!("2")));
    }

    #[test]
    fn following_next_reads_a_long_array_once() {
        let all: Vec<u64> = (0..50_000).collect();
        let source = Source::Memory(json!(all).to_string().into_bytes());
        let (mut next, mut read) = (address("").uri(), Vec::new());
        loop {
            let found = contents(json(&Address::parse(&next).unwrap(), &source, "it").unwrap());
            let [page, guide] = &found[..] else {
                panic!("{next}: {found:?}")
            };
            let items: Vec<u64> = serde_json::from_value(text_of(page)).unwrap();
            let named = address(&format!("?offset={}&count={}", read.len(), items.len()));
            assert_eq!(page["uri"], named.uri());
            read.extend(items);
            match text_of(guide)["next"].as_str() {
                Some(uri) => next = uri.to_owned(),
                None => break,
            }
        }
        assert_eq!(read, all);
    }

    #[test]
    fn a_large_object_shows_what_is_inside() {
        let text = json!({"note": "x", "days": vec![1.5; 50_000]}).to_string();
        let source = Source::Memory(text.into_bytes());
        let found = contents(json(&address(""), &source, "it").unwrap());
        assert_eq!(found.len(), 1, "{found:?}");
        let guide = text_of(&found[0]);
        assert_eq!(guide["outline"]["/days"], "array(50000)");
        assert_eq!(guide["next"], address("?pointer=/days").uri());
        assert_eq!(guide["whole"], address("?bytes=0-").uri());
    }

    #[test]
    fn bytes_come_as_they_are_and_no_more_than_a_mebibyte() {
        let all: Vec<u8> = (0..3 << 20).map(|n: u32| (n % 251) as u8).collect();
        let source = Source::Memory(all.clone());
        let (mut next, mut read) = (address("?bytes=0-").uri(), Vec::new());
        loop {
            let at = Address::parse(&next).unwrap();
            let found = contents(json(&at, &source, "it").unwrap());
            use base64::Engine;
            let blob = found[0]["blob"].as_str().unwrap();
            let part = base64::prelude::BASE64_STANDARD.decode(blob).unwrap();
            assert!(part.len() as u64 <= MOST_BYTES);
            read.extend(part);
            match text_of(&found[1])["next"].as_str() {
                Some(uri) => next = uri.to_owned(),
                None => break,
            }
        }
        assert_eq!(read, all);
        let error = json(&address("?bytes=9999999-"), &source, "it").unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        let part = contents(json(&address("?bytes=5-6"), &source, "it").unwrap());
        assert_eq!(
            (&part[0]["blob"], &part[0]["uri"]),
            (&json!("BQY="), &json!(address("?bytes=5-6").uri()))
        );
        let nothing = Source::Memory(Vec::new());
        let empty = contents(json(&address("?bytes=0-"), &nothing, "it").unwrap());
        assert_eq!((empty.len(), &empty[0]["blob"]), (1, &json!("")));
    }
}
