//! Progress, stopping and going on.

use std::ops::ControlFlow;

use digester::DigesterError;
use digester::feed::{Basis, FeedSeries};
use digester::model::{Case, Checkpoint, Plant, Run, Simulation, simulate};

fn plant() -> Plant {
    Plant {
        volume_m3: 738.0,
        biomass_leaving: 0.5,
    }
}

fn constant(days: u32) -> Case {
    Case {
        records_per_day: 4,
        ..Case::new(
            plant(),
            FeedSeries::constant(&Basis::winery_distillery(), days),
        )
    }
}

fn campaign() -> Case {
    Case::new(
        plant(),
        FeedSeries::winery_distillery().expect("the shipped feed is sound"),
    )
}

fn run(case: &Case) -> Simulation {
    let run = simulate(case, None, &mut |_| ControlFlow::Continue(()))
        .expect("the case can be simulated");
    run.finished().expect("nobody broke off")
}

fn close(found: f64, expected: f64, relative: f64, what: &str) {
    assert!(
        (found - expected).abs() <= relative * expected.abs().max(1e-9),
        "{what}: {found}, expected {expected}"
    );
}

#[test]
fn a_resumed_run_is_the_uninterrupted_run() {
    let case = campaign();
    let whole = run(&case);
    let stopped = simulate(&case, None, &mut |day| {
        if day.done == 137 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let Ok(Run::Stopped(checkpoint)) = stopped else {
        panic!("the callback broke off on day 137")
    };
    assert_eq!(checkpoint.day, 137);
    // Through a file, as after a crash.
    let text = serde_json::to_string(&checkpoint).expect("a checkpoint is data");
    let read: Checkpoint = serde_json::from_str(&text).expect("and is read back");
    let mut first = None;
    let resumed = simulate(&case, Some(read), &mut |day| {
        first.get_or_insert(day.done);
        ControlFlow::Continue(())
    });
    let resumed = resumed.expect("it goes on").finished().expect("to the end");
    assert_eq!(first, Some(138));
    assert_eq!(resumed.time_series.len(), whole.time_series.len());
    for (resumed, whole) in resumed.time_series.iter().zip(&whole.time_series) {
        close(resumed.day, whole.day, 1e-12, "day");
        close(resumed.ph, whole.ph, 1e-7, "pH");
        close(
            resumed.methane_nm3_per_d,
            whole.methane_nm3_per_d,
            1e-7,
            "methane",
        );
        close(resumed.state.acids, whole.state.acids, 1e-7, "acids");
    }
    close(
        resumed.summary.methane_nm3,
        whole.summary.methane_nm3,
        1e-9,
        "methane in all",
    );
}

#[test]
fn a_checkpoint_in_memory_resumes_bit_by_bit() {
    let case = constant(20);
    let whole = run(&case);
    let stopped = simulate(&case, None, &mut |day| {
        if day.done == 7 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let Ok(Run::Stopped(checkpoint)) = stopped else {
        panic!("the callback broke off")
    };
    let resumed =
        simulate(&case, Some(checkpoint), &mut |_| ControlFlow::Continue(())).expect("it goes on");
    assert_eq!(resumed, Run::Finished(whole));
}

#[test]
fn a_checkpoint_of_another_case_is_refused() {
    let stopped = simulate(&constant(20), None, &mut |_| ControlFlow::Break(()));
    let Ok(Run::Stopped(checkpoint)) = stopped else {
        panic!("the callback broke off")
    };
    let other = Case {
        records_per_day: 24,
        ..constant(20)
    };
    let refused = simulate(&other, Some(checkpoint), &mut |_| ControlFlow::Continue(()));
    assert!(matches!(refused, Err(DigesterError::Inconsistent { .. })));
}

#[test]
fn progress_counts_every_day_once() {
    let mut days = Vec::new();
    let finished = simulate(&constant(12), None, &mut |day| {
        assert_eq!((day.of, day.checkpoint.day), (12, day.done));
        days.push(day.done);
        ControlFlow::Continue(())
    });
    assert!(matches!(finished, Ok(Run::Finished(_))));
    assert_eq!(days, (1..=12).collect::<Vec<u32>>());
}

#[test]
fn a_case_describes_itself_and_a_simulation_survives_json() {
    let schema = serde_json::to_value(schemars::schema_for!(Case)).expect("a schema is data");
    assert!(schema["properties"]["feed"].is_object());
    let simulation = run(&constant(3));
    let text = serde_json::to_string(&simulation).expect("a simulation is data");
    assert!(!text.contains("null"), "every number is finite");
    let read: Simulation = serde_json::from_str(&text).expect("and is read back");
    assert_eq!(read.time_series.len(), simulation.time_series.len());
}
