//! A simulation that is killed goes on where it was, and its result is that of one that was not.

use bgjob_tests::processes::Kind;
use bgjob_tests::{Sandbox, until};
use serde_json::{Value, json};

fn finished(sandbox: &Sandbox, id: &str) -> Value {
    let view = sandbox.wait(id);
    assert_eq!(view["state"], "completed", "{view}");
    let result = sandbox.run(["jobs", "result", id]);
    serde_json::from_str(&result.stdout).expect("a result is JSON")
}

/// Compares two values number by number.
fn assert_close(found: &Value, expected: &Value, at: &str) {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            let difference = (found - expected).abs();
            // The solver's relative tolerance is 1e-8.
            assert!(
                difference <= 1e-7 * expected.abs().max(1e-3),
                "{at}: {found}, expected {expected}"
            );
        }
        (Value::Object(found), Value::Object(expected)) => {
            assert_eq!(found.len(), expected.len(), "{at}");
            for (key, expected) in expected {
                assert_close(&found[key], expected, &format!("{at}/{key}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{at}");
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert_close(found, expected, &format!("{at}/{index}"));
            }
        }
        (found, expected) => assert_eq!(found, expected, "{at}"),
    }
}

#[test]
fn a_killed_simulation_goes_on_and_equals_the_uninterrupted_one() {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_digester"));
    let basis = serde_json::to_value(digester::feed::Basis::winery_distillery());
    sandbox.finish("set_basis", &basis.expect("a basis is data"));
    sandbox.finish("heuristic_sizing", &json!({}));
    let input = json!({"days": 365, "records_per_day": 4});
    let whole = finished(&sandbox, &sandbox.submit("simulate", &input));
    let id = sandbox.submit("simulate", &input);
    let checkpoint = sandbox.job_dir(&id).join("checkpoint.json");
    until("a checkpoint is there", || checkpoint.exists());
    let workers = sandbox.processes().into_iter();
    for worker in workers.filter(|found| found.kind == Kind::Worker) {
        worker.kill();
    }
    let resumed = finished(&sandbox, &id);
    let view = sandbox.show(&id);
    assert_eq!(view["attempt"], 2, "{view}");
    assert_eq!(view["attempts"][0]["error"]["code"], "crashed", "{view}");
    assert_close(&resumed, &whole, "");
}
