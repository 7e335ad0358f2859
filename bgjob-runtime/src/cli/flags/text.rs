//! Text from the command line as JSON values, guided by the schema.

use serde_json::{Map, Value};

use super::types::{Types, resolve};

/// The value of a flag: JSON where it fits the schema, the text itself otherwise. A flag that takes
/// nothing but text is never read as JSON, so quotes stay quotes.
pub fn flag_value(text: &str, schema: &Value, root: &Value) -> Value {
    let types = Types::of(schema, root);
    if types.only_string() {
        return Value::String(text.to_owned());
    }
    match serde_json::from_str::<Value>(text) {
        // A quoted text beside other types is how to say "1" and not 1.
        Ok(value) if types.allow(&value) => value,
        _ => Value::String(text.to_owned()),
    }
}

/// The value of a list flag: items one by one, or whole lists, in the order given.
pub fn list_value<'a>(texts: impl Iterator<Item = &'a str>, schema: &Value, root: &Value) -> Value {
    let any = Value::Bool(true);
    let items = resolve(schema, root).get("items").unwrap_or(&any);
    let items_are_lists = Types::of(items, root).only_array();
    let mut list = Vec::new();
    for text in texts {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(whole)) if !items_are_lists || whole.iter().all(Value::is_array) => {
                list.extend(whole)
            }
            _ => list.push(flag_value(text, items, root)),
        }
    }
    Value::Array(list)
}

/// One `--set PLACE=VALUE`.
#[derive(Debug, PartialEq)]
pub struct Setting {
    keys: Vec<String>,
    text: String,
}

impl Setting {
    /// Reads `a.b.0=VALUE`, or `/a/b/0=VALUE` with an RFC 6901 pointer for keys that hold dots.
    ///
    /// # Errors
    /// A sentence, when there is no `=`, no place before it, or the pointer is malformed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (place, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` has no `=`"))?;
        let keys = keys_of(place).ok_or_else(|| format!("`{place}` names no place"))?;
        Ok(Setting {
            keys,
            text: value.to_owned(),
        })
    }

    /// The first key: the argument.
    pub fn argument(&self) -> &str {
        &self.keys[0]
    }

    /// Whether it is about a part of an argument.
    pub fn is_nested(&self) -> bool {
        self.keys.len() > 1
    }

    /// Puts the value into `input`, making objects on the way.
    ///
    /// # Errors
    /// A sentence, when the place goes through something that is neither object nor list.
    pub fn apply(&self, input: &mut Map<String, Value>, root: &Value) -> Result<(), String> {
        let value = self.value(root);
        let (first, rest) = self.keys.split_first().ok_or("no place")?;
        let mut at = input.entry(first).or_insert(Value::Null);
        let mut path = first.clone();
        for key in rest {
            let what = kind(at);
            at = step(at, key)
                .ok_or_else(|| format!("`{path}` is {what} without a place `{key}`"))?;
            path = format!("{path}.{key}");
        }
        *at = value;
        Ok(())
    }

    fn value(&self, root: &Value) -> Value {
        let types = schema_at(&self.keys, root).map(|schema| Types::of(schema, root));
        match serde_json::from_str::<Value>(&self.text) {
            Ok(value) if types.is_none_or(|types| types.allow(&value)) => value,
            _ => Value::String(self.text.clone()),
        }
    }
}

fn keys_of(place: &str) -> Option<Vec<String>> {
    let keys: Vec<String> = match place.strip_prefix('/') {
        Some(pointer) => pointer
            .split('/')
            .map(|key| key.replace("~1", "/").replace("~0", "~"))
            .collect(),
        None => place.split('.').map(str::to_owned).collect(),
    };
    keys.iter().all(|key| !key.is_empty()).then_some(keys)
}

/// The place `key` below `at`; a missing one is made, at the end only in a list.
fn step<'a>(at: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    match at {
        Value::Object(object) => Some(object.entry(key).or_insert(Value::Null)),
        Value::Array(list) => {
            let index: usize = key.parse().ok()?;
            if index == list.len() {
                list.push(Value::Null);
            }
            list.get_mut(index)
        }
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null | Value::Object(_) => "an object",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
    }
}

