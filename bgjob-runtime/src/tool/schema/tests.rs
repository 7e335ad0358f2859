//! The schemas of all kinds of types, and the rules that every schema keeps.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::tool::arg::{Arg, arg, flatten, state};
use crate::tool::output::output;
use crate::tool::samples::{Amount, Feed, Mesh, Mixing, Node, Params, Tank};
use crate::tool::shape::{FromJson, HasSchema, ToJson};

fn with(arg: Arg) -> Signature {
    Signature::new(output::<()>()).arg(arg)
}

fn input_of<T: FromJson + HasSchema>() -> Value {
    with(arg::<T>("x")).described().input_schema["properties"]["x"].clone()
}

fn output_of<T: ToJson + HasSchema>() -> Value {
    json!(**Signature::new(output::<T>()).output_schema())
}

fn required<T: FromJson + HasSchema>() -> bool {
    with(arg::<T>("x"))
        .described()
        .input_schema
        .contains_key("required")
}

/// Every sample type in both directions.
fn all_schemas() -> Vec<Value> {
    fn of<T: FromJson + HasSchema + ToJson>() -> [Value; 2] {
        let signature = Signature::new(output::<T>()).arg(arg::<T>("x"));
        let described = signature.described();
        [
            json!(*described.input_schema),
            json!(**signature.output_schema()),
        ]
    }
    [
        of::<Value>(),
        of::<Option<Value>>(),
        of::<Vec<Value>>(),
        of::<u32>(),
        of::<i128>(),
        of::<Option<u64>>(),
        of::<f32>(),
        of::<char>(),
        of::<Mixing>(),
        of::<Option<Mixing>>(),
        of::<Tank>(),
        of::<Feed>(),
        of::<Amount>(),
        of::<(u8, String)>(),
        of::<[f64; 3]>(),
        of::<BTreeMap<String, Mesh>>(),
        of::<HashMap<u8, Value>>(),
        of::<Vec<Option<f64>>>(),
        of::<Node>(),
        of::<Option<Node>>(),
        of::<Duration>(),
        of::<Params>(),
        of::<IpAddr>(),
        of::<Rest>(),
        of::<Shaped>(),
        of::<()>(),
    ]
    .concat()
}

/// A struct that takes any further key.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Rest {
    known: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, f64>,
}

/// An enum flattened into a struct.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Shaped {
    name: Option<String>,
    #[serde(flatten)]
    feed: Feed,
}

fn each(schema: &Value, visit: &mut dyn FnMut(&Map<String, Value>)) {
    let Value::Object(schema) = schema else {
        assert_eq!(
            *schema,
            Value::Bool(false),
            "only a closed object may hold a boolean"
        );
        return;
    };
    visit(schema);
    for_each_child(&mut schema.clone(), &mut |child| each(child, visit));
}

#[test]
fn every_schema_keeps_the_rules() {
    for root in all_schemas() {
        each(&root, &mut |schema| {
            let text = json!(schema);
            for keyword in ["$schema", "oneOf", "const", "unevaluatedProperties"] {
                assert!(!schema.contains_key(keyword), "{keyword} in {text}");
            }
            let says = ["type", "anyOf", "$ref"]
                .iter()
                .any(|keyword| schema.contains_key(*keyword));
            assert!(says, "nothing said in {text}");
            let kinds = schema.get("type").cloned().unwrap_or_default();
            let may_be_array = kinds == "array"
                || kinds
                    .as_array()
                    .is_some_and(|k| k.contains(&json!("array")));
            assert_eq!(may_be_array, schema.contains_key("items"), "{text}");
            if let Some(format) = schema.get("format") {
                assert!(
                    ["ipv4", "ipv6", "date-time"].contains(&format.as_str().unwrap()),
                    "{text}"
                );
            }
            if let Some(name) = reference(schema) {
                assert!(
                    root["$defs"].get(name).is_some(),
                    "dangling {name} in {root}"
                );
            }
        });
    }
}

#[test]
fn input_roots_are_closed_objects_without_unions() {
    let flat = [
        Signature::new(output::<()>()).flatten(flatten::<Params>("p")),
        Signature::new(output::<()>()).flatten(flatten::<Feed>("p")),
        Signature::new(output::<()>()).flatten(flatten::<Node>("p")),
        Signature::new(output::<()>()).flatten(flatten::<Shaped>("p")),
        Signature::new(output::<()>()),
        with(arg::<Tank>("x")),
    ];
    for signature in flat {
        let root = &signature.described().input_schema;
        assert_eq!(root["type"], "object");
        assert_eq!(root["additionalProperties"], false);
        assert!(root["properties"].is_object());
        assert!(!root.contains_key("anyOf") && !root.contains_key("$ref"));
    }
}

