//! What was expected and what was given, in words.

use serde_json::{Map, Value};

const SHOWN: usize = 60;
const LISTED: usize = 20;

/// At most `limit` characters of `text`, without control characters.
pub fn clip(text: &str, limit: usize) -> String {
    let mut shown: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(limit)
        .collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// A value, in a few words.
pub(crate) fn given(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => format!("the number {value}"),
        Value::String(value) => format!("the string {:?}", clip(value, SHOWN)),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(object) => format!("an object with {}", keys(object)),
    }
}

fn keys(object: &Map<String, Value>) -> String {
    if object.is_empty() {
        "no keys".to_owned()
    } else {
        format!("the keys {}", list(object.keys()))
    }
}

/// Names in backticks, the first twenty.
pub(crate) fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let mut names = names.into_iter();
    let mut shown: Vec<String> = names
        .by_ref()
        .take(LISTED)
        .map(|name| format!("`{}`", clip(name.as_ref(), SHOWN)))
        .collect();
    if names.next().is_some() {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// What a schema accepts, in a few words.
pub(crate) fn expected(schema: &Value, definitions: &Map<String, Value>) -> String {
    let mut parts: Vec<String> = Vec::new();
    collect(schema, definitions, 0, &mut parts);
    match parts.as_slice() {
        [] => "another value".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn collect(schema: &Value, definitions: &Map<String, Value>, depth: u8, parts: &mut Vec<String>) {
    let Value::Object(schema) = schema else {
        return;
    };
    if depth > 4 {
        return;
    }
    if let Some(definition) =
        crate::tool::schema::reference(schema).and_then(|name| definitions.get(name))
    {
        return collect(definition, definitions, depth + 1, parts);
    }
    if let Some(Value::Array(branches)) = schema.get("anyOf") {
        return branches
            .iter()
            .for_each(|branch| collect(branch, definitions, depth + 1, parts));
    }
    let words = match (schema.get("enum"), schema.get("type")) {
        (Some(Value::Array(values)), _) => one_of(values),
        (_, Some(Value::String(kind))) => of_type(kind, schema),
        (_, Some(Value::Array(kinds))) => kinds
            .iter()
            .filter_map(Value::as_str)
            .map(|kind| of_type(kind, schema))
            .collect::<Vec<_>>()
            .join(" or "),
        _ => return,
    };
    if !parts.contains(&words) {
        parts.push(words);
    }
}

fn one_of(values: &[Value]) -> String {
    let names = list(values.iter().map(|value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    }));
    if values.len() == 1 {
        names
    } else {
        format!("one of {names}")
    }
}

fn of_type(kind: &str, schema: &Map<String, Value>) -> String {
    match kind {
        "integer" => format!("an integer{}", range(schema)),
        "number" => format!("a number{}", range(schema)),
        "boolean" => "true or false".to_owned(),
        "array" => format!(
            "an array{}",
            size(schema, "minItems", "maxItems", "elements")
        ),
        "object" => "an object".to_owned(),
        "string" => match schema.get("format").and_then(Value::as_str) {
            Some(format) => format!("a string of format {format}"),
            None => format!(
                "a string{}",
                size(schema, "minLength", "maxLength", "characters")
            ),
        },
        other => other.to_owned(),
    }
}

fn range(schema: &Map<String, Value>) -> String {
    let low = schema.get("exclusiveMinimum").map(|n| format!("above {n}"));
    let low = low.or_else(|| schema.get("minimum").map(|n| format!("from {n}")));
    let high = schema.get("exclusiveMaximum").map(|n| format!("below {n}"));
    let high = high.or_else(|| schema.get("maximum").map(|n| format!("to {n}")));
    match (low, high) {
        (None, None) => String::new(),
        (Some(low), None) => format!(" {low}"),
        (None, Some(high)) => format!(" {}", high.replace("to ", "up to ")),
        (Some(low), Some(high)) if high.starts_with("below") => format!(" {low} and {high}"),
        (Some(low), Some(high)) if low.starts_with("above") => {
            format!(" {low} and {}", high.replace("to ", "up to "))
        }
        (Some(low), Some(high)) => format!(" {low} {high}"),
    }
}

fn size(schema: &Map<String, Value>, least: &str, most: &str, unit: &str) -> String {
    match (schema.get(least), schema.get(most)) {
        (Some(least), Some(most)) if least == most => format!(" of {least} {unit}"),
        (Some(least), Some(most)) => format!(" of {least} to {most} {unit}"),
        (Some(least), None) => format!(" of at least {least} {unit}"),
        (None, Some(most)) => format!(" of at most {most} {unit}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expectations_read_like_sentences() {
        let cases = [
            (
                json!({"type": "integer", "minimum": 1, "maximum": 9}),
                "an integer from 1 to 9",
            ),
            (
                json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
                "a number above 0 and up to 1",
            ),
            (
                json!({"type": "number", "exclusiveMaximum": 7}),
                "a number below 7",
            ),
            (
                json!({"enum": ["a", "b"], "type": "string"}),
                "one of `a`, `b`",
            ),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "boolean"}]}),
                "a string or true or false",
            ),
            (
                json!({"type": "array", "minItems": 2, "maxItems": 2}),
                "an array of 2 elements",
            ),
            (
                json!({"type": "string", "format": "date"}),
                "a string of format date",
            ),
            (json!({"$ref": "#/$defs/N"}), "an object"),
        ];
        let definitions = json!({"N": {"type": "object"}});
        for (schema, words) in cases {
            assert_eq!(expected(&schema, definitions.as_object().unwrap()), words);
        }
    }

    #[test]
    fn long_and_hostile_values_are_shown_in_part() {
        let text = given(&json!("\u{1b}[2J".repeat(100_000)));
        assert!(text.len() < 100 && !text.contains('\u{1b}'), "{text}");
        assert_eq!(given(&json!({"a": 1})), "an object with the keys `a`");
    }
}
