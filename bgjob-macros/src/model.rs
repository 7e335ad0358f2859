//! A tool as the expansion sees it: valid by construction.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Expr, LitStr, Path, Type};

/// Everything about one annotated function.
pub struct Tool {
    /// Where the runtime is, if not at `::bgjob_runtime`.
    pub runtime: Option<Path>,
    /// The tool's name.
    pub name: String,
    /// The function's doc comment.
    pub description: Option<TokenStream>,
    /// What else the attribute says.
    pub options: Options,
    /// The function.
    pub function: Ident,
    /// Whether it is `async`.
    pub is_async: bool,
    /// `#[allow]` and the like, which hold for our call of the function as well.
    pub lints: Vec<TokenStream>,
    /// Its parameters, in declared order.
    pub parameters: Vec<Parameter>,
    /// Its return type.
    pub output: Output,
}

/// The options given; an absent one keeps the runtime's default.
#[derive(Default)]
pub struct Options {
    /// A name for people.
    pub title: Option<LitStr>,
    /// How long a job may run.
    pub timeout: Option<Timeout>,
    /// Field and pointer that the result patches.
    pub state_patch: Option<(String, String)>,
    /// At least 1.
    pub max_concurrent: Option<u32>,
    /// Higher first.
    pub priority: Option<i32>,
    /// Environment variables.
    pub pass_env: Option<Vec<LitStr>>,
    /// Attempts after the first.
    pub retries: Option<Retries>,
    /// Which earlier calls stand for a new one.
    pub dedupe: Option<Dedupe>,
    /// How long a call waits for the result; longer than 0, at most 50 s.
    pub inline: Option<Duration>,
    /// Who may call it over MCP.
    pub task: Option<TaskSupport>,
    /// The tokio runtime.
    pub flavor: Option<Flavor>,
}

/// How long a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// As the server is configured.
    Default,
    /// As long as it takes.
    Never,
    /// At most this long; longer than 0, in whole milliseconds that fit `u64`.
    After(Duration),
}

/// What is tried again; an absent part keeps the runtime's default.
pub struct Retries {
    /// At least 1.
    pub max: u32,
    /// Not empty, none twice.
    pub on: Option<Vec<RetryOn>>,
    /// At most `max_backoff`.
    pub backoff: Option<Duration>,
    /// The longest pause.
    pub max_backoff: Option<Duration>,
}

/// An end of an attempt after which another may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryOn {
    /// Nobody saw the end.
    Lost,
    /// The process ended.
    Crashed,
    /// It ran too long.
    TimedOut,
    /// The error says so.
    Retryable,
}

/// Which earlier calls of the same input stand for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dedupe {
    /// Those that have not ended.
    InFlight,
    /// Also those submitted at most so long ago; longer than 0.
    Within(Duration),
}

/// Which MCP clients a tool answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskSupport {
    /// All of them.
    Optional,
    /// Those that have tasks.
    Required,
}

/// The tokio runtime of an async tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// One thread.
    CurrentThread,
    /// One thread a core.
    MultiThread,
}

/// One parameter of the function.
pub struct Parameter {
    /// Its name in the function.
    pub ident: Ident,
    /// `#[cfg]` attributes to repeat wherever the parameter is mentioned.
    pub cfg: Vec<Attribute>,
    /// Where its value comes from.
    pub source: Source,
}

/// Where a parameter's value comes from.
pub enum Source {
    /// The running job itself.
    Job,
    /// An argument of the call.
    Argument(Box<Argument>),
    /// All arguments of the call as one struct.
    Flattened {
        /// The parameter's name.
        name: String,
        /// The struct.
        kind: Type,
    },
    /// A field of the shared state.
    State {
        /// The field.
        field: String,
        /// The type of its value.
        kind: Type,
    },
}

/// An argument of the call.
pub struct Argument {
    /// Its name in JSON and on the command line.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// Its doc comment.
    pub docs: Option<TokenStream>,
    /// Its lower bound, inclusive.
    pub minimum: Option<Expr>,
    /// Its upper bound.
    pub maximum: Option<Bound>,
    /// Its value where the call gives none.
    pub default: Option<Expr>,
    /// Whether its value stays out of logs.
    pub skip_log: bool,
}

/// An upper bound.
pub enum Bound {
    /// `..=x`.
    Inclusive(Expr),
    /// `..x`.
    Exclusive(Expr),
}

/// What the function returns.
pub struct Output {
    /// The type of the job's result; `None` for `()` left unwritten.
    pub kind: Option<Type>,
    /// Whether the function returns a `Result`.
    pub fallible: bool,
    /// The type of its error, where it is written out.
    pub error: Option<Type>,
}
