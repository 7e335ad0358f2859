//! Everything that `schema --out` writes, as paths and texts.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::both_named;
use crate::app::App;
use crate::cli::reply::Envelope;
use crate::error::{Code, Error};
use crate::job::id::is_tool_name;
use crate::tool::output::output;
use crate::tool::registry::{Registry, Tool};
use crate::tool::schema::draft07::twin;
use crate::tool::schema::lints;
use crate::tool::schema::named::{self, Subject};
use crate::tool::schema::strict::strict;

/// The list of tools, and what else is known of them.
pub const CATALOG: &str = "catalog.json";
/// The reply to every call.
pub const JOB: &str = "job.schema.json";
/// What `tools/list` answers, byte for byte.
const MCP_TOOLS: &str = "mcp.tools.json";
/// The folders that have one of each tool.
const FOLDERS: [&str; 4] = ["tools", "wire", "strict", "draft-07"];

/// The files of an export: the same program writes the same bytes.
#[derive(Debug)]
pub struct Export {
    /// Path below the folder, and content.
    pub files: Vec<(String, String)>,
}

impl Export {
    /// Every schema of every tool in `registry`.
    ///
    /// # Errors
    /// When two tools of the MCP server would have the same name.
    pub fn of(app: &App, registry: &'static Registry) -> Result<Self, Error> {
        let mut export = Export { files: Vec::new() };
        export.schema(CATALOG, &catalog(app, registry));
        let listed = crate::mcp::list_of_tools(registry, app.job_tools)
            .map_err(|why| Error::new(Code::InvalidArgument, why))?;
        export.files.push((MCP_TOOLS.to_owned(), listed));
        export.job(&app.name);
        for tool in registry.iter() {
            export.tool(tool, &app.name);
        }
        Ok(export)
    }

    /// The content of a file.
    pub fn get(&self, path: &str) -> Option<&str> {
        let found = self.files.iter().find(|(known, _)| known == path);
        found.map(|(_, text)| text.as_str())
    }

    /// Writes the files, leaving alone those that are the same, and removes what an earlier export
    /// wrote of tools that are gone.
    ///
    /// # Errors
    /// When a folder or a file cannot be written.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        self.remove_gone(dir)?;
        for (path, text) in &self.files {
            let path = dir.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            if fs::read(&path).is_ok_and(|present| present == text.as_bytes()) {
                continue;
            }
            fs::write(&path, text)?;
        }
        Ok(())
    }

    fn remove_gone(&self, dir: &Path) -> io::Result<()> {
        let Ok(text) = fs::read_to_string(dir.join(CATALOG)) else {
            return Ok(());
        };
        let before: Value = serde_json::from_str(&text).unwrap_or_default();
        for name in tool_names(&before) {
            for folder in FOLDERS {
                for part in ["input", "result"] {
                    let path = path_of(folder, name, part);
                    if self.get(&path).is_none() {
                        remove(&dir.join(&path))?;
                    }
                }
                let tool = dir.join(folder).join(name);
                // Only where nothing else is in it.
                let _ = fs::remove_dir(tool);
            }
        }
        Ok(())
    }

    fn schema(&mut self, path: &str, value: &Value) {
        self.files.push((path.to_owned(), format!("{value:#}\n")));
    }

    fn job(&mut self, server: &str) {
        let subject = Subject {
            server,
            name: "job",
            part: "",
        };
        let job = named::output(output::<Envelope>(), subject);
        self.schema(&format!("draft-07/{JOB}"), &json!(twin(&job)));
        self.schema(JOB, &json!(job));
    }

    fn tool(&mut self, tool: &Tool, server: &str) {
        let (input, result) = both_named(tool, server);
        let described = tool.described();
        self.pair("tools", tool, &input, &result);
        self.pair("draft-07", tool, &twin(&input), &twin(&result));
        self.pair("wire", tool, &described.input_schema, tool.output_schema());
        if let Ok(strict) = strict(&described.input_schema) {
            let path = path_of("strict", tool.name(), "input");
            self.schema(&path, &json!(strict));
        }
    }

    fn pair(
        &mut self,
        folder: &str,
        tool: &Tool,
        input: &Map<String, Value>,
        result: &Map<String, Value>,
    ) {
        self.schema(&path_of(folder, tool.name(), "input"), &json!(input));
        self.schema(&path_of(folder, tool.name(), "result"), &json!(result));
    }
}

/// Where a schema of a tool stands.
pub fn path_of(folder: &str, tool: &str, part: &str) -> String {
    format!("{folder}/{tool}/{part}.schema.json")
}

/// The names in a catalog that can be those of tools: they become paths.
pub fn tool_names(catalog: &Value) -> impl Iterator<Item = &str> {
    let tools = catalog.get("tools").and_then(Value::as_array);
    tools
        .into_iter()
        .flatten()
        .filter_map(|tool| tool.get("name")?.as_str())
        .filter(|name| is_tool_name(name))
}

fn catalog(app: &App, registry: &Registry) -> Value {
    let tools: Vec<Value> = registry.iter().map(entry).collect();
    json!({
        "server": { "name": app.name, "version": app.version },
        "tools": tools,
    })
}

fn entry(tool: &Tool) -> Value {
    let mut entry = Map::new();
    entry.insert("name".into(), tool.name().into());
    if let Some(title) = tool.spec.title {
        entry.insert("title".into(), title.into());
    }
    entry.insert("description".into(), tool.spec.description.trim().into());
    let reads = tool.signature.states.iter().map(|state| state.field);
    entry.insert("reads".into(), json!(reads.collect::<Vec<_>>()));
    let sets = tool.spec.state_patch.iter().map(|patch| patch.field);
    entry.insert("sets".into(), json!(sets.collect::<Vec<_>>()));
    entry.insert("lints".into(), json!(lints::of(tool)));
    Value::Object(entry)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
