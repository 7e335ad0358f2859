//! Anaerobic digester design, from the basis to the report.

use std::ops::ControlFlow;
use std::process::ExitCode;

use digester::DigesterError;
use digester::feed::{Basis, FeedSeries};
use digester::model::{Case, Plant, simulate};
use digester::sizing::{SizingOptions, size};
use digester::validate::validate;

fn main() -> ExitCode {
    match design() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn design() -> Result<(), DigesterError> {
    let basis = Basis::winery_distillery();
    eprintln!("{:#?}", validate(&basis)?);
    let sizing = size(&basis, &SizingOptions::default())?;
    eprintln!("{sizing:#?}");
    let case = Case::new(Plant::from(&sizing), FeedSeries::winery_distillery()?);
    let started = std::time::Instant::now();
    let run = simulate(&case, None, &mut |_| ControlFlow::Continue(()))?;
    eprintln!("{:?}", started.elapsed());
    if let Some(simulation) = run.finished() {
        println!("{:#?}", simulation.summary);
    }
    Ok(())
}
