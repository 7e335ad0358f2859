//! One call of the program: what was asked for, and the service once it is needed.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::args::{self, DATA_DIR};
use super::console::Console;
use super::exit_code::Ending;
use crate::app::App;
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::service::{JobService, ServiceOptions};
use crate::store::data_dir::DataDir;
use crate::tool::registry::Registry;

/// What every command has at hand.
pub struct Session<'a> {
    /// The program.
    pub app: &'a App,
    /// Its tools.
    pub registry: &'static Registry,
    /// Where words go.
    pub console: Console,
    data_dir: Option<PathBuf>,
    told: RefCell<Option<(Error, Ending)>>,
    service: OnceCell<Arc<JobService>>,
}

impl<'a> Session<'a> {
    /// A session for the parsed command line `given`.
    pub fn new(app: &'a App, registry: &'static Registry, given: &ArgMatches) -> Self {
        let data_dir = given.get_one::<PathBuf>(DATA_DIR).cloned();
        let typed = given.value_source(DATA_DIR) == Some(ValueSource::CommandLine);
        let console = Console {
            quiet: given.get_flag(args::QUIET),
            prefix: prefix(app, data_dir.as_ref().filter(|_| typed)),
        };
        Session {
            app,
            registry,
            console,
            data_dir,
            told: RefCell::new(None),
            service: OnceCell::new(),
        }
    }

    /// The service, opened at the first call: commands that need no data directory touch none.
    ///
    /// # Errors
    /// `storage_error` when the data directory cannot be used.
    pub fn service(&self) -> Result<&Arc<JobService>> {
        if let Some(service) = self.service.get() {
            return Ok(service);
        }
        let service = Arc::new(self.open()?);
        Ok(self.service.get_or_init(|| service))
    }

    fn open(&self) -> Result<JobService> {
        JobService::open(self.options()?, self.registry)
    }

    /// The service, if the data directory is there: for what is shown without one as well.
    pub fn existing_service(&self) -> Option<&Arc<JobService>> {
        let root = self.options().ok()?.data_dir;
        let there = DataDir::trusted(root).ledger().is_file();
        there.then(|| self.service().ok()).flatten()
    }

    /// How the service is opened.
    ///
    /// # Errors
    /// `storage_error` when no data directory is known.
    pub fn options(&self) -> Result<ServiceOptions> {
        let chosen = self.data_dir.as_deref().or(self.app.data_dir.as_deref());
        Ok(ServiceOptions {
            server: self.app.name.clone(),
            version: self.app.version.clone(),
            data_dir: DataDir::locate(chosen, &self.app.name)?,
            settings: self.app.settings.clone(),
            pass_env: self.app.pass_env.clone(),
        })
    }

    /// The data directory, if the command line or the environment names it: a client that starts this
    /// program must name it, too.
    pub fn named_data_dir(&self) -> Option<&PathBuf> {
        self.data_dir.as_ref()
    }

    /// Remembers that the user has been told of `error`, which means `ending`; gives it back for
    /// passing on.
    pub fn has_told(&self, error: Error, ending: Ending) -> Error {
        *self.told.borrow_mut() = Some((error.clone(), ending));
        error
    }

    /// What `error` means, if the user has been told of it already.
    pub fn ending_of_told(&self, error: &Error) -> Option<Ending> {
        self.told
            .borrow()
            .as_ref()
            .filter(|(told, _)| told == error)
            .map(|(_, ending)| *ending)
    }

    /// The job ids that `texts` are or begin.
    ///
    /// # Errors
    /// `job_not_found`, or `invalid_argument` for a beginning that several have.
    pub fn resolve<'t>(&self, texts: impl Iterator<Item = &'t String>) -> Result<Vec<JobId>> {
        let service = self.service()?;
        texts
            .map(|text| service.resolve(&Owner::local(), text))
            .collect()
    }
}

/// How this program is called: as it was typed, with the data directory if that was.
pub fn prefix(app: &App, data_dir: Option<&PathBuf>) -> String {
    let typed = std::env::args_os()
        .next()
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty());
    let program = quoted(&typed.unwrap_or_else(|| app.name.clone()));
    match data_dir {
        Some(dir) => format!(
            "{program} --data-dir {}",
            quoted(&dir.display().to_string())
        ),
        None => program,
    }
}

/// The name under which this program was called, without its folder: what a shell completes.
pub fn program(app: &App) -> String {
    let typed = std::env::args_os().next().map(PathBuf::from);
    let name = typed.as_deref().and_then(|path| path.file_name()?.to_str());
    name.unwrap_or(&app.name).to_owned()
}

/// `text` as a POSIX shell takes it for one word.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        assert_eq!(quoted("/tmp/a-b"), "/tmp/a-b");
        assert_eq!(quoted("my dir"), "'my dir'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
