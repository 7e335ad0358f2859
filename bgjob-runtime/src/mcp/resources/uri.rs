//! `bgjob://` URIs (RFC 3986): what they name, and which part of it. Pure: whether it is there, and
//! whose it is, is seen elsewhere.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::query::{Query, decoded};
use crate::error::Error;
use crate::job::id::JobId;
use crate::mcp::args::Stream;

/// What every URI of ours begins with.
pub const SCHEME: &str = "bgjob://";
/// A longer one names nothing.
pub const LONGEST: usize = 4096;

/// Everything but the unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// A pointer keeps its slashes, which a query may hold.
const VALUE: &AsciiSet = &SEGMENT.remove(b'/');

/// A thing that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// How a job stands.
    Job(JobId),
    /// What it came to.
    Result(JobId),
    /// What it printed.
    Log(JobId, Stream),
    /// A file that it made.
    Artifact(JobId, String),
    /// A field of the shared state.
    Field(String),
}

/// A place and a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub place: Place,
    pub query: Query,
}

/// Why a URI is none of ours.
#[derive(Debug, PartialEq)]
pub enum Refused {
    /// It names nothing that there could be.
    Nothing,
    /// Its id or a parameter is wrong.
    Because(Box<Error>),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused::Because(Box::new(error))
    }
}

impl Place {
    /// The URI of the whole.
    pub fn uri(&self) -> String {
        let encoded = |text| utf8_percent_encode(text, SEGMENT);
        match self {
            Place::Job(id) => format!("{SCHEME}jobs/{id}"),
            Place::Result(id) => format!("{SCHEME}jobs/{id}/result"),
            Place::Log(id, stream) => format!("{SCHEME}jobs/{id}/logs/{}", stream.as_str()),
            Place::Artifact(id, name) => {
                format!("{SCHEME}jobs/{id}/artifacts/{}", encoded(name))
            }
            Place::Field(field) => format!("{SCHEME}state/{}", encoded(field)),
        }
    }

    /// The job that it belongs to.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Place::Job(id) | Place::Result(id) | Place::Log(id, _) | Place::Artifact(id, _) => {
                Some(id)
            }
            Place::Field(_) => None,
        }
    }

    fn parameters(&self) -> &'static [&'static str] {
        match self {
            Place::Job(_) => &[],
            Place::Result(_) | Place::Field(_) => &[
                "pointer",
                "offset",
                "count",
                "max_bytes",
                "outline",
                "bytes",
            ],
            Place::Log(..) => &["tail", "offset"],
            Place::Artifact(..) => &["offset", "max_bytes", "bytes"],
        }
    }
}

impl Address {
    /// Reads a URI.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(uri: &str) -> Result<Self, Refused> {
        let rest = uri.strip_prefix(SCHEME).ok_or(Refused::Nothing)?;
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == '#' || c == '\\';
        if uri.len() > LONGEST || uri.contains(odd) {
            return Err(Refused::Nothing);
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        // Split before anything is decoded: an encoded slash separates nothing.
        let segments: Option<Vec<String>> = path.split('/').map(decoded).collect();
        let segments = segments.ok_or(Refused::Nothing)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let place = match &segments[..] {
            ["jobs", id] => Place::Job(id.parse()?),
            ["jobs", id, "result"] => Place::Result(id.parse()?),
            ["jobs", id, "logs", stream] => {
                Place::Log(id.parse()?, stream_of(stream).ok_or(Refused::Nothing)?)
            }
            ["jobs", id, "artifacts", name] => Place::Artifact(id.parse()?, (*name).to_owned()),
            ["state", field] => Place::Field((*field).to_owned()),
            _ => return Err(Refused::Nothing),
        };
        let query = Query::parse(query, place.parameters())?;
        Ok(Address { place, query })
    }

    /// The URI.
    pub fn uri(&self) -> String {
        self.with(&self.query)
    }

    /// The URI of another part of the same.
    pub fn with(&self, query: &Query) -> String {
        let parameters = query.parameters();
        let mut uri = self.place.uri();
        for (index, (name, value)) in parameters.iter().enumerate() {
            uri.push(if index == 0 { '?' } else { '&' });
            uri.push_str(name);
            uri.push('=');
            uri.extend(utf8_percent_encode(value, VALUE));
        }
        uri
    }
}

