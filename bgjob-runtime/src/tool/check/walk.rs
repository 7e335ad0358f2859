//! Walks a value along its wire schema and says, place by place, what does not fit.

use serde_json::{Map, Value};

use super::{number, words};
use crate::tool::pointer;
use crate::tool::schema::reference;

/// More findings than anybody reads are not collected.
const ENOUGH: usize = 50;
/// Deeper than this nothing is looked at; serde_json refuses deeper text anyway.
const DEEPEST: usize = 128;

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The place, or for keys the object that they are or should be in.
    pub at: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The object has a key that its type does not have.
    Unknown { key: String, known: Vec<String> },
    /// The object lacks a key.
    Missing { key: String, expected: String },
    /// The value has the wrong type.
    Wrong { expected: String, given: String },
    /// The value has the right type and breaks a limit that the schema states.
    OutOfBounds { expected: String, given: String },
}

impl Finding {
    /// How far a variant of the value at `place` with this finding is from being the one that was meant: the
    /// keys of the value itself tell more than what is inside them.
    fn weight(&self, place: &str) -> usize {
        match (&self.what, self.at == place) {
            (What::Wrong { .. }, true) => 1000,
            (What::Missing { .. }, true) => 100,
            (What::Unknown { .. }, true) => 30,
            (What::Wrong { .. }, false) => 20,
            (What::Missing { .. }, false) => 10,
            (What::Unknown { .. }, false) => 3,
            (What::OutOfBounds { .. }, _) => 1,
        }
    }
}

/// What does not fit in `value`, which stands at `at`.
pub(crate) fn findings(
    schema: &Value,
    definitions: &Map<String, Value>,
    value: &Value,
    at: &str,
) -> Vec<Finding> {
    let mut walk = Walk {
        definitions,
        at: at.to_owned(),
        found: Vec::new(),
        depth: 0,
    };
    walk.visit(schema, value);
    walk.found
}

/// Whether `value` fits, but for unknown keys.
pub(crate) fn fits(schema: &Value, definitions: &Map<String, Value>, value: &Value) -> bool {
    findings(schema, definitions, value, "")
        .iter()
        .all(|finding| matches!(finding.what, What::Unknown { .. }))
}

struct Walk<'a> {
    definitions: &'a Map<String, Value>,
    at: String,
    found: Vec<Finding>,
    depth: usize,
}

