//! `doctor`: looks at everything that jobs depend on, mends what can be mended, and says what to type
//! for the rest.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::survival;
use super::{JobService, ServiceOptions};
use crate::clock;
use crate::error::{Error, Result};
use crate::sys::host;
use crate::tool::registry::Registry;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Jobs work, but not as they could.
    Warning,
    /// Jobs do not work, or are in danger.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What was looked at, in one word.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is the case.
    pub message: String,
    /// What to type or to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// A finding without a remedy.
    pub fn new(check: &'static str, level: Level, message: impl Into<String>) -> Self {
        Finding {
            check,
            level,
            message: message.into(),
            remedy: None,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn of(check: &'static str, error: Error) -> Self {
        Finding {
            check,
            level: Level::Problem,
            message: error.message,
            remedy: error.remedy,
        }
    }
}

/// Files looked at for their modes before the walk gives up: modes go wrong all at once.
const MAX_FILES: usize = 50_000;
/// Below this, accepting jobs is about to fail.
const LEAST_DISK_MIB: u64 = 100;
/// A write-ahead log of this size means that somebody reads without an end.
const MOST_WAL_MIB: u64 = 64;

/// Looks at everything. Works when the data directory or the ledger does not.
pub fn examine(options: ServiceOptions, registry: &'static Registry) -> Vec<Finding> {
    let root = options.data_dir.clone();
    let mut found = match JobService::open(options, registry) {
        Ok(service) => service.examine(),
        Err(error) => vec![Finding::of("data_dir", error)],
    };
    found.push(permissions(&root));
    found.extend(survival::findings());
    found.extend(environment(registry));
    found
}

impl JobService {
    fn examine(&self) -> Vec<Finding> {
        let shown = self.data.root().display();
        let mut found = vec![Finding::new(
            "data_dir",
            Level::Ok,
            format!("{shown} can be used"),
        )];
        let sound = self.ledger_finding();
        let usable = sound.level == Level::Ok;
        found.push(sound);
        if usable {
            found.push(or_problem("jobs", self.looked_after()));
            found.push(or_problem("files", self.mended()));
            found.push(or_problem("queue", self.queue()));
            found.push(or_problem("hooks", self.hooks()));
            found.push(or_problem("settings", self.settings_finding()));
        }
        found.push(or_problem("resources", self.resources()));
        found
    }

    fn ledger_finding(&self) -> Finding {
        match self.ledger().integrity_problems() {
            Ok(problems) if problems.is_empty() => {
                Finding::new("ledger", Level::Ok, "the ledger is sound")
            }
            Ok(problems) => Finding::new(
                "ledger",
                Level::Problem,
                format!("the ledger is damaged: {}", problems.join("; ")),
            )
            .remedy(format!(
                "When nothing runs, move {} away and call doctor again: results come back from the job folders.",
                self.data.ledger().display()
            )),
            Err(error) => Finding::of("ledger", error),
        }
    }

    fn looked_after(&self) -> Result<Finding> {
        let before = self.ledger().alive()?.len();
        self.reconcile()?;
        let after = self.ledger().alive()?;
        let lost = before.saturating_sub(after.len());
        let message = match (after.len(), lost) {
            (0, 0) => "no job runs".to_owned(),
            (alive, 0) => format!("{alive} jobs run, each with its supervisor"),
            (_, lost) => format!("{lost} jobs whose supervisor had died were ended"),
        };
        Ok(Finding::new(
            "jobs",
            if lost > 0 { Level::Note } else { Level::Ok },
            message,
        ))
    }

    fn mended(&self) -> Result<Finding> {
        let words = self.mend_all()?.words();
        Ok(if words.is_empty() {
            Finding::new("files", Level::Ok, "files and ledger agree")
        } else {
            Finding::new("files", Level::Note, words.join("; "))
        })
    }

    fn queue(&self) -> Result<Finding> {
        let unservable = self.ledger().unservable(&self.build)?;
        if unservable.is_empty() {
            return Ok(Finding::new(
                "queue",
                Level::Ok,
                "this program can run every queued job",
            ));
        }
        let list: Vec<String> = unservable
            .iter()
            .map(|(tool, count)| format!("{count} of `{tool}`"))
            .collect();
        Ok(Finding::new(
            "queue",
            Level::Warning,
            format!(
                "queued jobs wait for another build of the program: {}",
                list.join(", ")
            ),
        )
        .remedy("Start the program that accepted them, or `jobs cancel` and `jobs retry` them."))
    }

    fn hooks(&self) -> Result<Finding> {
        const DAY_MS: i64 = 24 * 3600 * 1000;
        let since = clock::now_ms().saturating_sub(DAY_MS);
        Ok(match self.ledger().failed_hooks(since)? {
            (0, _) => Finding::new("hooks", Level::Ok, "no hook failed within a day"),
            (failed, last) => Finding::new(
                "hooks",
                Level::Warning,
                format!("{failed} of the hooks failed within a day"),
            )
            .remedy(format!(
                "`jobs show {}` says why the last one did.",
                last.unwrap_or_default()
            )),
        })
    }

    /// Each value and where it comes from; a warning if somebody wants another that does not bind.
    fn settings_finding(&self) -> Result<Finding> {
        let in_force = self.settings_in_force()?;
        let words: Vec<String> = in_force
            .iter()
            .map(|setting| {
                format!(
                    "{} = {} ({})",
                    setting.name,
                    shown(&setting.value),
                    setting.source
                )
            })
            .collect();
        let overruled: Vec<String> = in_force
            .iter()
            .filter_map(|s| s.overruled_words())
            .collect();
        let finding = Finding::new("settings", Level::Ok, words.join("\n"));
        if overruled.is_empty() {
            return Ok(finding);
        }
        Ok(Finding {
            level: Level::Note,
            ..finding
        }
        .remedy(overruled.join(" ")))
    }

    fn resources(&self) -> Result<Finding> {
        let disk = rustix::fs::statvfs(self.data.root())
            .map_err(|error| Error::storage("look at the disk", error))?;
        let disk_mib = disk.f_bavail.saturating_mul(disk.f_frsize) >> 20;
        let wal = fs::symlink_metadata(self.data.root().join("ledger.db-wal"))
            .map_or(0, |meta| meta.len() >> 20);
        let least = self.settings()?.min_memory_mib;
        if disk_mib < LEAST_DISK_MIB {
            return Ok(Finding::new(
                "resources",
                Level::Problem,
                format!("{disk_mib} MiB are left on the disk"),
            )
            .remedy("Make room, or `jobs prune --older-than 0s`."));
        }
        if wal > MOST_WAL_MIB {
            return Ok(Finding::new(
                "resources",
                Level::Warning,
                format!("the ledger's write-ahead log has {wal} MiB"),
            )
            .remedy(
                "A process reads the ledger without an end: look for a stopped one and end it.",
            ));
        }
        Ok(match host::memory_available_mib() {
            Some(mib) if mib < least => Finding::new(
                "resources",
                Level::Warning,
                format!("{mib} MiB of memory are available; no job is started below {least} MiB"),
            )
            .remedy("Free memory, or `config set min_memory_mib` to less."),
            _ => Finding::new(
                "resources",
                Level::Ok,
                "there is memory and disk space for jobs",
            ),
        })
    }
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

fn or_problem(check: &'static str, finding: Result<Finding>) -> Finding {
    finding.unwrap_or_else(|error| Finding::of(check, error))
}

/// Everything below the data directory belongs to us, and nobody else can read it.
fn permissions(root: &Path) -> Finding {
    let mut open = vec![root.to_path_buf()];
    let (mut looked_at, mut wrong) = (0, Vec::new());
    while let Some(path) = open.pop() {
        looked_at += 1;
        let Ok(meta) = path.symlink_metadata() else {
            continue;
        };
        let ours = meta.uid() == host::user();
        // What a tool writes itself is the tool's affair; the folder above keeps others out.
        if !meta.is_symlink() && (!ours || (open_to_others(&meta) && is_engine_file(&path))) {
            wrong.push(path.display().to_string());
        }
        if meta.is_dir() && looked_at < MAX_FILES {
            let below = fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(below.map(|entry| entry.path()));
        }
    }
    let Some(first) = wrong.first() else {
        return Finding::new(
            "permissions",
            Level::Ok,
            "only this user can read jobs and state",
        );
    };
    let message = match wrong.len() - 1 {
        0 => format!("{first} can be read by other users, or belongs to one"),
        more => format!("{first} and {more} more can be read by other users, or belong to them"),
    };
    Finding::new("permissions", Level::Warning, message)
        .remedy(format!("chmod -R go= {}", root.display()))
}

fn open_to_others(meta: &fs::Metadata) -> bool {
    meta.permissions().mode() & 0o077 != 0
}

fn is_engine_file(path: &Path) -> bool {
    // Not `config.toml`: people write that, with the umask they have.
    const NAMES: [&str; 16] = [
        "input.json",
        "state.json",
        "env",
        "stdout.log",
        "stderr.log",
        "progress.json",
        "results.json",
        "error.json",
        "job.json",
        "exit.rec",
        "lock",
        "tree.lock",
        "ledger.db",
        "supervisor.log",
        "hook.env",
        "hook.lock",
    ];
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    path.is_dir() || NAMES.contains(&name)
}

/// Variables that tools ask for and this process lacks: jobs submitted from here lack them, too.
fn environment(registry: &'static Registry) -> Vec<Finding> {
    let lacking: Vec<String> = registry
        .iter()
        .flat_map(|tool| {
            tool.spec
                .pass_env
                .iter()
                .map(move |name| (tool.name(), *name))
        })
        .filter(|(_, name)| !name.ends_with('*') && std::env::var_os(name).is_none())
        .map(|(tool, name)| format!("{name} (for `{tool}`)"))
        .collect();
    if lacking.is_empty() {
        return vec![Finding::new(
            "environment",
            Level::Ok,
            "jobs get a short list of variables of their submitter and what tools name in pass_env; all of these are set",
        )];
    }
    vec![
        Finding::new(
            "environment",
            Level::Note,
            format!("tools ask for variables that are not set here: {}", lacking.join(", ")),
        )
        .remedy("Set them where jobs are submitted: in the shell, or in the MCP client's configuration of this server."),
    ]
}
