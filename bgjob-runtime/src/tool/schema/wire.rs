//! One schema at a time, from what schemars writes to what clients accept.
//!
//! Each rule answers an observed failure: a `true` schema makes a client refuse the whole list of tools,
//! unknown formats flood validators with warnings, nullable arguments get dropped by gateways, `const` and
//! `oneOf` are unknown to some model interfaces, and so is an array without `items`.

use serde_json::{Map, Value, json};

use super::{ANYTHING, close, for_each_child, for_each_reference, in_members};
use crate::tool::check::number;

/// Which way values go. Inputs are closed and not nullable; outputs are written as serde writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Input,
    Output,
}

/// The formats that JSON Schema 2020-12 defines, section 7.3 of its validation part.
const FORMATS: [&str; 19] = [
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "uri-template",
    "json-pointer",
    "relative-json-pointer",
    "regex",
];
/// The types of JSON.
pub(super) const TYPES: [&str; 6] = ["string", "number", "boolean", "object", "array", "null"];
/// How many arrays directly inside one another an input schema spells out for a value of any type.
const NESTING: usize = 3;

/// Reshapes a schema without references to non-recursive types, and all that is inside it.
pub(super) fn reshape(schema: &mut Value, side: Side) {
    if *schema == Value::Bool(true) {
        *schema = json!({});
    }
    let Value::Object(schema) = schema else {
        return;
    };
    schema.shift_remove("$schema");
    strip_optional(schema, side);
    fold_strings(schema);
    if let Some(branches) = schema.shift_remove("oneOf") {
        schema.entry("anyOf").or_insert(branches);
    }
    for_each_child(schema, &mut |child| reshape(child, side));
    constant(schema);
    numbers(schema);
    typed(schema, side);
    arrays(schema, side);
    strip_optional(schema, side);
    if side == Side::Input {
        close::close(schema);
    }
    if schema
        .get("required")
        .is_some_and(|names| names.as_array().is_some_and(Vec::is_empty))
    {
        schema.shift_remove("required");
    }
}

/// Takes `null` out of what a schema accepts, and a default of `null` with it.
pub(super) fn strip_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && values.len() > 1
    {
        values.retain(|value| !value.is_null());
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = schema.get_mut(union) {
            branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
            if let [only] = branches.as_mut_slice() {
                let only = only.take();
                schema.shift_remove(union);
                absorb(schema, only);
            }
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.shift_remove("default");
    }
}

/// Keeps the stricter of two bounds.
pub(super) fn tighten(schema: &mut Map<String, Value>, keyword: &str, bound: Value) {
    let lower = matches!(keyword, "minimum" | "exclusiveMinimum");
    let stricter =
        schema
            .get(keyword)
            .is_none_or(|present| match number::compare(&bound, present) {
                Some(order) => {
                    if lower {
                        order.is_gt()
                    } else {
                        order.is_lt()
                    }
                }
                None => false,
            });
    if stricter {
        schema.insert(keyword.to_owned(), bound);
    }
}

/// Defines any JSON value where the schema of a result refers to it.
pub(super) fn define_anything(schema: &Map<String, Value>, definitions: &mut Map<String, Value>) {
    let mut mentioned = false;
    let mut look = |name: &str| mentioned |= name == ANYTHING;
    in_members(schema, &mut look);
    let all = definitions.values();
    all.for_each(|schema| for_each_reference(schema, &mut look));
    if mentioned {
        definitions.insert(ANYTHING.to_owned(), anything(Side::Output, NESTING));
    }
}

/// What stands in `schema` already wins.
fn absorb(schema: &mut Map<String, Value>, branch: Value) {
    let Value::Object(branch) = branch else {
        return;
    };
    for (keyword, value) in branch {
        schema.entry(keyword).or_insert(value);
    }
}

fn strip_optional(schema: &mut Map<String, Value>, side: Side) {
    if side == Side::Output {
        return;
    }
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &String| {
        required
            .as_array()
            .is_some_and(|names| names.iter().any(|n| n == name))
    };
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
            if let Value::Object(property) = property {
                strip_null(property);
            }
        }
    }
}

/// Unit variants that have docs come as one `const` each: they become one list, the docs move to the description.
fn fold_strings(schema: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = schema.get("oneOf") else {
        return;
    };
    let (strings, others): (Vec<_>, Vec<_>) = branches.iter().cloned().partition(is_plain_string);
    if strings.is_empty() || (strings.len() == 1 && !others.is_empty()) {
        return;
    }
    let values: Vec<Value> = strings.iter().flat_map(string_values).collect();
    let docs: Vec<String> = strings.iter().filter_map(documented).collect();
    if others.is_empty() {
        schema.shift_remove("oneOf");
        fold_into(schema, values, &docs);
    } else {
        let mut folded = Map::new();
        fold_into(&mut folded, values, &docs);
        let branches = std::iter::once(Value::Object(folded))
            .chain(others)
            .collect();
        schema.insert("oneOf".into(), Value::Array(branches));
    }
}

fn fold_into(schema: &mut Map<String, Value>, values: Vec<Value>, docs: &[String]) {
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), Value::Array(values));
    if docs.is_empty() {
        return;
    }
    let own = schema
        .get("description")
        .and_then(Value::as_str)
        .map(|own| format!("{own}\n\n"))
        .unwrap_or_default();
    schema.insert(
        "description".into(),
        format!("{own}{}", docs.join("\n")).into(),
    );
}

