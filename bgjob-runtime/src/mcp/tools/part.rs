//! A part of a large value: what `get_job_results` and `get_state` show of it.

use std::io::Read;

use serde_json::{Map, Value, json};

use crate::error::{Code, Error, Result, nearest};
use crate::mcp::clean;
use crate::mcp::envelope::Reply;
use crate::store::json_part::{self, Missing, Part, Shown, Want, pointer};

/// Bytes of a reply unless asked otherwise.
const USUAL: u64 = 16 * 1024;
/// Bytes of a reply at most.
pub const MOST: u64 = 60 * 1024;
/// What a reply needs around the value.
const AROUND: u64 = 1024;

/// What of a value is asked for.
#[derive(Debug)]
pub struct Asked {
    /// RFC 6901 pointer.
    pub pointer: Option<String>,
    /// First item, member or character.
    pub offset: Option<u64>,
    /// How many.
    pub count: Option<u64>,
    /// Bytes.
    pub max_bytes: Option<u64>,
    /// Nothing but the outline.
    pub outline: bool,
}

/// What there is of it, and the arguments of the call for the rest.
#[derive(Debug)]
pub struct Found {
    /// The whole value, if that is what was asked for and it fits.
    pub whole: Option<Value>,
    /// What to add to the reply.
    pub reply: Reply,
    /// The arguments that lead on, beside those that name the value.
    pub next: Option<Map<String, Value>>,
}

impl Asked {
    fn budget(&self) -> usize {
        let bytes = self.max_bytes.unwrap_or(USUAL).clamp(2 * AROUND, MOST) - AROUND;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    fn is_paged(&self) -> bool {
        self.offset.is_some() || self.count.is_some()
    }

    /// Reads the part from JSON text. `of` says what the text is, for errors.
    ///
    /// # Errors
    /// `pointer_not_found` with what there is instead; `invalid_argument` for no pointer;
    /// `storage_error` for text that is not JSON.
    pub fn read(&self, text: impl Read, of: &str) -> Result<Found> {
        let pointer = self.pointer.as_deref().unwrap_or_default();
        let want = Want {
            pointer,
            offset: self.offset.unwrap_or(0),
            count: self.count,
            budget: if self.outline { 0 } else { self.budget() },
        };
        let part = json_part::read(text, want).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidInput => {
                Error::new(Code::InvalidArgument, error.to_string())
                    .at("/pointer")
                    .remedy("Begin it with `/`, or leave it out for the whole.")
            }
            _ => Error::storage(format_args!("read {of}"), error),
        })?;
        match part {
            Ok(part) => self.found(pointer, part),
            Err(missing) => Err(not_found(pointer, &missing, of)),
        }
    }

    fn found(&self, pointer: &str, part: Part) -> Result<Found> {
        let mut found = Found {
            whole: None,
            reply: Reply::ok(),
            next: None,
        };
        let reply = &mut found.reply;
        if let (Shown::Whole(json), false) = (&part.shown, self.outline) {
            found.whole = Some(value(json)?);
            reply.pointer = self.pointer.clone().filter(|pointer| !pointer.is_empty());
            return Ok(found);
        }
        reply.pointer = Some(pointer.to_owned());
        reply.job.bytes = Some(part.bytes);
        // A page of a large object would be members picked by chance: its outline serves better.
        let is_object = matches!(part.shape, json_part::Shape::Object(_));
        let outline_only = self.outline || (is_object && !self.is_paged());
        if outline_only || self.offset.unwrap_or(0) == 0 {
            reply.outline = Some(part.outline.clone()).filter(|outline| !outline.is_empty());
        }
        if outline_only {
            found.next = inner(&part.outline).map(|inner| args(&[("pointer", json!(inner))]));
            return Ok(found);
        }
        match part.shown {
            Shown::Whole(json) => reply.value = Some(value(&json)?),
            Shown::Page(json, page) => {
                reply.value = Some(value(&json)?);
                found.next = page.next_offset.map(|offset| self.turn(pointer, offset));
                reply.page = Some(page);
            }
            Shown::TooLarge(page) => {
                let at = page.offset;
                reply.job.warning = Some(format!(
                    "item {at} alone is larger than max_bytes: read it by its own pointer"
                ));
                if let json_part::Shape::Array(_) = part.shape {
                    found.next = Some(args(&[("pointer", json!(format!("{pointer}/{at}")))]));
                }
                reply.page = Some(page);
            }
        }
        Ok(found)
    }

    /// The arguments for the next page.
    fn turn(&self, pointer: &str, offset: u64) -> Map<String, Value> {
        let mut next = args(&[("offset", json!(offset))]);
        if !pointer.is_empty() {
            next.insert("pointer".into(), pointer.into());
        }
        for (name, number) in [("count", self.count), ("max_bytes", self.max_bytes)] {
            if let Some(number) = number {
                next.insert(name.into(), number.into());
            }
        }
        next
    }
}

