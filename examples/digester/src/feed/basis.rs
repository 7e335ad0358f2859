//! The basis of design.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DigesterError;
use crate::error::within;
use crate::units::COD_PER_MOL_VFA;

/// The basis of design: the average feed that the digester is built for.
///
/// [`Basis::winery_distillery`] is a real one. Concentrations are those of the feed as it enters the digester.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Average feed flow (m³/d), 0.001 to 1,000,000.
    #[schemars(range(min = 0.001, max = 1_000_000.0))]
    pub flow_m3_per_d: f64,
    /// Total chemical oxygen demand, acids included (kg/m³ = g/L), 0.1 to 500.
    #[schemars(range(min = 0.1, max = 500.0))]
    pub cod_kg_per_m3: f64,
    /// Part of the COD that anaerobic bacteria can degrade (-), 0.05 to 1. Default 0.98.
    #[serde(default = "default_biodegradable_fraction")]
    #[schemars(range(min = 0.05, max = 1.0))]
    pub biodegradable_fraction: f64,
    /// Volatile fatty acids, counted as acetic acid (mmol/L; 1 mmol/L = 60 mg/L = 64 mg COD/L), 0 to 5000.
    #[schemars(range(min = 0.0, max = 5000.0))]
    pub vfa_mmol_per_l: f64,
    /// Alkalinity as fed, dosed alkali included (mmol/L = meq/L; 1 meq/L = 50 mg/L as CaCO₃), 0 to 2000.
    #[schemars(range(min = 0.0, max = 2000.0))]
    pub alkalinity_mmol_per_l: f64,
    /// Total inorganic carbon of the feed (mmol/L), 0 to 2000. Default 0: acid feeds hold none.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 2000.0))]
    pub inorganic_carbon_mmol_per_l: f64,
    /// pH of the raw feed before any alkali is dosed (-), 1 to 13.
    #[schemars(range(min = 1.0, max = 13.0))]
    pub ph: f64,
    /// Total suspended solids (kg/m³), 0 to 200.
    #[schemars(range(min = 0.0, max = 200.0))]
    pub tss_kg_per_m3: f64,
    /// Volatile suspended solids, part of the TSS (kg/m³), 0 to 200.
    #[schemars(range(min = 0.0, max = 200.0))]
    pub vss_kg_per_m3: f64,
    /// Total nitrogen (kg/m³), 0 to 50, where known: decides whether the bacteria have enough to grow on.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 50.0))]
    pub nitrogen_kg_per_m3: Option<f64>,
    /// Total phosphorus (kg/m³), 0 to 50, where known.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 50.0))]
    pub phosphorus_kg_per_m3: Option<f64>,
    /// Temperature inside the digester (°C), 5 to 70. Default 35.
    #[serde(default = "default_temperature")]
    #[schemars(range(min = 5.0, max = 70.0))]
    pub temperature_c: f64,
    /// Temperature of the feed before heating (°C), 0 to 100. Default 20.
    #[serde(default = "default_feed_temperature")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub feed_temperature_c: f64,
}

fn default_biodegradable_fraction() -> f64 {
    0.98
}

fn default_temperature() -> f64 {
    35.0
}

fn default_feed_temperature() -> f64 {
    20.0
}

impl Basis {
    /// Vinasse of a winery distillery.
    ///
    /// Published (Petta et al. 2017, J. Environ. Manage. 201, "Evaluation of the treatability of a winery distillery
    /// (vinasse) wastewater by UASB, anoxic-aerobic UF-MBR and chemical precipitation/adsorption", abstract): COD
    /// 44,600 mg/L, pH 3.8, nitrogen 254 mg/L, phosphorus 604 mg/L. Chosen here, because the abstract does not give them:
    /// flow, acids (39 % of the COD), dosed alkalinity, solids, degradable fraction, temperatures.
    pub fn winery_distillery() -> Self {
        Basis {
            flow_m3_per_d: 120.0,
            cod_kg_per_m3: 44.6,
            biodegradable_fraction: default_biodegradable_fraction(),
            vfa_mmol_per_l: 272.0,
            alkalinity_mmol_per_l: 60.0,
            inorganic_carbon_mmol_per_l: 0.0,
            ph: 3.8,
            tss_kg_per_m3: 1.5,
            vss_kg_per_m3: 1.2,
            nitrogen_kg_per_m3: Some(0.254),
            phosphorus_kg_per_m3: Some(0.604),
            temperature_c: default_temperature(),
            feed_temperature_c: default_feed_temperature(),
        }
    }

    /// COD load (kg/d).
    pub fn cod_load_kg_per_d(&self) -> f64 {
        self.flow_m3_per_d * self.cod_kg_per_m3
    }

    /// Volatile suspended solids load (kg/d).
    pub fn vss_load_kg_per_d(&self) -> f64 {
        self.flow_m3_per_d * self.vss_kg_per_m3
    }

    /// COD of the volatile acids (kg/m³).
    pub fn vfa_cod_kg_per_m3(&self) -> f64 {
        self.vfa_mmol_per_l * COD_PER_MOL_VFA
    }

    /// Refuses numbers with which no calculation means anything. Plausibility is the business of
    /// [`crate::validate::validate`], which calls this first.
    ///
    /// # Errors
    /// [`DigesterError::OutOfRange`] names the first field outside its documented range.
    pub fn check_ranges(&self) -> Result<(), DigesterError> {
        let rows = [
            ("flow_m3_per_d", self.flow_m3_per_d, "m³/d", 0.001..=1e6),
            ("cod_kg_per_m3", self.cod_kg_per_m3, "kg/m³", 0.1..=500.0),
            (
                "biodegradable_fraction",
                self.biodegradable_fraction,
                "-",
                0.05..=1.0,
            ),
            (
                "vfa_mmol_per_l",
                self.vfa_mmol_per_l,
                "mmol/L",
                0.0..=5000.0,
            ),
            (
                "alkalinity_mmol_per_l",
                self.alkalinity_mmol_per_l,
                "mmol/L",
                0.0..=2000.0,
            ),
            (
                "inorganic_carbon_mmol_per_l",
                self.inorganic_carbon_mmol_per_l,
                "mmol/L",
                0.0..=2000.0,
            ),
            ("ph", self.ph, "-", 1.0..=13.0),
            ("tss_kg_per_m3", self.tss_kg_per_m3, "kg/m³", 0.0..=200.0),
            ("vss_kg_per_m3", self.vss_kg_per_m3, "kg/m³", 0.0..=200.0),
            (
                "nitrogen_kg_per_m3",
                self.nitrogen_kg_per_m3.unwrap_or(0.0),
                "kg/m³",
                0.0..=50.0,
            ),
            (
                "phosphorus_kg_per_m3",
                self.phosphorus_kg_per_m3.unwrap_or(0.0),
                "kg/m³",
                0.0..=50.0,
            ),
            ("temperature_c", self.temperature_c, "°C", 5.0..=70.0),
            (
                "feed_temperature_c",
                self.feed_temperature_c,
                "°C",
                0.0..=100.0,
            ),
        ];
        rows.into_iter()
            .try_for_each(|(field, value, unit, range)| within(field, value, unit, range))
    }
}
