//! The result in brief.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::run::{Case, Checkpoint};
use super::{Record, State};
use crate::units::{COD_PER_MOL_METHANE, COD_PER_MOL_VFA, NORMAL_MOLAR_VOLUME};

/// Mean, least and greatest of a quantity over the run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// Mean over time.
    pub mean: f64,
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
}

impl Range {
    fn of(series: &[Record], value: impl Fn(&Record) -> f64) -> Self {
        let values = || series.iter().map(&value);
        Range {
            mean: values().sum::<f64>() / series.len().max(1) as f64,
            min: values().fold(f64::INFINITY, f64::min),
            max: values().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// A sign of an unstable digester that occurred.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flag {
    /// Short name, e.g. `ph_low`.
    pub name: String,
    /// The rule, with its limit and source.
    pub rule: String,
    /// When it occurred first (d).
    pub first_day: f64,
    /// For how long in all (d).
    pub duration_d: f64,
}

/// What is missing in each balance, relative to what went in or was formed (-). Rounding of the solver, so far below
/// 1e-6, except for `cod`: the published yields do not conserve COD exactly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// Degradable COD without acids: fed = washed out + eaten by acid formers + stored.
    pub substrate: f64,
    /// Acids: fed + formed = washed out + eaten by methane formers + stored.
    pub acids: f64,
    /// Inorganic carbon: fed + formed = washed out + given off as gas + stored.
    pub inorganic_carbon: f64,
    /// Methane given off against growth of the methane formers.
    pub methane: f64,
    /// All COD: fed = effluent + methane + bacteria + stored. A property of the yields that were identified, not of the
    /// solver; some percent.
    pub cod: f64,
}

/// The result in brief.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Simulated days.
    pub days: u32,
    /// Lines in the time series.
    pub records: usize,
    /// COD fed (kg).
    pub cod_in_kg: f64,
    /// Part of the COD fed that the effluent, bacteria aside, does not hold (-).
    pub cod_removal: f64,
    /// Methane of the whole run (Nm³).
    pub methane_nm3: f64,
    /// Biogas of the whole run (Nm³).
    pub biogas_nm3: f64,
    /// Methane in the biogas of the whole run (-).
    pub methane_share: f64,
    /// Methane per COD fed (Nm³/kg); at most 0.350.
    pub methane_per_cod_fed: f64,
    /// Biogas (Nm³/d).
    pub biogas_nm3_per_d: Range,
    /// pH (-).
    pub ph: Range,
    /// Volatile acids (mmol/L).
    pub acids_mmol_per_l: Range,
    /// Volatile acids over alkalinity, mg/L over mg/L (-).
    pub acid_alkalinity_ratio: Range,
    /// COD of the effluent without bacteria (kg/m³).
    pub effluent_cod_kg_per_m3: Range,
    /// Organic loading (kg COD/(m³·d)).
    pub organic_loading: Range,
    /// True if no flag was raised.
    pub stable: bool,
    /// Signs of instability.
    pub flags: Vec<Flag>,
    /// How well the amounts add up.
    pub balance: Balance,
    /// The state on the last day.
    pub end: State,
}

/// Oxygen demand of bacteria (kg COD/kg): C₅H₇NO₂ + 5 O₂.
const COD_PER_BIOMASS: f64 = 1.42;

pub(super) fn summarise(case: &Case, run: &Checkpoint) -> Summary {
    let (series, totals) = (&run.series, &run.totals);
    let gas = totals.methane_mol + totals.carbon_dioxide_mol;
    let cod_out =
        totals.substrate_out_kg + totals.inert_out_kg + totals.acids_out_mol * COD_PER_MOL_VFA;
    let flags = flags(case, series);
    Summary {
        days: run.day,
        records: series.len(),
        cod_in_kg: totals.cod_in_kg,
        cod_removal: share(totals.cod_in_kg - cod_out, totals.cod_in_kg),
        methane_nm3: totals.methane_mol * NORMAL_MOLAR_VOLUME,
        biogas_nm3: gas * NORMAL_MOLAR_VOLUME,
        methane_share: share(totals.methane_mol, gas),
        methane_per_cod_fed: share(totals.methane_mol * NORMAL_MOLAR_VOLUME, totals.cod_in_kg),
        biogas_nm3_per_d: Range::of(series, |record| record.biogas_nm3_per_d),
        ph: Range::of(series, |record| record.ph),
        acids_mmol_per_l: Range::of(series, |record| record.state.acids),
        acid_alkalinity_ratio: Range::of(series, |record| record.acid_alkalinity_ratio),
        effluent_cod_kg_per_m3: Range::of(series, |record| record.effluent_cod_kg_per_m3),
        organic_loading: Range::of(series, |record| record.organic_loading),
        stable: flags.is_empty(),
        flags,
        balance: balance(case, run, cod_out),
        end: run.state,
    }
}