fn value(json: &serde_json::value::RawValue) -> Result<Value> {
    serde_json::from_str(json.get()).map_err(|error| {
        Error::new(
            Code::TooLarge,
            format!("the value cannot be shown: {error}"),
        )
        .remedy("Read a part of it by a longer pointer.")
    })
}

fn args(pairs: &[(&str, Value)]) -> Map<String, Value> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

/// The largest array or object in an outline.
fn inner(outline: &Map<String, Value>) -> Option<&str> {
    let size = |shape: &Value| {
        let (kind, size) = shape.as_str()?.split_once('(')?;
        let size = size.strip_suffix(')')?.parse::<u64>().ok()?;
        (kind != "string").then_some(size)
    };
    let sized = outline
        .iter()
        .filter_map(|(pointer, shape)| Some((size(shape)?, pointer)));
    // The first of equals: it is the outermost.
    sized
        .rev()
        .max_by_key(|(size, _)| *size)
        .map(|(_, pointer)| pointer.as_str())
}

/// The refusal for a pointer that leaves the document: where it does, and what there is instead.
fn not_found(asked: &str, missing: &Missing, of: &str) -> Error {
    let tokens = pointer::parse(asked).unwrap_or_default();
    let join = |tokens: &[String]| {
        let mut joined = String::new();
        tokens
            .iter()
            .for_each(|token| pointer::push(&mut joined, token));
        joined
    };
    let place = join(&tokens[..missing.depth.min(tokens.len())]);
    let near = tokens
        .get(missing.depth)
        .and_then(|token| nearest(token, missing.names.iter().map(String::as_str)));
    let meant = near.map(|near| {
        let mut meant = tokens.clone();
        meant[missing.depth] = near.to_owned();
        join(&meant)
    });
    let here = if place.is_empty() {
        "the top level".to_owned()
    } else {
        format!("`{}`", clean::line(&place, 200))
    };
    let remedy = match (missing.array, missing.count) {
        (true, 0) => format!("At {here} there is an empty array."),
        (true, count) => format!("At {here} there is an array: indices 0 to {}.", count - 1),
        (false, 0) => format!("At {here} there is nothing inside."),
        (false, count) => {
            let shown: Vec<String> = missing
                .names
                .iter()
                .take(20)
                .map(|name| clean::line(name, 60))
                .collect();
            let more = if count > shown.len() as u64 {
                ", …"
            } else {
                ""
            };
            format!("At {here} there are: {}{more}.", shown.join(", "))
        }
    };
    let shown = clean::line(asked, 200);
    Error::new(
        Code::PointerNotFound,
        format!("`{shown}` names nothing in {of}"),
    )
    .at("/pointer")
    .did_you_mean(meant)
    .remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pointer: &str) -> Asked {
        Asked {
            pointer: Some(pointer.to_owned()),
            offset: None,
            count: None,
            max_bytes: Some(4096),
            outline: false,
        }
    }

    fn large() -> String {
        json!({"summary": {"ph": 7.1}, "series": (0..2000).map(|day| json!({"day": day})).collect::<Vec<_>>()}).to_string()
    }

    #[test]
    fn a_large_object_shows_its_outline_and_leads_inside() {
        let text = large();
        let found = asked("").read(text.as_bytes(), "the result").unwrap();
        assert_eq!(found.reply.outline.unwrap()["/series"], "array(2000)");
        assert!(found.reply.value.is_none() && found.whole.is_none());
        assert_eq!(found.reply.job.bytes, Some(text.len() as u64));
        assert_eq!(found.next.unwrap(), args(&[("pointer", json!("/series"))]));
    }

    #[test]
    fn following_next_reads_a_whole_series_once() {
        let text = large();
        let (mut ask, mut days) = (asked("/series"), 0);
        loop {
            let found = ask.read(text.as_bytes(), "the result").unwrap();
            let Some(Value::Array(page)) = found.reply.value else {
                panic!("{:?}", found.reply)
            };
            assert_eq!(page[0]["day"], days);
            days += page.len();
            let Some(next) = found.next else { break };
            ask.offset = next["offset"].as_u64();
            assert_eq!(next["pointer"], "/series");
        }
        assert_eq!(days, 2000);
    }

    #[test]
    fn a_misspelt_pointer_is_answered_with_one_that_works() {
        let text = large();
        let error = asked("/serie/5/day")
            .read(text.as_bytes(), "the result")
            .unwrap_err();
        assert_eq!(error.did_you_mean.as_deref(), Some("/series/5/day"));
        assert!(
            asked("/series/5/day")
                .read(text.as_bytes(), "x")
                .unwrap()
                .whole
                .is_some()
        );
        let error = asked("/series/2000")
            .read(text.as_bytes(), "the result")
            .unwrap_err();
        assert_eq!(
            error.remedy.as_deref(),
            Some("At `/series` there is an array: indices 0 to 1999.")
        );
        let error = asked("series")
            .read(text.as_bytes(), "the result")
            .unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
    }
}