fn is_plain_string(branch: &Value) -> bool {
    const PLAIN: [&str; 6] = [
        "type",
        "const",
        "enum",
        "description",
        "title",
        "deprecated",
    ];
    branch.as_object().is_some_and(|branch| {
        branch
            .keys()
            .all(|keyword| PLAIN.contains(&keyword.as_str()))
            && branch.get("type").is_none_or(|t| t == "string")
    }) && !string_values(branch).is_empty()
        && string_values(branch).iter().all(Value::is_string)
}

fn string_values(branch: &Value) -> Vec<Value> {
    match (branch.get("const"), branch.get("enum")) {
        (Some(value), _) => vec![value.clone()],
        (None, Some(Value::Array(values))) => values.clone(),
        _ => Vec::new(),
    }
}

fn documented(branch: &Value) -> Option<String> {
    let doc = branch
        .get("description")?
        .as_str()?
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    Some(format!("- `{}`: {doc}", branch.get("const")?.as_str()?))
}

fn constant(schema: &mut Map<String, Value>) {
    if let Some(value) = schema.shift_remove("const") {
        schema.insert("enum".into(), json!([value]));
    }
    if let (Some(Value::Array(values)), None) = (schema.get("enum"), schema.get("type")) {
        let mut kinds: Vec<Value> = Vec::new();
        for kind in values.iter().map(|value| Value::from(kind_of(value))) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let kind = if let [only] = kinds.as_slice() {
            only.clone()
        } else {
            Value::Array(kinds)
        };
        schema.insert("type".into(), kind);
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Widths of Rust's numbers as bounds. JSON numbers are read as u64 or i64, so 128 bits have the same ones.
fn numbers(schema: &mut Map<String, Value>) {
    let Some(format) = schema
        .get("format")
        .and_then(Value::as_str)
        .map(str::to_owned)
    else {
        return;
    };
    let range: Option<(Value, Value)> = match format.as_str() {
        "uint8" => Some((0.into(), u8::MAX.into())),
        "uint16" => Some((0.into(), u16::MAX.into())),
        "uint32" => Some((0.into(), u32::MAX.into())),
        "uint64" | "uint" | "uint128" => Some((0.into(), u64::MAX.into())),
        "int8" => Some((i8::MIN.into(), i8::MAX.into())),
        "int16" => Some((i16::MIN.into(), i16::MAX.into())),
        "int32" => Some((i32::MIN.into(), i32::MAX.into())),
        "int64" | "int" => Some((i64::MIN.into(), i64::MAX.into())),
        "int128" => Some((i64::MIN.into(), u64::MAX.into())),
        _ => None,
    };
    if !FORMATS.contains(&format.as_str()) {
        schema.shift_remove("format");
    }
    let Some((low, high)) = range else { return };
    for (keyword, exclusive, bound) in [
        ("minimum", "exclusiveMinimum", low),
        ("maximum", "exclusiveMaximum", high),
    ] {
        if schema.contains_key(exclusive) {
            schema.shift_remove(keyword);
        } else {
            tighten(schema, keyword, bound);
        }
    }
}

/// Any JSON value. Inputs avoid references, which several clients cannot resolve; results are exact.
fn anything(side: Side, depth: usize) -> Value {
    match (side, depth) {
        (Side::Output, _) => {
            json!({ "type": TYPES, "items": { "$ref": format!("#/$defs/{ANYTHING}") } })
        }
        (Side::Input, 0) => {
            json!({ "type": TYPES.iter().filter(|kind| **kind != "array").collect::<Vec<_>>() })
        }
        (Side::Input, depth) => json!({ "type": TYPES, "items": anything(side, depth - 1) }),
    }
}

fn typed(schema: &mut Map<String, Value>, side: Side) {
    const SAYS: [&str; 7] = ["type", "enum", "anyOf", "allOf", "$ref", "not", "if"];
    if SAYS.iter().any(|keyword| schema.contains_key(*keyword)) {
        return;
    }
    if ["properties", "additionalProperties", "patternProperties"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword))
    {
        schema.insert("type".into(), "object".into());
    } else if ["items", "prefixItems"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword))
    {
        schema.insert("type".into(), "array".into());
    } else {
        absorb(schema, anything(side, NESTING));
    }
}

fn arrays(schema: &mut Map<String, Value>, side: Side) {
    let is_array = match schema.get("type") {
        Some(Value::String(kind)) => kind == "array",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "array"),
        _ => false,
    };
    if !is_array {
        return;
    }
    if let Some(Value::Array(places)) = schema.get("prefixItems").cloned() {
        let mut distinct: Vec<Value> = Vec::new();
        for place in places {
            if !distinct.contains(&place) {
                distinct.push(place);
            }
        }
        if let [only] = distinct.as_slice() {
            schema.shift_remove("prefixItems");
            schema.insert("items".into(), only.clone());
        } else if !matches!(schema.get("items"), Some(Value::Object(_))) {
            schema.insert("items".into(), json!({ "anyOf": distinct }));
        }
    }
    if !matches!(schema.get("items"), Some(Value::Object(_))) {
        schema.insert("items".into(), anything(side, NESTING - 1));
    }
}
