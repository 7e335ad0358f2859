//! Calls accepted and refused.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{Code, Error};
use crate::tool::arg::{arg, flatten, state};
use crate::tool::output::output;
use crate::tool::samples::{Amount, Feed, Mesh, Mixing, Node, Params, Tank};
use crate::tool::signature::Signature;

fn simulate() -> Signature {
    Signature::new(output::<()>())
        .arg(arg::<u32>("days").minimum(1).maximum(3650).default(&100))
        .arg(arg::<Mesh>("mesh"))
        .arg(arg::<Option<String>>("note"))
        .arg(arg::<Option<Mixing>>("mixing"))
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

pub(super) fn check(signature: &Signature, input: Value) -> Result<Value, Error> {
    signature
        .check("simulate", object(input))
        .map(Value::Object)
}

fn refused(signature: &Signature, input: Value) -> Error {
    let error = check(signature, input.clone()).expect_err(&input.to_string());
    assert!(error.remedy.is_some() && error.at.is_some(), "{error:?}");
    error
}

pub(super) fn with<T: crate::tool::shape::FromJson + crate::tool::shape::HasSchema>() -> Signature {
    Signature::new(output::<()>()).arg(arg::<T>("x"))
}

#[test]
fn the_stored_input_is_complete_and_in_declared_order() {
    let checked = check(&simulate(), json!({"mesh": {"size": 1}})).unwrap();
    let expected = r#"{"days":100,"mesh":{"size":1},"note":null,"mixing":null}"#;
    assert_eq!(checked.to_string(), expected);
    assert_eq!(check(&simulate(), checked.clone()).unwrap(), checked);
}

#[test]
fn a_misspelt_argument_is_refused_with_the_right_name() {
    let error = refused(&simulate(), json!({"mesh": {"size": 1}, "dayz": 3}));
    assert_eq!(error.code, Code::UnknownArgument);
    assert_eq!(error.message, "simulate has no argument `dayz`");
    assert_eq!(error.at.as_deref(), Some("/dayz"));
    assert_eq!(error.did_you_mean.as_deref(), Some("days"));
    assert_eq!(
        error.remedy.as_deref(),
        Some("Rename it and call again. Arguments: days, mesh, note, mixing.")
    );
    assert!(!error.retryable && error.details.is_none());
}

#[test]
fn a_tool_without_arguments_says_so() {
    let error = refused(&Signature::new(output::<()>()), json!({"x": 1}));
    assert_eq!(error.message, "simulate takes no arguments, got `x`");
}

#[test]
fn a_missing_argument_is_named_with_its_type() {
    let error = refused(&simulate(), json!({}));
    assert_eq!(
        (error.code, error.at.as_deref()),
        (Code::MissingArgument, Some("/mesh"))
    );
    assert_eq!(error.message, "simulate needs the argument `mesh`");
    assert_eq!(
        error.remedy.as_deref(),
        Some("Add `mesh`, an object, and call again.")
    );
}

#[test]
fn a_value_of_the_wrong_type_or_out_of_range_says_what_was_expected() {
    let cases = [
        (
            json!("x"),
            "`days` must be an integer from 1 to 3650, got the string \"x\"",
        ),
        (
            json!(0),
            "`days` must be an integer from 1 to 3650, got the number 0",
        ),
        (
            json!(30.5),
            "`days` must be an integer from 1 to 3650, got the number 30.5",
        ),
        (
            json!(5_000_000_000u64),
            "`days` must be an integer from 1 to 3650, got the number 5000000000",
        ),
        (
            json!([1]),
            "`days` must be an integer from 1 to 3650, got an array of 1",
        ),
    ];
    for (days, message) in cases {
        let error = refused(&simulate(), json!({"days": days, "mesh": {"size": 1}}));
        assert_eq!(error.code, Code::InvalidArgument);
        assert_eq!(error.message, message);
        assert_eq!(error.at.as_deref(), Some("/days"));
    }
    let error = refused(&simulate(), json!({"mesh": {"size": 1}, "mixing": "gaz"}));
    assert_eq!(
        error.message,
        "`mixing` must be one of `pumped`, `gas`, `mechanical`, got the string \"gaz\""
    );
}

#[test]
fn nested_mistakes_are_named_by_pointer() {
    let error = refused(&simulate(), json!({"mesh": {"size": "big"}}));
    assert_eq!(
        (error.code, error.at.as_deref()),
        (Code::InvalidArgument, Some("/mesh/size"))
    );
    assert_eq!(
        error.message,
        "`/mesh/size` must be a number, got the string \"big\""
    );
    let error = refused(&simulate(), json!({"mesh": {"size": 1, "stepz": 2}}));
    assert_eq!(
        (error.code, error.at.as_deref()),
        (Code::UnknownArgument, Some("/mesh/stepz"))
    );
    assert_eq!(error.message, "`mesh` has no field `stepz`");
    assert_eq!(error.did_you_mean.as_deref(), Some("steps"));
    let error = refused(&simulate(), json!({"mesh": {"steps": 2}}));
    assert_eq!(
        (error.code, error.at.as_deref()),
        (Code::MissingArgument, Some("/mesh/size"))
    );
}

#[test]
fn all_problems_come_at_once() {
    let error = refused(&simulate(), json!({"dayz": 3, "mixing": 7}));
    assert_eq!(error.code, Code::UnknownArgument);
    let problems = error.details.unwrap()["problems"].clone();
    let codes: Vec<_> = problems
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["code"].clone())
        .collect();
    assert_eq!(codes, ["missing_argument", "invalid_argument"]);
    assert_eq!(problems[1]["at"], "/mixing");
}

