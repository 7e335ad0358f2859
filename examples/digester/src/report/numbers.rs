//! The numbers on top of the page.

use super::{Design, KeyNumber};

pub(super) fn key_numbers(design: &Design<'_>) -> Vec<KeyNumber> {
    let (sizing, summary) = (design.sizing, &design.simulation.summary);
    [
        ("liquid volume", sizing.liquid_volume_m3, "m³"),
        ("tank diameter", sizing.diameter_m, "m"),
        ("liquid height", sizing.liquid_height_m, "m"),
        (
            "hydraulic retention time",
            sizing.hydraulic_retention_d,
            "d",
        ),
        ("mixing power", sizing.mixing_power_kw, "kW"),
        (
            "methane expected by sizing",
            sizing.gas.methane_nm3_per_d,
            "Nm³/d",
        ),
        ("simulated days", f64::from(summary.days), "d"),
        (
            "methane simulated, mean",
            summary.methane_nm3 / f64::from(summary.days.max(1)),
            "Nm³/d",
        ),
        (
            "biogas simulated, mean",
            summary.biogas_nm3 / f64::from(summary.days.max(1)),
            "Nm³/d",
        ),
        ("methane in the gas", 100.0 * summary.methane_share, "%"),
        ("methane per COD fed", summary.methane_per_cod_fed, "Nm³/kg"),
        ("COD removal", 100.0 * summary.cod_removal, "%"),
        ("pH, lowest", summary.ph.min, "-"),
        (
            "acids over alkalinity, highest",
            summary.acid_alkalinity_ratio.max,
            "mg/mg",
        ),
    ]
    .into_iter()
    .map(|(name, value, unit)| KeyNumber {
        name: name.into(),
        value,
        unit: unit.into(),
    })
    .collect()
}

/// A number as people write it: about four significant digits.
pub(super) fn rounded(value: f64) -> String {
    let decimals = match value.abs() {
        large if large >= 100.0 => 0,
        medium if medium >= 10.0 => 1,
        small if small >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}
