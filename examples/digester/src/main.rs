//! Anaerobic digester design, from the basis to the report.

use std::ops::ControlFlow;
use std::process::ExitCode;

use digester::DigesterError;
use digester::feed::{Basis, FeedSeries};
use digester::model::{Case, Plant, simulate};
use digester::report::{Design, write};
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
    let validation = validate(&basis)?;
    let sizing = size(&basis, &SizingOptions::default())?;
    let case = Case::new(Plant::from(&sizing), FeedSeries::winery_distillery()?);
    let run = simulate(&case, None, &mut |_| ControlFlow::Continue(()))?;
    if let Some(simulation) = run.finished() {
        let design = Design {
            basis: &basis,
            validation: Some(&validation),
            sizing: &sizing,
            feed: &case.feed,
            simulation: &simulation,
        };
        let directory = std::env::args_os()
            .nth(1)
            .unwrap_or_else(|| "digester-report".into());
        let report = write(directory.as_ref(), &design)?;
        for number in &report.key_numbers {
            println!("{:<32} {:>10.3} {}", number.name, number.value, number.unit);
        }
        println!("{}", report.files.join("\n"));
    }
    Ok(())
}