#[test]
fn many_problems_stay_a_short_reply() {
    let input: Map<String, Value> = (0..100_000)
        .map(|n| (format!("{n}{}", "x".repeat(50)), json!(n)))
        .collect();
    let error = refused(&simulate(), Value::Object(input));
    assert!(serde_json::to_string(&error).unwrap().len() < 20_000);
}

#[test]
fn integral_floats_are_integers_at_any_depth() {
    let checked = check(
        &simulate(),
        json!({"days": 30.0, "mesh": {"size": 1, "steps": 2.0}}),
    )
    .unwrap();
    assert_eq!(checked["days"].to_string(), "30");
    assert_eq!(checked["mesh"]["steps"].to_string(), "2");
    let feed = with::<Feed>();
    let checked = check(
        &feed,
        json!({"x": {"kind": "series", "flows": [1.0, 2], "mesh": {"size": 2.0}}}),
    )
    .unwrap();
    assert_eq!(checked["x"]["flows"].to_string(), "[1,2]");
    assert_eq!(
        check(&with::<Amount>(), json!({"x": {"cells": 3.0}})).unwrap()["x"]["cells"].to_string(),
        "3"
    );
    let error = refused(&with::<u8>(), json!({"x": 256.0}));
    assert_eq!(
        error.message,
        "`x` must be an integer from 0 to 255, got the number 256"
    );
}

#[test]
fn null_stands_for_an_absent_option() {
    let input =
        json!({"days": null, "mesh": {"size": 1, "label": null, "steps": null}, "note": null});
    let checked = check(&simulate(), input).unwrap();
    assert_eq!(checked["days"], 100);
    assert_eq!(
        refused(&simulate(), json!({"mesh": null})).code,
        Code::InvalidArgument
    );
}

#[test]
fn variants_are_told_apart_by_what_was_meant() {
    let feed = with::<Feed>();
    let error = refused(
        &feed,
        json!({"x": {"kind": "series", "flows": [1, "a"], "mesh": {"size": 1}}}),
    );
    assert_eq!(error.at.as_deref(), Some("/x/flows/1"));
    let error = refused(&feed, json!({"x": {"kind": "constent", "flow": 1}}));
    assert_eq!(
        error.message,
        "`/x/kind` must be one of `constant`, `series`, `off`, got the string \"constent\""
    );
    let error = refused(&feed, json!({"x": {"flow": 1}}));
    assert_eq!(
        (error.code, error.at.as_deref()),
        (Code::MissingArgument, Some("/x/kind"))
    );
    let error = refused(
        &with::<Tank>(),
        json!({"x": {"cylinder": {"height_m": 1, "diameter_m": "x"}}}),
    );
    assert_eq!(error.at.as_deref(), Some("/x/cylinder/diameter_m"));
    let error = refused(&with::<Amount>(), json!({"x": true}));
    assert!(
        error.message.starts_with("`x` must be an integer"),
        "{error}"
    );
}

