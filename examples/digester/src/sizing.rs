//! Heuristic sizing from published design figures.
//!
//! | quantity | figure | source |
//! |---|---|---|
//! | retention time of solids, least | 28 d at 18 °C, 20 d at 24 °C, 14 d at 30 °C, 10 d at 35 °C and above | Turovskiy and Mathai (2006), Wastewater Sludge Processing, table 5.4 |
//! | retention time of solids, design | 15 to 20 d | Turovskiy and Mathai (2006), section 5.4.3 |
//! | volatile solids loading, mixed and heated | 3.2 to 7.2 kg VS/(m³·d) recommended maximum | Gerardi (2003), The Microbiology of Anaerobic Digesters |
//! | organic loading, retained biomass | 3.0 to 11.5 kg COD/(m³·d) | Petta et al. (2017), UASB on vinasse |
//! | sludge grown | 0.14 kg VSS/kg COD removed, decay 0.02 1/d | worked example at climate-policy-watcher.org/industrial-wastes/detention-time.html, an excerpt of a handbook that is not named there |
//! | methane | 0.351·(COD removed − 1.42·sludge grown) m³/d | the same worked example |
//! | mechanical mixing | 5 to 8 W/m³ | Metcalf & Eddy (2003), Wastewater Engineering, 4th ed. |
//! | tank | diameter 6 to 38 m, depth at least 7.5 m, up to about 14 m | Metcalf & Eddy (2003) |
//!
//! Headspace, height to diameter and the share of methane in the gas are choices of this crate, named in
//! [`SizingOptions`].

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DigesterError;
use crate::error::within;
use crate::feed::Basis;
use crate::units::METHANE_LOWER_HEATING_VALUE;

/// How the digester holds its bacteria.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Completely mixed tank: bacteria leave with the liquid. For slurries and sludges.
    CompletelyMixed,
    /// Sludge blanket or fixed bed: part of the bacteria stays. For soluble wastewater.
    RetainedBiomass,
}

/// What the designer decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SizingOptions {
    /// Process; by default retained biomass for a feed with at most 5 kg/m³ suspended solids.
    pub process: Option<Process>,
    /// Organic loading for retained biomass (kg COD/(m³·d)), 0.5 to 40. Default 7.25, the middle of 3.0 to 11.5.
    #[schemars(range(min = 0.5, max = 40.0))]
    pub organic_loading: f64,
    /// Loading limit for mixed tanks (kg VSS/(m³·d)), 0.5 to 10. Default 3.2, the low end of 3.2 to 7.2.
    #[schemars(range(min = 0.5, max = 10.0))]
    pub solids_loading: f64,
    /// Design retention time of a mixed tank at 35 °C (d), 10 to 60. Default 20, the high end of 15 to 20.
    #[schemars(range(min = 10.0, max = 60.0))]
    pub retention_time_d: f64,
    /// Fraction of the bacteria that leaves with the liquid, retained biomass only (-), 0.05 to 1. Default 0.5, as
    /// identified by Bernard et al. (2001) for a fixed bed.
    #[schemars(range(min = 0.05, max = 1.0))]
    pub biomass_leaving: f64,
    /// Part of the degradable COD that is removed (-), 0.1 to 1. Default 0.97 (Petta et al. 2017: up to 97 %).
    #[schemars(range(min = 0.1, max = 1.0))]
    pub removal: f64,
    /// Mixing power per liquid volume (W/m³), 0 to 50. Default 6.5, the middle of 5 to 8.
    #[schemars(range(min = 0.0, max = 50.0))]
    pub mixing_w_per_m3: f64,
    /// Liquid height over diameter (-), 0.3 to 3. Default 0.8, a choice of this crate.
    #[schemars(range(min = 0.3, max = 3.0))]
    pub height_to_diameter: f64,
    /// Gas space as a part of the liquid volume (-), 0 to 0.5. Default 0.1, a choice of this crate.
    #[schemars(range(min = 0.0, max = 0.5))]
    pub headspace: f64,
    /// Methane in the gas for the biogas estimate (-), 0.4 to 0.9. Default 0.65, a choice of this crate.
    #[schemars(range(min = 0.4, max = 0.9))]
    pub methane_share: f64,
}

impl Default for SizingOptions {
    fn default() -> Self {
        SizingOptions {
            process: None,
            organic_loading: 7.25,
            solids_loading: 3.2,
            retention_time_d: 20.0,
            biomass_leaving: 0.5,
            removal: 0.97,
            mixing_w_per_m3: 6.5,
            height_to_diameter: 0.8,
            headspace: 0.1,
            methane_share: 0.65,
        }
    }
}

