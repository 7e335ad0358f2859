//! Walks to the value that a pointer names.

use std::borrow::Cow;
use std::io::{self, Read};

use super::pointer;
use super::scan::{Scanner, closing};

/// Names remembered for a did-you-mean.
const NAMES_KEPT: usize = 64;
/// Longest name that is remembered, in bytes of JSON text.
const NAME_KEPT: usize = 256;

/// Whether the pointer named something.
#[derive(Debug, PartialEq, Eq)]
pub enum Sought {
    /// The scanner stands before the value.
    Found,
    /// A token names nothing.
    Missing(Missing),
}

/// Where a pointer leaves the document.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    /// How many tokens named something.
    pub depth: usize,
    /// The names at that place, or the first of them.
    pub names: Vec<String>,
    /// How many items or members there are.
    pub count: u64,
    /// Whether the place is an array.
    pub array: bool,
}

/// Walks to the value; of members of equal names the first counts.
pub fn seek<R: Read>(scanner: &mut Scanner<R>, tokens: &[String]) -> io::Result<Sought> {
    for (depth, token) in tokens.iter().enumerate() {
        let missing = match scanner.peek()? {
            b'{' => seek_member(scanner, token)?,
            b'[' => seek_item(scanner, token)?,
            _ => {
                scanner.skip()?;
                Some(Missing {
                    depth: 0,
                    names: Vec::new(),
                    count: 0,
                    array: false,
                })
            }
        };
        if let Some(missing) = missing {
            return Ok(Sought::Missing(Missing { depth, ..missing }));
        }
    }
    Ok(Sought::Found)
}

fn seek_member<R: Read>(scanner: &mut Scanner<R>, token: &str) -> io::Result<Option<Missing>> {
    // A character takes at most twelve bytes as JSON text: two escapes of a surrogate pair.
    let limit = NAME_KEPT.max(12 * token.len() + 2);
    let mut missing = Missing {
        depth: 0,
        names: Vec::new(),
        count: 0,
        array: false,
    };
    scanner.open(b'{')?;
    while scanner.more(missing.count, closing(b'{'))? {
        let name = scanner.name(limit)?;
        if name.as_deref() == Some(token) {
            return Ok(None);
        }
        if missing.names.len() < NAMES_KEPT {
            missing.names.extend(
                name.filter(|name| name.len() <= NAME_KEPT)
                    .map(Cow::into_owned),
            );
        }
        missing.count += 1;
        scanner.skip()?;
    }
    Ok(Some(missing))
}

fn seek_item<R: Read>(scanner: &mut Scanner<R>, token: &str) -> io::Result<Option<Missing>> {
    let wanted = pointer::index(token).unwrap_or(u64::MAX);
    scanner.open(b'[')?;
    let index = scanner.items(0, wanted)?;
    if scanner.more(index, closing(b'['))? {
        return Ok(None);
    }
    Ok(Some(Missing {
        depth: 0,
        names: Vec::new(),
        count: index,
        array: true,
    }))
}
