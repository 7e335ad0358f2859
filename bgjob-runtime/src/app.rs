//! The program: its name, its settings, and commands of one's own.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Command;

use crate::cli::{self, Context};
use crate::mcp::{Ended, JobTools, Jobs};
use crate::service::{JobService, ServiceOptions};
use crate::store::data_dir::{DATA_DIR_VAR, DataDir};
use crate::store::ledger::Settings;
use crate::tool::registry::Registry;

/// What a command of one's own returns. Any error is printed with its sources; an
/// [`Error`](crate::Error) with its remedy, too.
pub type CommandResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

pub(crate) type Handler = Box<dyn Fn(&Context<'_>) -> CommandResult + Send + Sync>;

/// A command of one's own.
pub(crate) struct OwnCommand {
    pub command: Command,
    pub handler: Handler,
}

/// Builds and runs the program: command line, MCP server and job runner in one.
///
/// [`main!`](crate::main) is enough where the defaults are; the builder takes what differs:
///
/// ```no_run
/// use std::process::ExitCode;
/// use std::time::Duration;
///
/// fn main() -> ExitCode {
///     bgjob_runtime::App::new("tank", env!("CARGO_PKG_VERSION"))
///         .max_jobs(2)
///         .retention(Duration::from_secs(30 * 24 * 3600))
///         .pass_env(["LICENSE_FILE"])
///         .run()
/// }
/// ```
///
/// Nothing but the builder's calls may come before [`App::run`]: in the processes of jobs it does
/// the job's work and never returns to the rest of `main`.
///
/// One exception: a subscriber for `tracing`, if the usual one is not wanted, which writes to standard
/// error what `RUST_LOG` asks for. It is then the one of the server and of every job, whose events
/// are in a span `job` with its `id`; what it writes must go to standard error or to a file.
pub struct App {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) settings: Settings,
    pub(crate) pass_env: Vec<String>,
    pub(crate) instructions: Option<String>,
    pub(crate) job_tools: JobTools,
    pub(crate) commands: Vec<OwnCommand>,
    #[cfg(feature = "http")]
    pub(crate) http: crate::mcp::HttpOptions,
}

