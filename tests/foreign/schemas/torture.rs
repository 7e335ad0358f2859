//! A server of types that are hard on code generators: its exported schemas go through other people's programs.

#![allow(
    clippy::too_many_arguments,
    reason = "one tool shows many kinds of argument"
)]

use std::collections::{BTreeMap, HashMap};
use std::process::ExitCode;
use std::time::Duration;

use bgjob_runtime::background_tool;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Contains itself, directly and through a map.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Node {
    name: String,
    #[serde(default)]
    children: Vec<Node>,
    parent: Option<Box<Node>>,
    links: BTreeMap<String, Node>,
}

/// Tagged inside, with a variant that has no fields and one that is a struct.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Shape {
    /// A circle.
    Circle { radius: f64 },
    /// A box.
    Box(Sides),
    /// Nothing.
    Empty,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Sides {
    width: f64,
    height: f64,
    label: Option<String>,
}

/// Tagged outside.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
enum Tank {
    NotBuilt,
    Cylinder { height: f64 },
    Volume(f64),
    Pair(u8, String),
}

/// Tagged beside.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Beside {
    Number(i64),
    Sides(Sides),
    Nothing,
}

/// Not tagged.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Amount {
    Count(u32),
    Named(String),
    Grid { cells: u32 },
    Pairs(Vec<(f64, f64)>),
}

/// Documented strings.
#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Mixing {
    /// By gas.
    #[default]
    GasLift,
    /// By a propeller.
    Propeller,
    Pumped,
}

/// A struct inside another, an enum beside it, and any further key.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Flat {
    id: u64,
    #[serde(flatten)]
    sides: Sides,
    #[serde(flatten)]
    shape: Shape,
}

/// TypeScript has no type for a key of one type among others of another, so both are numbers.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Rest {
    known: f64,
    #[serde(flatten)]
    rest: BTreeMap<String, f64>,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Wrapper<T> {
    inner: T,
    many: Vec<T>,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Meters(f64);

/// Everything with a default.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Defaults {
    mixing: Mixing,
    steps: u16,
    names: Vec<String>,
    wait: Duration,
    ratio: f32,
    nested: Option<Box<Defaults>>,
}

impl Default for Defaults {
    fn default() -> Self {
        Defaults {
            mixing: Mixing::Pumped,
            steps: 12,
            names: vec!["a".into(), "b \"quoted\"".into()],
            wait: Duration::from_millis(1500),
            ratio: 0.5,
            nested: None,
        }
    }
}

/// Odd keys.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Keywords {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "class")]
    class: u8,
    #[serde(rename = "with space-and-dash")]
    spaced: Option<bool>,
    #[serde(rename = "$dollar")]
    dollar: Option<i8>,
    r#match: char,
}

/// Recursion in and out.
#[background_tool]
fn recursion(
    /// The root.
    root: Node,
    /// Another, perhaps.
    other: Option<Node>,
) -> Node {
    other.unwrap_or(root)
}

/// Enums of every tagging.
#[background_tool]
fn enums(
    shape: Shape,
    tank: Tank,
    beside: Beside,
    amount: Amount,
    #[arg(default = Mixing::GasLift)] mixing: Mixing,
    maybe: Option<Shape>,
) -> Vec<(Shape, Tank)> {
    let _ = (beside, amount, mixing, maybe);
    vec![(shape, tank)]
}

/// Tuples and arrays.
#[background_tool]
fn tuples(pair: (f64, f64), mixed: (u8, String, bool), triple: [i32; 3]) -> (String, Option<u8>) {
    let _ = (pair, triple);
    (mixed.1, Some(mixed.0))
}

/// Maps and values of any type.
#[background_tool]
fn open(
    ratios: HashMap<String, f64>,
    numbered: BTreeMap<u8, Vec<Sides>>,
    anything: Value,
    maybe: Option<Value>,
    rest: Rest,
) -> BTreeMap<String, Value> {
    let _ = (ratios, numbered, maybe, rest);
    BTreeMap::from([("anything".into(), anything)])
}

/// Numbers to the edges.
#[background_tool]
fn numbers(
    big: u64,
    bigger: i128,
    signed: i64,
    small: i8,
    #[arg(range = 1..=3650, default = 100)] days: u32,
    #[arg(range = 0.5..2.5)] ratio: f32,
    wait: Duration,
    length: Meters,
) -> Result<u64, String> {
    let _ = (bigger, signed, small, days, ratio, wait, length.0);
    Ok(big)
}

/// One struct stands for all arguments.
#[background_tool]
fn flattened(#[arg(flatten)] flat: Flat) -> Flat {
    flat
}

/// One enum stands for all arguments.
#[background_tool]
fn flattened_enum(#[arg(flatten)] shape: Shape) -> Option<Shape> {
    Some(shape)
}

/// Defaults, generics, odd keys.
#[background_tool]
fn defaults(
    #[arg(default = Defaults::default())] all: Defaults,
    wrapped: Wrapper<Sides>,
    other: Wrapper<Vec<Option<Mixing>>>,
    keywords: Keywords,
) -> (Defaults, Keywords) {
    let _ = (wrapped.inner.width, other.many.len());
    (all, keywords)
}

/// Neither arguments nor a result.
#[background_tool]
fn nothing() {}

fn main() -> ExitCode {
    bgjob_runtime::App::new("torture", "1.0.0").run()
}
