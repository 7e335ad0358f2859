//! References resolved in place, but for those of recursive types.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{for_each_child, for_each_reference, reference};

/// Replaces references by what they refer to.
pub(super) struct Inliner<'a> {
    definitions: &'a Map<String, Value>,
    recursive: BTreeSet<String>,
    needed: BTreeSet<String>,
}

impl<'a> Inliner<'a> {
    pub fn new(definitions: &'a Map<String, Value>) -> Self {
        let recursive = definitions
            .keys()
            .filter(|name| reaches_itself(name, definitions))
            .cloned()
            .collect();
        Inliner {
            definitions,
            recursive,
            needed: BTreeSet::new(),
        }
    }

    /// `schema`, in which only recursive types are referred to.
    pub fn expand(&mut self, schema: Value) -> Value {
        let Value::Object(schema) = schema else {
            return schema;
        };
        let mut schema = self.resolve(schema);
        for_each_child(&mut schema, &mut |child| *child = self.expand(child.take()));
        Value::Object(schema)
    }

    /// The definitions that the expanded schemas still refer to, expanded themselves.
    pub fn into_recursive(mut self) -> Map<String, Value> {
        let mut done = Map::new();
        while let Some(name) = self
            .needed
            .iter()
            .find(|name| !done.contains_key(*name))
            .cloned()
        {
            let mut definition = self
                .definitions
                .get(&name)
                .cloned()
                .unwrap_or(Value::Bool(true));
            if let Value::Object(inner) = &mut definition {
                for_each_child(inner, &mut |child| *child = self.expand(child.take()));
            }
            done.insert(name, definition);
        }
        done
    }

    /// A recursive type is referred to, unless the reference adds fields to it: closing needs them in one place.
    fn resolve(&mut self, mut schema: Map<String, Value>) -> Map<String, Value> {
        while let Some(name) = reference(&schema).map(decode) {
            if self.recursive.contains(&name) && !schema.contains_key("properties") {
                self.needed.insert(name);
                return schema;
            }
            schema.shift_remove("$ref");
            if let Some(Value::Object(definition)) = self.definitions.get(&name) {
                schema = merge(definition.clone(), schema);
            }
        }
        schema
    }
}

/// What is referred to, with what stands beside the reference: the doc comment of a field wins, and the tag of
/// an enum's variant comes before the fields of the struct inside it.
pub(super) fn merge(
    mut definition: Map<String, Value>,
    beside: Map<String, Value>,
) -> Map<String, Value> {
    for (keyword, value) in beside {
        let value = match (keyword.as_str(), value, definition.get(&keyword)) {
            ("properties", Value::Object(mut first), Some(Value::Object(then))) => {
                for (name, property) in then {
                    first.entry(name).or_insert_with(|| property.clone());
                }
                Value::Object(first)
            }
            ("required", Value::Array(mut first), Some(Value::Array(then))) => {
                let more: Vec<Value> = then
                    .iter()
                    .filter(|n| !first.contains(n))
                    .cloned()
                    .collect();
                first.extend(more);
                Value::Array(first)
            }
            (_, value, _) => value,
        };
        definition.insert(keyword, value);
    }
    definition
}

/// schemars percent-encodes and pointer-escapes names; generic types have odd ones.
pub(super) fn decode(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes)
        .replace("~1", "/")
        .replace("~0", "~")
}

fn reaches_itself(name: &str, definitions: &Map<String, Value>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        let Some(definition) = definitions.get(&next) else {
            continue;
        };
        for found in references(definition) {
            if found == name {
                return true;
            }
            if seen.insert(found.clone()) {
                open.push(found);
            }
        }
    }
    false
}

fn references(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for_each_reference(schema, &mut |name| found.extend([decode(name)]));
    found
}
