//! The wrapped script, through the real binary.

use std::process::Command;

use bgjob_tests::{Sandbox, until};
use serde_json::{Value, json};

/// A sandbox, or the reason why there is nothing to test.
fn sandbox() -> Option<Sandbox> {
    let python = Command::new("python3").arg("--version").output();
    if python.is_ok_and(|output| output.status.success()) {
        return Some(Sandbox::new(env!("CARGO_BIN_EXE_wrap-a-script")));
    }
    eprintln!("skipped: there is no python3 on the PATH");
    None
}

fn points() -> Value {
    let text = include_str!("../data/maize_silage.json");
    let input: Value = serde_json::from_str(text).expect("the sample is JSON");
    input["points"].clone()
}

#[test]
fn the_fit_is_typed_and_the_same_for_the_same_seed() {
    let Some(sandbox) = sandbox() else { return };
    let view = sandbox.finish("fit_bmp", &json!({"points": points(), "resamples": 100}));
    assert_eq!(view["state"], "completed", "{view}");
    let fit = &view["result"];
    let number = |name: &str| fit[name].as_f64().unwrap_or(f64::NAN);
    assert!(
        (number("b0") - 342.0).abs() < 15.0 && (number("k") - 0.16).abs() < 0.03,
        "{fit}"
    );
    assert!(fit["b0_interval"][0].as_f64() < fit["b0"].as_f64(), "{fit}");
    assert_eq!(fit["points"], 15);
    let again = sandbox.finish("fit_bmp", &json!({"points": points(), "resamples": 100}));
    assert_eq!(again["result"], *fit);
    assert_eq!(sandbox.json(["state", "show", "kinetics"])["value"], *fit);
}

#[test]
fn progress_is_seen_while_the_script_works() {
    let Some(sandbox) = sandbox() else { return };
    let id = sandbox.submit(
        "fit_bmp",
        &json!({"points": points(), "resamples": 100_000}),
    );
    until("some resamples are done", || {
        sandbox.show(&id)["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("Resample "))
    });
    sandbox.run(["jobs", "cancel", &id]);
    assert_eq!(sandbox.wait(&id)["state"], "cancelled");
}

#[test]
fn the_script_says_why_it_failed() {
    let Some(sandbox) = sandbox() else { return };
    let three =
        json!([{"day": 0, "methane": 0}, {"day": 1, "methane": 10}, {"day": 2, "methane": 15}]);
    let view = sandbox.finish("fit_bmp", &json!({"points": three}));
    assert_eq!(view["error"]["code"], "tool_error");
    assert_eq!(
        view["error"]["message"],
        "`python3` exited with status 1: error: test.csv has 3 points, and a fit needs at least 4"
    );
    let same = json!(vec![json!({"day": 0, "methane": 5}); 4]);
    let view = sandbox.finish("fit_bmp", &json!({"points": same}));
    let tail = view["error"]["stderr_tail"].as_str().unwrap_or_default();
    assert!(
        tail.contains("Traceback") && tail.contains("ZeroDivisionError"),
        "{view}"
    );
}

#[test]
fn wrong_input_is_refused_before_a_job_exists() {
    let Some(sandbox) = sandbox() else { return };
    let refused = sandbox.try_submit("fit_bmp", &json!({"points": [{"day": 0, "metane": 5}]}));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("methane"), "{refused:?}");
}