impl Walk<'_> {
    fn visit(&mut self, schema: &Value, value: &Value) {
        if self.found.len() >= ENOUGH || self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        if let Value::Object(schema) = schema {
            match (
                reference(schema).and_then(|name| self.definitions.get(name)),
                schema.get("anyOf"),
            ) {
                (Some(definition), _) => self.visit(definition, value),
                (None, Some(Value::Array(branches))) => self.union(schema, branches, value),
                _ => self.plain(schema, value),
            }
        }
        self.depth -= 1;
    }

    fn plain(&mut self, schema: &Map<String, Value>, value: &Value) {
        for part in schema
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.visit(part, value);
        }
        let listed = |values: &Value| {
            values
                .as_array()
                .is_none_or(|values| values.iter().any(|v| same(v, value)))
        };
        if !has_type(schema, value) || !schema.get("enum").is_none_or(listed) {
            return self.wrong(schema, value);
        }
        match value {
            Value::Object(object) => self.object(schema, object),
            Value::Array(items) => self.array(schema, value, items),
            Value::String(text) => self.bounded(
                schema,
                value,
                length_holds(schema, "minLength", "maxLength", || text.chars().count()),
            ),
            _ => self.bounded(schema, value, number::within(schema, value)),
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, object: &Map<String, Value>) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let property = |key: &str| properties.and_then(|properties| properties.get(key));
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false))
            && !schema.contains_key("patternProperties");
        for (key, value) in object {
            let absent = value.is_null() && !required.contains(&key.as_str());
            match (property(key), schema.get("additionalProperties")) {
                (Some(_), _) if absent => {}
                (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => {
                    self.inside(key, schema, value)
                }
                _ if closed => {
                    let known = properties
                        .map(|properties| properties.keys().cloned().collect())
                        .unwrap_or_default();
                    self.find(What::Unknown {
                        key: key.clone(),
                        known,
                    });
                }
                _ => {}
            }
        }
        for key in required
            .into_iter()
            .filter(|key| !object.contains_key(*key))
        {
            let expected = property(key)
                .map(|schema| words::expected(schema, self.definitions))
                .unwrap_or_default();
            self.find(What::Missing {
                key: key.to_owned(),
                expected,
            });
        }
    }

    fn array(&mut self, schema: &Map<String, Value>, value: &Value, items: &[Value]) {
        self.bounded(
            schema,
            value,
            length_holds(schema, "minItems", "maxItems", || items.len()),
        );
        let places = schema.get("prefixItems").and_then(Value::as_array);
        for (index, item) in items.iter().enumerate() {
            match places
                .and_then(|places| places.get(index))
                .or_else(|| schema.get("items"))
            {
                Some(schema) => self.inside(index, schema, item),
                None => return,
            }
        }
    }

    /// Of the variants, the one that was probably meant tells what is wrong.
    fn union(&mut self, schema: &Map<String, Value>, branches: &[Value], value: &Value) {
        let mut tries: Vec<Vec<Finding>> = Vec::new();
        for branch in branches {
            let mut inner = Walk {
                definitions: self.definitions,
                at: self.at.clone(),
                found: Vec::new(),
                depth: self.depth,
            };
            inner.visit(branch, value);
            if inner.found.is_empty() {
                return;
            }
            tries.push(inner.found);
        }
        if tries.iter().all(|found| self.is_wrong_here(found)) {
            return self.wrong(schema, value);
        }
        if let Some((tag, names)) = tag(branches) {
            return self.tagged(branches, &tag, names, value, tries);
        }
        let distance = |found: &Vec<Finding>| -> usize {
            found.iter().map(|finding| finding.weight(&self.at)).sum()
        };
        if let Some(nearest) = tries.into_iter().min_by_key(distance) {
            self.found.extend(nearest);
        }
    }

    fn tagged(
        &mut self,
        branches: &[Value],
        tag: &str,
        names: Vec<String>,
        value: &Value,
        tries: Vec<Vec<Finding>>,
    ) {
        let meant = |branch: &Value| {
            value
                .get(tag)
                .is_some_and(|given| branch["properties"][tag]["enum"][0] == *given)
        };
        if let Some(index) = branches.iter().position(meant) {
            self.found
                .extend(tries.into_iter().nth(index).unwrap_or_default());
            return;
        }
        let expected = format!("one of {}", words::list(&names));
        match value.get(tag) {
            None => self.find(What::Missing {
                key: tag.to_owned(),
                expected,
            }),
            Some(given) => {
                let at = pointer::join(&self.at, tag);
                self.found.push(Finding {
                    at,
                    what: What::Wrong {
                        expected,
                        given: words::given(given),
                    },
                });
            }
        }
    }

    fn is_wrong_here(&self, found: &[Finding]) -> bool {
        found
            .iter()
            .any(|finding| finding.at == self.at && matches!(finding.what, What::Wrong { .. }))
    }

    fn inside(&mut self, token: impl std::fmt::Display, schema: &Value, value: &Value) {
        let length = self.at.len();
        pointer::push(&mut self.at, token);
        self.visit(schema, value);
        self.at.truncate(length);
    }

    fn wrong(&mut self, schema: &Map<String, Value>, value: &Value) {
        let expected = words::expected(&Value::Object(schema.clone()), self.definitions);
        self.find(What::Wrong {
            expected,
            given: words::given(value),
        });
    }

    fn bounded(&mut self, schema: &Map<String, Value>, value: &Value, holds: bool) {
        if !holds {
            let expected = words::expected(&Value::Object(schema.clone()), self.definitions);
            self.find(What::OutOfBounds {
                expected,
                given: words::given(value),
            });
        }
    }

    fn find(&mut self, what: What) {
        self.found.push(Finding {
            at: self.at.clone(),
            what,
        });
    }
}

/// The key whose one allowed string tells the variants of an internally tagged enum apart.
fn tag(branches: &[Value]) -> Option<(String, Vec<String>)> {
    let first = branches.first()?.get("properties")?.as_object()?;
    first.keys().find_map(|key| {
        let names: Option<Vec<String>> = branches
            .iter()
            .map(|branch| only_string(&branch["properties"][key]))
            .collect();
        names.map(|names| (key.clone(), names))
    })
}

fn only_string(schema: &Value) -> Option<String> {
    match schema.get("enum")?.as_array()?.as_slice() {
        [Value::String(name)] => Some(name.clone()),
        _ => None,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || number::compare(a, b).is_some_and(std::cmp::Ordering::is_eq)
}

fn has_type(schema: &Map<String, Value>, value: &Value) -> bool {
    let is = |kind: &str| match (kind, value) {
        ("null", Value::Null)
        | ("boolean", Value::Bool(_))
        | ("number", Value::Number(_))
        | ("string", Value::String(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_)) => true,
        ("integer", value) => number::integer(value).is_some(),
        _ => false,
    };
    match schema.get("type") {
        Some(Value::String(kind)) => is(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

fn length_holds(
    schema: &Map<String, Value>,
    least: &str,
    most: &str,
    length: impl Fn() -> usize,
) -> bool {
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
    limit(least).is_none_or(|least| length() as u64 >= least)
        && limit(most).is_none_or(|most| length() as u64 <= most)
}
