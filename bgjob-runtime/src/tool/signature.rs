//! A tool's arguments, state fields and result.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::arg::{Arg, Flattened, StateField};
use super::output::Output;
use super::schema::{self, Described};
use super::shape::Refusal;
use crate::error::{Code, Error, Result};

/// What goes into a tool and what comes out.
#[derive(Debug)]
pub struct Signature {
    /// The arguments, in declared order; empty where `flattened` is set.
    pub args: Vec<Arg>,
    /// The struct that stands for all arguments.
    pub flattened: Option<Flattened>,
    /// The state fields that the tool reads.
    pub states: Vec<StateField>,
    /// The result.
    pub output: Output,
    described: OnceLock<Described>,
    output_schema: OnceLock<Arc<Map<String, Value>>>,
    input_hash: OnceLock<String>,
}

impl Signature {
    /// A tool without arguments.
    pub fn new(output: Output) -> Self {
        Signature {
            args: Vec::new(),
            flattened: None,
            states: Vec::new(),
            output,
            described: OnceLock::new(),
            output_schema: OnceLock::new(),
            input_hash: OnceLock::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: Arg) -> Self {
        self.args.push(arg);
        self
    }

    /// Lets one struct stand for all arguments.
    #[must_use]
    pub fn flatten(mut self, flattened: Flattened) -> Self {
        self.flattened = Some(flattened);
        self
    }

    /// Adds a state field that the tool reads.
    #[must_use]
    pub fn state(mut self, state: StateField) -> Self {
        self.states.push(state);
        self
    }

    /// The schema of what goes in, made at the first call.
    pub fn described(&self) -> &Described {
        self.described.get_or_init(|| Described::of(self))
    }

    /// The schema of the result, made at the first call; `$defs` at its root where it needs them: see
    /// [`schema::take_definitions`].
    pub fn output_schema(&self) -> &Arc<Map<String, Value>> {
        self.output_schema
            .get_or_init(|| Arc::new(schema::output(self)))
    }

    /// Names what goes in, see `schema::input_hash`; made at the first call.
    pub fn input_hash(&self) -> &str {
        self.input_hash.get_or_init(|| schema::input_hash(self))
    }

    /// Whether the value of the argument `name` must stay out of messages and logs.
    pub fn is_secret(&self, name: &str) -> bool {
        self.args.iter().any(|arg| arg.skip_log && arg.name == name)
    }

    /// Whether the value of the state field `field` fits the type that the tool reads.
    ///
    /// # Errors
    /// `invalid_state`, naming the field and the place in its value.
    pub fn check_state(&self, field: &str, value: &Value) -> Result<()> {
        for state in self.states.iter().filter(|state| state.field == field) {
            (state.probe)(value).map_err(|refusal| invalid_state(field, &refusal))?;
        }
        Ok(())
    }
}

/// The error of a state value that does not fit the type that a tool reads.
pub(crate) fn invalid_state(field: &str, refusal: &Refusal) -> Error {
    let place = if refusal.at.is_empty() {
        String::new()
    } else {
        format!(" at `{}`", refusal.at)
    };
    let why = super::check::words::clip(&refusal.why, 300);
    Error::new(
        Code::InvalidState,
        format!("the state field `{field}` does not fit what the tool reads{place}: {why}"),
    )
    .at(refusal.at.clone())
    .remedy(format!(
        "Run the tool that sets `{field}` again, or reset the field."
    ))
}
