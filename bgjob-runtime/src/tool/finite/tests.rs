//! Values written and refused.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::*;
use crate::tool::samples::{Feed, Mesh, Tank};

#[derive(Serialize)]
enum Every {
    Unit,
    Newtype(Option<f64>),
    Tuple(u8, f32),
    Struct { at: BTreeMap<String, Vec<f64>> },
}

fn text(value: &impl Serialize) -> Result<String> {
    let mut sink = Vec::new();
    write(&mut sink, value)?;
    Ok(String::from_utf8(sink).unwrap())
}

fn refused_at(value: &impl Serialize) -> String {
    let error = text(value).unwrap_err();
    assert_eq!(error.code, Code::BadResult);
    error.at.unwrap()
}

#[test]
fn finite_values_come_out_as_serde_json_writes_them() {
    let mesh = Mesh {
        size: 0.1,
        steps: 3,
        label: None,
    };
    let values = (
        [
            Every::Unit,
            Every::Newtype(None),
            Every::Newtype(Some(1.5)),
            Every::Tuple(1, 2.5),
        ],
        Every::Struct {
            at: BTreeMap::from([("x".to_owned(), vec![1.0, -0.0, 1e300])]),
        },
        (
            mesh.clone(),
            Feed::Series {
                flows: vec![1],
                mesh,
            },
            Tank::None,
            (),
            'c',
            "text",
            u64::MAX,
            i64::MIN,
        ),
        json!({"a": [null, true, 1, 1.5, "s"]}),
        BTreeMap::from([(1u8, "integer keys")]),
    );
    assert_eq!(
        text(&values).unwrap(),
        serde_json::to_string(&values).unwrap()
    );
}

#[test]
fn a_non_finite_number_is_named_by_its_pointer() {
    assert_eq!(refused_at(&f64::NAN), "");
    assert_eq!(refused_at(&[0.0, f32::INFINITY]), "/1");
    assert_eq!(refused_at(&Every::Newtype(Some(f64::NAN))), "/Newtype");
    assert_eq!(refused_at(&Every::Tuple(1, f32::NEG_INFINITY)), "/Tuple/1");
    let at = BTreeMap::from([("a/b~".to_owned(), vec![1.0, f64::NAN])]);
    assert_eq!(refused_at(&Every::Struct { at }), "/Struct/at/a~1b~0/1");
    let series = vec![
        Mesh {
            size: 1.0,
            steps: 0,
            label: None,
        },
        Mesh {
            size: f64::NAN,
            steps: 0,
            label: None,
        },
    ];
    assert_eq!(refused_at(&series), "/1/size");
}

#[test]
fn a_map_key_that_is_no_string_is_a_bad_result() {
    let error = text(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
    assert_eq!(error.code, Code::BadResult);
}

#[test]
fn the_message_says_what_and_where() {
    let value: BTreeMap<&str, f64> = BTreeMap::from([("ph", f64::NAN)]);
    let error = text(&value).unwrap_err();
    assert_eq!(
        error.message,
        "the result cannot be written as JSON at `/ph`: NaN is not JSON"
    );
    assert_eq!(text(&Value::Null).unwrap(), "null");
}
