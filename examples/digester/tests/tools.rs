//! The tools, called as the plain functions that they are, and as the registry describes them.

use bgjob_runtime::tool::registry::Registry;
use bgjob_runtime::{Code, Job, State};
use digester::DigesterError;
use digester::feed::{Basis, FeedSeries};
use digester::sizing::{Sizing, SizingOptions};
use digester::tools::{
    FeedChoice, SimulationResult, SimulationSummary, heuristic_sizing, report, set_basis, simulate,
    validate,
};
use digester::validate::Validation;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A value as it comes back from the shared state: through JSON text.
fn kept<T: Serialize + DeserializeOwned>(value: &T) -> State<T> {
    let text = serde_json::to_string(value).expect("it can be written");
    State::from(serde_json::from_str::<T>(&text).expect("it can be read"))
}

/// The state after the first three steps.
struct Start {
    basis: Basis,
    validation: Validation,
    sizing: Sizing,
}

fn start(basis: Basis) -> Start {
    let basis = set_basis(basis).expect("it is within range");
    Start {
        validation: validate(kept(&basis)).expect("it can be checked"),
        sizing: heuristic_sizing(kept(&basis), SizingOptions::default()).expect("it can be sized"),
        basis,
    }
}

impl Start {
    fn simulate(
        &self,
        job: &Job,
        days: Option<u32>,
        feed: Option<FeedChoice>,
        series: Option<FeedSeries>,
    ) -> Result<SimulationResult, DigesterError> {
        let (basis, sizing) = (kept(&self.basis), kept(&self.sizing));
        simulate(job, basis, sizing, days, 4, feed, series)
    }

    fn report(
        &self,
        job: &Job,
        summary: &SimulationSummary,
    ) -> Result<digester::report::Report, DigesterError> {
        let (basis, sizing) = (kept(&self.basis), kept(&self.sizing));
        report(job, basis, kept(&self.validation), sizing, kept(summary))
    }
}

fn winery() -> Start {
    start(Basis::winery_distillery())
}