#[test]
fn a_flattened_enum_becomes_the_union_of_its_fields() {
    let signature = Signature::new(output::<()>()).flatten(flatten::<Feed>("p"));
    let root = &signature.described().input_schema;
    assert_eq!(root["required"], json!(["kind"]));
    assert_eq!(
        root["properties"]["kind"],
        json!({"type": "string", "enum": ["constant", "series", "off"]})
    );
    let names: Vec<_> = root["properties"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["kind", "flow", "flows", "mesh"]);
}

#[test]
fn numbers_have_their_widths_as_bounds() {
    assert_eq!(
        input_of::<u32>(),
        json!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
    );
    assert_eq!(
        input_of::<u64>(),
        json!({"type": "integer", "minimum": 0, "maximum": u64::MAX})
    );
    assert_eq!(
        input_of::<i8>(),
        json!({"type": "integer", "minimum": -128, "maximum": 127})
    );
    assert_eq!(input_of::<f64>(), json!({"type": "number"}));
    assert_eq!(
        output_of::<u16>(),
        json!({"type": "integer", "minimum": 0, "maximum": 65535})
    );
}

#[test]
fn declared_bounds_replace_wider_ones() {
    let signature = with(
        arg::<u32>("x")
            .doc("Days, in d.")
            .minimum(1)
            .exclusive_maximum(10)
            .default(&3),
    );
    let x = &signature.described().input_schema["properties"]["x"];
    let expected = json!({"type": "integer", "minimum": 1, "exclusiveMaximum": 10, "description": "Days, in d.", "default": 3});
    assert_eq!(*x, expected);
    let signature = with(arg::<Option<f64>>("x").minimum(0.5).maximum(2));
    let x = &signature.described().input_schema["properties"]["x"];
    assert_eq!(*x, json!({"type": "number", "minimum": 0.5, "maximum": 2}));
    let signature = with(arg::<u8>("x").maximum(1000));
    assert_eq!(
        signature.described().input_schema["properties"]["x"]["maximum"],
        255
    );
}

#[test]
fn optional_arguments_are_not_nullable_but_results_are() {
    assert!(!required::<Option<u32>>() && required::<u32>());
    assert!(required::<Value>() && !required::<Option<Value>>());
    assert_eq!(input_of::<Option<String>>(), json!({"type": "string"}));
    assert_eq!(
        output_of::<Option<String>>(),
        json!({"type": ["string", "null"]})
    );
    let mesh = input_of::<Option<Mesh>>();
    assert_eq!(
        mesh["properties"]["label"],
        json!({"type": "string", "description": "A name for people."})
    );
    assert_eq!(mesh["required"], json!(["size"]));
    assert_eq!(
        output_of::<Mesh>()["properties"]["label"]["type"],
        json!(["string", "null"])
    );
}

#[test]
fn a_null_inside_an_array_stays() {
    assert_eq!(
        input_of::<Vec<Option<f64>>>()["items"],
        json!({"type": ["number", "null"]})
    );
}

#[test]
fn any_value_lists_its_types() {
    let value = input_of::<Value>();
    assert_eq!(
        value["type"],
        json!(["string", "number", "boolean", "object", "array", "null"])
    );
    let innermost = &value["items"]["items"]["items"];
    assert_eq!(
        *innermost,
        json!({"type": ["string", "number", "boolean", "object", "null"]})
    );
    let result = output_of::<BTreeMap<String, Value>>();
    assert_eq!(
        result["additionalProperties"]["items"],
        json!({"$ref": "#/$defs/AnyJson"})
    );
    assert_eq!(
        result["$defs"]["AnyJson"]["items"],
        json!({"$ref": "#/$defs/AnyJson"})
    );
}

#[test]
fn documented_enums_are_flat_with_their_docs_in_the_description() {
    let docs = "- `gas`: By recirculated gas.\n- `mechanical`: By a propeller.";
    let expected = json!({
        "type": "string",
        "enum": ["pumped", "gas", "mechanical"],
        "description": format!("How the digester is mixed.\n\n{docs}"),
    });
    assert_eq!(input_of::<Mixing>(), expected);
    assert_eq!(input_of::<Option<Mixing>>()["enum"], expected["enum"]);
    let signature = with(arg::<Option<Mixing>>("x").doc("Stirrer."));
    let x = &signature.described().input_schema["properties"]["x"];
    assert_eq!(x["description"], format!("Stirrer.\n\n{docs}"));
}

