//! Every tool that is linked into the program, checked once.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::arg::Arg;
use super::schema::{self, Described};
use super::signature::Signature;
use super::spec::ToolSpec;
use crate::error::{self, nearest};
use crate::job::id::{MAX_TOOL_NAME, is_tool_name};

/// Names of the tools that every server has for its jobs.
pub const RESERVED_NAMES: [&str; 10] = [
    "get_job_status",
    "get_job_results",
    "list_jobs",
    "cancel_job",
    "get_job_logs",
    "retry_job",
    "get_state",
    "reset_state",
    "get_system_status",
    "answer_job",
];

/// One registered tool.
#[derive(Debug)]
pub struct Tool {
    /// What the attribute says.
    pub spec: &'static ToolSpec,
    /// What goes in and out.
    pub signature: Signature,
}

impl Tool {
    fn new(spec: &'static ToolSpec) -> Self {
        Tool {
            spec,
            signature: (spec.signature)(),
        }
    }

    /// The tool's name.
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// The schema of what goes in, made at the first call.
    pub fn described(&self) -> &Described {
        self.signature.described()
    }

    /// Names what goes in: equal for programs that take the same calls. Made at the first call.
    pub fn input_hash(&self) -> &str {
        self.signature.input_hash()
    }

    /// The schema of the result, made at the first call.
    pub fn output_schema(&self) -> &Arc<Map<String, Value>> {
        self.signature.output_schema()
    }

    /// The complete input of a call.
    ///
    /// # Errors
    /// See [`Signature::check`].
    pub fn check(&self, input: Map<String, Value>) -> error::Result<Map<String, Value>> {
        self.signature.check(self.spec.name, input)
    }
}

/// What the attribute says of the tool `name` that is linked into this program. Nothing is checked, and no
/// code of the tools' authors runs: it is for workers, whose program a front-end has checked.
pub fn linked(name: &str) -> Option<&'static ToolSpec> {
    inventory::iter::<ToolSpec>
        .into_iter()
        .find(|spec| spec.name == name)
}

/// The tools of a program, sorted by name.
#[derive(Debug)]
pub struct Registry {
    tools: Vec<Tool>,
    warnings: Vec<String>,
}

impl Registry {
    /// The tools that are linked into this program, collected at the first call.
    ///
    /// # Errors
    /// What a programmer has to mend, in one text: no tools, two of one name, a name or default that cannot be.
    pub fn global() -> Result<&'static Registry, String> {
        static GLOBAL: OnceLock<Result<Registry, String>> = OnceLock::new();
        GLOBAL
            .get_or_init(|| Registry::from_specs(inventory::iter::<ToolSpec>))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// A registry of the given tools.
    ///
    /// # Errors
    /// As for [`Registry::global`].
    pub fn from_specs(
        specs: impl IntoIterator<Item = &'static ToolSpec>,
    ) -> Result<Registry, String> {
        let mut specs: Vec<&'static ToolSpec> = specs.into_iter().collect();
        // The linker's order is not stable.
        specs.sort_by_key(|spec| (spec.name, spec.location));
        if specs.is_empty() {
            return Err(EMPTY.to_owned());
        }
        let tools: Vec<Tool> = specs.into_iter().map(Tool::new).collect();
        let mut problems = Vec::new();
        problems.extend(duplicates(&tools));
        for tool in &tools {
            problems.extend(bad_name(tool));
            problems.extend(
                tool.signature
                    .args
                    .iter()
                    .filter_map(|arg| bad_default(tool, arg).or_else(|| idle_range(tool, arg))),
            );
            problems.extend(no_struct(tool));
        }
        if problems.is_empty() {
            let warnings = unwritten_fields(&tools);
            Ok(Registry { tools, warnings })
        } else {
            Err(problems.join("\n"))
        }
    }

    /// The tool `name`.
    pub fn get(&self, name: &str) -> Option<&Tool> {
        let index = self
            .tools
            .binary_search_by(|tool| tool.name().cmp(name))
            .ok()?;
        self.tools.get(index)
    }

