//! `demo`: the shipped example, from the basis of design to the report, as real background jobs.

use std::path::Path;

use bgjob_runtime::clap::{Arg, Command, value_parser};
use bgjob_runtime::job::view::JobView;
use bgjob_runtime::{CommandResult, Context};
use digester::feed::Basis;
use digester::report::Report;
use serde_json::json;

/// The command's flags.
pub fn command() -> Command {
    Command::new("demo")
        .about("Design the shipped example: five jobs, submitted at once, from the basis to the report")
        .arg(
            Arg::new("days")
                .long("days")
                .value_name("DAYS")
                .value_parser(value_parser!(u32).range(1..=3650))
                .default_value("300")
                .help("Days to simulate; the shipped campaign has 300, after which its last day is repeated"),
        )
}

/// Submits the chain, shows its progress, prints the key numbers.
pub fn run(context: &Context<'_>) -> CommandResult {
    let days: u32 = context.matches().get_one("days").copied().unwrap_or(300);
    let basis = Basis::winery_distillery();
    // Each step waits for the jobs that write what it reads: the service knows them from the tools' signatures.
    let [_, _, _, simulate, report] = context.follow_chain([
        ("set_basis", serde_json::to_value(&basis)?),
        ("validate", json!({})),
        ("heuristic_sizing", json!({})),
        ("simulate", json!({"days": days})),
        ("report", json!({})),
    ])?;
    let numbers: Report = serde_json::from_value(context.result(&report)?)?;
    context.print(summary(&basis, &numbers))?;
    context.say(next_steps(context, &simulate));
    Ok(())
}

/// The key numbers, what to look at, and where the report is.
fn summary(basis: &Basis, report: &Report) -> String {
    let mut lines = vec![
        format!(
            "Digester for {} m³/d of vinasse with {} kg COD/m³",
            basis.flow_m3_per_d, basis.cod_kg_per_m3
        ),
        String::new(),
    ];
    let width = report
        .key_numbers
        .iter()
        .map(|number| number.name.chars().count())
        .max()
        .unwrap_or(0);
    lines.extend(report.key_numbers.iter().map(|number| {
        let unit = if number.unit == "-" { "" } else { &number.unit };
        let line = format!("  {:<width$}  {:>8} {unit}", number.name, number.rounded());
        line.trim_end().to_owned()
    }));
    if !report.remarks.is_empty() {
        lines.push("\nLook at".into());
        lines.extend(report.remarks.iter().map(|remark| format!("  {remark}")));
    }
    lines.push("\nReport".into());
    lines.extend(places(&report.files));
    lines.join("\n")
}

/// The page with its whole path, which a terminal makes a link of; of the plots the names.
fn places(files: &[String]) -> Vec<String> {
    let Some((page, plots)) = files.split_first() else {
        return Vec::new();
    };
    let names: Vec<_> = plots
        .iter()
        .filter_map(|path| Path::new(path).file_name())
        .map(|name| name.to_string_lossy())
        .collect();
    vec![
        format!("  {page}"),
        format!("  plots beside it: {}", names.join(", ")),
    ]
}

fn next_steps(context: &Context<'_>, simulate: &JobView) -> String {
    let id = simulate.job_id.as_ref().map(ToString::to_string);
    let steps = [
        ("the five jobs", "jobs list".to_owned()),
        ("what the state keeps", "state show simulation".into()),
        (
            "the whole time series",
            format!("jobs result {} -o simulation.json", id.unwrap_or_default()),
        ),
        (
            "a larger tank",
            "run heuristic_sizing --organic-loading 5  (then run simulate, run report)".into(),
        ),
        ("for an MCP client", "serve".into()),
    ];
    let steps = steps.map(|(what, rest)| format!("\n  {what:<22} {}", context.command_line(&rest)));
    format!("\nNext{}", steps.concat())
}
