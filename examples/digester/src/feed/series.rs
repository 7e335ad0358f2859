//! A feed that changes over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Basis;
use crate::DigesterError;
use crate::error::within;
use crate::units::COD_PER_MOL_VFA;

/// The vinasse campaign that ships with the crate.
const WINERY_DISTILLERY: &str = include_str!("../../data/winery_distillery_campaign.json");

/// Where the numbers of a feed come from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Provenance {
    /// The publication.
    pub source: String,
    /// What was taken from it, number by number.
    pub published: Vec<String>,
    /// What the authors of this crate chose because the source does not say.
    pub chosen: Vec<String>,
}

/// The feed from one day on, until the next entry.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedDay {
    /// First day, counted from 0, on which these numbers hold.
    pub day: u32,
    /// Flow (m³/d), 0 to 1,000,000; 0 means that nothing is fed.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub flow_m3_per_d: f64,
    /// Total COD, acids included (kg/m³), 0 to 500.
    #[schemars(range(min = 0.0, max = 500.0))]
    pub cod_kg_per_m3: f64,
    /// Volatile fatty acids as acetic acid (mmol/L), 0 to 5000.
    #[schemars(range(min = 0.0, max = 5000.0))]
    pub vfa_mmol_per_l: f64,
    /// Alkalinity as fed, dosing included (mmol/L), 0 to 2000.
    #[schemars(range(min = 0.0, max = 2000.0))]
    pub alkalinity_mmol_per_l: f64,
    /// Total inorganic carbon (mmol/L), 0 to 2000.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 2000.0))]
    pub inorganic_carbon_mmol_per_l: f64,
}

/// A feed over time: flow and concentrations, constant from one entry to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedSeries {
    /// What this feed is.
    pub name: String,
    /// Where its numbers come from.
    #[serde(default)]
    pub provenance: Provenance,
    /// Length of the series (d), 1 to 3650.
    #[schemars(range(min = 1, max = 3650))]
    pub length_d: u32,
    /// Part of the COD that can be degraded (-), 0.05 to 1.
    #[schemars(range(min = 0.05, max = 1.0))]
    pub biodegradable_fraction: f64,
    /// Entries, ascending by day; the first is day 0.
    pub days: Vec<FeedDay>,
}

impl FeedSeries {
    /// The feed of a constant digester: the basis of design, `length_d` days long.
    pub fn constant(basis: &Basis, length_d: u32) -> Self {
        FeedSeries {
            name: "basis of design, constant".into(),
            provenance: Provenance::default(),
            length_d,
            biodegradable_fraction: basis.biodegradable_fraction,
            days: vec![FeedDay {
                day: 0,
                flow_m3_per_d: basis.flow_m3_per_d,
                cod_kg_per_m3: basis.cod_kg_per_m3,
                vfa_mmol_per_l: basis.vfa_mmol_per_l,
                alkalinity_mmol_per_l: basis.alkalinity_mmol_per_l,
                inorganic_carbon_mmol_per_l: basis.inorganic_carbon_mmol_per_l,
            }],
        }
    }

    /// A 300-day campaign with the vinasse of [`Basis::winery_distillery`]; the data file says which numbers are
    /// published and which are chosen.
    ///
    /// # Errors
    /// [`DigesterError::Malformed`] only if the embedded file was damaged.
    pub fn winery_distillery() -> Result<Self, DigesterError> {
        Self::from_json(WINERY_DISTILLERY)
    }

    /// Reads and checks a series.
    ///
    /// # Errors
    /// [`DigesterError::Malformed`] for text that is no series, and whatever [`FeedSeries::check`] finds.
    pub fn from_json(text: &str) -> Result<Self, DigesterError> {
        let series: FeedSeries =
            serde_json::from_str(text).map_err(|error| DigesterError::Malformed {
                what: "the feed series".into(),
                message: error.to_string(),
            })?;
        series.check()?;
        Ok(series)
    }