/// A sized digester.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sizing {
    /// The process.
    pub process: Process,
    /// Which rule asked for the largest volume.
    pub governing_rule: String,
    /// Liquid volume of all tanks (m³).
    pub liquid_volume_m3: f64,
    /// Liquid and gas space of all tanks (m³).
    pub total_volume_m3: f64,
    /// Number of equal tanks.
    pub tanks: u32,
    /// Inner diameter of a tank (m).
    pub diameter_m: f64,
    /// Liquid height in a tank (m).
    pub liquid_height_m: f64,
    /// Hydraulic retention time (d).
    pub hydraulic_retention_d: f64,
    /// Retention time of the bacteria (d).
    pub solids_retention_d: f64,
    /// Organic loading (kg COD/(m³·d)).
    pub organic_loading: f64,
    /// Volatile suspended solids loading (kg VSS/(m³·d)).
    pub solids_loading: f64,
    /// Fraction of the bacteria that leaves with the liquid (-): the simulation's alpha.
    pub biomass_leaving: f64,
    /// Installed mixing power (kW).
    pub mixing_power_kw: f64,
    /// What the design figures promise as gas.
    pub gas: ExpectedGas,
    /// Heat to bring the feed to digester temperature, without losses (kW).
    pub feed_heating_kw: f64,
}

/// Gas to expect at the design load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedGas {
    /// COD removed (kg/d).
    pub cod_removed_kg_per_d: f64,
    /// Sludge grown (kg VSS/d).
    pub sludge_grown_kg_per_d: f64,
    /// Methane (Nm³/d).
    pub methane_nm3_per_d: f64,
    /// Biogas (Nm³/d).
    pub biogas_nm3_per_d: f64,
    /// Heat of combustion of the methane, lower heating value (kW).
    pub power_kw: f64,
}

/// Sludge yield (kg VSS/kg COD removed) and decay (1/d) of the worked example.
const SLUDGE_YIELD: f64 = 0.14;
const SLUDGE_DECAY: f64 = 0.02;
/// Methane per COD turned to gas (m³/kg), and oxygen demand of sludge (kg COD/kg VSS), of the worked example.
const METHANE_PER_COD: f64 = 0.351;
const COD_PER_VSS: f64 = 1.42;

/// Sizes a digester for a basis of design.
///
/// # Errors
/// [`DigesterError::OutOfRange`] for a basis or an option outside its documented range.
pub fn size(basis: &Basis, options: &SizingOptions) -> Result<Sizing, DigesterError> {
    basis.check_ranges()?;
    options.check()?;
    let process = options.process.unwrap_or(default_process(basis));
    let (governing_rule, volume) = liquid_volume(basis, options, process);
    let (tanks, diameter_m, liquid_height_m) = tank_shape(volume, options.height_to_diameter);
    let hydraulic_retention_d = volume / basis.flow_m3_per_d;
    let biomass_leaving = match process {
        Process::CompletelyMixed => 1.0,
        Process::RetainedBiomass => options.biomass_leaving,
    };
    let solids_retention_d = hydraulic_retention_d / biomass_leaving;
    let removed = basis.cod_load_kg_per_d() * basis.biodegradable_fraction * options.removal;
    Ok(Sizing {
        process,
        governing_rule,
        liquid_volume_m3: volume,
        total_volume_m3: volume * (1.0 + options.headspace),
        tanks,
        diameter_m,
        liquid_height_m,
        hydraulic_retention_d,
        solids_retention_d,
        organic_loading: basis.cod_load_kg_per_d() / volume,
        solids_loading: basis.vss_load_kg_per_d() / volume,
        biomass_leaving,
        mixing_power_kw: volume * options.mixing_w_per_m3 / 1000.0,
        gas: expected_gas(
            removed,
            sludge_grown(removed, solids_retention_d),
            options.methane_share,
        ),
        feed_heating_kw: feed_heating_kw(basis),
    })
}

impl SizingOptions {
    fn check(&self) -> Result<(), DigesterError> {
        within(
            "organic_loading",
            self.organic_loading,
            "kg/(m³·d)",
            0.5..=40.0,
        )?;
        within(
            "solids_loading",
            self.solids_loading,
            "kg/(m³·d)",
            0.5..=10.0,
        )?;
        within("retention_time_d", self.retention_time_d, "d", 10.0..=60.0)?;
        within("biomass_leaving", self.biomass_leaving, "-", 0.05..=1.0)?;
        within("removal", self.removal, "-", 0.1..=1.0)?;
        within("mixing_w_per_m3", self.mixing_w_per_m3, "W/m³", 0.0..=50.0)?;
        within(
            "height_to_diameter",
            self.height_to_diameter,
            "-",
            0.3..=3.0,
        )?;
        within("headspace", self.headspace, "-", 0.0..=0.5)?;
        within("methane_share", self.methane_share, "-", 0.4..=0.9)
    }
}

