//! The state of the digester.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is in the digester, per liquid volume. All values are at least 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// X1, acid formers (kg/m³ = g/L).
    pub acid_formers: f64,
    /// X2, methane formers (kg/m³).
    pub methane_formers: f64,
    /// Z, alkalinity (mmol/L).
    pub alkalinity: f64,
    /// S1, degradable COD without the acids (kg COD/m³).
    pub substrate: f64,
    /// S2, volatile acids as acetic acid (mmol/L).
    pub acids: f64,
    /// C, total inorganic carbon (mmol/L).
    pub inorganic_carbon: f64,
    /// COD that bacteria cannot degrade (kg COD/m³); passive.
    #[serde(default)]
    pub inert_cod: f64,
}

impl State {
    /// Number of quantities.
    pub(crate) const LEN: usize = 7;

    /// A seeded digester before its first feed. The values are chosen by the authors of this crate: sludge of a running
    /// plant, well buffered, pH 6.9.
    pub fn seeded() -> Self {
        State {
            acid_formers: 0.5,
            methane_formers: 1.0,
            alkalinity: 60.0,
            substrate: 1.0,
            acids: 5.0,
            inorganic_carbon: 65.0,
            inert_cod: 0.5,
        }
    }

    pub(crate) fn to_array(self) -> [f64; Self::LEN] {
        [
            self.acid_formers,
            self.methane_formers,
            self.alkalinity,
            self.substrate,
            self.acids,
            self.inorganic_carbon,
            self.inert_cod,
        ]
    }

    /// Negative rounding dust of the solver becomes 0.
    pub(crate) fn from_slice(values: &[f64]) -> Self {
        let at = |index: usize| values.get(index).copied().unwrap_or(0.0).max(0.0);
        State {
            acid_formers: at(0),
            methane_formers: at(1),
            alkalinity: at(2),
            substrate: at(3),
            acids: at(4),
            inorganic_carbon: at(5),
            inert_cod: at(6),
        }
    }
}

impl Default for State {
    fn default() -> Self {
        State::seeded()
    }
}
