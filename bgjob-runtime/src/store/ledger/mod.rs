//! The ledger: one SQLite file that says which jobs exist and what became of them.
//!
//! The busy handler is the first thing set on every connection (set after `journal_mode`, half of
//! fifty simultaneous first openings failed); every write is an IMMEDIATE transaction that holds
//! only SQL; a connection never crosses a fork.

mod accept;
mod adopt;
mod claim;
#[cfg(test)]
mod cycles;
mod dedupe;
mod finish;
mod hook;
mod kinds;
#[cfg(test)]
mod model;
#[cfg(test)]
mod plans;
mod prune;
mod query;
mod question;
mod retry;
mod row;
mod run_time;
#[cfg(test)]
mod same_work;
#[cfg(test)]
mod samples;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

pub use accept::{Accepted, NewJob};
pub use adopt::{Adopted, AdoptedField};
pub use claim::{Candidate, Claim, Claimed};
pub use finish::{CancelAnswer, Finished, KEPT_INPUT_BYTES, PatchValue};
pub use kinds::{KINDS, Kind};
pub use query::ListFilter;
pub use question::Given;
pub use settings::{Settings, Source, Wanted};
pub use state::StoredValue;

use crate::error::{Code, Error, Result};
use crate::sys::host;

/// The format that this program writes. A ledger whose `min_writer_version` is higher is refused.
pub const FORMAT: i64 = 7;
const MIGRATIONS: [&str; FORMAT as usize] = [
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
    include_str!("../migrations/0005.sql"),
    include_str!("../migrations/0006.sql"),
    include_str!("../migrations/0007.sql"),
];
/// What every connection is told. The write-ahead log begins anew after about 4 MiB, later where somebody reads at
/// that moment; then its file would stay as long as it once was, hence the limit.
const SETUP: &str =
    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
    PRAGMA journal_size_limit = 4194304;";
/// How often a busy ledger is tried again: for 40 s. With 1 s, 39 of 2,500 transactions of 50
/// processes failed.
const BUSY_TRIES: i32 = if cfg!(test) { 200 } else { 8000 };
/// So many of them come quickly, since a transaction takes a tenth of a millisecond; the others
/// are 5 ms apart on average.
const QUICK_TRIES: i32 = 64;
/// The least that the busy handler waits before it gives up: an earlier refusal was not its own.
const AT_ONCE: Duration = Duration::from_millis((BUSY_TRIES - QUICK_TRIES).unsigned_abs() as u64);

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    conn: Connection,
    inode: (u64, u64),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let (held, full) = (is_busy(&error), is_full(&error));
        let error = Error::storage("use the ledger", error);
        if held {
            error.remedy("Another process holds it. If that lasts, look for one that was stopped while it wrote (state T in `ps`), and continue or end it.")
        } else if full {
            error.remedy("Make room on the disk that holds the data directory. What was accepted is kept, and goes on then.")
        } else {
            error
        }
    }
}

impl Ledger {
    /// Opens the ledger at `path`, creating it (0600) and bringing it up to date.
    ///
    /// # Errors
    /// `storage_error` when it cannot be opened, is damaged, or was written by a newer program.
    pub fn open(path: &Path) -> Result<Self> {
        create_private(path)?;
        host::keep_freed_memory();
        let mut conn = Connection::open(path)?;
        conn.busy_handler(Some(wait_a_little))?;
        conn.set_prepared_statement_cache_capacity(64);
        // Else a statement is prepared anew whenever it is given another value, which might suit another plan:
        // seven times a job. The plans are chosen already, see `plans`.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        until_journaled(&conn)
            .and_then(|()| conn.execute_batch(SETUP))
            .map_err(|error| damaged(path, &error))?;
        let mut ledger = Ledger {
            conn,
            inode: inode_of(path)?,
        };
        ledger.migrate(path)?;
        Ok(ledger)
    }

    fn migrate(&mut self, path: &Path) -> Result<()> {
        if self.version().map_err(|error| damaged(path, &error))? < FORMAT {
            self.write(|tx| {
                let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
                for migration in MIGRATIONS
                    .iter()
                    .skip(usize::try_from(version).unwrap_or(0))
                {
                    tx.execute_batch(migration)?;
                }
                tx.pragma_update(None, "user_version", FORMAT.max(version))?;
                Ok(())
            })?;
        }
        self.refuse_newer(path)
    }