/// A sludge blanket or a bed clogs with much suspended matter; 5 kg/m³ as the limit is a choice of this crate.
fn default_process(basis: &Basis) -> Process {
    if basis.tss_kg_per_m3 <= 5.0 {
        Process::RetainedBiomass
    } else {
        Process::CompletelyMixed
    }
}

/// The largest volume that a rule asks for, and the rule.
fn liquid_volume(basis: &Basis, options: &SizingOptions, process: Process) -> (String, f64) {
    let rules = match process {
        Process::RetainedBiomass => vec![(
            "organic loading",
            basis.cod_load_kg_per_d() / options.organic_loading,
        )],
        Process::CompletelyMixed => vec![
            (
                "retention time",
                basis.flow_m3_per_d
                    * design_retention_d(basis.temperature_c, options.retention_time_d),
            ),
            (
                "volatile solids loading",
                basis.vss_load_kg_per_d() / options.solids_loading,
            ),
        ],
    };
    let (rule, volume) =
        rules.into_iter().fold(
            ("", 0.0),
            |most, rule| if rule.1 > most.1 { rule } else { most },
        );
    (rule.into(), volume)
}

/// Least retention time by temperature (°C, d), Turovskiy and Mathai (2006), table 5.4.
const LEAST_RETENTION: [(f64, f64); 5] = [
    (18.0, 28.0),
    (24.0, 20.0),
    (30.0, 14.0),
    (35.0, 10.0),
    (40.0, 10.0),
];

/// Least retention time at a temperature (d): the table, linear in between, held beyond its ends.
pub fn least_retention_d(temperature_c: f64) -> f64 {
    let [first, .., last] = LEAST_RETENTION;
    if temperature_c <= first.0 {
        return first.1;
    }
    LEAST_RETENTION
        .windows(2)
        .find(|pair| temperature_c <= pair[1].0)
        .map_or(last.1, |pair| {
            pair[0].1
                + (pair[1].1 - pair[0].1) * (temperature_c - pair[0].0) / (pair[1].0 - pair[0].0)
        })
}

/// The design time at 35 °C, longer in the cold by the ratio of the table.
fn design_retention_d(temperature_c: f64, at_35: f64) -> f64 {
    at_35 * least_retention_d(temperature_c) / least_retention_d(35.0)
}

/// Number of tanks, diameter (m) and liquid height (m): the fewest tanks that keep within 38 m.
fn tank_shape(volume: f64, height_to_diameter: f64) -> (u32, f64, f64) {
    let diameter =
        |tanks: u32| (4.0 * volume / f64::from(tanks) / (PI * height_to_diameter)).cbrt();
    // Depth is kept below 14 m as well, which for tall tanks asks for more of them.
    let fits =
        |tanks: &u32| diameter(*tanks) <= 38.0 && diameter(*tanks) * height_to_diameter <= 14.0;
    let tanks = (1..=1000).find(fits).unwrap_or(1000);
    (tanks, diameter(tanks), diameter(tanks) * height_to_diameter)
}

/// Sludge grown (kg VSS/d): yield, less what decays during its stay in the digester.
fn sludge_grown(removed: f64, retention_d: f64) -> f64 {
    removed * SLUDGE_YIELD / (1.0 + SLUDGE_DECAY * retention_d)
}

/// Gas from COD removed and sludge grown (both kg/d), after the worked example named in the module's table.
pub fn expected_gas(removed: f64, sludge: f64, methane_share: f64) -> ExpectedGas {
    let methane = METHANE_PER_COD * (removed - COD_PER_VSS * sludge).max(0.0);
    ExpectedGas {
        cod_removed_kg_per_d: removed,
        sludge_grown_kg_per_d: sludge,
        methane_nm3_per_d: methane,
        biogas_nm3_per_d: methane / methane_share,
        power_kw: methane * METHANE_LOWER_HEATING_VALUE / 24.0,
    }
}

/// Water's 4.19 MJ/(m³·K) times the rise; a warm feed needs none.
fn feed_heating_kw(basis: &Basis) -> f64 {
    let rise = (basis.temperature_c - basis.feed_temperature_c).max(0.0);
    basis.flow_m3_per_d * rise * 4190.0 / 86_400.0
}
