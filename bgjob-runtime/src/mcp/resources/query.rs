//! The part that a URI asks for: its query.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::error::{Code, Error, nearest};

/// Bytes of a file, the last one included, as in `bytes=0-499`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: u64,
    pub last: Option<u64>,
}

/// The part that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// RFC 6901 pointer into JSON.
    pub pointer: Option<String>,
    /// First item, member or character of JSON; first byte of text.
    pub offset: Option<u64>,
    /// Items, members or characters.
    pub count: Option<u64>,
    /// Size of the part.
    pub max_bytes: Option<u64>,
    /// Last lines of a log.
    pub tail: Option<u64>,
    /// Only the pointers inside, with types and sizes.
    pub outline: bool,
    /// These bytes as they are.
    pub bytes: Option<Span>,
}

impl Query {
    /// Reads the parameters, of which only those `known` may stand there.
    ///
    /// # Errors
    /// `unknown_argument` or `invalid_argument`.
    pub fn parse(text: &str, known: &[&'static str]) -> Result<Self, Error> {
        let mut query = Query::default();
        let mut seen = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(name) = known.iter().find(|known| **known == name) else {
                return Err(unknown(name, known));
            };
            let value = decoded(value)
                .filter(|_| !seen.contains(name))
                .ok_or_else(|| invalid(name, "is not well encoded, or stands twice"))?;
            query.set(name, value)?;
            seen.push(*name);
        }
        if query.bytes.is_some() && seen.len() > 1 {
            return Err(invalid("bytes", "stands alone"));
        }
        Ok(query)
    }

    fn set(&mut self, name: &'static str, value: String) -> Result<(), Error> {
        let number = || {
            let number = value.parse::<u64>();
            number.map_err(|_| invalid(name, "must be a number, 0 or more"))
        };
        match name {
            "pointer" => self.pointer = Some(value),
            "offset" => self.offset = Some(number()?),
            "count" => self.count = Some(number()?),
            "max_bytes" => self.max_bytes = Some(number()?),
            "tail" => self.tail = Some(number()?),
            "outline" => {
                let yes = value.parse();
                self.outline = yes.map_err(|_| invalid(name, "must be true or false"))?;
            }
            _ => {
                let span = Span::parse(&value);
                self.bytes = Some(span.ok_or_else(|| {
                    invalid(
                        name,
                        "must be a first and a last byte, such as 0-1048575, or 1048576-",
                    )
                })?);
            }
        }
        Ok(())
    }

    /// The query that the arguments of a following call make.
    pub fn of(args: &Map<String, Value>) -> Self {
        let number = |name: &str| args.get(name).and_then(Value::as_u64);
        Query {
            pointer: args
                .get("pointer")
                .and_then(Value::as_str)
                .map(str::to_owned),
            offset: number("offset"),
            count: number("count"),
            max_bytes: number("max_bytes"),
            ..Query::default()
        }
    }

    /// Names and values, in their order.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let number = |name, number: Option<u64>| number.map(|number| (name, number.to_string()));
        let pairs = [
            self.pointer.clone().map(|pointer| ("pointer", pointer)),
            number("tail", self.tail),
            number("offset", self.offset),
            number("count", self.count),
            number("max_bytes", self.max_bytes),
            self.outline.then(|| ("outline", "true".to_owned())),
            self.bytes.map(|span| ("bytes", span.text())),
        ];
        pairs.into_iter().flatten().collect()
    }
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let first = first.parse().ok()?;
        let last = match last {
            "" => None,
            last => Some(last.parse().ok()?),
        };
        last.is_none_or(|last| first <= last)
            .then_some(Span { first, last })
    }

    fn text(self) -> String {
        let last = self.last.map(|last| last.to_string()).unwrap_or_default();
        format!("{}-{last}", self.first)
    }
}

/// Text without percent-encoding; `None` where that is broken or hides no UTF-8.
pub fn decoded(text: &str) -> Option<String> {
    let whole = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(whole) {
        return None;
    }
    let plain = percent_decode_str(text).decode_utf8().ok()?;
    Some(plain.into_owned())
}

fn unknown(name: &str, known: &[&str]) -> Error {
    let shown = crate::mcp::clean::line(name, 64);
    let error = Error::new(
        Code::UnknownArgument,
        format!("the URI's parameter `{shown}` is none of this resource"),
    )
    .did_you_mean(nearest(name, known.iter().copied()));
    match known {
        [] => error.remedy("Leave the query out."),
        known => error.remedy(format!("Parameters: {}.", known.join(", "))),
    }
}

fn invalid(name: &str, what: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("the URI's `{name}` {what}"))
}