#[test]
fn enums_with_fields_are_unions_of_closed_objects() {
    let tagged = input_of::<Feed>();
    assert_eq!(
        tagged["anyOf"][0]["properties"]["kind"],
        json!({"type": "string", "enum": ["constant"]})
    );
    assert!(
        tagged["anyOf"]
            .as_array()
            .unwrap()
            .iter()
            .all(|variant| variant["additionalProperties"] == false)
    );
    let external = input_of::<Tank>();
    assert_eq!(
        external["anyOf"][0],
        json!({"type": "string", "description": "Not built yet.", "enum": ["none"]})
    );
    assert_eq!(
        external["anyOf"][1]["properties"]["cylinder"]["additionalProperties"],
        false
    );
    let untagged = input_of::<Amount>();
    assert_eq!(untagged["anyOf"][1], json!({"type": "string"}));
}

#[test]
fn tuples_are_arrays_of_fixed_length() {
    let pair = json!({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2});
    assert_eq!(input_of::<(f64, f64)>(), pair);
    let mixed = input_of::<(bool, String)>();
    assert_eq!(
        mixed["prefixItems"],
        json!([{"type": "boolean"}, {"type": "string"}])
    );
    assert_eq!(
        mixed["items"],
        json!({"anyOf": [{"type": "boolean"}, {"type": "string"}]})
    );
}

#[test]
fn maps_are_open_and_structs_are_closed() {
    let map = json!({"type": "object", "additionalProperties": {"type": "number"}});
    assert_eq!(input_of::<BTreeMap<String, f64>>(), map);
    assert_eq!(input_of::<Params>()["additionalProperties"], false);
    assert_eq!(
        input_of::<Rest>()["additionalProperties"],
        json!({"type": "number"})
    );
    assert_eq!(input_of::<Duration>()["additionalProperties"], false);
    assert!(output_of::<Mesh>().get("additionalProperties").is_none());
}

#[test]
fn an_enum_flattened_into_a_struct_is_closed_in_each_variant() {
    let variants = input_of::<Shaped>()["anyOf"].clone();
    for variant in variants.as_array().unwrap() {
        assert_eq!(variant["additionalProperties"], false);
        assert_eq!(variant["properties"]["name"], json!({"type": "string"}));
        assert!(
            variant["required"]
                .as_array()
                .unwrap()
                .contains(&json!("kind"))
        );
    }
}

#[test]
fn only_recursive_types_are_referred_to() {
    let signature = with(arg::<Node>("x").doc("The root."));
    let root = json!(*signature.described().input_schema);
    assert_eq!(
        root["properties"]["x"],
        json!({"$ref": "#/$defs/Node", "description": "The root."})
    );
    assert_eq!(
        root["$defs"]["Node"]["properties"]["children"]["items"],
        json!({"$ref": "#/$defs/Node"})
    );
    assert_eq!(root["$defs"]["Node"]["additionalProperties"], false);
    let (inner, definitions) = take_definitions(signature.described().input_schema.as_ref());
    assert!(!inner.contains_key("$defs") && definitions.contains_key("Node"));
    assert!(
        with(arg::<Params>("x"))
            .described()
            .input_schema
            .get("$defs")
            .is_none()
    );
}

#[test]
fn the_hash_follows_the_contract_and_not_the_docs() {
    let hash = |signature: Signature| signature.input_hash().to_owned();
    let plain = hash(with(arg::<u32>("x")));
    assert_eq!(plain.len(), 64);
    assert_eq!(plain, hash(with(arg::<u32>("x").doc("Days."))));
    let others = [
        with(arg::<u64>("x")),
        with(arg::<u32>("y")),
        with(arg::<u32>("x").minimum(1)),
        with(arg::<u32>("x").default(&1)),
        with(arg::<Option<u32>>("x")),
        with(arg::<u32>("x")).state(state::<u32>("basis")),
    ];
    let mut seen = vec![plain];
    for other in others {
        let other = hash(other);
        assert!(!seen.contains(&other));
        seen.push(other);
    }
    let swapped = hash(with(arg::<u32>("a")).arg(arg::<u8>("b")));
    assert_eq!(swapped, hash(with(arg::<u8>("b")).arg(arg::<u32>("a"))));
}
