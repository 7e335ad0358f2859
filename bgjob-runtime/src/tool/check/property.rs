//! What the wire schema accepts, the check accepts, and the stored input is read back.

use proptest::prelude::*;
use proptest::sample::select;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::tests::{Defaulted, check, object, with};
use crate::tool::samples::{Amount, Feed, Mesh, Mixing, Node, Params, Part, Tank};

/// Values that `schema` accepts.
fn accepted(schema: &Value, definitions: &Map<String, Value>, depth: u32) -> BoxedStrategy<Value> {
    let schema = schema.as_object().expect("a schema");
    if let Some(name) = crate::tool::schema::reference(schema) {
        return accepted(&definitions[name], definitions, depth);
    }
    if let Some(branches) = schema.get("anyOf") {
        let branches = branches.as_array().unwrap().iter();
        let branches: Vec<_> = branches
            .map(|branch| accepted(branch, definitions, depth))
            .collect();
        return proptest::strategy::Union::new(branches).boxed();
    }
    if let Some(values) = schema.get("enum") {
        return select(values.as_array().unwrap().clone()).boxed();
    }
    match &schema["type"] {
        Value::String(kind) => of_type(kind, schema, definitions, depth),
        kinds => {
            let kinds = kinds.as_array().unwrap().iter().filter_map(Value::as_str);
            let each: Vec<_> = kinds
                .map(|kind| of_type(kind, schema, definitions, depth))
                .collect();
            proptest::strategy::Union::new(each).boxed()
        }
    }
}

fn of_type(
    kind: &str,
    schema: &Map<String, Value>,
    definitions: &Map<String, Value>,
    depth: u32,
) -> BoxedStrategy<Value> {
    match kind {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "string" => ".{1}".prop_map(Value::from).boxed(),
        "integer" => integers(schema),
        "number" => prop_oneof![
            (-1e9..1e9).prop_map(Value::from),
            any::<i32>().prop_map(Value::from)
        ]
        .boxed(),
        "array" => arrays(schema, definitions, depth),
        "object" => objects(schema, definitions, depth),
        other => panic!("no type {other}"),
    }
}

/// Both ways of writing them.
fn integers(schema: &Map<String, Value>) -> BoxedStrategy<Value> {
    let low = schema
        .get("minimum")
        .and_then(Value::as_i64)
        .unwrap_or(i64::MIN);
    let high = schema
        .get("maximum")
        .and_then(Value::as_i64)
        .unwrap_or(i64::MAX);
    let exact = 1i64 << 53;
    prop_oneof![
        (low..=high).prop_map(Value::from),
        (low.max(-exact)..=high.min(exact)).prop_map(|n| Value::from(n as f64)),
    ]
    .boxed()
}

fn arrays(
    schema: &Map<String, Value>,
    definitions: &Map<String, Value>,
    depth: u32,
) -> BoxedStrategy<Value> {
    if let Some(places) = schema.get("prefixItems") {
        let places: Vec<_> = places
            .as_array()
            .unwrap()
            .iter()
            .map(|s| accepted(s, definitions, depth))
            .collect();
        return places.prop_map(Value::Array).boxed();
    }
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0) as usize;
    let most = schema
        .get("maxItems")
        .and_then(Value::as_u64)
        .unwrap_or(if depth == 0 { 0 } else { 3 }) as usize;
    if most == 0 {
        return Just(json!([])).boxed();
    }
    let item = accepted(&schema["items"], definitions, depth.saturating_sub(1));
    proptest::collection::vec(item, least..=most)
        .prop_map(Value::Array)
        .boxed()
}

fn objects(
    schema: &Map<String, Value>,
    definitions: &Map<String, Value>,
    depth: u32,
) -> BoxedStrategy<Value> {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &String| {
        required
            .as_array()
            .is_some_and(|r| r.contains(&json!(name)))
    };
    let mut members: Vec<BoxedStrategy<Option<(String, Value)>>> = Vec::new();
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let name_again = name.clone();
        let member = accepted(property, definitions, depth.saturating_sub(1))
            .prop_map(move |v| (name_again.clone(), v));
        members.push(if is_required(name) {
            member.prop_map(Some).boxed()
        } else {
            proptest::option::of(member).boxed()
        });
    }
    if let Some(open @ Value::Object(_)) = schema.get("additionalProperties") {
        let value = accepted(open, definitions, depth.saturating_sub(1));
        members.push(proptest::option::of(("[a-z]{12}", value)).boxed());
    }
    members
        .prop_map(|members| Value::Object(members.into_iter().flatten().collect()))
        .boxed()
}

pub(super) fn holds<T>(cases: u32) -> Result<(), String>
where
    T: crate::tool::shape::FromJson + crate::tool::shape::HasSchema,
{
    let signature = with::<T>();
    let described = signature.described();
    let strategy = accepted(
        &Value::Object((*described.input_schema).clone()),
        &described.definitions,
        3,
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&strategy, |input| {
            let checked = check(&signature, input)
                .map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
            let args = object(checked.clone());
            let again = check(&signature, checked.clone())
                .map_err(|error| TestCaseError::fail(error.message))?;
            prop_assert_eq!(&again, &checked);
            if let Some(value) = args.get("x") {
                prop_assert!(crate::tool::shape::read::<T>(value).is_ok());
            }
            Ok(())
        })
        .map_err(|error| format!("{}: {error}", std::any::type_name::<T>()))
}

#[test]
fn what_the_schema_accepts_the_check_accepts() {
    let all = [
        holds::<u8>,
        holds::<i64>,
        holds::<Option<u32>>,
        holds::<f64>,
        holds::<String>,
        holds::<char>,
        holds::<Value>,
        holds::<Option<Value>>,
        holds::<Mixing>,
        holds::<Option<Mixing>>,
        holds::<Tank>,
        holds::<Feed>,
        holds::<Part>,
        holds::<Amount>,
        holds::<(u8, String)>,
        holds::<[u16; 2]>,
        holds::<Vec<Option<f64>>>,
        holds::<BTreeMap<String, Mesh>>,
        holds::<Node>,
        holds::<Option<Node>>,
        holds::<Params>,
        holds::<Defaulted>,
    ];
    for holds in all {
        holds(200).unwrap();
    }
}