fn stream_of(name: &str) -> Option<Stream> {
    let all = [Stream::Stdout, Stream::Stderr, Stream::Events];
    all.into_iter().find(|stream| stream.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use proptest::prelude::*;

    const ID: &str = "simulate-9f3k2m7qw4x1a8bdc6tz";

    fn parse(rest: &str) -> Result<Address, Refused> {
        Address::parse(&format!("{SCHEME}{}", rest.replace("ID", ID)))
    }

    #[test]
    fn each_kind_of_resource_has_its_uri() {
        for rest in [
            "jobs/ID",
            "jobs/ID/result",
            "jobs/ID/result?pointer=/a~1b/%C3%A4%20c&offset=5&count=2&max_bytes=4096",
            "jobs/ID/result?outline=true",
            "jobs/ID/result?bytes=5-9",
            "jobs/ID/logs/stdout?tail=5",
            "jobs/ID/logs/events?offset=12",
            "jobs/ID/artifacts/plot%20%231.svg?bytes=5-",
            "state/basis?pointer=",
        ] {
            let address = parse(rest).unwrap_or_else(|refused| panic!("{rest}: {refused:?}"));
            assert_eq!(address.uri(), format!("{SCHEME}{}", rest.replace("ID", ID)));
        }
        let address = parse("jobs/ID/result?pointer=/a~1b/%C3%A4%20c").unwrap();
        assert_eq!(address.query.pointer.as_deref(), Some("/a~1b/ä c"));
    }

    #[test]
    fn hostile_uris_name_nothing() {
        let long = format!("state/{}", "a".repeat(LONGEST));
        for rest in [
            "",
            "jobs",
            "jobs//result",
            "jobs/ID/",
            "jobs/ID/result/",
            "jobs/ID/../result",
            "jobs/ID%2Fresult",
            "jobs/../../etc/passwd",
            "jobs/%2e%2e/result",
            "jobs/ID/logs/..",
            "jobs/ID/input.json",
            "jobs/ID/artifacts/a/b",
            "jobs/ID/artifacts/%zz",
            "jobs/ID/artifacts/%",
            "jobs/ID/artifacts/%ff",
            "jobs/ID/artifacts/a\\b",
            "jobs/ID/artifacts/a\0b",
            "jobs/ID/result#x",
            "jobs/ID /result",
            "ledger.db",
            &long,
        ] {
            assert!(parse(rest).is_err(), "{rest:?}");
        }
        for uri in [
            "file:///etc/passwd",
            "BGJOB://state/a",
            "bgjob:state/a",
            "",
            "bgjob:/",
        ] {
            assert_eq!(Address::parse(uri), Err(Refused::Nothing), "{uri}");
        }
        // Decoded once, and judged as a name where it is opened.
        let address = parse("jobs/ID/artifacts/..%2Finput.json").unwrap();
        let Place::Artifact(_, name) = address.place else {
            panic!("{address:?}")
        };
        assert!(!crate::job::artifact::is_name(&name), "{name}");
        let address = parse("jobs/ID/artifacts/%252e%252e").unwrap();
        assert_eq!(
            address.place,
            Place::Artifact(ID.parse().unwrap(), "%2e%2e".into())
        );
    }

    #[test]
    fn a_wrong_parameter_is_told_and_never_dropped() {
        let why = |rest: &str| match parse(rest) {
            Err(Refused::Because(error)) => *error,
            other => panic!("{rest}: {other:?}"),
        };
        let error = why("jobs/ID/result?offest=1");
        assert_eq!(
            (error.code, error.did_you_mean.as_deref()),
            (Code::UnknownArgument, Some("offset"))
        );
        for rest in [
            "jobs/ID/result?offset=-1",
            "jobs/ID/result?offset=1&offset=2",
            "jobs/ID/result?outline=yes",
            "jobs/ID/result?bytes=9-5",
            "jobs/ID/result?bytes=-5",
            "jobs/ID/result?bytes=0-&offset=1",
            "jobs/ID/result?pointer=%",
        ] {
            assert_eq!(why(rest).code, Code::InvalidArgument, "{rest}");
        }
        assert_eq!(
            why("jobs/ID?tail=1").remedy.as_deref(),
            Some("Leave the query out.")
        );
        assert_eq!(why("jobs/nobody/result").code, Code::JobNotFound);
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in ".{0,40}", pointer in "(/.{0,8}){0,4}") {
            let place = Place::Artifact(ID.parse().unwrap(), name);
            let address = Address { place, query: Query::default() };
            prop_assert_eq!(Address::parse(&address.uri()).unwrap(), address);
            let query = Query { pointer: Some(pointer), ..Query::default() };
            let address = Address { place: Place::Result(ID.parse().unwrap()), query };
            prop_assert_eq!(Address::parse(&address.uri()).unwrap(), address);
        }
    }
}
