//! Plausibility of a basis of design.
//!
//! Every rule says where it comes from. Rules without a publication are marked "own rule" with their reasoning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DigesterError;
use crate::feed::Basis;

/// How a rule turned out. Ordered: `ok < warning < error`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Within the rule.
    Ok,
    /// Possible, but a designer should look at it.
    Warning,
    /// Contradictory: do not design on this.
    Error,
}

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Short name of the rule, e.g. `vss_within_tss`.
    pub rule: String,
    /// How it turned out.
    pub level: Level,
    /// What was found, with numbers and units.
    pub message: String,
    /// Where the rule comes from.
    pub source: String,
}

/// All findings on one basis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validation {
    /// The worst level among the findings.
    pub verdict: Level,
    /// Number of findings at each level: ok, warning, error.
    pub counts: [usize; 3],
    /// One finding per rule that applies.
    pub findings: Vec<Finding>,
}

/// Oxygen demand of bacterial solids (kg COD/kg VSS): C₅H₇NO₂ + 5 O₂.
const COD_PER_VSS: f64 = 1.42;

/// Acid constant of the volatile acids (mol/L; Bernard et al. 2001).
const ACID_CONSTANT: f64 = 1.5e-5;

const GERARDI: &str = "Gerardi (2003), The Microbiology of Anaerobic Digesters, Wiley";
const BUFFER: &str = "bicarbonate alkalinity of a stable digester 1,000 to 5,000 mg/L as CaCO3 (common practice figure)";
const BERNARD: &str = "Bernard et al. (2001), Biotechnol. Bioeng. 75:424-438";
const HENZE: &str =
    "Henze and Harremoes (1983), Water Sci. Technol. 15(8):1-101: COD:N 350:7 to 1000:7";
const PHOSPHORUS: &str = "usual COD:P demand 350:1 to 1000:1 (Henze and Harremoes 1983)";

/// Checks a basis of design.
///
/// # Errors
/// [`DigesterError::OutOfRange`] if a number is outside its documented range: then no rule means anything. All other
/// trouble comes back as findings.
pub fn validate(basis: &Basis) -> Result<Validation, DigesterError> {
    basis.check_ranges()?;
    let findings: Vec<Finding> = [
        vss_within_tss(basis),
        solids_cod(basis),
        acids_within_cod(basis),
        acid_charge(basis),
        buffer(basis),
        feed_ph(basis),
        temperature(basis),
        solids_share(basis),
        strength(basis),
    ]
    .into_iter()
    .chain(
        basis
            .nitrogen_kg_per_m3
            .map(|nitrogen| nutrient(basis, "nitrogen", nitrogen, 7.0, HENZE)),
    )
    .chain(
        basis
            .phosphorus_kg_per_m3
            .map(|phosphorus| nutrient(basis, "phosphorus", phosphorus, 1.0, PHOSPHORUS)),
    )
    .collect();
    let count = |level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    };
    Ok(Validation {
        verdict: findings
            .iter()
            .map(|finding| finding.level)
            .max()
            .unwrap_or(Level::Ok),
        counts: [count(Level::Ok), count(Level::Warning), count(Level::Error)],
        findings,
    })
}

fn finding(rule: &str, level: Level, message: String, source: &str) -> Finding {
    Finding {
        rule: rule.into(),
        level,
        message,
        source: source.into(),
    }
}

/// `Ok` if `good`, else `otherwise`.
fn ok_or(good: bool, otherwise: Level) -> Level {
    if good { Level::Ok } else { otherwise }
}

fn vss_within_tss(basis: &Basis) -> Finding {
    let (vss, tss) = (basis.vss_kg_per_m3, basis.tss_kg_per_m3);
    let message = format!("VSS {vss} kg/m³ of TSS {tss} kg/m³");
    finding(
        "vss_within_tss",
        ok_or(vss <= tss, Level::Error),
        message,
        "definition: VSS are the part of the TSS lost on ignition",
    )
}

fn solids_cod(basis: &Basis) -> Finding {
    let solids = basis.vss_kg_per_m3 * COD_PER_VSS;
    let message = format!(
        "suspended solids would hold {solids:.2} kg COD/m³ (at {COD_PER_VSS} kg/kg) of {} kg/m³ in all",
        basis.cod_kg_per_m3
    );
    let source = "oxygen demand of C5H7NO2, 1.42 kg/kg VSS (Metcalf & Eddy 2003); an own rule compares it with the total";
    finding(
        "cod_of_solids",
        ok_or(solids <= basis.cod_kg_per_m3, Level::Error),
        message,
        source,
    )
}

