//! A first look at a line that need not be JSON: which request it is, and how much it holds.
//!
//! Works on any bytes in any pieces with a few bytes of memory, so that a request which is torn, too
//! deep, or longer than the server will hold can still be answered under its own id. Clients differ in
//! where they put the id; the official TypeScript client puts it last.

/// Longest id that is answered, in bytes of JSON text.
const LONGEST_ID: usize = 1024;
/// Longest member name that matters here: `method`, `result` with their quotes.
const LONGEST_NAME: usize = 8;

/// Looks at a line piece by piece.
#[derive(Debug, Default)]
pub struct Glance {
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// At the top level: whether the next value is a member's value.
    after_colon: bool,
    /// The text of the top-level string or value being read, while it is short.
    token: Vec<u8>,
    name: Name,
    id: Option<Vec<u8>>,
    seen: Seen,
    values: u64,
}

/// The top-level names that tell requests, notifications and responses apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `method` stands at the top level.
    pub method: bool,
    /// `result` or `error` does.
    pub answer: bool,
    /// The line begins as an array.
    pub batch: bool,
    /// The line begins as an object.
    pub object: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Name {
    Id,
    Method,
    Answer,
    #[default]
    Other,
}

impl Glance {
    /// Looks at a whole line.
    pub fn of(line: &[u8]) -> Self {
        let mut glance = Glance::default();
        glance.push(line);
        glance
    }

    /// Looks at the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.in_string {
                self.inside_string(*byte);
            } else {
                self.outside_string(*byte);
            }
        }
    }

    fn inside_string(&mut self, byte: u8) {
        self.keep(byte);
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
    }

    fn outside_string(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'"' => {
                self.in_string = true;
                self.keep(byte);
            }
            b'{' | b'[' => {
                if self.depth == 0 && self.values == 0 {
                    self.seen.object = byte == b'{';
                    self.seen.batch = byte == b'[';
                }
                self.keep(byte);
                self.depth += 1;
                self.values += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.member_ends();
                }
                self.keep(byte);
            }
            b':' if self.depth == 1 => self.name_ends(),
            b',' => {
                self.values += 1;
                if self.depth == 1 {
                    self.member_ends();
                }
            }
            other => self.keep(other),
        }
    }

    /// Keeps a byte of a top-level token; one too many marks it as too long.
    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.token.len() <= LONGEST_ID {
            self.token.push(byte);
        }
    }

    fn name_ends(&mut self) {
        self.name = match self.token.get(..self.token.len().min(LONGEST_NAME + 1)) {
            Some(b"\"id\"") => Name::Id,
            Some(b"\"method\"") => Name::Method,
            Some(b"\"result\"" | b"\"error\"") => Name::Answer,
            _ => Name::Other,
        };
        self.seen.method |= self.name == Name::Method;
        self.seen.answer |= self.name == Name::Answer;
        self.after_colon = true;
        self.token.clear();
    }

    fn member_ends(&mut self) {
        if self.after_colon && self.name == Name::Id && self.seen.object {
            self.id = Some(std::mem::take(&mut self.token));
        }
        self.after_colon = false;
        self.name = Name::Other;
        self.token.clear();
    }

    /// The id as JSON text, if it is a complete string or number: the last one, as clients' parsers
    /// would have it.
    pub fn id(&self) -> Option<String> {
        let text = std::str::from_utf8(self.id.as_deref()?).ok()?;
        let readable = text.len() <= LONGEST_ID
            && match text.as_bytes().first()? {
                b'"' => serde_json::from_str::<String>(text).is_ok(),
                _ => serde_json::from_str::<serde_json::Number>(text).is_ok(),
            };
        readable.then(|| text.to_owned())
    }

    /// The names at the top level.
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// About how many values and members the line holds.
    pub fn values(&self) -> u64 {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn the_id_is_found_first_and_last() {
        for line in [
            r#"{"id":7,"method":"x","params":{"id":8}}"#,
            r#"{"method":"x","params":{"a":[{"id":9}],"id":3},"jsonrpc":"2.0","id":7}"#,
            r#" { "id" : 7 , "method":"}\"{"} "#,
        ] {
            let glance = Glance::of(line.as_bytes());
            assert_eq!(glance.id().as_deref(), Some("7"), "{line}");
            assert!(glance.seen().method && !glance.seen().answer);
        }
    }

    #[test]
    fn a_torn_line_still_shows_its_id() {
        let glance = Glance::of(br#"{"jsonrpc":"2.0","id":"a\"b","method":"x","params":{"#);
        assert_eq!(glance.id().as_deref(), Some(r#""a\"b""#));
        // A number at the very end may lack digits.
        assert_eq!(Glance::of(br#"{"method":"x","id":12"#).id(), None);
    }

    #[test]
    fn what_is_no_id_is_none() {
        for line in [
            r#"{"id":null}"#,
            r#"{"id":[1]}"#,
            r#"{"id":{}}"#,
            r#"{"id":tru}"#,
            r#"[{"id":1}]"#,
            "7",
            "",
        ] {
            assert_eq!(Glance::of(line.as_bytes()).id(), None, "{line}");
        }
        let long = format!(r#"{{"id":"{}","method":"x"}}"#, "a".repeat(5000));
        assert_eq!(Glance::of(long.as_bytes()).id(), None);
    }

    #[test]
    fn the_last_of_two_ids_counts_as_in_other_parsers() {
        assert_eq!(
            Glance::of(br#"{"id":1,"id":2,"method":"x"}"#)
                .id()
                .as_deref(),
            Some("2")
        );
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_answer(line in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let whole = Glance::of(&line);
            let mut pieces = Glance::default();
            let (a, b) = line.split_at(cut.min(line.len()));
            pieces.push(a);
            pieces.push(b);
            prop_assert_eq!(whole.id(), pieces.id());
            prop_assert_eq!(whole.seen(), pieces.seen());
        }

        #[test]
        fn every_request_shows_its_id(id in prop_oneof![any::<i64>().prop_map(Value::from), any::<String>().prop_map(Value::from)],
                                      text in any::<String>(), first: bool) {
            let mut request = serde_json::Map::new();
            if first { request.insert("id".into(), id.clone()); }
            request.insert("method".into(), json!("m"));
            request.insert("params".into(), json!({"id": 0, text.clone(): [text, {"id": 1}]}));
            if !first { request.insert("id".into(), id.clone()); }
            let line = serde_json::to_string(&request).unwrap();
            let found = Glance::of(line.as_bytes()).id().map(|id| serde_json::from_str::<Value>(&id).unwrap());
            let wanted = (id.to_string().len() <= LONGEST_ID).then_some(id);
            prop_assert_eq!(found, wanted);
        }
    }
}
