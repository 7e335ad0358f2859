//! The report on disk.

use std::ops::ControlFlow;
use std::path::Path;

use digester::DigesterError;
use digester::feed::{Basis, FeedSeries};
use digester::model::{Case, Plant, Simulation, simulate};
use digester::report::{Design, Report, write};
use digester::sizing::{Sizing, SizingOptions, size};
use digester::validate::validate;

struct Example {
    basis: Basis,
    sizing: Sizing,
    case: Case,
    simulation: Simulation,
}

fn example(days: u32) -> Example {
    let basis = Basis::winery_distillery();
    let sizing = size(&basis, &SizingOptions::default()).expect("it can be sized");
    let feed = FeedSeries::winery_distillery()
        .expect("the shipped feed is sound")
        .with_length(days);
    let case = Case::new(Plant::from(&sizing), feed);
    let run =
        simulate(&case, None, &mut |_| ControlFlow::Continue(())).expect("it can be simulated");
    Example {
        basis,
        sizing,
        case,
        simulation: run.finished().expect("nobody broke off"),
    }
}

fn report(example: &Example, directory: &Path) -> Result<Report, DigesterError> {
    let validation = validate(&example.basis)?;
    let design = Design {
        basis: &example.basis,
        validation: Some(&validation),
        sizing: &example.sizing,
        feed: &example.case.feed,
        simulation: &example.simulation,
    };
    write(directory, &design)
}

#[test]
fn all_files_are_written_and_well_formed() {
    let directory = tempfile::tempdir().expect("a directory");
    let report =
        report(&example(260), &directory.path().join("new/report")).expect("it is written");
    assert_eq!(report.files.len(), 6);
    for path in &report.files {
        let text = std::fs::read_to_string(path).expect("the file exists");
        // The doctype of HTML5 is the one thing in the page that strict XML does without.
        let xml = text.strip_prefix("<!DOCTYPE html>\n").unwrap_or(&text);
        roxmltree::Document::parse(xml).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

#[test]
fn plots_have_titles_units_and_ticks_as_text() {
    let directory = tempfile::tempdir().expect("a directory");
    let report = report(&example(30), directory.path()).expect("it is written");
    for (path, words) in report.files[1..].iter().zip([
        ["Gas flow", "Nm³/d", "methane"],
        ["Methane in the gas", "%", "50 %"],
        [
            "pH in the digester",
            "day",
            "6.8, least for methane formers",
        ],
        ["Volatile acids over alkalinity", "mg/mg", "0.4, stress"],
        ["COD of feed and effluent", "kg/m³", "effluent"],
    ]) {
        let svg = std::fs::read_to_string(path).expect("the file exists");
        let document = roxmltree::Document::parse(&svg).expect("well-formed");
        let texts: Vec<&str> = document
            .descendants()
            .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")))
            .filter_map(|node| node.text())
            .map(str::trim)
            .collect();
        assert!(texts.len() > 10, "{path}: {texts:?}");
        assert!(
            words.iter().all(|word| texts.contains(word)),
            "{path}: {words:?} in {texts:?}"
        );
    }
}

#[test]
fn key_numbers_are_those_of_the_design() {
    let directory = tempfile::tempdir().expect("a directory");
    let example = example(30);
    let report = report(&example, directory.path()).expect("it is written");
    let number = |name: &str| {
        report
            .key_numbers
            .iter()
            .find(|number| number.name == name)
            .map(|number| number.value)
    };
    assert_eq!(
        number("liquid volume"),
        Some(example.sizing.liquid_volume_m3)
    );
    assert_eq!(
        number("pH, lowest"),
        Some(example.simulation.summary.ph.min)
    );
    assert!(
        report
            .key_numbers
            .iter()
            .all(|number| number.value.is_finite())
    );
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let refused = report(&example(2), &file.path().join("below"));
    assert!(matches!(refused, Err(DigesterError::File { .. })));
}

#[test]
fn a_simulation_without_records_is_refused() {
    let mut example = example(2);
    example.simulation.time_series.clear();
    let directory = tempfile::tempdir().expect("a directory");
    assert!(matches!(
        report(&example, directory.path()),
        Err(DigesterError::Inconsistent { .. })
    ));
}

#[test]
fn remarks_are_the_findings_and_flags_that_need_attention() {
    let directory = tempfile::tempdir().expect("a directory");
    let quiet = report(&example(20), directory.path()).expect("it is written");
    assert!(
        quiet
            .remarks
            .iter()
            .all(|remark| remark.starts_with("warning: ")),
        "{:?}",
        quiet.remarks
    );
    assert!(quiet.remarks.iter().any(|remark| remark.contains("pH 3.8")));
    let surge = report(&example(260), directory.path()).expect("it is written");
    let unstable = surge
        .remarks
        .iter()
        .find(|remark| remark.starts_with("unstable: pH below 6.8"));
    let unstable = unstable.expect("the surge sours the digester");
    assert!(unstable.contains("first on day 24"), "{unstable}");
}
