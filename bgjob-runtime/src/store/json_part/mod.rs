//! Parts of a JSON file that may be larger than memory: one value by pointer, or a page of it.

use std::io::{self, Read};

mod items;
mod kept;
mod outline;
mod part;
pub mod pointer;
mod scan;
mod seek;
mod shape;
mod text;
mod token;

pub use part::{Part, Shown, Want, read};
pub use seek::Missing;
pub use shape::Shape;

use scan::Scanner;
use seek::{Sought, seek};

/// The value that an RFC 6901 pointer names, as JSON text without white space between tokens;
/// `None` if it names nothing. Reads no further than the value, and holds nothing but it.
///
/// # Errors
/// When reading fails (the reader's own kind), the text is not JSON (`InvalidData`) or the pointer is
/// none (`InvalidInput`).
pub fn extract(reader: impl Read, pointer: &str) -> io::Result<Option<Vec<u8>>> {
    let tokens =
        pointer::parse(pointer).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    let mut scanner = Scanner::new(reader);
    if let Sought::Missing(_) = seek(&mut scanner, &tokens)? {
        return Ok(None);
    }
    scanner.tap(usize::MAX);
    scanner.skip()?;
    let value = scanner.untap().unwrap_or_default();
    if tokens.is_empty() {
        scanner.finish()?;
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests;
