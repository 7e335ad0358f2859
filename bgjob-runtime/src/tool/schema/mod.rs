//! JSON Schemas of tools: what `schemars` says about the types, reshaped for clients.
//!
//! The stages, each a file: `raw` asks schemars; `inline` resolves references; `wire` reshapes each
//! schema (numbers, enums, nulls, arrays), `close` refuses unknown keys; `root` builds the object that
//! holds all arguments; `hash` names its content. That is the profile `wire`. `named` reshapes what schemars
//! says for code generators and `draft07` turns it for older ones; `strict` narrows `wire` for strict function
//! calling; `lints` tell what clients are known to stumble over.

mod close;
pub mod diff;
pub mod draft07;
mod hash;
mod inline;
pub mod lints;
pub mod named;
mod raw;
mod root;
pub mod rules;
pub mod strict;
mod wire;

#[cfg(test)]
mod profiles;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::signature::Signature;

/// The name of the definition that stands for any JSON value in the schemas of results.
const ANYTHING: &str = "AnyJson";

/// What goes into one tool, in the shape that MCP clients accept, and what is kept to check a call.
#[derive(Debug)]
pub struct Described {
    /// A closed object with a property for each argument; `$defs` at its root where a type is recursive.
    pub input_schema: Arc<Map<String, Value>>,
    /// The argument schemas by name; under the empty name that of the flattened struct.
    pub(crate) checks: BTreeMap<&'static str, Value>,
    /// What `#/$defs/…` in `checks` refers to.
    pub(crate) definitions: Map<String, Value>,
}

impl Described {
    pub(super) fn of(signature: &Signature) -> Self {
        let raw = raw::Input::of(signature);
        let input = root::Input::of(&raw, signature);
        Described {
            input_schema: Arc::new(input.schema),
            checks: input.checks,
            definitions: input.definitions,
        }
    }
}

/// Hex SHA-256 of the input's contract: types, bounds and state fields, without the docs.
pub(super) fn input_hash(signature: &Signature) -> String {
    hash::of(raw::Input::of(signature), signature)
}

/// Splits the definitions off a schema, for putting it inside another one: references are `#/$defs/…`, so
/// the definitions belong at the root of the outer schema.
pub fn take_definitions(schema: &Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    let mut schema = schema.clone();
    match schema.remove("$defs") {
        Some(Value::Object(definitions)) => (schema, definitions),
        _ => (schema, Map::new()),
    }
}

pub(super) fn output(signature: &Signature) -> Map<String, Value> {
    let (schema, definitions) = raw::output(signature);
    let mut inliner = inline::Inliner::new(&definitions);
    let mut schema = inliner.expand(schema);
    wire::reshape(&mut schema, wire::Side::Output);
    let mut definitions = inliner.into_recursive();
    definitions
        .values_mut()
        .for_each(|schema| wire::reshape(schema, wire::Side::Output));
    let Value::Object(mut schema) = schema else {
        return Map::new();
    };
    wire::define_anything(&schema, &mut definitions);
    if !definitions.is_empty() {
        schema.insert("$defs".into(), Value::Object(definitions));
    }
    schema
}

/// Whether some value of JSON type `kind` fits a type, by its schema: `integer` counts as `number`.
pub(crate) fn takes(shape: super::shape::Shape, kind: &str) -> bool {
    let (schema, definitions) = raw::alone(shape);
    has_kind(&schema, &definitions, kind, 0)
}

fn has_kind(schema: &Value, definitions: &Map<String, Value>, kind: &str, depth: u8) -> bool {
    let Value::Object(schema) = schema else {
        return *schema == Value::Bool(true);
    };
    if depth > 8 {
        return false;
    }
    if let Some(definition) = reference(schema).and_then(|name| definitions.get(name)) {
        return has_kind(definition, definitions, kind, depth + 1);
    }
    let is = |said: &Value| said == kind || (kind == "number" && said == "integer");
    let here = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is),
        Some(said) => is(said),
        None => false,
    };
    here || ["anyOf", "oneOf", "allOf"].iter().any(|union| {
        let branches = schema.get(*union).and_then(Value::as_array);
        branches.is_some_and(|all| {
            all.iter()
                .any(|one| has_kind(one, definitions, kind, depth + 1))
        })
    })
}

/// How a keyword holds schemas.
enum Holds {
    Named,
    Listed,
    One,
    Data,
}

fn holds(keyword: &str) -> Holds {
    match keyword {
        "properties" | "patternProperties" | "$defs" | "dependentSchemas" => Holds::Named,
        "anyOf" | "oneOf" | "allOf" | "prefixItems" => Holds::Listed,
        "items"
        | "additionalProperties"
        | "unevaluatedProperties"
        | "unevaluatedItems"
        | "not"
        | "contains"
        | "propertyNames"
        | "if"
        | "then"
        | "else" => Holds::One,
        _ => Holds::Data,
    }
}

/// Calls `visit` for every schema directly inside `schema`; data such as `default` and `enum` is left alone.
fn for_each_child(schema: &mut Map<String, Value>, visit: &mut dyn FnMut(&mut Value)) {
    for (keyword, inner) in schema.iter_mut() {
        match (holds(keyword), inner) {
            (Holds::Named, Value::Object(schemas)) => {
                schemas.values_mut().for_each(&mut *visit);
            }
            (Holds::Listed, Value::Array(schemas)) => schemas.iter_mut().for_each(&mut *visit),
            (Holds::One, inner @ (Value::Object(_) | Value::Bool(_))) => visit(inner),
            _ => {}
        }
    }
}

/// Calls `visit` with every `$ref` in `schema`, however deep.
pub(crate) fn for_each_reference<'s>(schema: &'s Value, visit: &mut dyn FnMut(&'s str)) {
    let Value::Object(schema) = schema else {
        return;
    };
    in_members(schema, visit);
}

/// As [`for_each_reference`], of a schema that is an object.
pub(crate) fn in_members<'s>(schema: &'s Map<String, Value>, visit: &mut dyn FnMut(&'s str)) {
    if let Some(name) = reference(schema) {
        visit(name);
    }
    for (keyword, inner) in schema {
        match (holds(keyword), inner) {
            (Holds::Named, Value::Object(schemas)) => schemas
                .values()
                .for_each(|schema| for_each_reference(schema, visit)),
            (Holds::Listed, Value::Array(schemas)) => schemas
                .iter()
                .for_each(|schema| for_each_reference(schema, visit)),
            (Holds::One, inner) => for_each_reference(inner, visit),
            _ => {}
        }
    }
}

/// The name of the definition that a schema refers to.
pub(crate) fn reference(schema: &Map<String, Value>) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}
