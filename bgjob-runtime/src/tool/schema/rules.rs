//! The rules that make the profiles, and where a call may be more lenient than its schema, as the book lists them.

/// A rule: what is done to a schema, and whom it helps.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The profiles that it makes.
    pub profiles: &'static [&'static str],
    /// What is done.
    pub what: &'static str,
    /// Why.
    pub why: &'static str,
}

const WIRE: &[&str] = &["wire", "strict"];
const ALL: &[&str] = &["wire", "named", "draft-07", "strict"];
const NAMED: &[&str] = &["named", "draft-07"];

/// Every rule, in the order in which they work.
pub const RULES: &[Rule] = &[
    rule(
        WIRE,
        "References are replaced by what they refer to; only a recursive type stays a `$ref` into `$defs` at the root.",
        "Several clients hand a referred argument over as text or null.",
    ),
    rule(
        NAMED,
        "Every type stays under its own name in `$defs`; names are made unique, the root has `$schema`, `$id` and `title`.",
        "Generated types have the names of the Rust types.",
    ),
    rule(
        NAMED,
        "The variants of a union have a `title`: the enum's name and the tag or only key of the variant.",
        "Generators number what has no name.",
    ),
    rule(
        ALL,
        "A struct in a variant of an internally tagged enum has its fields beside the tag.",
        "Closing an object needs all its keys in one place.",
    ),
    rule(
        ALL,
        "`oneOf` becomes `anyOf`, `const` an `enum` of one; documented unit variants become one flat `enum`, their docs part of the description.",
        "Model interfaces know neither `oneOf` nor `const`.",
    ),
    rule(
        ALL,
        "Formats that JSON Schema does not define go; integer widths become `minimum` and `maximum`.",
        "Validators warn of unknown formats; some clients refuse them.",
    ),
    rule(
        ALL,
        "What may be left out of the arguments is not nullable, and has no default of `null`; results keep `null`.",
        "Gateways drop nullable arguments; serde writes `null` in results.",
    ),
    rule(
        ALL,
        "Objects with known keys in arguments have `additionalProperties: false`; an enum flattened into a struct is closed in each variant.",
        "A misspelt key is refused, never dropped.",
    ),
    rule(
        ALL,
        "Arrays have `items`; a tuple of one type is an array of fixed length, others keep `prefixItems` and list their places' types under `items`.",
        "Models need `items`; few know `prefixItems`.",
    ),
    rule(
        WIRE,
        "A value of any type lists the JSON types.",
        "A schema of `true` makes a client refuse the whole list of tools.",
    ),
    rule(
        NAMED,
        "A value of any type is the empty schema.",
        "Generators have a type of their own for it.",
    ),
    rule(
        WIRE,
        "The root of the arguments is one object: a flattened enum gives the union of its variants' fields, of which only the common ones are required.",
        "Clients refuse a union at the root.",
    ),
    rule(
        &["draft-07"],
        "`$defs` is `definitions`, `prefixItems` is `items` with `additionalItems`, and a reference with something beside it stands in `allOf`.",
        "Draft-07 has no other words for them.",
    ),
    rule(
        &["strict"],
        "All keys are required and all objects closed; what may be left out is nullable.",
        "Strict modes demand it; a call takes `null` for absent.",
    ),
    rule(
        &["strict"],
        "Bounds, lengths, patterns, formats, defaults and `prefixItems` go.",
        "Strict modes refuse them; the call still checks them.",
    ),
    rule(
        &["strict"],
        "A tool with an argument of any type, or with keys of the caller's choice, has no strict schema.",
        "Strict modes cannot say it.",
    ),
];

const fn rule(profiles: &'static [&'static str], what: &'static str, why: &'static str) -> Rule {
    Rule {
        profiles,
        what,
        why,
    }
}

/// Where a call takes more than the `wire` schema says: a code that stays, and what is taken.
pub const LENIENCIES: &[(&str, &str)] = &[
    (
        "null-for-absent",
        "`null` for an argument or a field that may be left out counts as left out.",
    ),
    (
        "alias",
        "A key that the type reads under another name (`#[serde(alias)]`) is taken, though the schema does not list it.",
    ),
    (
        "type-decides",
        "A value that the type itself reads is taken, though its schema asks for another JSON type or for a key more.",
    ),
    (
        "format-unchecked",
        "`pattern` and `format` are left to the type: a text that it reads is taken.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::tool::arg::arg;
    use crate::tool::output::output;
    use crate::tool::shape::{FromJson, HasSchema};
    use crate::tool::signature::Signature;

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only read from JSON")]
    struct Lenient {
        #[serde(alias = "long")]
        length: Option<f64>,
        #[schemars(with = "f64")]
        as_number: Option<String>,
        #[schemars(regex(pattern = "^a"), extend("format" = "uuid"))]
        text: Option<String>,
    }

    fn takes<T: FromJson + HasSchema>(value: Value) -> bool {
        let signature = Signature::new(output::<()>()).arg(arg::<T>("x"));
        let call = json!({ "x": value });
        signature
            .check("t", call.as_object().unwrap().clone())
            .is_ok()
    }

    #[test]
    fn every_leniency_is_one() {
        let shown = BTreeMap::from([
            ("null-for-absent", takes::<Lenient>(json!({"length": null}))),
            ("alias", takes::<Lenient>(json!({"long": 1.5}))),
            (
                "type-decides",
                takes::<Lenient>(json!({"as_number": "text"})),
            ),
            ("format-unchecked", takes::<Lenient>(json!({"text": "b"}))),
        ]);
        for (code, _) in LENIENCIES {
            assert_eq!(shown.get(code), Some(&true), "{code}");
        }
        assert_eq!(shown.len(), LENIENCIES.len());
        assert!(!takes::<Lenient>(json!({"lenght": 1.5})));
    }
}
