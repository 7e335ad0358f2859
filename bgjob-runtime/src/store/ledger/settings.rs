//! Settings that bind every process on the data directory.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::Ledger;
use crate::error::{Code, Error, Result};

/// The limits in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Jobs that may run at once, over all processes.
    pub max_jobs: u32,
    /// Queued jobs that an owner may have.
    pub max_queued: u64,
    /// How long ended jobs are kept.
    pub retention: Duration,
    /// The timeout of a tool that names none.
    pub default_timeout: Duration,
    /// How much of each log is kept, in MiB; the middle of a longer one is dropped.
    pub max_log_mib: u64,
    /// The largest result, in MiB.
    pub max_result_mib: u64,
    /// No job is started while less memory is available, in MiB.
    pub min_memory_mib: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = u32::try_from(crate::sys::host::cores()).unwrap_or(2);
        Settings {
            max_jobs: (cores / 2).max(2),
            max_queued: 100_000,
            retention: Duration::from_secs(7 * 24 * 3600),
            default_timeout: Duration::from_secs(3600),
            max_log_mib: 64,
            max_result_mib: 1024,
            min_memory_mib: 128,
        }
    }
}

/// A setting: its name, what it means, and how its text is checked.
pub struct Kind {
    /// The name in `config set`.
    pub name: &'static str,
    /// What it means, with unit and range.
    pub about: &'static str,
    check: fn(&str) -> Option<()>,
}

/// Every binding setting.
pub const KINDS: [Kind; 7] = [
    Kind {
        name: "max_jobs",
        about: "jobs that may run at once, over all processes: 1 to 10000",
        check: |text| within(text, 1, 10_000),
    },
    Kind {
        name: "max_queued",
        about: "queued jobs that an owner may have: 0 to 10000000",
        check: |text| within(text, 0, 10_000_000),
    },
    Kind {
        name: "retention",
        about: "how long ended jobs are kept: a duration such as 7d or 12h",
        check: duration,
    },
    Kind {
        name: "default_timeout",
        about: "timeout of a tool that names none: a duration such as 1h",
        check: duration,
    },
    Kind {
        name: "max_log_mib",
        about: "how much of each log is kept, in MiB, the middle of a longer one being dropped: 1 to 1000000",
        check: |text| within(text, 1, 1_000_000),
    },
    Kind {
        name: "max_result_mib",
        about: "the largest result, in MiB: 1 to 1000000",
        check: |text| within(text, 1, 1_000_000),
    },
    Kind {
        name: "min_memory_mib",
        about: "no job is started while less memory is available, in MiB: 0 to 1000000000",
        check: |text| within(text, 0, 1_000_000_000),
    },
];

fn within(text: &str, least: u64, most: u64) -> Option<()> {
    text.parse::<u64>()
        .ok()
        .filter(|value| (least..=most).contains(value))
        .map(drop)
}

fn duration(text: &str) -> Option<()> {
    humantime::parse_duration(text)
        .ok()
        .filter(|value| !value.is_zero())
        .map(drop)
}

