//! Plots and a page for people.
//!
//! [`write()`] puts five SVG plots and one self-contained HTML page into a directory. SVG text stays text: no font is needed
//! where the report is written, the reader's browser has them.

mod numbers;
mod page;
mod plots;
mod remarks;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DigesterError;
use crate::feed::{Basis, FeedSeries};
use crate::model::Simulation;
use crate::sizing::Sizing;
use crate::validate::Validation;

/// Everything that a report can show.
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    /// The basis of design.
    pub basis: &'a Basis,
    /// Its check, if there was one.
    pub validation: Option<&'a Validation>,
    /// The sizing.
    pub sizing: &'a Sizing,
    /// The feed of the simulation; the page quotes its provenance.
    pub feed: &'a FeedSeries,
    /// The simulation.
    pub simulation: &'a Simulation,
}

/// A number that sums up the design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyNumber {
    /// What it is.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Its unit, "-" for none.
    pub unit: String,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Paths of the files; the page comes first.
    pub files: Vec<String>,
    /// The numbers on top of the page.
    pub key_numbers: Vec<KeyNumber>,
    /// What a designer should look at: findings on the basis that are not `ok`, and signs of instability.
    pub remarks: Vec<String>,
}

impl KeyNumber {
    /// The number as people write it, to about four significant digits, without its unit.
    pub fn rounded(&self) -> String {
        numbers::rounded(self.value)
    }
}

/// Writes the report into `directory`, which is created if it is missing. Files of an earlier report are replaced.
///
/// # Errors
/// [`DigesterError::File`] if a file cannot be written, [`DigesterError::Inconsistent`] if the simulation has no records.
pub fn write(directory: &Path, design: &Design<'_>) -> Result<Report, DigesterError> {
    std::fs::create_dir_all(directory).map_err(|error| file(directory, &error))?;
    write_to(&mut |name| Ok(directory.join(name)), design)
}

/// Writes the report to wherever `place` puts a file of that name. Files of an earlier report are replaced.
///
/// # Errors
/// As [`write()`], and whatever `place` says.
pub fn write_to(
    place: &mut dyn FnMut(&str) -> Result<PathBuf, DigesterError>,
    design: &Design<'_>,
) -> Result<Report, DigesterError> {
    let plots = plots::draw(&design.simulation.time_series)?;
    let key_numbers = numbers::key_numbers(design);
    let page = page::page(design, &key_numbers, &plots);
    let mut files = vec![save(&place("report.html")?, &page)?];
    for plot in &plots {
        files.push(save(&place(plot.file)?, &plot.svg)?);
    }
    Ok(Report {
        files,
        key_numbers,
        remarks: remarks::remarks(design),
    })
}

fn save(path: &Path, text: &str) -> Result<String, DigesterError> {
    std::fs::write(path, text).map_err(|error| file(path, &error))?;
    Ok(path.display().to_string())
}

fn file(path: &Path, error: &std::io::Error) -> DigesterError {
    DigesterError::File {
        path: path.display().to_string(),
        message: error.to_string(),
    }
}
