//! What clients are known to stumble over, under codes that stay.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{reference, wire};
use crate::tool::pointer;
use crate::tool::registry::Tool;

macro_rules! lints {
    ($(#[doc = $doc:literal] $variant:ident = $text:literal;)*) => {
        /// Why a schema may be less useful than it could be. Codes are never used for another thing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule { $(#[doc = $doc] $variant,)* }

        impl Rule {
            /// Every rule, in the order of the reference.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant,)*];

            /// The code, such as `any-value`.
            pub fn as_str(self) -> &'static str {
                match self { $(Rule::$variant => $text,)* }
            }

            /// What it is about, in one sentence.
            pub fn about(self) -> &'static str {
                match self { $(Rule::$variant => $doc.trim_ascii(),)* }
            }
        }
    };
}

lints! {
    /// A tool without a doc comment: a model has only its name to go by.
    UndescribedTool = "undescribed-tool";
    /// An argument without a doc comment: a model has to guess what to give.
    UndescribedArgument = "undescribed-argument";
    /// An argument that takes any JSON value: it has no strict form, and models guess its shape.
    AnyValue = "any-value";
    /// An argument with keys of the caller's choice: strict modes refuse it; take a list of pairs instead.
    OpenMap = "open-map";
    /// A tuple of different types: several clients know only the union of its places; take a struct instead.
    Tuple = "tuple";
    /// An integer beyond 2^53: JavaScript clients round it; take a string where every digit counts.
    BigInteger = "big-integer";
    /// A recursive type: it needs a `$ref`, which several clients do not resolve.
    Recursive = "recursive";
    /// A flattened enum: the root lists every variant's fields as optional, so a model cannot see which belong together.
    RootUnion = "root-union";
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A rule and where it applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// The rule.
    #[serde(rename = "code")]
    pub rule: Rule,
    /// RFC 6901 pointer into the input schema of the wire profile; empty for the whole.
    pub at: String,
}

/// Every lint of a tool, in the order of its schema.
pub fn of(tool: &Tool) -> Vec<Lint> {
    let described = tool.described();
    let mut found = Vec::new();
    if tool.spec.description.trim().is_empty() {
        note(&mut found, Rule::UndescribedTool, "");
    }
    let root_is_union = described
        .checks
        .get("")
        .is_some_and(|schema| schema.get("anyOf").is_some());
    if root_is_union {
        note(&mut found, Rule::RootUnion, "");
    }
    let properties = described
        .input_schema
        .get("properties")
        .and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let silent = property
            .get("description")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty);
        if silent {
            let at = pointer::join("/properties", name);
            note(&mut found, Rule::UndescribedArgument, &at);
        }
    }
    found.extend(shapes(&described.input_schema));
    found
}

/// Why an input schema has no strict form, if it has none.
pub(super) fn no_strict_form(wire: &Map<String, Value>) -> Option<Lint> {
    shapes(wire)
        .into_iter()
        .find(|lint| matches!(lint.rule, Rule::AnyValue | Rule::OpenMap))
}

fn shapes(schema: &Map<String, Value>) -> Vec<Lint> {
    let mut found = Vec::new();
    look(&Value::Object(schema.clone()), "", &mut found);
    found
}

fn look(schema: &Value, at: &str, found: &mut Vec<Lint>) {
    let Value::Object(schema) = schema else {
        return;
    };
    let kinds = schema.get("type").and_then(Value::as_array).map(Vec::len);
    if kinds.is_some_and(|kinds| kinds >= wire::TYPES.len() - 1) {
        return note(found, Rule::AnyValue, at);
    }
    let open = matches!(
        schema.get("additionalProperties"),
        Some(Value::Object(_) | Value::Bool(true))
    );
    if open || schema.contains_key("patternProperties") {
        note(found, Rule::OpenMap, at);
    }
    if schema.contains_key("prefixItems") {
        note(found, Rule::Tuple, at);
    }
    if big(schema) {
        note(found, Rule::BigInteger, at);
    }
    if reference(schema).is_some() {
        note(found, Rule::Recursive, at);
    }
    inside(schema, at, found);
}

fn inside(schema: &Map<String, Value>, at: &str, found: &mut Vec<Lint>) {
    for (keyword, inner) in schema {
        let at = pointer::join(at, keyword);
        match (keyword.as_str(), inner) {
            ("properties" | "$defs" | "patternProperties", Value::Object(schemas)) => {
                for (name, schema) in schemas {
                    look(schema, &pointer::join(&at, name), found);
                }
            }
            ("anyOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                for (index, schema) in schemas.iter().enumerate() {
                    look(schema, &pointer::join(&at, index), found);
                }
            }
            // The items of a tuple repeat its places.
            ("items", items) if !schema.contains_key("prefixItems") => look(items, &at, found),
            ("additionalProperties", rest) => look(rest, &at, found),
            _ => {}
        }
    }
}

/// Beyond what a double holds exactly. The full range of 64 bits is the type's own, and named too.
fn big(schema: &Map<String, Value>) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let beyond = |keyword: &str| {
        schema
            .get(keyword)
            .and_then(Value::as_f64)
            .is_some_and(|bound| bound.abs() > EXACT)
    };
    let integer = schema.get("type").is_some_and(|kind| {
        kind == "integer"
            || kind
                .as_array()
                .is_some_and(|k| k.iter().any(|k| k == "integer"))
    });
    integer && (beyond("minimum") || beyond("maximum"))
}

fn note(found: &mut Vec<Lint>, rule: Rule, at: &str) {
    let at = at.to_owned();
    found.push(Lint { rule, at });
}
