//! The one error type of the crate.

use serde::Serialize;

/// Why a step of the design could not be done.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DigesterError {
    /// A number is outside the range in which the calculation means anything.
    #[error("`{field}` is {value} {unit}, must be {expected}")]
    OutOfRange {
        /// Name of the field.
        field: String,
        /// The number that was given.
        value: f64,
        /// Its unit.
        unit: String,
        /// The permitted range, in words.
        expected: String,
    },
    /// Two inputs contradict one another.
    #[error("{message}")]
    Inconsistent {
        /// What contradicts what.
        message: String,
    },
    /// The solver gave up; the state of the digester is not usable.
    #[error("integration failed on day {day}: {message}")]
    Integration {
        /// Simulated day, counted from 0.
        day: u32,
        /// The solver's own words.
        message: String,
    },
    /// Two values of the shared state do not belong together.
    #[error("the state field `{field}` is out of date: {message}; run `{tool}` again")]
    OutOfDate {
        /// The field that has to be made again.
        field: String,
        /// The tool that makes it.
        tool: String,
        /// What does not fit.
        message: String,
    },
    /// Somebody asked the job to end.
    #[error("cancelled on simulated day {day} of {of}")]
    Cancelled {
        /// Simulated days done.
        day: u32,
        /// Days that were asked for.
        of: u32,
    },
    /// A file could not be read or written.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: String,
        /// The operating system's words.
        message: String,
    },
    /// Text that should be data is not.
    #[error("{what} cannot be read: {message}")]
    Malformed {
        /// What was being read.
        what: String,
        /// The parser's words.
        message: String,
    },
}

/// Checks that `value` is finite and within `range`, both ends included.
pub(crate) fn within(
    field: &str,
    value: f64,
    unit: &str,
    range: std::ops::RangeInclusive<f64>,
) -> Result<(), DigesterError> {
    if value.is_finite() && range.contains(&value) {
        return Ok(());
    }
    Err(DigesterError::OutOfRange {
        field: field.into(),
        value,
        unit: unit.into(),
        expected: format!("{} to {}", range.start(), range.end()),
    })
}
