//! An unchanged Python script as a typed tool: see `fit_bmp.py`, which knows nothing of jobs.

use std::fmt::Write;

use bgjob_runtime::{CommandError, Job, ProgressFrom, background_tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The script travels inside the binary, so that there is one file to install.
const SCRIPT: &str = include_str!("../fit_bmp.py");

/// One measurement of a biomethane potential test.
#[derive(Deserialize, JsonSchema)]
struct Point {
    /// Time since the start, in d.
    #[schemars(range(min = 0.0))]
    day: f64,
    /// Methane produced until then, in mL per g of volatile solids.
    methane: f64,
}

/// The first-order model B(t) = B0 (1 - exp(-k t)) that fits the test best.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Fit {
    /// The ultimate methane yield B0, in mL per g of volatile solids.
    b0: f64,
    /// The rate constant, in 1/d.
    k: f64,
    /// The 95 % confidence interval of B0.
    b0_interval: [f64; 2],
    /// The 95 % confidence interval of k.
    k_interval: [f64; 2],
    /// Root mean square error of the fit, in mL per g of volatile solids.
    rmse: f64,
    /// Coefficient of determination.
    r2: f64,
    /// How many measurements were used.
    points: u32,
}

/// Why there is no fit.
#[derive(Debug, thiserror::Error)]
enum FitError {
    /// The script could not do it; its last words say why.
    #[error(transparent)]
    Script(#[from] CommandError),
    /// The job's directory could not be written.
    #[error("the data cannot be handed to the script: {0}")]
    Files(#[from] std::io::Error),
}

/// Fit first-order kinetics to a biomethane potential test, with confidence intervals.
#[background_tool(timeout = "30m", state_patch = "kinetics")]
fn fit_bmp(
    job: &Job,
    /// The measurements, at least 4.
    points: Vec<Point>,
    /// How many times the residuals are resampled for the confidence intervals.
    #[arg(range = 10..=100_000, default = 500)]
    resamples: u32,
    /// Seed of the resampling: the same seed gives the same intervals.
    #[arg(default = 1)]
    seed: u32,
) -> Result<Fit, FitError> {
    std::fs::write(job.dir().join("fit_bmp.py"), SCRIPT)?;
    std::fs::write(job.dir().join("test.csv"), csv(&points))?;
    let ran = job
        .command("python3")
        .args(["fit_bmp.py", "test.csv", "--out", "fit.json"])
        .arg(format!("--resamples={resamples}"))
        .arg(format!("--seed={seed}"))
        .current_dir(job.dir())
        .progress(ProgressFrom::Stdout)
        .run()?;
    Ok(ran.json_file("fit.json")?)
}

fn csv(points: &[Point]) -> String {
    let mut text = String::from("day,methane\n");
    for point in points {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{},{}", point.day, point.methane);
    }
    text
}

bgjob_runtime::main!();
