//! What a tool's listing says beside its schemas: words and hints.

use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value};

use crate::mcp::names::Names;
use crate::tool::registry;
use crate::tool::spec::TaskSupport;

/// The hints of a tool: read-only, idempotent, destructive, open to the world. What a program's own
/// function does is not for us to say, whether it is started or repeated; jobs and state are ours.
#[derive(Clone, Copy)]
pub enum Effect {
    /// Changes nothing.
    Reads,
    /// Runs a function of the program's.
    Starts,
    /// Lets a job go on.
    Answers,
    /// Ends or empties something.
    Destroys,
}

/// The function's own words, then what every caller must know of it.
pub fn description(tool: &registry::Tool, names: Names) -> String {
    let mut text = tool.spec.description.trim().to_owned();
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    let status = names.status(Some(tool.name()));
    text.push_str(&match (tool.spec.task, tool.spec.inline) {
        (TaskSupport::Required, _) => {
            "Only for clients that have MCP tasks: starts a task.".to_owned()
        }
        (TaskSupport::Optional, Some(wait)) => format!(
            "Runs as a background job and answers with its result if it ends within {}, else with its job_id; then call {status}.",
            humantime::format_duration(wait)
        ),
        (TaskSupport::Optional, None) => format!(
            "Starts a background job and answers at once with its job_id; then call {status}."
        ),
    });
    let reads: Vec<&str> = tool
        .signature
        .states
        .iter()
        .map(|state| state.field)
        .collect();
    if !reads.is_empty() {
        text.push_str(&format!(" Reads the state: {}.", reads.join(", ")));
    }
    if let Some(patch) = &tool.spec.state_patch {
        text.push_str(&format!(" Sets the state field {}.", patch.field));
    }
    text
}

/// A tool as it is listed.
pub fn describe(
    name: &str,
    description: &str,
    input: Arc<Map<String, Value>>,
    replies: Arc<Map<String, Value>>,
    effect: Effect,
) -> Tool {
    let hints = ToolAnnotations::new();
    let hints = match effect {
        Effect::Reads => hints
            .read_only(true)
            .idempotent(true)
            .destructive(false)
            .open_world(false),
        Effect::Starts => hints.read_only(false).idempotent(false),
        Effect::Answers => hints
            .read_only(false)
            .idempotent(false)
            .destructive(false)
            .open_world(false),
        Effect::Destroys => hints
            .read_only(false)
            .idempotent(true)
            .destructive(true)
            .open_world(false),
    };
    Tool::new(name.to_owned(), description.to_owned(), input)
        .with_raw_output_schema(replies)
        .with_annotations(hints)
}
