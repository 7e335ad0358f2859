//! Job ids: `<tool>-<20 characters of Crockford base32>`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// Crockford's base32 alphabet in lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
pub(crate) const RANDOM_CHARS: usize = 20;
/// The longest tool name: clients prefix it with a server's name and cap the whole at 64.
pub const MAX_TOOL_NAME: usize = 41;

/// The name of one job: the tool's name and 100 random bits, so that on a local transport
/// knowing the id is what entitles to the job.
///
/// ```
/// use bgjob_runtime::JobId;
/// let id: JobId = "simulate-9f3k2m7qw4x1a8bdc6tz".parse()?;
/// assert_eq!(id.tool(), "simulate");
/// assert!("../x".parse::<JobId>().is_err());
/// # Ok::<(), bgjob_runtime::Error>(())
/// ```
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", description = "The id of a job.")]
pub struct JobId(String);

impl JobId {
    /// The id of a new job of `tool`; five bits of each random byte are used, 100 in all.
    pub(crate) fn new(tool: &str, random: [u8; RANDOM_CHARS]) -> Self {
        let random = random.iter().map(|b| ALPHABET[usize::from(b & 31)] as char);
        JobId(format!("{tool}-{}", random.collect::<String>()))
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tool that the job runs.
    pub fn tool(&self) -> &str {
        &self.0[..self.0.len() - RANDOM_CHARS - 1]
    }
}

/// Whether `name` may name a tool: `[a-z0-9_]`, 1 to 41 characters.
pub fn is_tool_name(name: &str) -> bool {
    (1..=MAX_TOOL_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_well_formed(text: &str) -> bool {
    let Some((tool, random)) = text.rsplit_once('-') else {
        return false;
    };
    is_tool_name(tool)
        && random.len() == RANDOM_CHARS
        && random.bytes().all(|b| ALPHABET.contains(&b))
}

/// The refusal for an id that names no job: the same for unknown, foreign and malformed ids.
pub fn not_found(id: &str) -> Error {
    let shown: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
    Error::new(Code::JobNotFound, format!("no such job: `{shown}`"))
        .remedy("Take the id from the call that started the job, or list the jobs.")
}

impl std::str::FromStr for JobId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if is_well_formed(text) {
            Ok(JobId(text.to_owned()))
        } else {
            Err(not_found(text))
        }
    }
}

impl TryFrom<String> for JobId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> String {
        id.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_id_parses_and_names_its_tool() {
        let id = JobId::new("simulate", [31; RANDOM_CHARS]);
        assert_eq!(id.as_str().parse::<JobId>().unwrap(), id);
        assert_eq!(id.tool(), "simulate");
    }

    /// Bits are counted as in NIST SP 800-22 (frequency), pairs of letters as in Knuth's serial test. The
    /// bounds are so wide that chance passes them less than once in a thousand million runs.
    #[test]
    fn a_million_ids_are_all_different_and_as_chance_makes_them() {
        const IDS: usize = 1_000_000;
        let mut seen = std::collections::HashSet::with_capacity(IDS);
        let (mut ones, mut pairs) = (0u64, vec![0u64; 32 * 32]);
        for _ in 0..IDS {
            let id = JobId::new("t", crate::sys::random_bytes());
            let place = |letter| ALPHABET.iter().position(|known| *known == letter).unwrap();
            let random: Vec<usize> = id.as_str().bytes().skip(2).map(place).collect();
            let number = random
                .iter()
                .fold(0u128, |all, five| (all << 5) | *five as u128);
            assert!(seen.insert(number), "an id came twice");
            ones += u64::from(number.count_ones());
            for pair in random.windows(2) {
                pairs[(pair[0] << 5) | pair[1]] += 1;
            }
        }
        let bits = (IDS * RANDOM_CHARS * 5) as f64;
        let off = (ones as f64 - bits / 2.0) / (bits.sqrt() / 2.0);
        assert!(off.abs() < 6.5, "{off} standard deviations");
        let expected = (IDS * (RANDOM_CHARS - 1)) as f64 / pairs.len() as f64;
        let chi: f64 = pairs
            .iter()
            .map(|n| (*n as f64 - expected).powi(2) / expected)
            .sum();
        let freedom = (pairs.len() - 1) as f64;
        assert!(
            (chi - freedom).abs() < 8.0 * (2.0 * freedom).sqrt(),
            "{chi}"
        );
    }

    #[test]
    fn hostile_ids_are_no_such_job() {
        let long = "a".repeat(1_000_000);
        for text in [
            "",
            "..",
            "../x",
            "/etc",
            "a-\0",
            "x-9F3K2M7QW4X1A8BDC6TZ",
            "%2e%2e",
            "con",
            &long,
        ] {
            let error = text.parse::<JobId>().unwrap_err();
            assert_eq!(error.code, Code::JobNotFound);
            assert!(error.message.len() < 200);
        }
    }
}