impl Ledger {
    /// The text of a setting, if it was ever set.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn setting(&self, name: &str) -> Result<Option<String>> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    pub(super) fn set_setting(&mut self, name: &str, value: &str) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached("INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2")?
                .execute(params![name, value])?;
            Ok(())
        })
    }

    /// Changes a setting for every process from its next look on.
    ///
    /// # Errors
    /// `invalid_argument` for an unknown name or a value out of range.
    pub fn configure(&mut self, name: &str, value: &str) -> Result<()> {
        let names = KINDS.iter().map(|kind| kind.name);
        let kind = KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
            Error::new(
                Code::InvalidArgument,
                format!("there is no setting `{name}`"),
            )
            .did_you_mean(crate::error::nearest(name, names.clone()))
            .remedy(format!(
                "The settings are {}.",
                names.collect::<Vec<_>>().join(", ")
            ))
        })?;
        (kind.check)(value).ok_or_else(|| {
            Error::new(
                Code::InvalidArgument,
                format!("`{value}` does not fit the setting `{name}`"),
            )
            .remedy(kind.about)
        })?;
        self.set_setting(name, value)
    }

    /// Records `wanted` for every setting that nobody has set yet, and reads what is in force.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be used.
    pub fn agree_on(&mut self, wanted: &Settings) -> Result<Settings> {
        let wanted_texts = wanted.texts();
        let missing = wanted_texts
            .iter()
            .any(|(name, _)| !matches!(self.setting(name), Ok(Some(_))));
        if missing {
            self.write(|tx| {
                let mut insert = tx.prepare_cached(
                    "INSERT OR IGNORE INTO setting (name, value) VALUES (?1, ?2)",
                )?;
                for (name, value) in &wanted_texts {
                    insert.execute(params![name, value])?;
                }
                Ok(())
            })?;
        }
        self.settings()
    }

    /// The settings in force.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn settings(&self) -> Result<Settings> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT name, value FROM setting")?;
        let mut rows = statement.query([])?;
        let mut settings = Settings::default();
        while let Some(row) = rows.next()? {
            let (name, value) = (row.get_ref(0)?, row.get_ref(1)?);
            // What cannot be read counts as not set.
            if let (Ok(name), Ok(value)) = (name.as_str(), value.as_str()) {
                settings.take(name, value);
            }
        }
        Ok(settings)
    }
}

fn number<T: std::str::FromStr>(into: &mut T, text: &str) {
    if let Ok(value) = text.parse() {
        *into = value;
    }
}

fn span(into: &mut Duration, text: &str) {
    if let Ok(value) = humantime::parse_duration(text) {
        *into = value;
    }
}

impl Settings {
    fn take(&mut self, name: &str, text: &str) {
        match name {
            "max_jobs" => number(&mut self.max_jobs, text),
            "max_queued" => number(&mut self.max_queued, text),
            "retention" => span(&mut self.retention, text),
            "default_timeout" => span(&mut self.default_timeout, text),
            "max_log_mib" => number(&mut self.max_log_mib, text),
            "max_result_mib" => number(&mut self.max_result_mib, text),
            "min_memory_mib" => number(&mut self.min_memory_mib, text),
            _ => {}
        }
    }

    /// Each setting as the text that `config set` takes.
    pub fn texts(&self) -> [(&'static str, String); 7] {
        let span = |value| humantime::format_duration(value).to_string();
        [
            ("max_jobs", self.max_jobs.to_string()),
            ("max_queued", self.max_queued.to_string()),
            ("retention", span(self.retention)),
            ("default_timeout", span(self.default_timeout)),
            ("max_log_mib", self.max_log_mib.to_string()),
            ("max_result_mib", self.max_result_mib.to_string()),
            ("min_memory_mib", self.min_memory_mib.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_ask_decides_and_later_changes_bind() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("l")).unwrap();
        let first = Settings {
            max_jobs: 3,
            ..Settings::default()
        };
        assert_eq!(ledger.agree_on(&first).unwrap(), first);
        assert_eq!(
            ledger
                .agree_on(&Settings {
                    max_jobs: 9,
                    ..first.clone()
                })
                .unwrap()
                .max_jobs,
            3
        );
        ledger.configure("max_jobs", "5").unwrap();
        assert_eq!(ledger.settings().unwrap().max_jobs, 5);
    }

    #[test]
    fn a_wrong_setting_is_refused_with_what_fits() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("l")).unwrap();
        assert_eq!(
            ledger
                .configure("max_job", "5")
                .unwrap_err()
                .did_you_mean
                .as_deref(),
            Some("max_jobs")
        );
        assert!(ledger.configure("max_jobs", "0").is_err());
        assert!(ledger.configure("retention", "30").is_err());
    }
}
