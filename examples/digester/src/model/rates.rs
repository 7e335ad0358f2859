//! Growth, gas transfer and the right-hand side of the balances.

use differential_equations::prelude::ODE;

use super::{Parameters, State};

/// What happens in the digester in a given state, per liquid volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Growth rate of the acid formers (1/d).
    pub mu1: f64,
    /// Growth rate of the methane formers (1/d).
    pub mu2: f64,
    /// Methane to the gas (mmol/(L·d) = mol/(m³·d)).
    pub methane: f64,
    /// Carbon dioxide to the gas (mmol/(L·d)).
    pub carbon_dioxide: f64,
    /// Partial pressure of carbon dioxide (atm).
    pub carbon_dioxide_atm: f64,
}

impl Rates {
    /// Rates in a state.
    pub fn of(parameters: &Parameters, state: &State) -> Self {
        let p = parameters;
        let mu1 = p.mu1_max * state.substrate / (p.ks1 + state.substrate);
        let mu2 =
            p.mu2_max * state.acids / (p.ks2 + state.acids + state.acids * state.acids / p.ki2);
        let methane = p.k6 * mu2 * state.methane_formers;
        // More alkalinity than carbon and acids leaves no free CO2 to give off.
        let dissolved = (state.inorganic_carbon + state.acids - state.alkalinity).max(0.0);
        let saturation = p.kh * p.pressure_atm;
        let phi = dissolved + saturation + methane / p.kla;
        // phi² ≥ (dissolved + saturation)² ≥ 4 · saturation · dissolved, so the root is real; the second form of the
        // solution of the quadratic avoids the difference of near equals.
        let root = (phi * phi - 4.0 * saturation * dissolved).max(0.0).sqrt();
        let carbon_dioxide_atm = 2.0 * p.pressure_atm * dissolved / (phi + root);
        Rates {
            mu1,
            mu2,
            methane,
            carbon_dioxide: (p.kla * (dissolved - p.kh * carbon_dioxide_atm)).max(0.0),
            carbon_dioxide_atm,
        }
    }
}

/// Number of running integrals beside the state.
pub(super) const INTEGRALS: usize = 8;
/// Length of the integrated vector.
pub(super) const LEN: usize = State::LEN + INTEGRALS;

/// The balances during one day of constant feed.
///
/// The first seven entries are the state. The others integrate what leaves, so that daily amounts are as exact as the
/// state itself: X1, X2, S1, S2, C, inert COD over time; then CO₂ and CH₄ given off.
pub(super) struct Balances<'a> {
    pub parameters: &'a Parameters,
    /// D, dilution rate (1/d).
    pub dilution: f64,
    /// alpha, fraction of the bacteria that leaves with the liquid (-).
    pub biomass_leaving: f64,
    /// Concentrations of the feed; its bacteria are 0.
    pub feed: State,
}

impl ODE<f64, [f64; LEN]> for Balances<'_> {
    fn diff(&self, _day: f64, y: &[f64; LEN], dydt: &mut [f64; LEN]) {
        let state = State::from_slice(y);
        let rates = Rates::of(self.parameters, &state);
        let (p, d) = (self.parameters, self.dilution);
        let (growth1, growth2) = (
            rates.mu1 * state.acid_formers,
            rates.mu2 * state.methane_formers,
        );
        let loss = self.biomass_leaving * d;
        *dydt = [
            growth1 - loss * state.acid_formers,
            growth2 - loss * state.methane_formers,
            d * (self.feed.alkalinity - state.alkalinity),
            d * (self.feed.substrate - state.substrate) - p.k1 * growth1,
            d * (self.feed.acids - state.acids) + p.k2 * growth1 - p.k3 * growth2,
            d * (self.feed.inorganic_carbon - state.inorganic_carbon) - rates.carbon_dioxide
                + p.k4 * growth1
                + p.k5 * growth2,
            d * (self.feed.inert_cod - state.inert_cod),
            state.acid_formers,
            state.methane_formers,
            state.substrate,
            state.acids,
            state.inorganic_carbon,
            state.inert_cod,
            rates.carbon_dioxide,
            rates.methane,
        ];
    }
}