/// Nothing of nothing is nothing: a run without feed has shares of 0.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn balance(case: &Case, run: &Checkpoint, cod_out: f64) -> Balance {
    let (p, t, volume) = (&case.parameters, &run.totals, case.plant.volume_m3);
    let stored = |amount: fn(&State) -> f64| volume * (amount(&run.state) - amount(&case.initial));
    // Growth from the balance of the bacteria themselves, so that each line ties two equations of the model.
    let growth1 = stored(|state| state.acid_formers) + t.acid_formers_out_kg;
    let growth2 = stored(|state| state.methane_formers) + t.methane_formers_out_kg;
    let substrate =
        t.substrate_in_kg - t.substrate_out_kg - p.k1 * growth1 - stored(|state| state.substrate);
    let formed = t.acids_in_mol + p.k2 * growth1;
    let acids = formed - t.acids_out_mol - p.k3 * growth2 - stored(|state| state.acids);
    let carbon_in = t.carbon_in_mol + p.k4 * growth1 + p.k5 * growth2;
    let carbon = carbon_in
        - t.carbon_out_mol
        - t.carbon_dioxide_mol
        - stored(|state| state.inorganic_carbon);
    let stored_cod =
        stored(|state| state.substrate + state.inert_cod + state.acids * COD_PER_MOL_VFA);
    let cod = t.cod_in_kg
        - cod_out
        - stored_cod
        - t.methane_mol * COD_PER_MOL_METHANE
        - COD_PER_BIOMASS * (growth1 + growth2);
    Balance {
        substrate: share(substrate, t.substrate_in_kg),
        acids: share(acids, formed),
        inorganic_carbon: share(carbon, carbon_in),
        methane: share(p.k6 * growth2 - t.methane_mol, t.methane_mol),
        cod: share(cod, t.cod_in_kg),
    }
}

fn flags(case: &Case, series: &[Record]) -> Vec<Flag> {
    let optimum = case.parameters.haldane_optimum();
    let step = 1.0 / f64::from(case.records_per_day);
    let raise = |name: &str, rule: String, raised: &dyn Fn(&Record) -> bool| {
        let first = series.iter().find(|record| raised(record))?;
        let duration_d = step * series.iter().filter(|record| raised(record)).count() as f64;
        Some(Flag {
            name: name.into(),
            rule,
            first_day: first.day,
            duration_d,
        })
    };
    [
        raise(
            "acid_alkalinity_high",
            "volatile acids over alkalinity above 0.4 mg/mg: stress (common practice limit)".into(),
            &|record| record.acid_alkalinity_ratio > 0.4,
        ),
        raise(
            "ph_low",
            "pH below 6.8, the lower end of the range for methane formers (Gerardi 2003)".into(),
            &|record| record.ph < 6.8,
        ),
        raise(
            "acids_beyond_optimum",
            format!("volatile acids above {optimum:.1} mmol/L, √(KS2·KI2): from here an overload feeds on itself (Bernard et al. 2001)"),
            &|record| record.state.acids > optimum,
        ),
        raise("methane_poor", "less than 50 % methane in the gas while the digester is fed (own rule)".into(), &|record| record.flow_m3_per_d > 0.0 && record.methane_share < 0.5),
        raise(
            "methane_formers_lost",
            "methane formers below 0.05 kg/m³: washed out (own rule)".into(),
            &|record| record.state.methane_formers < 0.05,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
