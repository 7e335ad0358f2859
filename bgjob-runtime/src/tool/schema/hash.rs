//! A name for what a tool accepts: a worker may run a job only if its binary accepts the same.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{for_each_child, raw};
use crate::tool::signature::Signature;

/// Words for people: changing them must not strand a queued job.
const DOCS: [&str; 5] = ["title", "description", "examples", "deprecated", "$comment"];

pub(super) fn of(raw: raw::Input, signature: &Signature) -> String {
    let mut properties = Map::new();
    for (name, mut schema) in raw.schemas {
        if let (Value::Object(schema), Some(arg)) = (
            &mut schema,
            signature.args.iter().find(|arg| arg.name == name),
        ) {
            raw::annotate(schema, arg);
        }
        properties.insert(name.to_owned(), without_docs(schema));
    }
    let definitions: Map<_, _> = raw
        .definitions
        .into_iter()
        .map(|(name, schema)| (name, without_docs(schema)))
        .collect();
    let mut required: Vec<_> = signature
        .args
        .iter()
        .filter(|arg| !arg.is_optional())
        .map(|arg| arg.name)
        .collect();
    required.sort_unstable();
    let mut states: Vec<_> = signature.states.iter().map(|state| state.field).collect();
    states.sort_unstable();
    let contract: Map<String, Value> = [
        ("properties", Value::Object(properties)),
        ("required", required.into()),
        ("$defs", Value::Object(definitions)),
        ("flattened", signature.flattened.is_some().into()),
        ("states", states.into()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into_iter()
    .collect();
    hex(&Sha256::digest(canonical(contract.into()).to_string()))
}

fn without_docs(mut schema: Value) -> Value {
    if let Value::Object(inner) = &mut schema {
        inner.retain(|keyword, _| !DOCS.contains(&keyword.as_str()));
        for_each_child(inner, &mut |child| *child = without_docs(child.take()));
    }
    schema
}

/// The same value with every object's keys sorted.
fn canonical(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object
                .into_iter()
                .map(|(key, value)| (key, canonical(value)))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        scalar => scalar,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
