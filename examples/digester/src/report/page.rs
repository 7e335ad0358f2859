//! The page: HTML that is well-formed XML as well, with the plots inside.

use std::fmt::Write;

use super::numbers::rounded;
use super::plots::Plot;
use super::{Design, KeyNumber};
use crate::validate::Level;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#222}\
table{border-collapse:collapse;margin:1em 0}td,th{padding:.25em .9em .25em 0;text-align:left;vertical-align:top;\
border-bottom:1px solid #ddd}td.n{text-align:right;font-variant-numeric:tabular-nums}\
.warning{color:#a85d00}.error{color:#b00020}svg{max-width:100%;height:auto}small{color:#555}";

/// The whole page.
pub(super) fn page(design: &Design<'_>, numbers: &[KeyNumber], plots: &[Plot]) -> String {
    let mut body = String::from("<h1>Anaerobic digester</h1>\n");
    body += &verdict(design);
    body += &number_table(numbers);
    body += &findings(design);
    body += &flags(design);
    body += "<h2>Simulation</h2>\n";
    for plot in plots {
        // plotters writes no XML declaration, so a plot can stand inside the page as it is.
        let _ = writeln!(body, "<figure>{}</figure>", plot.svg);
    }
    body += &provenance(design);
    format!(
        "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head><meta charset=\"utf-8\"/>\
         <title>Anaerobic digester</title><style>{STYLE}</style></head>\n<body>\n{body}</body>\n</html>\n"
    )
}

fn verdict(design: &Design<'_>) -> String {
    let (basis, sizing, summary) = (design.basis, design.sizing, &design.simulation.summary);
    let stability = match summary.flags.len() {
        0 => "The simulated digester stays stable.".to_string(),
        _ => "The simulated digester shows signs of instability, listed below.".to_string(),
    };
    format!(
        "<p>{} m³/d with {} kg COD/m³ ask for {} m³ in {} tank(s) ({} governs). {stability}</p>\n",
        rounded(basis.flow_m3_per_d),
        rounded(basis.cod_kg_per_m3),
        rounded(sizing.liquid_volume_m3),
        sizing.tanks,
        escape(&sizing.governing_rule)
    )
}

fn number_table(numbers: &[KeyNumber]) -> String {
    let mut table = String::from("<table>\n");
    for number in numbers {
        let _ = writeln!(
            table,
            "<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            escape(&number.name),
            rounded(number.value),
            escape(&number.unit)
        );
    }
    table + "</table>\n"
}

/// Only what needs attention; the validation itself has all findings.
fn findings(design: &Design<'_>) -> String {
    let Some(validation) = design.validation else {
        return String::new();
    };
    let mut list = String::from("<h2>Basis of design</h2>\n<table>\n");
    for finding in validation
        .findings
        .iter()
        .filter(|finding| finding.level != Level::Ok)
    {
        let class = if finding.level == Level::Error {
            "error"
        } else {
            "warning"
        };
        let _ = writeln!(
            list,
            "<tr><td class=\"{class}\">{class}</td><td>{}<br/><small>{}</small></td></tr>",
            escape(&finding.message),
            escape(&finding.source)
        );
    }
    let _ = writeln!(
        list,
        "<tr><td>ok</td><td>{} rules met</td></tr>\n</table>",
        validation.counts[0]
    );
    list
}

fn flags(design: &Design<'_>) -> String {
    let flags = &design.simulation.summary.flags;
    if flags.is_empty() {
        return String::new();
    }
    let mut table = String::from(
        "<h2>Signs of instability</h2>\n<table>\n<tr><th>first day</th><th>days</th><th>rule</th></tr>\n",
    );
    for flag in flags {
        let _ = writeln!(
            table,
            "<tr><td class=\"n\">{:.1}</td><td class=\"n\">{:.1}</td><td>{}</td></tr>",
            flag.first_day,
            flag.duration_d,
            escape(&flag.rule)
        );
    }
    table + "</table>\n"
}

fn provenance(design: &Design<'_>) -> String {
    let provenance = &design.feed.provenance;
    let mut text = format!(
        "<h2>Where the feed comes from</h2>\n<p>{}</p>\n",
        escape(&design.feed.name)
    );
    if !provenance.source.is_empty() {
        let _ = writeln!(text, "<p>{}</p>", escape(&provenance.source));
    }
    for (title, items) in [
        ("Published", &provenance.published),
        ("Chosen", &provenance.chosen),
    ] {
        if items.is_empty() {
            continue;
        }
        let items: String = items
            .iter()
            .map(|item| format!("<li>{}</li>", escape(item)))
            .collect();
        let _ = writeln!(text, "<p>{title}:</p><ul>{items}</ul>");
    }
    text + "<p><small>Model: Bernard et al. (2001), Biotechnol. Bioeng. 75:424-438. Gas in normal cubic metres (0 °C, 1 atm, dry).</small></p>\n"
}

/// Text as it may stand between tags.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
