//! What the attribute says about a tool: plain data and two function pointers.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::job::retry::{Dedupe, Retries};
use crate::tool::call::{Call, Finished};
use crate::tool::signature::Signature;

/// How long a job of a tool may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// The server's default, 1 h unless configured.
    Default,
    /// No limit; must be asked for by `timeout = "none"`.
    Never,
    /// This long from the start of the worker.
    After(Duration),
}

/// Which tokio runtime an async tool runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// One thread: starts fastest, right for a tool that computes or waits.
    CurrentThread,
    /// One worker thread a core, for a tool that spawns parallel tasks.
    MultiThread,
}

/// Which MCP clients a tool answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskSupport {
    /// All: those that have tasks (SEP-2663) with a task, the others with a handle.
    Optional,
    /// Those that have tasks; the others get error -32021.
    Required,
}

/// The result, or the part that `pointer` names, becomes the state field `field`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatePatch {
    /// The field of the shared state.
    pub field: &'static str,
    /// RFC 6901 pointer into the result; empty for the whole.
    pub pointer: &'static str,
}

/// How a tool's function is entered.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// A plain function; runs on the main thread, outside any runtime.
    Sync(fn(&Call) -> Finished),
    /// An `async fn`.
    Async(for<'a> fn(&'a Call) -> Pin<Box<dyn Future<Output = Finished> + 'a>>),
}

/// Everything that the attribute knows about one function. Built by the macro in a constant.
#[derive(Debug)]
pub struct ToolSpec {
    /// The tool's name: `[a-z0-9_]`, at most 41 characters.
    pub name: &'static str,
    /// A name for people.
    pub title: Option<&'static str>,
    /// The function's doc comment.
    pub description: &'static str,
    /// How long a job may run.
    pub timeout: Timeout,
    /// What becomes of the result.
    pub state_patch: Option<StatePatch>,
    /// At most this many jobs of the tool at once, in all processes on a data directory.
    pub max_concurrent: Option<u32>,
    /// Higher first; 0 unless given.
    pub priority: i32,
    /// Names of environment variables handed from the submitter to the job; a trailing `*` matches any end.
    pub pass_env: &'static [&'static str],
    /// Attempts after the first; none unless given.
    pub retries: Option<Retries>,
    /// Which earlier jobs stand for a new call; none unless given.
    pub dedupe: Option<Dedupe>,
    /// How long a call over MCP waits for the result before it answers with a handle; none unless given.
    pub inline: Option<Duration>,
    /// Which MCP clients it answers.
    pub task: TaskSupport,
    /// The runtime of an async tool.
    pub flavor: Flavor,
    /// `file:line` of the function, for start-up errors.
    pub location: &'static str,
    /// Arguments, state fields and result, with their schemas.
    pub signature: fn() -> Signature,
    /// The function.
    pub body: Body,
}

impl ToolSpec {
    /// A tool with every option at its default.
    pub const fn new(
        name: &'static str,
        location: &'static str,
        signature: fn() -> Signature,
        body: Body,
    ) -> Self {
        ToolSpec {
            name,
            title: None,
            description: "",
            timeout: Timeout::Default,
            state_patch: None,
            max_concurrent: None,
            priority: 0,
            pass_env: &[],
            retries: None,
            dedupe: None,
            inline: None,
            task: TaskSupport::Optional,
            flavor: Flavor::CurrentThread,
            location,
            signature,
            body,
        }
    }

    /// Sets the name for people.
    pub const fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// Sets the description.
    pub const fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Sets the timeout.
    pub const fn timeout(mut self, timeout: Timeout) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the state field that the result patches.
    pub const fn state_patch(mut self, field: &'static str, pointer: &'static str) -> Self {
        self.state_patch = Some(StatePatch { field, pointer });
        self
    }

    /// Sets the tool's own concurrency limit, 1 or more.
    pub const fn max_concurrent(mut self, jobs: u32) -> Self {
        self.max_concurrent = Some(jobs);
        self
    }

    /// Sets the priority.
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the environment variables that the job gets beside the allow-list.
    pub const fn pass_env(mut self, names: &'static [&'static str]) -> Self {
        self.pass_env = names;
        self
    }

    /// Sets what is tried again, how often, and after what pause.
    pub const fn retries(mut self, retries: Retries) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets which earlier jobs stand for a new call.
    pub const fn dedupe(mut self, dedupe: Dedupe) -> Self {
        self.dedupe = Some(dedupe);
        self
    }

    /// Sets how long a call over MCP waits for the result.
    pub const fn inline(mut self, wait: Duration) -> Self {
        self.inline = Some(wait);
        self
    }

    /// Sets which MCP clients the tool answers.
    pub const fn task(mut self, task: TaskSupport) -> Self {
        self.task = task;
        self
    }

    /// Sets the runtime flavour.
    pub const fn flavor(mut self, flavor: Flavor) -> Self {
        self.flavor = flavor;
        self
    }
}

inventory::collect!(ToolSpec);
