//! Types made of types: every container of serde's around every kind of value, so that what holds of a
//! part is also seen to hold inside the others.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::property::holds;
use crate::tool::samples::{Amount, Feed, Mixing, Node, Params, Tank};

/// Some of it may be left out.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Record<T> {
    first: T,
    second: Option<T>,
    // Without the path serde asks for `T: Default`.
    #[serde(default = "Vec::<T>::new")]
    third: Vec<T>,
}

/// A name for it.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Wrapped<T>(T);

/// Next to members of its own.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Flattened<T> {
    own: u8,
    #[serde(flatten)]
    rest: Record<T>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Closed<T> {
    the_value: T,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum External<T> {
    Nothing,
    One(T),
    Two(T, u8),
    Named { value: T },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Internal<T> {
    Nothing,
    Named { value: T, more: Option<T> },
    Record(Record<T>),
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "value")]
enum Adjacent<T> {
    Nothing,
    One(T),
    Named { value: T },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Untagged<T> {
    Named { value: T },
    Many(Vec<T>),
}

/// The test of each part in each container.
macro_rules! composed {
    ($($part:ty),*) => { [$(
        &[
            holds::<Option<$part>> as fn(u32) -> Result<(), String>,
            holds::<Vec<$part>>,
            holds::<Vec<Option<$part>>>,
            holds::<Option<Vec<$part>>>,
            holds::<BTreeMap<String, $part>>,
            holds::<[$part; 2]>,
            holds::<($part, bool)>,
            holds::<Box<$part>>,
            holds::<Record<$part>>,
            holds::<Wrapped<$part>>,
            holds::<Flattened<$part>>,
            holds::<Closed<$part>>,
            holds::<External<$part>>,
            holds::<Internal<$part>>,
            holds::<Adjacent<$part>>,
            holds::<Untagged<$part>>,
            holds::<Vec<Record<External<$part>>>>,
            holds::<Internal<Adjacent<Option<$part>>>>,
        ][..],
    )*] };
}

/// Cases for each of the types; there are some two hundred.
const CASES: u32 = 32;

#[test]
fn what_holds_of_a_part_holds_inside_every_container() {
    let parts = composed![
        u8, i64, f64, bool, String, Value, Mixing, Tank, Feed, Amount, Node, Params
    ];
    let broken: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter_map(|holds| holds(CASES).err())
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