    fn refuse_newer(&self, path: &Path) -> Result<()> {
        let needed = self
            .setting("min_writer_version")?
            .and_then(|text| text.parse::<i64>().ok())
            .unwrap_or(0);
        if needed <= FORMAT {
            return Ok(());
        }
        Err(Error::new(
            Code::StorageError,
            format!("the ledger {} was written by a newer version of bgjob (format {needed}; this program writes {FORMAT})", path.display()),
        )
        .remedy("Run the newer program, or name another directory with --data-dir."))
    }

    fn version(&self) -> rusqlite::Result<i64> {
        self.conn
            .query_row("PRAGMA user_version", [], |row| row.get(0))
    }

    /// Whether the file at `path` is still the one that is open: a ledger that was deleted or
    /// replaced must not acknowledge a job that nobody would find again.
    pub fn is_still_at(&self, path: &Path) -> bool {
        inode_of(path).is_ok_and(|inode| inode == self.inode)
    }

    /// `PRAGMA integrity_check` and `foreign_key_check`: empty when all is well.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn integrity_problems(&self) -> Result<Vec<String>> {
        let mut check = self.conn.prepare("PRAGMA integrity_check")?;
        let mut problems: Vec<String> = check
            .query_map([], |row| row.get(0))?
            .filter(|line| !matches!(line, Ok(ok) if ok == "ok"))
            .collect::<Result<_, _>>()?;
        let mut check = self.conn.prepare("PRAGMA foreign_key_check")?;
        let foreign: Vec<String> = check
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        problems.extend(
            foreign
                .into_iter()
                .map(|table| format!("a row of `{table}` refers to nothing")),
        );
        Ok(problems)
    }

    /// Runs `body` in one IMMEDIATE transaction: all of it or nothing. `body` holds only SQL.
    fn write<T>(&mut self, body: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
        let value = body(&tx)?;
        tx.commit()?;
        Ok(value)
    }
}

/// After the quick tries everybody tries again at the same pace. SQLite's own handler waits ever
/// longer, up to 100 ms, so that newcomers overtake whoever has waited long: under load some waited 30 s
/// in vain.
fn wait_a_little(tries: i32) -> bool {
    let [jitter] = crate::sys::random_bytes::<1>();
    let jitter = u64::from(jitter);
    std::thread::sleep(Duration::from_micros(if tries < QUICK_TRIES {
        // Timers of usual threads are up to 50 us late, so this is 0.05 to 0.1 ms.
        10 + jitter / 8
    } else {
        1000 + jitter * 32
    }));
    tries < BUSY_TRIES
}

/// Switches a new ledger to write-ahead logging. Two first openings that meet there both hold the
/// shared lock that the switch upgrades; SQLite refuses the second at once (`SQLITE_BUSY` of
/// `sqlite3BtreeSetVersion`) without asking the handler, since waiting would be a deadlock. That met
/// 1 in 500 of 50 simultaneous first openings, and nothing else is ever refused so: an error that
/// the handler has waited for is final.
fn until_journaled(conn: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        let began = Instant::now();
        match conn.execute_batch("PRAGMA journal_mode = WAL") {
            Err(error) if is_busy(&error) && began.elapsed() < AT_ONCE && wait_a_little(tries) => {
                tries += 1;
            }
            other => return other,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

fn create_private(path: &Path) -> Result<()> {
    // SQLite gives -wal and -shm the mode of the database, which it would create as 0644.
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map(drop)
        .map_err(|error| Error::storage(format_args!("open the ledger {}", path.display()), error))
}

fn inode_of(path: &Path) -> Result<(u64, u64)> {
    // A path look-up, never an open(): closing any descriptor of the file would drop SQLite's locks.
    let meta = std::fs::symlink_metadata(path)
        .map_err(|error| Error::storage("find the ledger", error))?;
    Ok((meta.dev(), meta.ino()))
}

fn damaged(path: &Path, error: &rusqlite::Error) -> Error {
    Error::storage(format_args!("open the ledger {}", path.display()), error)
        .remedy("If it is damaged, move it away: results of ended jobs stay in their directories.")
}
