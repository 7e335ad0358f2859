//! The profiles `named` and `strict`, and the lints, over all kinds of types.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lints::{self, Rule};
use super::named::{self, Subject};
use super::{draft07, for_each_child, strict};
use crate::error::Code;
use crate::tool::arg::{Arg, arg, flatten};
use crate::tool::call::{Call, Finished};
use crate::tool::output::output;
use crate::tool::registry::Registry;
use crate::tool::samples::{Amount, Feed, Mesh, Mixing, Node, Params, Part, Tank};
use crate::tool::shape::{FromJson, HasSchema, ToJson};
use crate::tool::signature::Signature;
use crate::tool::spec::{Body, ToolSpec};

fn subject(part: &'static str) -> Subject<'static> {
    Subject {
        server: "tank farm",
        name: "fill_up",
        part,
    }
}

fn named_input(arg: Arg) -> Value {
    let signature = Signature::new(output::<()>()).arg(arg);
    json!(named::input(&signature, subject("input")))
}

fn named_both<T: FromJson + HasSchema + ToJson>() -> [Value; 2] {
    let result = named::output(output::<T>(), subject("result"));
    [named_input(arg::<T>("x")), json!(result)]
}

fn all_named() -> Vec<Value> {
    [
        named_both::<Value>(),
        named_both::<Option<u64>>(),
        named_both::<Mixing>(),
        named_both::<Option<Tank>>(),
        named_both::<Feed>(),
        named_both::<Part>(),
        named_both::<Amount>(),
        named_both::<(u8, String)>(),
        named_both::<BTreeMap<String, Mesh>>(),
        named_both::<Option<Node>>(),
        named_both::<Duration>(),
        named_both::<Params>(),
        named_both::<Shadowing>(),
    ]
    .concat()
}

/// Its inner type has the name that the root has.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Shadowing {
    inner: FillUpInput,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct FillUpInput {
    x: u8,
}

fn every(schema: &Value, visit: &mut dyn FnMut(&Value)) {
    if let Value::Object(inner) = schema {
        visit(schema);
        for_each_child(&mut inner.clone(), &mut |child| every(child, visit));
    }
}

#[test]
fn named_schemas_refer_to_their_types_and_to_nothing_else() {
    for root in all_named() {
        let mut used = Vec::new();
        every(&root, &mut |schema| {
            for keyword in ["oneOf", "const", "unevaluatedProperties"] {
                assert!(schema.get(keyword).is_none(), "{keyword} in {root}");
            }
            if let Some(name) = schema.as_object().and_then(super::reference) {
                assert!(root["$defs"].get(name).is_some(), "{name} in {root}");
                used.push(name.to_owned());
            }
        });
        let defined = root.get("$defs").and_then(Value::as_object);
        for (name, definition) in defined.into_iter().flatten() {
            assert!(used.contains(name), "{name} is not used in {root}");
            assert_eq!(definition["title"], **name);
        }
        assert!(defined.is_none_or(
            |defined| !defined.contains_key("FillUpInput") || root["title"] != "FillUpInput"
        ));
    }
}

#[test]
fn the_root_has_an_id_and_a_name() {
    let root = named_input(arg::<Mesh>("x").doc("Where."));
    assert_eq!(
        root["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(root["$id"], "urn:bgjob:tank-farm:fill_up:input");
    assert_eq!(root["title"], "FillUpInput");
    let expected = json!({"$ref": "#/$defs/Mesh", "description": "Where."});
    assert_eq!(root["properties"]["x"], expected);
    assert_eq!(root["$defs"]["Mesh"]["additionalProperties"], false);
    let signature = Signature::new(output::<()>()).flatten(flatten::<Params>("p"));
    let flat = named::input(&signature, subject("input"));
    assert_eq!(flat["title"], "FillUpInput");
    assert!(flat["properties"]["days"].is_object() && flat["required"].is_array());
}

#[test]
fn two_types_never_share_a_name() {
    let root = named_input(arg::<Shadowing>("x"));
    let definitions = root["$defs"].as_object().unwrap();
    let names: Vec<_> = definitions.keys().collect();
    assert_eq!(names, ["FillUpInput2", "Shadowing"]);
    let inner = &definitions["Shadowing"]["properties"]["inner"];
    assert_eq!(*inner, json!({"$ref": "#/$defs/FillUpInput2"}));
}

#[test]
fn variants_are_named_after_what_tells_them_apart() {
    let titles = |root: &Value, name: &str| -> Vec<Value> {
        let variants = root["$defs"][name]["anyOf"].as_array().unwrap().iter();
        variants.map(|variant| variant["title"].clone()).collect()
    };
    let tagged = named_input(arg::<Feed>("x"));
    assert_eq!(
        titles(&tagged, "Feed"),
        ["FeedConstant", "FeedSeries", "FeedOff"]
    );
    let outside = named_input(arg::<Tank>("x"));
    assert_eq!(
        titles(&outside, "Tank"),
        [Value::Null, json!("TankCylinder"), json!("TankVolume")]
    );
}

#[test]
fn a_struct_in_a_tagged_variant_keeps_its_fields_beside_the_tag() {
    let wire = Signature::new(output::<()>()).arg(arg::<Part>("x"));
    let wire = wire.described().input_schema["properties"]["x"]["anyOf"].clone();
    let named = named_input(arg::<Part>("x"))["$defs"]["Part"]["anyOf"].clone();
    for variants in [wire, named] {
        let keys = |index: usize| -> Vec<String> {
            let properties = variants[index]["properties"].as_object().unwrap();
            properties.keys().cloned().collect()
        };
        assert_eq!(keys(0), ["kind", "size", "steps", "label"], "{variants}");
        assert_eq!(keys(1), ["kind", "name", "children"], "{variants}");
        assert_eq!(variants[0]["required"], json!(["kind", "size"]));
        assert_eq!(variants[1]["additionalProperties"], false);
    }
}

#[test]
fn any_value_is_the_empty_schema_for_generators() {
    let [input, result] = named_both::<Value>();
    assert_eq!(input["properties"]["x"], json!({}));
    assert!(result.get("type").is_none() && result.get("$defs").is_none());
}

#[test]
fn twins_have_no_newer_words() {
    for root in all_named() {
        let twin = json!(draft07::twin(root.as_object().unwrap())).to_string();
        for word in ["$defs", "prefixItems", "2020-12"] {
            assert!(!twin.contains(word), "{word} in {twin}");
        }
    }
}

fn strict_of(signature: &Signature) -> Value {
    json!(strict::strict(&signature.described().input_schema).unwrap())
}

#[test]
fn strict_schemas_require_all_close_all_and_bound_nothing() {
    let signature = Signature::new(output::<()>())
        .arg(arg::<Option<u32>>("a").maximum(5))
        .arg(arg::<Feed>("b"))
        .arg(arg::<Option<Node>>("c").doc("A tree."))
        .arg(arg::<Mixing>("d").default(&Mixing::Gas))
        .arg(arg::<(u8, String)>("e"))
        .arg(arg::<Option<Amount>>("f"))
        .arg(arg::<Option<Duration>>("g"));
    let root = strict_of(&signature);
    every(&root, &mut |schema| {
        let text = schema.to_string();
        for keyword in ["default", "minimum", "maximum", "minItems", "prefixItems"] {
            assert!(schema.get(keyword).is_none(), "{keyword} in {text}");
        }
        if let Some(Value::Object(properties)) = schema.get("properties") {
            let names: Vec<_> = properties.keys().collect();
            assert_eq!(schema["required"], json!(names), "{text}");
            assert_eq!(schema["additionalProperties"], false, "{text}");
        }
    });
    let property = |name: &str| root["properties"][name].clone();
    assert_eq!(property("a"), json!({"type": ["integer", "null"]}));
    let tree =
        json!({"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}], "description": "A tree."});
    assert_eq!(property("c"), tree);
    assert_eq!(
        property("d")["enum"],
        json!(["pumped", "gas", "mechanical", null])
    );
    let branches = property("f")["anyOf"].as_array().unwrap().len();
    assert_eq!(
        property("f")["anyOf"][branches - 1],
        json!({"type": "null"})
    );
}

/// What a strict client sends, with `null` for whatever it leaves out.
#[test]
fn a_call_in_strict_form_is_accepted() {
    let signature = Signature::new(output::<()>())
        .arg(arg::<Mesh>("mesh"))
        .arg(arg::<Option<Node>>("tree"))
        .arg(arg::<Mixing>("mixing").default(&Mixing::Gas));
    let call =
        json!({"mesh": {"size": 1.5, "steps": null, "label": null}, "tree": null, "mixing": null});
    let checked = signature
        .check("fill_up", call.as_object().unwrap().clone())
        .unwrap();
    assert_eq!(checked["mixing"], "gas");
    assert_eq!(checked["mesh"], json!({"size": 1.5}));
}

#[test]
fn what_a_caller_may_shape_has_no_strict_form() {
    let rule = |arg: Arg| {
        let signature = Signature::new(output::<()>()).arg(arg);
        strict::strict(&signature.described().input_schema)
            .unwrap_err()
            .rule
    };
    assert_eq!(rule(arg::<BTreeMap<String, f64>>("x")), Rule::OpenMap);
    assert_eq!(rule(arg::<Option<Value>>("x")), Rule::AnyValue);
}

fn done(_: &Call) -> Finished {
    let never = crate::error::Error::new(Code::ToolError, "not called");
    Err(Box::new(never))
}

fn every_lint() -> Signature {
    Signature::new(output::<()>())
        .arg(arg::<Value>("any"))
        .arg(arg::<BTreeMap<String, u8>>("map"))
        .arg(arg::<(u8, String)>("tuple").doc("Described."))
        .arg(arg::<u64>("big"))
        .arg(arg::<Node>("tree"))
}

fn root_union() -> Signature {
    Signature::new(output::<()>()).flatten(flatten::<Feed>("feed"))
}

#[test]
fn every_lint_is_found_where_it_belongs() {
    static SPECS: [ToolSpec; 2] = [
        ToolSpec::new("a", "a.rs:1", every_lint, Body::Sync(done)),
        ToolSpec::new("b", "b.rs:1", root_union, Body::Sync(done)),
    ];
    let registry = Registry::from_specs(&SPECS).unwrap();
    let found: Vec<_> = registry.iter().flat_map(lints::of).collect();
    for rule in Rule::ALL {
        assert!(found.iter().any(|lint| lint.rule == *rule), "{rule:?}");
    }
    let places = |rule: Rule| -> Vec<&str> {
        let of_rule = found.iter().filter(|lint| lint.rule == rule);
        of_rule.map(|lint| lint.at.as_str()).collect()
    };
    assert_eq!(places(Rule::AnyValue), ["/properties/any"]);
    assert_eq!(places(Rule::OpenMap), ["/properties/map"]);
    assert_eq!(places(Rule::BigInteger), ["/properties/big"]);
    assert!(!places(Rule::UndescribedArgument).contains(&"/properties/tuple"));
}
