//! Why a command ends early.

use std::io;

use crate::cli::exit_code::Ending;
use crate::error::Error;

/// What stopped a command.
#[derive(Debug)]
pub enum Failure {
    /// Something was refused.
    Refused(Box<Error>),
    /// Standard output, or a file that the user named, cannot be written or read.
    Io(io::Error),
}

/// How a command went.
pub type Outcome = Result<Ending, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Refused(Box::new(error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}
