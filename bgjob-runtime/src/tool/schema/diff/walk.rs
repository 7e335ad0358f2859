//! Two schemas, side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Change, Direction, Kind};
use crate::tool::check::number;
use crate::tool::pointer;

type Schema = Map<String, Value>;

/// Keywords that bound what a value may be: whether a greater bound allows less.
const BOUNDS: [(&str, bool); 8] = [
    ("minimum", true),
    ("exclusiveMinimum", true),
    ("minLength", true),
    ("minItems", true),
    ("maximum", false),
    ("exclusiveMaximum", false),
    ("maxLength", false),
    ("maxItems", false),
];

pub(super) fn changes(old: &Schema, new: &Schema, direction: Direction) -> Vec<Change> {
    let mut walk = Walk {
        old: definitions(old),
        new: definitions(new),
        direction,
        found: Vec::new(),
        seen: BTreeSet::new(),
    };
    walk.schemas(&json!(old), &json!(new), "");
    walk.found
}

struct Walk {
    old: Schema,
    new: Schema,
    direction: Direction,
    found: Vec<Change>,
    /// Pairs of named types that are being compared, or were.
    seen: BTreeSet<(String, String)>,
}

impl Walk {
    fn schemas(&mut self, old: &Value, new: &Value, at: &str) {
        if old == new && self.old == self.new {
            return;
        }
        if let (Some(a), Some(b)) = (name(old), name(new))
            && !self.seen.insert((a.to_owned(), b.to_owned()))
        {
            return;
        }
        let old = resolved(old, &self.old);
        let new = resolved(new, &self.new);
        self.words(&old, &new, at);
        let (before, after) = (alternatives(&old, &self.old), alternatives(&new, &self.new));
        for (identity, old) in &before {
            match after.get(identity) {
                Some(new) => self.plain(old, new, at),
                None if covers(&after, identity) => {}
                None => self.note(Kind::Narrowed, at, format!("no longer {}", shown(identity))),
            }
        }
        for identity in after
            .keys()
            .filter(|identity| !before.contains_key(*identity))
        {
            if !covers(&before, identity) {
                self.note(Kind::Widened, at, format!("may be {} now", shown(identity)));
            }
        }
    }

    fn words(&mut self, old: &Schema, new: &Schema, at: &str) {
        for keyword in ["title", "description"] {
            if old.get(keyword) != new.get(keyword) {
                self.note(Kind::TextChanged, at, format!("another {keyword}"));
            }
        }
        if old.get("default") != new.get("default") {
            let word = |schema: &Schema| {
                schema
                    .get("default")
                    .map_or("none".into(), Value::to_string)
            };
            self.note(
                Kind::DefaultChanged,
                at,
                format!("the default was {}, is {}", word(old), word(new)),
            );
        }
    }

    /// Two schemas of one type.
    fn plain(&mut self, old: &Schema, new: &Schema, at: &str) {
        self.values(old, new, at);
        for (keyword, lower) in BOUNDS {
            self.bound(keyword, lower, old, new, at);
        }
        for keyword in ["pattern", "format"] {
            match (old.get(keyword), new.get(keyword)) {
                (a, b) if a == b => {}
                (_, None) => self.note(Kind::Widened, at, format!("any {keyword}")),
                (None, Some(b)) => self.note(Kind::Narrowed, at, format!("{keyword} {b}")),
                (Some(a), Some(b)) => self.another(at, &format!("{keyword} {a} is {b} now")),
            }
        }
        self.members(old, new, at);
        self.rest(old, new, at);
        self.items(old, new, at);
    }

    fn values(&mut self, old: &Schema, new: &Schema, at: &str) {
        let list = |schema: &Schema| schema.get("enum").and_then(Value::as_array).cloned();
        match (list(old), list(new)) {
            (Some(old), Some(new)) => {
                for gone in old.iter().filter(|value| !new.contains(value)) {
                    self.note(Kind::Narrowed, at, format!("no longer {gone}"));
                }
                for added in new.iter().filter(|value| !old.contains(value)) {
                    self.note(Kind::Widened, at, format!("may be {added} now"));
                }
            }
            (None, Some(_)) => self.note(Kind::Narrowed, at, "only listed values".into()),
            (Some(_), None) => self.note(Kind::Widened, at, "any value of its type".into()),
            (None, None) => {}
        }
    }

    fn bound(&mut self, keyword: &str, lower: bool, old: &Schema, new: &Schema, at: &str) {
        let (old, new) = (old.get(keyword), new.get(keyword));
        let kind = match (old, new) {
            (None, Some(_)) => Kind::Narrowed,
            (Some(_), None) => Kind::Widened,
            (Some(old), Some(new)) => match number::compare(old, new) {
                Some(order) if order.is_eq() => return,
                Some(order) if order.is_lt() == lower => Kind::Narrowed,
                _ => Kind::Widened,
            },
            (None, None) => return,
        };
        let word = |bound: Option<&Value>| bound.map_or("none".into(), Value::to_string);
        self.note(
            kind,
            at,
            format!("{keyword} was {}, is {}", word(old), word(new)),
        );
    }

