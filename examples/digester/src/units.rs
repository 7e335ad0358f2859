//! Conversions between the units of practice and those of the model.

/// Molar volume of an ideal gas at 0 °C and 1 atm (m³/mol; CODATA 22.414 L/mol).
pub const NORMAL_MOLAR_VOLUME: f64 = 0.022_414;

/// Oxygen demand of volatile fatty acids counted as acetic acid (kg COD/mol): CH₃COOH + 2 O₂.
pub const COD_PER_MOL_VFA: f64 = 0.064;

/// Oxygen demand of methane (kg COD/mol): CH₄ + 2 O₂.
pub const COD_PER_MOL_METHANE: f64 = 0.064;

/// Most methane that 1 kg of removed COD can give (Nm³/kg): follows from the two constants above.
pub const MAX_METHANE_PER_COD: f64 = NORMAL_MOLAR_VOLUME / COD_PER_MOL_METHANE;

/// Lower heating value of methane (kWh/Nm³; ISO 6976, 35.9 MJ/Nm³).
pub const METHANE_LOWER_HEATING_VALUE: f64 = 9.97;

/// Ratio of volatile acids (mg/L as acetic acid, 60 g/mol) to alkalinity (mg/L as CaCO₃, 50 g/eq), the
/// stability ratio of practice, from both in mmol/L. Infinite without alkalinity.
pub fn acid_alkalinity_ratio(vfa_mmol_per_l: f64, alkalinity_mmol_per_l: f64) -> f64 {
    if alkalinity_mmol_per_l <= 0.0 {
        return f64::INFINITY;
    }
    vfa_mmol_per_l * 60.0 / (alkalinity_mmol_per_l * 50.0)
}
