//! What a designer should look at.

use super::Design;
use super::numbers::rounded;
use crate::validate::Level;

/// One sentence for each finding that is not `ok` and for each sign of instability.
pub(super) fn remarks(design: &Design<'_>) -> Vec<String> {
    let findings = design
        .validation
        .iter()
        .flat_map(|validation| &validation.findings)
        .filter(|finding| finding.level != Level::Ok)
        .map(|finding| {
            let level = match finding.level {
                Level::Error => "error",
                _ => "warning",
            };
            format!("{level}: {}", finding.message)
        });
    let flags = design.simulation.summary.flags.iter().map(|flag| {
        format!(
            "unstable: {}, first on day {}, for {} d in all",
            flag.rule,
            rounded(flag.first_day),
            rounded(flag.duration_d)
        )
    });
    findings.chain(flags).collect()
}