    /// The same course of events at another plant: every flow and concentration is scaled by the ratio of `basis`
    /// to `nominal`, the basis that this series was written for.
    pub fn scaled(&self, nominal: &Basis, basis: &Basis) -> Self {
        // A quantity that the nominal feed lacks cannot be scaled; it stays as the series has it.
        let ratio = |to: f64, from: f64| if from > 0.0 { to / from } else { 1.0 };
        let flow = ratio(basis.flow_m3_per_d, nominal.flow_m3_per_d);
        let cod = ratio(basis.cod_kg_per_m3, nominal.cod_kg_per_m3);
        let vfa = ratio(basis.vfa_mmol_per_l, nominal.vfa_mmol_per_l);
        let alkalinity = ratio(basis.alkalinity_mmol_per_l, nominal.alkalinity_mmol_per_l);
        let carbon = ratio(
            basis.inorganic_carbon_mmol_per_l,
            nominal.inorganic_carbon_mmol_per_l,
        );
        let mut scaled = self.clone();
        scaled.biodegradable_fraction = basis.biodegradable_fraction;
        for day in &mut scaled.days {
            day.flow_m3_per_d *= flow;
            day.cod_kg_per_m3 *= cod;
            day.vfa_mmol_per_l *= vfa;
            day.alkalinity_mmol_per_l *= alkalinity;
            day.inorganic_carbon_mmol_per_l *= carbon;
        }
        scaled
    }

    /// The same series cut to its first `length_d` days, or stretched by holding its last entry.
    pub fn with_length(mut self, length_d: u32) -> Self {
        self.days.retain(|day| day.day < length_d.max(1));
        self.length_d = length_d;
        self
    }

    /// The entry that holds on `day` (counted from 0). Before the first entry, the first.
    pub fn at(&self, day: u32) -> Option<&FeedDay> {
        let next = self.days.partition_point(|entry| entry.day <= day);
        self.days.get(next.saturating_sub(1))
    }

    /// Degradable COD without the acids on an entry (kg/m³): the model's S1 of the feed.
    pub fn degradable_without_acids(&self, day: &FeedDay) -> f64 {
        self.biodegradable_fraction * day.cod_kg_per_m3 - day.vfa_mmol_per_l * COD_PER_MOL_VFA
    }

    /// Checks order, ranges and that the acids are not more than the degradable COD.
    ///
    /// # Errors
    /// [`DigesterError::OutOfRange`] or [`DigesterError::Inconsistent`] for the first entry at fault.
    pub fn check(&self) -> Result<(), DigesterError> {
        within("length_d", f64::from(self.length_d), "d", 1.0..=3650.0)?;
        within(
            "biodegradable_fraction",
            self.biodegradable_fraction,
            "-",
            0.05..=1.0,
        )?;
        if self.days.first().is_none_or(|first| first.day != 0) {
            return Err(inconsistent(
                "the first entry of a feed series must be day 0".into(),
            ));
        }
        if let Some(pair) = self.days.windows(2).find(|pair| pair[0].day >= pair[1].day) {
            return Err(inconsistent(format!(
                "day {} does not come after day {}",
                pair[1].day, pair[0].day
            )));
        }
        self.days.iter().try_for_each(|day| self.check_day(day))
    }

    fn check_day(&self, day: &FeedDay) -> Result<(), DigesterError> {
        let field = |name: &str| format!("{name} of day {}", day.day);
        within(
            &field("flow_m3_per_d"),
            day.flow_m3_per_d,
            "m³/d",
            0.0..=1e6,
        )?;
        within(
            &field("cod_kg_per_m3"),
            day.cod_kg_per_m3,
            "kg/m³",
            0.0..=500.0,
        )?;
        within(
            &field("vfa_mmol_per_l"),
            day.vfa_mmol_per_l,
            "mmol/L",
            0.0..=5000.0,
        )?;
        within(
            &field("alkalinity_mmol_per_l"),
            day.alkalinity_mmol_per_l,
            "mmol/L",
            0.0..=2000.0,
        )?;
        within(
            &field("inorganic_carbon_mmol_per_l"),
            day.inorganic_carbon_mmol_per_l,
            "mmol/L",
            0.0..=2000.0,
        )?;
        if self.degradable_without_acids(day) < -1e-9 {
            return Err(inconsistent(format!(
                "on day {} the acids ({} mmol/L) hold more COD than the feed has degradable",
                day.day, day.vfa_mmol_per_l
            )));
        }
        Ok(())
    }
}

fn inconsistent(message: String) -> DigesterError {
    DigesterError::Inconsistent { message }
}