    fn members(&mut self, old: &Schema, new: &Schema, at: &str) {
        let (before, after) = (properties(old), properties(new));
        for (key, old_property) in &before {
            let inner = pointer::join(at, key);
            match after.get(key) {
                Some(new_property) => {
                    self.schemas(old_property, new_property, &inner);
                    match (requires(old, key), requires(new, key)) {
                        (false, true) => {
                            self.note(Kind::RequiredAdded, &inner, "must be there now".into())
                        }
                        (true, false) => {
                            self.note(Kind::RequiredRemoved, &inner, "may be absent now".into())
                        }
                        _ => {}
                    }
                }
                None => self.note(
                    Kind::PropertyRemoved,
                    &inner,
                    format!("no `{key}` any more"),
                ),
            }
        }
        for key in after.keys().filter(|key| !before.contains_key(*key)) {
            let inner = pointer::join(at, key);
            let kind = if requires(new, key) && self.direction == Direction::Input {
                Kind::RequiredAdded
            } else {
                Kind::PropertyAdded
            };
            self.note(kind, &inner, format!("`{key}` is new"));
        }
    }

    /// What stands under keys that have no name of their own.
    fn rest(&mut self, old: &Schema, new: &Schema, at: &str) {
        let keyword = "additionalProperties";
        let closed = |schema: &Schema| schema.get(keyword) == Some(&Value::Bool(false));
        match (closed(old), closed(new)) {
            (true, false) => self.note(Kind::Widened, at, "further keys".into()),
            (false, true) => self.note(Kind::Narrowed, at, "no further keys".into()),
            _ => {
                if let (Some(a @ Value::Object(_)), Some(b @ Value::Object(_))) =
                    (old.get(keyword), new.get(keyword))
                {
                    self.schemas(a, b, &pointer::join(at, "*"));
                }
            }
        }
    }

    fn items(&mut self, old: &Schema, new: &Schema, at: &str) {
        let places = |schema: &Schema| schema.get("prefixItems").and_then(Value::as_array).cloned();
        let inner = pointer::join(at, "*");
        match (places(old), places(new)) {
            (None, None) => {
                if let (Some(a), Some(b)) = (old.get("items"), new.get("items")) {
                    self.schemas(a, b, &inner);
                }
            }
            (Some(before), Some(after)) if before.len() == after.len() => {
                for (index, (a, b)) in before.iter().zip(&after).enumerate() {
                    self.schemas(a, b, &pointer::join(at, index));
                }
            }
            _ => self.another(at, "another tuple"),
        }
    }

    /// Neither a part of the other: what was possible may not be, and what is may not have been.
    fn another(&mut self, at: &str, what: &str) {
        self.note(Kind::Narrowed, at, what.to_owned());
        self.note(Kind::Widened, at, what.to_owned());
    }

    fn note(&mut self, kind: Kind, at: &str, what: String) {
        let change = Change::new(kind, self.direction, at, what);
        if !self.found.contains(&change) {
            self.found.push(change);
        }
    }
}

fn definitions(schema: &Schema) -> Schema {
    schema
        .get("$defs")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

fn name(schema: &Value) -> Option<&str> {
    schema.as_object().and_then(super::super::reference)
}

/// A schema without a reference; what stands beside the reference wins.
fn resolved(schema: &Value, definitions: &Schema) -> Schema {
    let Value::Object(schema) = schema else {
        return Schema::new();
    };
    let mut schema = schema.clone();
    let mut hops = 0;
    while let Some(Value::Object(definition)) = super::super::reference(&schema)
        .and_then(|name| definitions.get(name))
        .cloned()
        && hops < 8
    {
        schema.shift_remove("$ref");
        let beside = std::mem::replace(&mut schema, definition);
        schema.extend(beside);
        hops += 1;
    }
    schema
}

/// The types that a schema allows, each under what tells it from the others.
fn alternatives(schema: &Schema, definitions: &Schema) -> BTreeMap<(String, usize), Schema> {
    let mut found: BTreeMap<(String, usize), Schema> = BTreeMap::new();
    for alternative in spread(schema, definitions, 0) {
        let identity = identity(&alternative);
        let index = found.keys().filter(|(known, _)| *known == identity).count();
        found.insert((identity, index), alternative);
    }
    found
}

fn spread(schema: &Schema, definitions: &Schema, depth: u8) -> Vec<Schema> {
    if depth > 8 {
        return Vec::new();
    }
    if let Some(Value::Array(branches)) = schema.get("anyOf") {
        let branches = branches.iter().map(|branch| resolved(branch, definitions));
        return branches
            .flat_map(|branch| spread(&branch, definitions, depth + 1))
            .collect();
    }
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds
            .iter()
            .map(|kind| {
                let mut one = schema.clone();
                one.insert("type".into(), kind.clone());
                one
            })
            .collect(),
        _ => vec![schema.clone()],
    }
}

/// The type, and of a variant its tag or its only key.
fn identity(schema: &Schema) -> String {
    let kind = schema
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("any value");
    let members = properties(schema);
    let tag = members.iter().find_map(|(key, property)| {
        match property.get("enum")?.as_array()?.as_slice() {
            [Value::String(only)] => Some(format!("{kind} with {key} {only}")),
            _ => None,
        }
    });
    tag.unwrap_or_else(|| kind.to_owned())
}

/// Whether another alternative takes all that this one does: every integer is a number.
fn covers(others: &BTreeMap<(String, usize), Schema>, (identity, _): &(String, usize)) -> bool {
    others.contains_key(&("any value".to_owned(), 0))
        || (identity == "integer" && others.contains_key(&("number".to_owned(), 0)))
}

fn shown((identity, _): &(String, usize)) -> String {
    identity.clone()
}

fn properties(schema: &Schema) -> Schema {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

fn requires(schema: &Schema, key: &str) -> bool {
    schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|name| name == key))
}