fn out_of_date(refused: Result<digester::report::Report, DigesterError>) -> String {
    match refused {
        Err(DigesterError::OutOfDate { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_chain_through_the_state_ends_in_a_report() {
    let start = winery();
    let simulation = start
        .simulate(&Job::test(), Some(20), None, None)
        .expect("it can be simulated");
    assert_eq!(simulation.summary.outcome.days, 20);
    assert_eq!(simulation.time_series.len(), 81);
    let job = Job::test();
    let report = start
        .report(&job, &simulation.summary)
        .expect("it can be reported");
    assert_eq!(report.files.len(), 6);
    for path in &report.files {
        let path = std::path::Path::new(path);
        assert_eq!(path.parent(), Some(job.dir().join("artifacts").as_path()));
        assert!(path.is_file(), "{}", path.display());
    }
    let last = job.progress_seen().pop().expect("it tells its progress");
    assert_eq!(last.phase.as_deref(), Some("simulating again"));
    assert_eq!(last.progress, Some(1.0));
}

#[test]
fn progress_is_told_by_the_simulated_day() {
    let job = Job::test();
    winery()
        .simulate(&job, Some(12), None, None)
        .expect("it can be simulated");
    let seen = job.progress_seen();
    assert_eq!(seen.len(), 12);
    assert_eq!((seen[5].done, seen[5].total), (Some(6.0), Some(12.0)));
    let message = seen[5].message.as_deref().expect("it says something");
    assert!(message.starts_with("day 6/12, pH "), "{message}");
}

#[test]
fn a_cancelled_simulation_ends_after_the_day_at_hand() {
    let job = Job::test();
    job.cancel();
    let ended = winery().simulate(&job, Some(300), None, None);
    assert_eq!(ended, Err(DigesterError::Cancelled { day: 1, of: 300 }));
}

#[test]
fn a_feed_of_ones_own_sets_the_length_unless_days_are_given() {
    let start = winery();
    let own = FeedSeries::constant(&start.basis, 7);
    let days = |days| {
        let run = start.simulate(&Job::test(), days, None, Some(own.clone()));
        run.expect("it can be simulated").summary
    };
    assert_eq!((days(None).setup.days, days(Some(9)).outcome.days), (7, 9));
    assert_eq!(days(None).setup.feed, None);
    let constant = start.simulate(&Job::test(), Some(7), Some(FeedChoice::Constant), None);
    assert_eq!(
        constant.expect("it can be simulated").summary.outcome,
        days(None).outcome
    );
}

#[test]
fn two_feeds_at_once_are_refused() {
    let start = winery();
    let own = FeedSeries::constant(&start.basis, 7);
    let refused = start.simulate(&Job::test(), None, Some(FeedChoice::Campaign), Some(own));
    assert!(matches!(refused, Err(DigesterError::Inconsistent { .. })));
}

#[test]
fn the_campaign_is_scaled_to_another_basis() {
    let nominal = winery();
    let double = start(Basis {
        flow_m3_per_d: 240.0,
        ..Basis::winery_distillery()
    });
    let fed = |start: &Start| {
        let run = start.simulate(&Job::test(), Some(40), None, None);
        run.expect("it can be simulated").summary.outcome
    };
    let (one, two) = (fed(&nominal), fed(&double));
    assert!((two.cod_in_kg / one.cod_in_kg - 2.0).abs() < 1e-9);
    // Twice the flow into twice the volume is the same digester, twice as large.
    assert!((two.methane_nm3 / one.methane_nm3 - 2.0).abs() < 1e-6);
}

#[test]
fn a_feed_without_any_alkalinity_still_gives_a_result_that_is_json() {
    let sour = start(Basis {
        alkalinity_mmol_per_l: 0.0,
        ..Basis::winery_distillery()
    });
    let run = sour.simulate(&Job::test(), Some(900), Some(FeedChoice::Constant), None);
    let run = run.expect("it can be simulated");
    assert!(!run.summary.outcome.stable);
    let ratio = run.summary.outcome.acid_alkalinity_ratio.max;
    assert_eq!(ratio, 1e6);
    assert!(
        run.time_series
            .iter()
            .all(|record| record.acid_alkalinity_ratio.is_finite() && record.ph.is_finite())
    );
    sour.report(&Job::test(), &run.summary)
        .expect("it can be reported");
}

#[test]
fn a_report_refuses_values_that_were_not_made_from_one_another() {
    let (old, new) = (
        winery(),
        start(Basis {
            flow_m3_per_d: 90.0,
            nitrogen_kg_per_m3: Some(0.1),
            ..Basis::winery_distillery()
        }),
    );
    let run = |start: &Start| {
        let run = start.simulate(&Job::test(), Some(3), None, None);
        run.expect("it can be simulated").summary
    };
    let of_new = run(&new);
    let stale_check = Start {
        validation: old.validation.clone(),
        ..start(new.basis.clone())
    };
    assert_eq!(
        out_of_date(stale_check.report(&Job::test(), &of_new)),
        "validation"
    );
    let stale_size = Start {
        sizing: old.sizing.clone(),
        ..start(new.basis.clone())
    };
    assert_eq!(
        out_of_date(stale_size.report(&Job::test(), &of_new)),
        "heuristic_config"
    );
    assert_eq!(
        out_of_date(new.report(&Job::test(), &run(&old))),
        "simulation"
    );
    let mut forged = of_new;
    forged.outcome.methane_nm3 += 1.0;
    assert_eq!(out_of_date(new.report(&Job::test(), &forged)), "simulation");
}

#[test]
fn every_state_field_that_is_read_is_written_by_one_tool() {
    let registry = Registry::global().expect("the tools are sound");
    assert_eq!(registry.warnings(), [""; 0]);
    let names: Vec<&str> = registry.iter().map(|tool| tool.name()).collect();
    assert_eq!(
        names,
        [
            "heuristic_sizing",
            "report",
            "set_basis",
            "simulate",
            "validate"
        ]
    );
    for (field, writer) in [
        ("basis", "set_basis"),
        ("validation", "validate"),
        ("heuristic_config", "heuristic_sizing"),
        ("simulation", "simulate"),
    ] {
        let writers: Vec<&str> = registry.writers(field).map(|tool| tool.name()).collect();
        assert_eq!(writers, [writer]);
    }
}

fn refused(tool: &str, input: Value) -> (Code, String) {
    let registry = Registry::global().expect("the tools are sound");
    let Value::Object(input) = input else {
        panic!("arguments are an object")
    };
    let error = registry
        .get(tool)
        .expect("the tool exists")
        .check(input)
        .expect_err("the call is refused");
    (error.code, error.at.unwrap_or_default())
}

fn shipped_basis() -> Map<String, Value> {
    let text = include_str!("../data/winery_distillery_basis.json");
    serde_json::from_str(text).expect("it is an object")
}

#[test]
fn calls_out_of_range_are_refused_before_a_job_exists() {
    let mut basis = shipped_basis();
    basis.insert("flow_m3_per_d".into(), json!(-1));
    assert_eq!(
        refused("set_basis", Value::Object(basis)),
        (Code::InvalidArgument, "/flow_m3_per_d".into())
    );
    assert_eq!(
        refused("simulate", json!({"days": 0})),
        (Code::InvalidArgument, "/days".into())
    );
    assert_eq!(
        refused("simulate", json!({"dayz": 10})).0,
        Code::UnknownArgument
    );
    assert_eq!(
        refused("heuristic_sizing", json!({"headspace": 2})),
        (Code::InvalidArgument, "/headspace".into())
    );
    assert_eq!(
        refused("set_basis", json!({"flow_m3_per_d": 120})).0,
        Code::MissingArgument
    );
}

#[test]
fn the_shipped_basis_is_that_of_the_library_and_complete() {
    let registry = Registry::global().expect("the tools are sound");
    let set_basis = registry.get("set_basis").expect("the tool exists");
    let checked = set_basis
        .check(shipped_basis())
        .expect("the shipped basis is accepted");
    let basis: Basis = serde_json::from_value(Value::Object(checked)).expect("it is a basis");
    assert_eq!(basis, Basis::winery_distillery());
}
