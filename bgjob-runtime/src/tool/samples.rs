//! Types that the unit tests of this folder share.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A mesh.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mesh {
    /// Cell size, in m.
    pub size: f64,
    /// Refinement steps.
    #[serde(default)]
    pub steps: u8,
    /// A name for people.
    pub label: Option<String>,
}

/// How the digester is mixed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mixing {
    /// By recirculated gas.
    Gas,
    /// By a propeller.
    Mechanical,
    Pumped,
}

/// Externally tagged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tank {
    /// Not built yet.
    None,
    Cylinder {
        height_m: f64,
        diameter_m: f64,
    },
    Volume(f64),
}

/// Internally tagged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Feed {
    Constant { flow: u32 },
    Series { flows: Vec<u32>, mesh: Mesh },
    Off,
}

/// Internally tagged, each variant a struct of its own; one is recursive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Part {
    Grid(Mesh),
    Tree(Node),
}

/// Untagged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    Count(u32),
    Named(String),
    Grid { cells: u32 },
}

/// Recursive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    pub name: String,
    #[serde(default)]
    pub children: Vec<Node>,
}

/// All the arguments at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Params {
    /// Days to simulate, in d.
    #[schemars(range(min = 1, max = 3650))]
    pub days: u32,
    #[serde(default = "ten")]
    pub step: u32,
    pub note: Option<String>,
    #[serde(flatten)]
    pub inner: Inner,
    pub wait: Option<Duration>,
}

/// Flattened into [`Params`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inner {
    pub ratios: BTreeMap<String, f64>,
    #[serde(default)]
    pub pair: (u8, u8),
}

fn ten() -> u32 {
    10
}
