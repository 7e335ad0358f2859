//! The data directory: where it is, whether it may be used, and every path below it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::store::files::create_private_dir;
use crate::store::job_dir::JobDir;
use crate::sys::host;

/// Names the data directory when no flag does.
pub const DATA_DIR_VAR: &str = "BGJOB_DATA_DIR";

/// A usable data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// Where the data of `server` is: `flag`, else `BGJOB_DATA_DIR`, else the platform's state
    /// directory for the server's name (XDG base directory specification).
    ///
    /// # Errors
    /// `storage_error` when none of the three is known.
    pub fn locate(flag: Option<&Path>, server: &str) -> Result<PathBuf> {
        if let Some(path) = flag {
            return std::path::absolute(path)
                .map_err(|error| Error::storage("use the data directory", error));
        }
        if let Some(path) = std::env::var_os(DATA_DIR_VAR).filter(|path| !path.is_empty()) {
            return std::path::absolute(path)
                .map_err(|error| Error::storage("use the data directory", error));
        }
        dirs::state_dir()
            .map(|dir| dir.join(server))
            .ok_or_else(|| {
                Error::new(
                    Code::StorageError,
                    "there is no home directory to keep jobs in",
                )
                .remedy(format!(
                    "Set HOME, or name a directory with --data-dir or {DATA_DIR_VAR}."
                ))
            })
    }

    /// Opens the directory, creating it (0700) with its folders if it is missing.
    ///
    /// # Errors
    /// `storage_error` with one sentence, when it is a link or a file, belongs to somebody else,
    /// can be written by others, cannot be written by us, or is on a network file system.
    pub fn open(root: PathBuf) -> Result<Self> {
        let dir = DataDir { root };
        dir.create()?;
        dir.check()?;
        for folder in [dir.jobs(), dir.state(), dir.values()] {
            create_private_dir(&folder).map_err(|error| dir.unusable(&error))?;
        }
        Ok(dir)
    }

    /// A directory that this program has opened before; nothing is checked or created.
    pub fn trusted(root: PathBuf) -> Self {
        DataDir { root }
    }

    fn create(&self) -> Result<()> {
        if self.root.symlink_metadata().is_ok() {
            return Ok(());
        }
        if let Some(parent) = self.root.parent() {
            fs::create_dir_all(parent).map_err(|error| self.unusable(&error))?;
        }
        create_private_dir(&self.root).map_err(|error| self.unusable(&error))
    }

    fn check(&self) -> Result<()> {
        let meta = self
            .root
            .symlink_metadata()
            .map_err(|error| self.unusable(&error))?;
        let shown = self.root.display();
        let refuse =
            |what: String, remedy: String| Err(Error::new(Code::StorageError, what).remedy(remedy));
        if meta.is_symlink() {
            return refuse(
                format!("the data directory {shown} is a symbolic link"),
                "Name the directory that it points to.".into(),
            );
        }
        if !meta.is_dir() {
            return refuse(
                format!("the data directory {shown} is not a directory"),
                "Name another with --data-dir.".into(),
            );
        }
        if meta.uid() != host::user() {
            let (owner, me) = (meta.uid(), host::user());
            return refuse(
                format!(
                    "the data directory {shown} belongs to user {owner}, and this is user {me}"
                ),
                "Name a directory of your own with --data-dir.".into(),
            );
        }
        if meta.permissions().mode() & 0o022 != 0 {
            return refuse(
                format!("the data directory {shown} can be written by other users"),
                format!("chmod 700 {shown}"),
            );
        }
        if let Some(kind) = host::network_file_system(&self.root)
            .filter(|_| std::env::var_os("BGJOB_ALLOW_NETWORK_FS").is_none())
        {
            return refuse(
                format!("the data directory {shown} is on {kind}, where locks cannot be trusted"),
                "Name a local directory with --data-dir, or set BGJOB_ALLOW_NETWORK_FS=1 to use it nevertheless.".into(),
            );
        }
        rustix::fs::access(&self.root, rustix::fs::Access::WRITE_OK)
            .map_err(|error| self.unusable(&io::Error::from(error)))
    }

    fn unusable(&self, why: &io::Error) -> Error {
        Error::storage(
            format_args!("use the data directory {}", self.root.display()),
            why,
        )
        .remedy("Name a directory that you can write with --data-dir.")
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The SQLite database.
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger.db")
    }

    /// Where the job directories are.
    pub fn jobs(&self) -> PathBuf {
        self.root.join("jobs")
    }

    /// The directory of one job.
    pub fn job(&self, id: &JobId) -> JobDir {
        JobDir::new(self.jobs().join(id.as_str()))
    }

    /// Where the readable copies of state fields are.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The readable copy of a field: `state/<field>.json` for the local owner.
    pub fn state_file(&self, owner: &Owner, field: &str) -> PathBuf {
        if *owner == Owner::local() {
            return self.state().join(format!("{field}.json"));
        }
        self.state()
            .join(format!("owner-{}", hex_name(owner.as_str())))
            .join(format!("{field}.json"))
    }

    /// Where values too large for the ledger are, named by their hash.
    pub fn values(&self) -> PathBuf {
        self.root.join("values")
    }

    /// Held by the supervisor of that build that sleeps until a job's time has come.
    pub fn sleeper_lock(&self, build: &str) -> PathBuf {
        self.root
            .join(format!("sleeper-{}.lock", &hex_name(build)[..8]))
    }

    /// One byte is held by each supervisor of that build: at most as many as there are slots.
    pub fn seats(&self, build: &str) -> PathBuf {
        self.root
            .join(format!("seats-{}.lock", &hex_name(build)[..8]))
    }

    /// Held by a process that runs hooks: at most one for each number.
    pub fn hook_slot(&self, number: u32) -> PathBuf {
        self.root.join(format!("hook-{number}.lock"))
    }

    /// Settings that somebody wrote down.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// What supervisors say on their standard error.
    pub fn supervisor_log(&self) -> PathBuf {
        self.root.join("supervisor.log")
    }
}

/// An owner's name may hold anything; a file name may not.
fn hex_name(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes())
        .iter()
        .take(16)
        .map(|b| format!("{b:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn refusal(root: PathBuf) -> String {
        DataDir::open(root).unwrap_err().message
    }

    #[test]
    fn a_new_directory_is_private() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(tmp.path().join("a/b")).unwrap();
        assert_eq!(
            fs::metadata(dir.root()).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn links_files_and_open_directories_are_refused() {
        let tmp = tempfile::tempdir().unwrap();
        fs::write(tmp.path().join("file"), "").unwrap();
        symlink(tmp.path(), tmp.path().join("link")).unwrap();
        fs::create_dir(tmp.path().join("open")).unwrap();
        fs::set_permissions(tmp.path().join("open"), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(refusal(tmp.path().join("file")).contains("not a directory"));
        assert!(refusal(tmp.path().join("link")).contains("symbolic link"));
        assert!(refusal(tmp.path().join("open")).contains("written by other users"));
    }
}
