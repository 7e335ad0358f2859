//! The object that holds all arguments: closed, and never a union at its root.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::inline::Inliner;
use super::{raw, reference, wire};
use crate::tool::signature::Signature;

/// The input schema and its parts.
pub(super) struct Input {
    pub schema: Map<String, Value>,
    pub checks: BTreeMap<&'static str, Value>,
    pub definitions: Map<String, Value>,
}

impl Input {
    pub fn of(raw: &raw::Input, signature: &Signature) -> Self {
        let mut inliner = Inliner::new(&raw.definitions);
        let mut checks = BTreeMap::new();
        for (name, schema) in &raw.schemas {
            let mut schema = inliner.expand(schema.clone());
            if schema == Value::Bool(true) {
                schema = json!({});
            }
            if let (Value::Object(schema), Some(arg)) =
                (&mut schema, signature.args.iter().find(|a| a.name == *name))
            {
                raw::annotate(schema, arg);
                if arg.is_optional() {
                    wire::strip_null(schema);
                }
            }
            wire::reshape(&mut schema, wire::Side::Input);
            checks.insert(*name, schema);
        }
        let mut definitions = inliner.into_recursive();
        definitions
            .values_mut()
            .for_each(|schema| wire::reshape(schema, wire::Side::Input));
        let mut schema = match checks.get("") {
            Some(flattened) if signature.flattened.is_some() => flat_root(flattened, &definitions),
            _ => args_root(&mut checks, signature),
        };
        if !definitions.is_empty() {
            schema.insert("$defs".into(), Value::Object(definitions.clone()));
        }
        Input {
            schema,
            checks,
            definitions,
        }
    }
}

fn args_root(
    checks: &mut BTreeMap<&'static str, Value>,
    signature: &Signature,
) -> Map<String, Value> {
    let mut properties = Map::new();
    for arg in &signature.args {
        if let Some(Value::Object(schema)) = checks.get_mut(arg.name) {
            if arg.is_optional() {
                wire::strip_null(schema);
            }
            properties.insert(arg.name.to_owned(), Value::Object(schema.clone()));
        }
    }
    object(properties, required(signature), Value::Bool(false))
}

/// The arguments that a call must have.
pub(super) fn required(signature: &Signature) -> Vec<String> {
    signature
        .args
        .iter()
        .filter(|arg| !arg.is_optional())
        .map(|arg| arg.name.to_owned())
        .collect()
}

pub(super) fn object(
    properties: Map<String, Value>,
    required: Vec<String>,
    rest: Value,
) -> Map<String, Value> {
    let mut root = Map::new();
    root.insert("type".into(), "object".into());
    root.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        root.insert("required".into(), required.into());
    }
    root.insert("additionalProperties".into(), rest);
    root
}

/// A struct as it is; of an enum, every variant's fields, of which only the common ones are required. The
/// check of a call goes by the type itself, so it may refuse what such a merged root accepts.
fn flat_root(schema: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    let variants = variants(schema, definitions, 0);
    let mut properties: Map<String, Value> = Map::new();
    let mut rest = Value::Bool(false);
    for variant in &variants {
        for (name, property) in variant
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            match properties.get_mut(name) {
                Some(before) => *before = either(before.take(), property.clone()),
                None => {
                    properties.insert(name.clone(), property.clone());
                }
            }
        }
        if let Some(open @ Value::Object(_)) = variant.get("additionalProperties") {
            rest = open.clone();
        }
    }
    let required_in = |variant: &Map<String, Value>, name: &str| {
        variant
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|names| names.iter().any(|n| n == name))
    };
    let required = properties
        .keys()
        .filter(|name| variants.iter().all(|variant| required_in(variant, name)))
        .cloned()
        .collect();
    object(properties, required, rest)
}

fn variants(
    schema: &Value,
    definitions: &Map<String, Value>,
    depth: u8,
) -> Vec<Map<String, Value>> {
    let Value::Object(schema) = schema else {
        return Vec::new();
    };
    if depth > 8 {
        return Vec::new();
    }
    if let Some(definition) = reference(schema).and_then(|name| definitions.get(name)) {
        return variants(definition, definitions, depth + 1);
    }
    match schema.get("anyOf") {
        Some(Value::Array(branches)) => branches
            .iter()
            .flat_map(|branch| variants(branch, definitions, depth + 1))
            .collect(),
        _ if schema.get("type").is_some_and(|kind| kind == "object") => vec![schema.clone()],
        _ => Vec::new(),
    }
}

/// Tags become one list of strings; anything else a union.
fn either(a: Value, b: Value) -> Value {
    if a == b {
        return a;
    }
    if let (Some(Value::Array(first)), Some(Value::Array(second))) = (a.get("enum"), b.get("enum"))
        && a.get("type") == b.get("type")
    {
        let mut merged = a.clone();
        let mut values = first.clone();
        values.extend(
            second
                .iter()
                .filter(|value| !first.contains(value))
                .cloned(),
        );
        merged["enum"] = Value::Array(values);
        return merged;
    }
    match a {
        Value::Object(mut a) if a.len() == 1 && a.contains_key("anyOf") => {
            if let Some(Value::Array(branches)) = a.get_mut("anyOf")
                && !branches.contains(&b)
            {
                branches.push(b);
            }
            Value::Object(a)
        }
        a => json!({ "anyOf": [a, b] }),
    }
}