#[test]
fn misspelt_keys_inside_variants_and_recursion_are_found() {
    let input = json!({"x": {"kind": "constant", "flow": 1, "flo": 2}});
    let error = refused(&with::<Feed>(), input);
    assert_eq!(
        (error.code, error.at.as_deref()),
        (Code::UnknownArgument, Some("/x/flo"))
    );
    assert_eq!(error.did_you_mean.as_deref(), Some("flow"));
    let input = json!({"x": {"name": "a", "children": [{"name": "b", "childs": []}]}});
    let error = refused(&with::<Node>(), input);
    assert_eq!(error.at.as_deref(), Some("/x/children/0/childs"));
    let input = json!({"x": {"cylinder": {"height_m": 1, "diameter_m": 1, "colour": 1}}});
    assert_eq!(
        refused(&with::<Tank>(), input).at.as_deref(),
        Some("/x/cylinder/colour")
    );
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Defaulted {
    #[serde(alias = "colour")]
    color: String,
    #[serde(flatten)]
    #[expect(dead_code, reason = "only its fields matter")]
    inner: BTreeMap<String, u8>,
}

impl Default for Defaulted {
    fn default() -> Self {
        Defaulted {
            color: "red".into(),
            inner: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Aliased {
    #[serde(alias = "colour")]
    color: String,
}

#[test]
fn an_alias_is_known_and_a_typo_beside_it_is_not() {
    check(&with::<Aliased>(), json!({"x": {"colour": "blue"}})).unwrap();
    let error = refused(
        &with::<Aliased>(),
        json!({"x": {"colour": "blue", "kolor": 1}}),
    );
    assert_eq!(error.at.as_deref(), Some("/x/kolor"));
    check(
        &with::<Defaulted>(),
        json!({"x": {"colour": "blue", "other": 3}}),
    )
    .unwrap();
}

#[test]
fn one_struct_stands_for_all_arguments() {
    let signature = Signature::new(output::<()>()).flatten(flatten::<Params>("params"));
    let checked = check(&signature, json!({"days": 3.0, "ratios": {"a": 1}})).unwrap();
    assert_eq!(
        checked,
        json!({"days": 3, "ratios": {"a": 1}, "step": 10, "pair": [0, 0]})
    );
    let error = refused(&signature, json!({"dayz": 3, "ratios": {}}));
    assert_eq!(
        (error.code, error.message.as_str()),
        (Code::UnknownArgument, "simulate has no argument `dayz`")
    );
    assert_eq!(error.did_you_mean.as_deref(), Some("days"));
    let error = refused(&signature, json!({"days": 5000, "ratios": {}}));
    assert_eq!(
        error.message,
        "`days` must be an integer from 1 to 3650, got the number 5000"
    );
    let error = refused(&signature, json!({"days": 1, "ratios": {"a": "b"}}));
    assert_eq!(error.at.as_deref(), Some("/ratios/a"));
    let error = refused(&signature, json!({"days": 1, "ratios": {}, "pear": [1, 2]}));
    assert_eq!(error.did_you_mean.as_deref(), Some("pair"));
}

#[test]
fn a_secret_value_is_in_no_message() {
    let secret = "hunter2hunter2";
    let signature = Signature::new(output::<()>())
        .arg(arg::<Mixing>("plain").skip_log())
        .arg(arg::<BTreeMap<String, u8>>("map").skip_log())
        .arg(arg::<Feed>("feed").skip_log());
    let input =
        json!({"plain": secret, "map": {secret: secret}, "feed": {"kind": secret, secret: 1}});
    let error = refused(&signature, input);
    let text = serde_json::to_string(&error).unwrap();
    assert!(!text.contains(secret), "{text}");
    assert_eq!(error.at.as_deref(), Some("/plain"));
    assert_eq!(
        error.details.unwrap()["problems"].as_array().unwrap().len(),
        2
    );
    assert!(signature.is_secret("map") && !signature.is_secret("other"));
}

#[test]
fn state_values_are_checked_against_what_is_read() {
    let signature = Signature::new(output::<()>()).state(state::<Mesh>("basis"));
    signature
        .check_state("basis", &json!({"size": 1, "more": 2}))
        .unwrap();
    let error = signature
        .check_state("basis", &json!({"size": "x"}))
        .unwrap_err();
    assert_eq!(error.code, Code::InvalidState);
    assert!(
        error.message.contains("`basis`") && error.message.contains("/size"),
        "{error}"
    );
}