    /// The tools in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Tool> {
        self.tools.iter()
    }

    /// What may be a mistake: state fields that are read and that no tool writes.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Every state field that a tool reads or writes, sorted.
    pub fn state_fields(&self) -> Vec<&'static str> {
        let mut fields: Vec<_> = self
            .tools
            .iter()
            .flat_map(|tool| reads(tool).chain(writes(tool)))
            .collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// The tools that write the state field `field`.
    pub fn writers<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a Tool> {
        self.tools
            .iter()
            .filter(move |tool| writes(tool).any(|written| written == field))
    }

    /// The tool to call for a first value of `field`: one that writes it without reading it, if any.
    pub fn producer<'a>(&'a self, field: &'a str) -> Option<&'a Tool> {
        let starts = |tool: &&Tool| reads(tool).all(|read| read != field);
        let first = self.writers(field).find(starts);
        first.or_else(|| self.writers(field).next())
    }
}

const EMPTY: &str = "no tools are linked into this program\n\
    help: annotate a function with `#[background_tool]`; if the tools are in another crate, mention it: `use my_tools as _;`";

fn reads(tool: &Tool) -> impl Iterator<Item = &'static str> {
    tool.signature.states.iter().map(|state| state.field)
}

fn writes(tool: &Tool) -> impl Iterator<Item = &'static str> {
    tool.spec.state_patch.iter().map(|patch| patch.field)
}

fn duplicates(tools: &[Tool]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for tool in tools {
        places
            .entry(tool.name())
            .or_default()
            .push(tool.spec.location);
    }
    places
        .into_iter()
        .filter(|(_, places)| places.len() > 1)
        .map(|(name, places)| {
            format!(
                "{} tools are named `{name}`: {}\nhelp: rename all but one, with `#[background_tool(name = \"…\")]`",
                places.len(),
                places.join(", ")
            )
        })
        .collect()
}

fn bad_name(tool: &Tool) -> Option<String> {
    let (name, place) = (tool.name(), tool.spec.location);
    if !is_tool_name(name) {
        return Some(format!(
            "`{name}` cannot name a tool ({place})\nhelp: use 1 to {MAX_TOOL_NAME} of the characters `a-z`, `0-9`, `_`: `#[background_tool(name = \"…\")]`"
        ));
    }
    RESERVED_NAMES.contains(&name).then(|| {
        format!("`{name}` is the name of a job tool that every server has ({place})\nhelp: rename it: `#[background_tool(name = \"…\")]`")
    })
}

fn bad_default(tool: &Tool, arg: &Arg) -> Option<String> {
    let why = match arg.default.as_ref()? {
        Err(why) => format!("cannot be written as JSON: {why}"),
        Ok(value) => match (arg.shape.probe)(value) {
            Err(refusal) => format!("does not fit its type: {}", refusal.why),
            Ok(_) if !arg.bounds.hold(value) => format!("is out of its range: {value}"),
            Ok(_) => return None,
        },
    };
    let (tool, place, arg) = (tool.name(), tool.spec.location, arg.name);
    Some(format!(
        "the default of `{arg}` of the tool `{tool}` {why} ({place})\nhelp: change `#[arg(default = …)]` or the range"
    ))
}

/// A range that could never bind.
fn idle_range(tool: &Tool, arg: &Arg) -> Option<String> {
    if arg.bounds.0.is_empty() || schema::takes(arg.shape, "number") {
        return None;
    }
    let (tool, place, arg) = (tool.name(), tool.spec.location, arg.name);
    Some(format!(
        "`{arg}` of the tool `{tool}` has a range and is not a number ({place})\nhelp: remove `range` from its `#[arg(…)]`"
    ))
}

/// What stands for all arguments must have fields to be them.
fn no_struct(tool: &Tool) -> Option<String> {
    let flattened = tool.signature.flattened.as_ref()?;
    if schema::takes(flattened.shape, "object") {
        return None;
    }
    let (name, place, tool) = (flattened.name, tool.spec.location, tool.name());
    Some(format!(
        "`{name}` of the tool `{tool}` stands for all arguments and has no fields ({place})\nhelp: remove `#[arg(flatten)]`, or make its type a struct"
    ))
}

fn unwritten_fields(tools: &[Tool]) -> Vec<String> {
    let written: Vec<&str> = tools.iter().flat_map(writes).collect();
    let mut warnings = Vec::new();
    for tool in tools {
        for field in reads(tool).filter(|field| !written.contains(field)) {
            let near = nearest(field, written.iter().copied());
            let hint = near
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            let (name, place) = (tool.name(), tool.spec.location);
            warnings.push(format!(
                "`{name}` reads the state field `{field}`, which no tool writes ({place}){hint}"
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests;
