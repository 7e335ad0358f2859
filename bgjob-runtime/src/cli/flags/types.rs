//! Which JSON types a schema allows: enough to read a flag's text as the right kind of value.

use serde_json::Value;

/// `$ref` and `anyOf` are followed this deep; a recursive type is settled long before.
const MAX_DEPTH: usize = 16;

/// The JSON types that a value may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Types {
    /// `null`
    pub null: bool,
    /// `true` or `false`
    pub boolean: bool,
    /// A number without a fraction.
    pub integer: bool,
    /// Any number.
    pub number: bool,
    /// A text.
    pub string: bool,
    /// A list.
    pub array: bool,
    /// An object.
    pub object: bool,
}

impl Types {
    const ANY: Types = Types {
        null: true,
        boolean: true,
        integer: true,
        number: true,
        string: true,
        array: true,
        object: true,
    };

    /// The types that `schema` allows; `root` holds the `$defs` that it refers to.
    pub fn of(schema: &Value, root: &Value) -> Self {
        types_of(schema, root, 0)
    }

    fn named(name: &str) -> Self {
        let mut types = Types::default();
        match name {
            "null" => types.null = true,
            "boolean" => types.boolean = true,
            "integer" => types.integer = true,
            "number" => (types.integer, types.number) = (true, true),
            "string" => types.string = true,
            "array" => types.array = true,
            "object" => types.object = true,
            _ => {}
        }
        types
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Types::named("null"),
            Value::Bool(_) => Types::named("boolean"),
            Value::Number(_) => Types::named("number"),
            Value::String(_) => Types::named("string"),
            Value::Array(_) => Types::named("array"),
            Value::Object(_) => Types::named("object"),
        }
    }

    fn or(self, other: Self) -> Self {
        Types {
            null: self.null || other.null,
            boolean: self.boolean || other.boolean,
            integer: self.integer || other.integer,
            number: self.number || other.number,
            string: self.string || other.string,
            array: self.array || other.array,
            object: self.object || other.object,
        }
    }

    /// Whether `value` has one of the types. A fraction counts as a number even where an integer
    /// is asked for: the check that follows says it better than a text in quotes would.
    pub fn allow(self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Bool(_) => self.boolean,
            Value::Number(_) => self.integer || self.number,
            Value::String(_) => self.string,
            Value::Array(_) => self.array,
            Value::Object(_) => self.object,
        }
    }

    /// Whether nothing but texts are allowed.
    pub fn only_string(self) -> bool {
        self == Types::named("string")
    }

    /// Whether nothing but `true` and `false` are allowed.
    pub fn only_boolean(self) -> bool {
        self == Types::named("boolean")
    }

    /// Whether nothing but lists are allowed.
    pub fn only_array(self) -> bool {
        self == Types::named("array")
    }

    /// The placeholder of a flag's value in help.
    pub fn placeholder(self) -> &'static str {
        match self {
            _ if self == Types::named("integer") => "INTEGER",
            _ if self == Types::named("number") => "NUMBER",
            _ if self.only_string() => "TEXT",
            _ if self.only_boolean() => "true|false",
            _ => "JSON",
        }
    }
}

fn types_of(schema: &Value, root: &Value, depth: usize) -> Types {
    let schema = resolve(schema, root);
    if let Some(named) = schema.get("type") {
        return match named {
            Value::String(name) => Types::named(name),
            Value::Array(names) => union(names.iter().filter_map(Value::as_str).map(Types::named)),
            _ => Types::ANY,
        };
    }
    if let Some(value) = schema.get("const") {
        return Types::of_value(value);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return union(values.iter().map(Types::of_value));
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(choices) = schema
            .get(word)
            .and_then(Value::as_array)
            .filter(|_| depth < MAX_DEPTH)
        {
            return union(
                choices
                    .iter()
                    .map(|choice| types_of(choice, root, depth + 1)),
            );
        }
    }
    Types::ANY
}

fn union(types: impl Iterator<Item = Types>) -> Types {
    types.fold(Types::default(), Types::or)
}

/// The schema that a local `$ref` names, or `schema` itself.
pub fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        let target = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|uri| uri.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(pointer)) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn types(schema: Value) -> Types {
        Types::of(&schema, &json!({"$defs": {"Tree": {"type": "object"}}}))
    }

    #[test]
    fn types_come_from_type_const_enum_choices_and_references() {
        assert_eq!(types(json!({"type": "integer"})).placeholder(), "INTEGER");
        assert!(types(json!({"enum": ["a", "b"]})).only_string());
        assert!(types(json!({"$ref": "#/$defs/Tree"})).object);
        let mixed = types(json!({"anyOf": [{"type": ["string", "null"]}, {"const": 1}]}));
        assert!(mixed.string && mixed.null && mixed.number && !mixed.array);
    }

    #[test]
    fn a_schema_that_says_nothing_allows_everything() {
        assert_eq!(types(json!({})), Types::ANY);
        assert_eq!(types(json!({"$ref": "#/nowhere"})), Types::ANY);
    }
}
