//! The identified parameters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::State;

/// Parameters of the model; the defaults are those that Bernard et al. (2001) identified on raw industrial
/// wine-distillery wastewater in an up-flow fixed bed of 1 m³.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Greatest growth rate of the acid formers (1/d): 1.2.
    pub mu1_max: f64,
    /// Half-saturation of the acid formers (kg COD/m³): 7.1.
    pub ks1: f64,
    /// Growth rate of the methane formers without limitation (1/d): 0.74.
    pub mu2_max: f64,
    /// Half-saturation of the methane formers (mmol/L): 9.28.
    pub ks2: f64,
    /// Inhibition by volatile acids (mmol/L): 256.
    pub ki2: f64,
    /// COD used per acid former grown (kg COD/kg): 42.14.
    pub k1: f64,
    /// Acids formed per acid former grown (mmol/g): 116.5.
    pub k2: f64,
    /// Acids used per methane former grown (mmol/g): 268.
    pub k3: f64,
    /// Carbon dioxide per acid former grown (mmol/g): 50.6.
    pub k4: f64,
    /// Carbon dioxide per methane former grown (mmol/g): 343.6.
    pub k5: f64,
    /// Methane per methane former grown (mmol/g): 453.
    pub k6: f64,
    /// Transfer of carbon dioxide to the gas (1/d): 19.8.
    pub kla: f64,
    /// Solubility of carbon dioxide (mmol/(L·atm)): 16.
    pub kh: f64,
    /// Pressure of the gas, CO₂ and CH₄ (atm): 1.
    pub pressure_atm: f64,
    /// Constant of CO₂/bicarbonate (mol/L): 6.5e-7.
    pub kb: f64,
    /// Constant of the volatile acids (mol/L): 1.5e-5.
    pub ka: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            mu1_max: 1.2,
            ks1: 7.1,
            mu2_max: 0.74,
            ks2: 9.28,
            ki2: 256.0,
            k1: 42.14,
            k2: 116.5,
            k3: 268.0,
            k4: 50.6,
            k5: 343.6,
            k6: 453.0,
            kla: 19.8,
            kh: 16.0,
            pressure_atm: 1.0,
            kb: 6.5e-7,
            ka: 1.5e-5,
        }
    }
}

impl Parameters {
    /// Acid concentration beyond which more acid means slower methane formers (mmol/L): √(KS2·KI2), 48.7 by default.
    /// Past it an overload feeds on itself.
    pub fn haldane_optimum(&self) -> f64 {
        (self.ks2 * self.ki2).sqrt()
    }

    /// Greatest growth rate that the methane formers reach, at the Haldane optimum (1/d): 0.536 by default. A digester
    /// whose alpha·D is above loses them.
    pub fn mu2_reachable(&self) -> f64 {
        self.mu2_max / (1.0 + 2.0 * (self.ks2 / self.ki2).sqrt())
    }

    /// pH (-) from the charge balance Z = bicarbonate + ionised acids, each by its constant.
    ///
    /// The publication takes the acids as wholly ionised, pH = −log₁₀(Kb (C − Z + S2) / (Z − S2)). That is the same near
    /// neutrality and undefined in a soured digester (Z ≤ S2), where this balance still has a solution. Values are
    /// confined to 2 to 12.
    pub fn ph(&self, state: &State) -> f64 {
        let charge = |ph: f64| {
            let hydrogen = 10f64.powf(-ph);
            state.inorganic_carbon * self.kb / (self.kb + hydrogen)
                + state.acids * self.ka / (self.ka + hydrogen)
        };
        // The charge grows with the pH, so bisection cannot miss; 40 halvings of 10 units leave 1e-11.
        let (mut low, mut high) = (2.0, 12.0);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if charge(middle) < state.alkalinity {
                low = middle
            } else {
                high = middle
            }
        }
        0.5 * (low + high)
    }
}
