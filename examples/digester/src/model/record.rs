//! One line of the time series.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::run::Plant;
use super::{Parameters, Rates, State};
use crate::feed::FeedDay;
use crate::units::{COD_PER_MOL_VFA, NORMAL_MOLAR_VOLUME, acid_alkalinity_ratio};

/// Everything at one instant. Gas flows are rates at that instant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Time since the start (d).
    pub day: f64,
    /// Feed flow (m³/d).
    pub flow_m3_per_d: f64,
    /// COD of the feed (kg/m³).
    pub feed_cod_kg_per_m3: f64,
    /// Organic loading (kg COD/(m³·d)).
    pub organic_loading: f64,
    /// The state.
    #[serde(flatten)]
    pub state: State,
    /// COD of the effluent without bacteria (kg/m³).
    pub effluent_cod_kg_per_m3: f64,
    /// pH (-).
    pub ph: f64,
    /// Volatile acids over alkalinity, mg/L as acetic acid over mg/L as CaCO₃ (-).
    pub acid_alkalinity_ratio: f64,
    /// Growth rate of the acid formers (1/d).
    pub mu1_per_d: f64,
    /// Growth rate of the methane formers (1/d).
    pub mu2_per_d: f64,
    /// Methane (Nm³/d).
    pub methane_nm3_per_d: f64,
    /// Carbon dioxide (Nm³/d).
    pub carbon_dioxide_nm3_per_d: f64,
    /// Methane and carbon dioxide (Nm³/d).
    pub biogas_nm3_per_d: f64,
    /// Methane in the gas space (-): 1 less the share of carbon dioxide.
    pub methane_share: f64,
}

impl Record {
    /// The record of a state.
    pub(super) fn of(
        day: f64,
        feed: &FeedDay,
        plant: &Plant,
        parameters: &Parameters,
        state: State,
    ) -> Self {
        let rates = Rates::of(parameters, &state);
        let gas = |rate: f64| rate * plant.volume_m3 * NORMAL_MOLAR_VOLUME;
        Record {
            day,
            flow_m3_per_d: feed.flow_m3_per_d,
            feed_cod_kg_per_m3: feed.cod_kg_per_m3,
            organic_loading: feed.flow_m3_per_d * feed.cod_kg_per_m3 / plant.volume_m3,
            effluent_cod_kg_per_m3: state.inert_cod
                + state.substrate
                + state.acids * COD_PER_MOL_VFA,
            ph: parameters.ph(&state),
            acid_alkalinity_ratio: acid_alkalinity_ratio(state.acids, state.alkalinity).min(1e6),
            mu1_per_d: rates.mu1,
            mu2_per_d: rates.mu2,
            methane_nm3_per_d: gas(rates.methane),
            carbon_dioxide_nm3_per_d: gas(rates.carbon_dioxide),
            biogas_nm3_per_d: gas(rates.methane + rates.carbon_dioxide),
            methane_share: 1.0 - rates.carbon_dioxide_atm / parameters.pressure_atm,
            state,
        }
    }
}
