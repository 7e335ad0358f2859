//! Settings that bind every process on the data directory.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Ledger;
use super::kinds::kind;
use crate::error::Result;

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
    /// What is run once a job has ended, quoted as for a shell; empty for nothing.
    pub on_finish: String,
    /// How long that may take.
    pub hook_timeout: Duration,
    /// Whether supervisors fork workers instead of executing the program again.
    pub warm_workers: bool,
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
            on_finish: String::new(),
            hook_timeout: Duration::from_secs(60),
            warm_workers: false,
        }
    }
}

/// Who set a setting, the strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody.
    Default,
    /// A builder call of the program.
    Program,
    /// `config.toml` of the data directory.
    File,
    /// An environment variable.
    Environment,
    /// `config set`.
    Set,
}

impl Source {
    const ALL: [Source; 5] = [
        Source::Default,
        Source::Program,
        Source::File,
        Source::Environment,
        Source::Set,
    ];

    /// The source as people are told of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Default => "default",
            Source::Program => "program",
            Source::File => "config.toml",
            Source::Environment => "environment",
            Source::Set => "config set",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Source::ALL
            .into_iter()
            .find(|source| source.as_str() == text)
    }
}

/// What a process wants a setting to be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The setting.
    pub name: &'static str,
    /// Its text, checked.
    pub value: String,
    /// Who wants it so.
    pub source: Source,
}

/// What the ledger has of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Its text.
    pub value: String,
    /// Who set it; `None` for ledgers of programs that did not record it.
    pub source: Option<Source>,
}

/// Whether `wanted` replaces what the ledger has. The first to want something decides, unless what is
/// there is only a default; the file and the environment speak for as long as they say something; and
/// `config set` is the last word.
fn replaces(wanted: &Wanted, there: Option<&InForce>) -> bool {
    let Some(there) = there else { return true };
    let before = there.source.unwrap_or(Source::Default);
    match (before, wanted.source) {
        (Source::Set, _) => false,
        // The line was taken out of the file.
        (Source::File, Source::Default | Source::Program) => true,
        (_, Source::Default) => false,
        (Source::Program, Source::Program) => false,
        (before, now) => now >= before,
    }
}

/// Whether recording `wanted` changes anything.
fn is_news(wanted: &Wanted, there: Option<&InForce>) -> bool {
    let same = there
        .is_some_and(|there| there.value == wanted.value && there.source == Some(wanted.source));
    !same && replaces(wanted, there)
}

fn all_in_force(conn: &Connection) -> Result<BTreeMap<String, InForce>> {
    let mut statement = conn.prepare_cached("SELECT name, value, source FROM setting")?;
    let rows = statement.query_map([], |row| {
        let source: Option<String> = row.get(2)?;
        let in_force = InForce {
            value: row.get(1)?,
            source: source.as_deref().and_then(Source::parse),
        };
        Ok((row.get(0)?, in_force))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn put(tx: &Transaction<'_>, name: &str, value: &str, source: Source) -> Result<()> {
    tx.prepare_cached("INSERT INTO setting (name, value, source) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET value = ?2, source = ?3")?
        .execute(params![name, value, source.as_str()])?;
    Ok(())
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

    /// Every setting that was ever set, and who set it.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn all_in_force(&self) -> Result<BTreeMap<String, InForce>> {
        all_in_force(&self.conn)
    }

    pub(super) fn set_setting(&mut self, name: &str, value: &str, source: Source) -> Result<()> {
        self.write(|tx| put(tx, name, value, source))
    }

    /// Changes a setting for every process from its next look on.
    ///
    /// # Errors
    /// `invalid_argument` for an unknown name or a value out of range.
    pub fn configure(&mut self, name: &str, value: &str) -> Result<()> {
        let value = kind(name)?.normal(value)?;
        self.set_setting(name, &value, Source::Set)
    }

    /// Takes back what `config set` said of a setting: the next process that opens the directory
    /// says what it is.
    ///
    /// # Errors
    /// `invalid_argument` for an unknown name.
    pub fn unset(&mut self, name: &str) -> Result<()> {
        let name = kind(name)?.name;
        self.write(|tx| {
            tx.prepare_cached("DELETE FROM setting WHERE name = ?1")?
                .execute([name])?;
            Ok(())
        })
    }

    /// Records what of `wanted` binds, and reads what is in force.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be used.
    pub fn agree_on(&mut self, wanted: &[Wanted]) -> Result<Settings> {
        let there = self.all_in_force()?;
        if wanted
            .iter()
            .any(|wish| is_news(wish, there.get(wish.name)))
        {
            self.write(|tx| {
                // Somebody else may have come first.
                let there = all_in_force(tx)?;
                for wish in wanted {
                    if is_news(wish, there.get(wish.name)) {
                        put(tx, wish.name, &wish.value, wish.source)?;
                    }
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
        in_force(&self.conn)
    }
}

pub(super) fn in_force(conn: &Connection) -> Result<Settings> {
    let mut statement = conn.prepare_cached("SELECT name, value FROM setting")?;
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

fn plain<T: std::str::FromStr>(into: &mut T, text: &str) {
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
            "max_jobs" => plain(&mut self.max_jobs, text),
            "max_queued" => plain(&mut self.max_queued, text),
            "retention" => span(&mut self.retention, text),
            "default_timeout" => span(&mut self.default_timeout, text),
            "max_log_mib" => plain(&mut self.max_log_mib, text),
            "max_result_mib" => plain(&mut self.max_result_mib, text),
            "min_memory_mib" => plain(&mut self.min_memory_mib, text),
            "on_finish" => text.clone_into(&mut self.on_finish),
            "hook_timeout" => span(&mut self.hook_timeout, text),
            "warm_workers" => plain(&mut self.warm_workers, text),
            _ => {}
        }
    }

    /// Each setting as the text that `config set` takes.
    pub fn texts(&self) -> [(&'static str, String); 10] {
        let span = |value| humantime::format_duration(value).to_string();
        [
            ("max_jobs", self.max_jobs.to_string()),
            ("max_queued", self.max_queued.to_string()),
            ("retention", span(self.retention)),
            ("default_timeout", span(self.default_timeout)),
            ("max_log_mib", self.max_log_mib.to_string()),
            ("max_result_mib", self.max_result_mib.to_string()),
            ("min_memory_mib", self.min_memory_mib.to_string()),
            ("on_finish", self.on_finish.clone()),
            ("hook_timeout", span(self.hook_timeout)),
            ("warm_workers", self.warm_workers.to_string()),
        ]
    }
}

impl Settings {
    /// What a program wants that was built with these settings: what differs from the defaults is its
    /// own wish.
    pub fn wanted(&self) -> Vec<Wanted> {
        let defaults = Settings::default().texts();
        let texts = self.texts().into_iter().zip(defaults);
        texts
            .map(|((name, value), (_, default))| Wanted {
                name,
                source: if value == default {
                    Source::Default
                } else {
                    Source::Program
                },
                value,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
