//! Environment variables in a file: `NAME=VALUE`, each with a NUL behind it, as in environ(7).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::store::files::{self, Durability};

/// Writes `env` to a new file that only its owner can read.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, env: &BTreeMap<OsString, OsString>) -> io::Result<()> {
    let mut bytes = Vec::new();
    for (name, value) in env {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(b'=');
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(0);
    }
    files::write_new(path, &bytes, Durability::Relaxed)
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// When the file is missing.
pub fn read(path: &Path) -> io::Result<Vec<(OsString, OsString)>> {
    let bytes = files::read_capped(path, 16 << 20)?;
    Ok(bytes
        .split(|b| *b == 0)
        .filter_map(split_variable)
        .collect())
}

fn split_variable(bytes: &[u8]) -> Option<(OsString, OsString)> {
    let at = bytes.iter().position(|b| *b == b'=')?;
    let text = |part: &[u8]| OsString::from_vec(OsStr::from_bytes(part).as_bytes().to_vec());
    Some((text(&bytes[..at]), text(&bytes[at + 1..])))
}