impl App {
    /// A program with the defaults. `name` is the server's name for MCP clients and the name of its
    /// data directory.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        App {
            name: name.into(),
            version: version.into(),
            data_dir: None,
            settings: Settings::default(),
            pass_env: Vec::new(),
            instructions: None,
            job_tools: JobTools::default(),
            commands: Vec::new(),
            #[cfg(feature = "http")]
            http: crate::mcp::HttpOptions::default(),
        }
    }

    /// Where jobs and state are, unless `--data-dir` or `BGJOB_DATA_DIR` say otherwise. Default: the
    /// platform's state directory for the program's name, `~/.local/state/<name>` (XDG base
    /// directory specification).
    #[must_use]
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// How many jobs may run at once, over all processes on the data directory; at least 1. Default:
    /// half the cores, at least 2. Binds when nobody has set it on that directory before; `config
    /// set max_jobs` changes it.
    #[must_use]
    pub fn max_jobs(mut self, jobs: u32) -> Self {
        self.settings.max_jobs = jobs.max(1);
        self
    }

    /// How long ended jobs are kept. Default: 7 days. Binds as [`App::max_jobs`] does.
    #[must_use]
    pub fn retention(mut self, age: Duration) -> Self {
        self.settings.retention = age;
        self
    }

    /// The timeout of tools that name none. Default: 1 h. Binds as [`App::max_jobs`] does.
    #[must_use]
    pub fn default_timeout(mut self, timeout: Duration) -> Self {
        self.settings.default_timeout = timeout;
        self
    }

    /// What is run once a job has ended: a program and its arguments; no shell takes part unless it is
    /// the program. It gets the job, as `jobs show --json` prints it, on its standard input. Default:
    /// nothing. Binds as [`App::max_jobs`] does, and is fixed for a job when it is accepted.
    #[must_use]
    pub fn on_finish(mut self, command: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let words: Vec<String> = command
            .into_iter()
            .map(|word| word.as_ref().replace('\0', ""))
            .collect();
        let joined = shlex::try_join(words.iter().map(String::as_str));
        // Only a NUL cannot be quoted, and there is none left.
        self.settings.on_finish = joined.unwrap_or_default();
        self
    }

    /// Whether supervisors fork workers instead of executing the program again, which starts a job sooner.
    /// Default: not. Only for programs that do nothing before [`enter`](crate::enter) that a worker relies
    /// on: see the book, "Workers that start sooner". Binds as [`App::max_jobs`] does.
    #[must_use]
    pub fn warm_workers(mut self, warm: bool) -> Self {
        self.settings.warm_workers = warm;
        self
    }

    /// Environment variables that every job gets from its submitter, beside the allow-list and the
    /// tool's own `pass_env`; a trailing `*` matches any end: `"AWS_*"`.
    #[must_use]
    pub fn pass_env(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.pass_env.extend(names.into_iter().map(Into::into));
        self
    }

    /// What MCP clients tell their model about this server, beside what is said about jobs.
    #[must_use]
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.instructions = Some(text.into());
        self
    }

    /// Which tools follow jobs over MCP: the same two for all tools (the default), or a typed pair for
    /// each.
    #[must_use]
    pub fn job_tools(mut self, job_tools: JobTools) -> Self {
        self.job_tools = job_tools;
        self
    }

    /// How `serve --http` serves: who its users are, and where requests may come from. Flags add to
    /// it, and a token file that is named there or in the environment takes the place of this one.
    ///
    /// ```no_run
    /// use bgjob_runtime::{App, mcp::HttpOptions};
    ///
    /// # fn main() -> std::process::ExitCode {
    /// App::new("tank", "1.0.0")
    ///     .http(HttpOptions::default().allow_host("jobs.example.org"))
    ///     .run()
    /// # }
    /// ```
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http(mut self, options: crate::mcp::HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Adds a command of one's own. The [`Context`] runs tools as jobs, as `run` does.
    ///
    /// ```no_run
    /// use bgjob_runtime::{App, clap};
    /// use serde_json::json;
    ///
    /// # fn main() -> std::process::ExitCode {
    /// App::new("tank", "1.0.0")
    ///     .command(clap::Command::new("demo").about("Fills a tank"), |context| {
    ///         let result = context.run("fill", json!({"litres": 100}))?;
    ///         context.print(result)?;
    ///         Ok(())
    ///     })
    ///     .run()
    /// # }
    /// ```
    #[must_use]
    pub fn command(
        mut self,
        command: Command,
        handler: impl Fn(&Context<'_>) -> CommandResult + Send + Sync + 'static,
    ) -> Self {
        self.commands.push(OwnCommand {
            command,
            handler: Box::new(handler),
        });
        self
    }

    /// The background tools of this program for a server that it has already: give them to
    /// [`WithJobs`](crate::mcp::WithJobs), or merge them into its router with
    /// [`Jobs::merge_into`]. `ended` fires when the client has left, so that waits end at once; see
    /// [`LineTransport::ended`](crate::mcp::LineTransport::ended).
    ///
    /// [`enter`](crate::enter) must be the first thing in `main`.
    ///
    /// # Errors
    /// When `enter` was not called, a name is taken twice, or the data directory cannot be used.
    pub fn jobs(&self, ended: Ended) -> Result<Jobs, Box<dyn std::error::Error + Send + Sync>> {
        if !crate::entry::is_entered() {
            return Err(
                "bgjob_runtime::enter() must be the first thing in a plain `fn main`".into(),
            );
        }
        let variable = std::env::var_os(DATA_DIR_VAR).filter(|path| !path.is_empty());
        let own = self.data_dir.as_deref().filter(|_| variable.is_none());
        let options = ServiceOptions {
            server: self.name.clone(),
            version: self.version.clone(),
            data_dir: DataDir::locate(own, &self.name)?,
            settings: self.settings.clone(),
            pass_env: self.pass_env.clone(),
        };
        let service = JobService::open(options, Registry::global()?)?;
        Ok(Jobs::new(Arc::new(service), self.job_tools, ended)?)
    }

    /// Does what the command line asks for and says with what status to exit. In the processes of a
    /// job it does the job's work instead.
    pub fn run(self) -> ExitCode {
        match crate::entry::enter() {
            Some(code) => code,
            None => cli::run(&self),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The whole `main` of a program whose tools need nothing but the defaults: its name is that of the
/// binary, its version that of the package.
///
/// ```no_run
/// use bgjob_runtime::background_tool;
///
/// /// Add two numbers.
/// #[background_tool(timeout)]
/// fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// bgjob_runtime::main!();
/// ```
#[macro_export]
macro_rules! main {
    () => {
        fn main() -> ::std::process::ExitCode {
            // A job's processes need nothing of what follows.
            if let ::core::option::Option::Some(ended) = $crate::enter() {
                return ended;
            }
            let name =
                ::core::option_env!("CARGO_BIN_NAME").unwrap_or(::core::env!("CARGO_PKG_NAME"));
            $crate::App::new(name, ::core::env!("CARGO_PKG_VERSION")).run()
        }
    };
}