fn acids_within_cod(basis: &Basis) -> Finding {
    let acids = basis.vfa_cod_kg_per_m3();
    let degradable = basis.biodegradable_fraction * basis.cod_kg_per_m3;
    let message =
        format!("volatile acids hold {acids:.2} kg COD/m³ of {degradable:.2} kg/m³ degradable COD");
    finding(
        "acids_within_cod",
        ok_or(acids <= degradable, Level::Error),
        message,
        "oxygen demand of acetic acid, 64 g COD/mol (stoichiometry)",
    )
}

/// At the feed's pH a known part of the acids is ionised; the alkalinity as fed must at least carry that charge.
fn acid_charge(basis: &Basis) -> Finding {
    let hydrogen = 10f64.powf(-basis.ph);
    let ionised = basis.vfa_mmol_per_l * ACID_CONSTANT / (ACID_CONSTANT + hydrogen);
    let level = ok_or(basis.alkalinity_mmol_per_l >= 0.9 * ionised, Level::Error);
    let message = format!(
        "at pH {} the acids carry {ionised:.1} mmol/L of charge, the alkalinity is {} mmol/L",
        basis.ph, basis.alkalinity_mmol_per_l
    );
    finding(
        "acid_charge",
        level,
        message,
        &format!("charge balance with Ka = 1.5e-5 mol/L, {BERNARD}; 10 % tolerance is an own rule"),
    )
}

/// The acids are eaten, so the alkalinity as fed is what the digester has left as bicarbonate.
fn buffer(basis: &Basis) -> Finding {
    let caco3 = basis.alkalinity_mmol_per_l * 50.0;
    let message = format!(
        "alkalinity as fed leaves about {caco3:.0} mg/L as CaCO₃ in the digester, 1,000 or more wanted"
    );
    finding(
        "buffer",
        ok_or(caco3 >= 1000.0, Level::Warning),
        message,
        BUFFER,
    )
}

fn feed_ph(basis: &Basis) -> Finding {
    let level = ok_or((6.0..=8.5).contains(&basis.ph), Level::Warning);
    let message = format!(
        "raw feed has pH {}; outside 6.0 to 8.5 dose alkali or acid, or recycle effluent",
        basis.ph
    );
    finding(
        "feed_ph",
        level,
        message,
        &format!(
            "{GERARDI}: methane production usually ends below pH 6.0; the upper limit is an own rule"
        ),
    )
}

fn temperature(basis: &Basis) -> Finding {
    let celsius = basis.temperature_c;
    let (level, regime) = match celsius {
        30.0..=40.0 => (Level::Ok, "mesophilic; the kinetics of the simulation hold"),
        50.0..=60.0 => (
            Level::Warning,
            "thermophilic; the simulation's kinetics are mesophilic",
        ),
        20.0..30.0 => (
            Level::Warning,
            "below the mesophilic optimum; the design retention time grows",
        ),
        _ => (Level::Warning, "between or outside the usual regimes"),
    };
    finding(
        "temperature",
        level,
        format!("{celsius} °C: {regime}"),
        &format!(
            "{GERARDI}: mesophilic 30-35 °C, thermophilic 50-60 °C; 40 °C as the upper end is an own rule"
        ),
    )
}

fn solids_share(basis: &Basis) -> Finding {
    let share = basis.vss_kg_per_m3 * COD_PER_VSS / basis.cod_kg_per_m3;
    let message = format!(
        "{:.0} % of the COD is suspended; the simulation has no hydrolysis step",
        100.0 * share
    );
    finding(
        "suspended_share",
        ok_or(share <= 0.3, Level::Warning),
        message,
        &format!("{BERNARD} describe a soluble substrate; the limit of 30 % is an own rule"),
    )
}

fn strength(basis: &Basis) -> Finding {
    let cod = basis.cod_kg_per_m3;
    let message = format!(
        "COD {cod} kg/m³; below 1.5 the gas does not pay for heating, above 120 expect inhibition by salts"
    );
    finding(
        "strength",
        ok_or((1.5..=120.0).contains(&cod), Level::Warning),
        message,
        "own rule: 1.5 kg/m³ give about 0.5 Nm³ methane, 19 MJ, enough to warm 1 m³ by 4 °C",
    )
}

/// COD:nutrient of 350:x is demanded at high, 1000:x at low sludge load.
fn nutrient(basis: &Basis, name: &str, found: f64, parts: f64, source: &str) -> Finding {
    let least = basis.cod_kg_per_m3 * basis.biodegradable_fraction * parts / 1000.0;
    let message = format!(
        "{name} {:.0} mg/L, at least {:.0} mg/L wanted for this COD",
        found * 1000.0,
        least * 1000.0
    );
    finding(
        &format!("{name}_supply"),
        ok_or(found >= least, Level::Warning),
        message,
        source,
    )
}