fn schema_at<'a>(keys: &[String], root: &'a Value) -> Option<&'a Value> {
    let mut schema = root;
    for key in keys {
        let here = resolve(schema, root);
        let property = here
            .get("properties")
            .and_then(|properties| properties.get(key));
        let other = here
            .get("additionalProperties")
            .filter(|other| other.is_object());
        schema = property.or(other).or_else(|| here.get("items"))?;
    }
    Some(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str, schema: Value) -> Value {
        flag_value(text, &schema, &json!({}))
    }

    #[test]
    fn text_is_read_as_what_the_schema_allows() {
        assert_eq!(read("100", json!({"type": "integer"})), 100);
        assert_eq!(read("1e-3", json!({"type": "number"})), 1e-3);
        assert_eq!(read("100", json!({"type": "string"})), "100");
        assert_eq!(read("\"x\"", json!({"type": "string"})), "\"x\"");
        assert_eq!(read("true", json!({"type": "boolean"})), true);
        assert_eq!(read("ten", json!({"type": "integer"})), "ten");
        assert_eq!(
            read("{\"a\":1}", json!({"type": "object"})),
            json!({"a": 1})
        );
        assert_eq!(
            read("null", json!({"type": ["null", "string"]})),
            Value::Null
        );
    }

    #[test]
    fn a_list_takes_items_and_whole_lists() {
        let list = |texts: &[&str], items: Value| {
            list_value(texts.iter().copied(), &json!({"items": items}), &json!({}))
        };
        assert_eq!(list(&["1", "2"], json!({"type": "integer"})), json!([1, 2]));
        assert_eq!(
            list(&["[1,2]", "3"], json!({"type": "integer"})),
            json!([1, 2, 3])
        );
        assert_eq!(
            list(&["a", "[\"b\"]"], json!({"type": "string"})),
            json!(["a", "b"])
        );
        let rows = json!({"type": "array", "items": {"type": "number"}});
        assert_eq!(
            list(&["[1,2]", "[3,4]"], rows.clone()),
            json!([[1, 2], [3, 4]])
        );
        assert_eq!(list(&["[[1,2],[3,4]]"], rows), json!([[1, 2], [3, 4]]));
    }

    fn set(input: Value, settings: &[&str]) -> Result<Value, String> {
        let root = json!({"properties": {"code": {"type": "string"}, "tank": {"properties": {"h": {"type": "number"}}}}});
        let Value::Object(mut input) = input else {
            unreachable!()
        };
        for text in settings {
            Setting::parse(text)?.apply(&mut input, &root)?;
        }
        Ok(Value::Object(input))
    }

    #[test]
    fn settings_reach_nested_places_and_make_objects() {
        assert_eq!(
            set(json!({}), &["tank.h=2.5", "tank.name=big one"]),
            Ok(json!({"tank": {"h": 2.5, "name": "big one"}}))
        );
        assert_eq!(
            set(json!({"a": [1]}), &["a.0=2", "a.1=3"]),
            Ok(json!({"a": [2, 3]}))
        );
        assert_eq!(
            set(json!({}), &["/a.b/c~1d=1"]),
            Ok(json!({"a.b": {"c/d": 1}}))
        );
        assert_eq!(
            set(json!({}), &["code=007", "code=42"]),
            Ok(json!({"code": "42"}))
        );
    }

    #[test]
    fn impossible_places_are_refused_with_a_sentence() {
        for wrong in ["a", "=1", "a..b=1", "/=1"] {
            assert!(Setting::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            set(json!({"a": 1}), &["a.b=1"]),
            Err("`a` is a number without a place `b`".into())
        );
        assert_eq!(
            set(json!({"a": [1]}), &["a.7=1"]),
            Err("`a` is a list without a place `7`".into())
        );
    }
}
