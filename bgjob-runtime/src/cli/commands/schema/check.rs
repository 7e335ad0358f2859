//! `schema --check`: what changed for callers since an export was written.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::export::{CATALOG, Export, JOB, path_of, tool_names};
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::reply::{Envelope, members};
use crate::cli::session::Session;
use crate::error::{Code, Error, Result};
use crate::tool::schema::diff::{self, Change, Class, Direction, Kind};
use crate::tool::schema::lints;

/// A change, and where: `simulate input`, `job`.
struct Found {
    of: String,
    change: Change,
}

/// Compares, and says what changed: `breaking` first.
///
/// # Errors
/// When there is no export in `dir`, or standard output is closed.
pub fn run(session: &Session<'_>, dir: &Path, as_json: bool) -> Outcome {
    let now = Export::of(session.app, session.registry)?;
    let mut found = Comparison::open(dir, &now)?.found()?;
    found.sort_by_key(|found| found.change.class);
    let breaks = found.iter().any(|f| f.change.class == Class::Breaking);
    if as_json {
        session.console.json(&report(session, &found))?;
    } else {
        print(session, &found)?;
    }
    Ok(if breaks { Ending::Failed } else { Ending::Ok })
}

fn print(session: &Session<'_>, found: &[Found]) -> std::io::Result<()> {
    for Found { of, change } in found {
        session.console.print(format_args!(
            "{:8}  {:19}  {of}{}: {}",
            change.class.as_str(),
            change.kind.as_str(),
            place(&change.at),
            change.what
        ))?;
    }
    for tool in session.registry.iter() {
        for lint in lints::of(tool) {
            session.console.print(format_args!(
                "{:8}  {:19}  {} input{}: {}",
                "lint",
                lint.rule.as_str(),
                tool.name(),
                place(&lint.at),
                lint.rule.about()
            ))?;
        }
    }
    let count = |class| found.iter().filter(|f| f.change.class == class).count();
    session.console.say(format_args!(
        "{} breaking, {} additive, {} of words",
        count(Class::Breaking),
        count(Class::Additive),
        count(Class::Text)
    ));
    Ok(())
}

fn place(at: &str) -> String {
    if at.is_empty() {
        String::new()
    } else {
        format!(" {at}")
    }
}

fn report(session: &Session<'_>, found: &[Found]) -> Envelope {
    let changes = found
        .iter()
        .map(|Found { of, change }| {
            json!({
                "class": change.class.as_str(),
                "code": change.kind.as_str(),
                "of": of,
                "at": change.at,
                "what": change.what,
            })
        })
        .map(members);
    let lints = session
        .registry
        .iter()
        .flat_map(|tool| {
            lints::of(tool).into_iter().map(
                |lint| json!({ "code": lint.rule.as_str(), "tool": tool.name(), "at": lint.at }),
            )
        })
        .map(members);
    Envelope {
        changes: Some(changes.collect()),
        lints: Some(lints.collect()),
        ..Envelope::ok()
    }
}

/// An export of before and the one of now.
struct Comparison<'a> {
    dir: &'a Path,
    now: &'a Export,
    old: Value,
    new: Value,
    found: Vec<Found>,
}

impl<'a> Comparison<'a> {
    fn open(dir: &'a Path, now: &'a Export) -> Result<Self> {
        Ok(Comparison {
            dir,
            now,
            old: Value::Object(read(dir, CATALOG)?),
            new: Value::Object(parse(now, CATALOG)),
            found: Vec::new(),
        })
    }

    fn found(mut self) -> Result<Vec<Found>> {
        let (old, new) = (self.old.clone(), self.new.clone());
        for name in tool_names(&old) {
            match tool_names(&new).any(|other| other == name) {
                true => self.tool(name, entry(&old, name), entry(&new, name))?,
                false => self.note(name, Kind::ToolRemoved, "no such tool any more"),
            }
        }
        for name in tool_names(&new) {
            if tool_names(&old).all(|other| other != name) {
                self.note(name, Kind::ToolAdded, "a new tool");
            }
        }
        self.schemas("job", JOB, Direction::Result)?;
        Ok(self.found)
    }

    fn tool(&mut self, name: &str, old: &Value, new: &Value) -> Result<()> {
        for (word, key) in [("title", "title"), ("description", "description")] {
            if old.get(key) != new.get(key) {
                self.note(name, Kind::TextChanged, &format!("another {word}"));
            }
        }
        let reads = (Kind::StateReadRemoved, Kind::StateReadAdded);
        self.fields(name, "reads", old, new, reads);
        let sets = (Kind::StateWriteRemoved, Kind::StateWriteAdded);
        self.fields(name, "sets", old, new, sets);
        for (part, direction) in [("input", Direction::Input), ("result", Direction::Result)] {
            let path = path_of("wire", name, part);
            self.schemas(&format!("{name} {part}"), &path, direction)?;
        }
        Ok(())
    }

    /// State fields that a tool no longer reads or sets, or does now.
    fn fields(
        &mut self,
        name: &str,
        verb: &str,
        old: &Value,
        new: &Value,
        (removed, added): (Kind, Kind),
    ) {
        let list = |entry: &Value| -> Vec<String> {
            let fields = entry.get(verb).and_then(Value::as_array);
            let texts = fields.into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        };
        let (before, after) = (list(old), list(new));
        for field in before.iter().filter(|field| !after.contains(field)) {
            self.note(name, removed, &format!("no longer {verb} `{field}`"));
        }
        for field in after.iter().filter(|field| !before.contains(field)) {
            self.note(name, added, &format!("{verb} `{field}` now"));
        }
    }

    fn schemas(&mut self, of: &str, path: &str, direction: Direction) -> Result<()> {
        let changes = diff::compare(&read(self.dir, path)?, &parse(self.now, path), direction);
        self.found.extend(changes.into_iter().map(|change| Found {
            of: of.to_owned(),
            change,
        }));
        Ok(())
    }

    fn note(&mut self, of: &str, kind: Kind, what: &str) {
        self.found.push(Found {
            of: of.to_owned(),
            change: Change::new(kind, Direction::Input, "", what),
        });
    }
}

fn entry<'v>(catalog: &'v Value, name: &str) -> &'v Value {
    let tools = catalog.get("tools").and_then(Value::as_array);
    tools
        .into_iter()
        .flatten()
        .find(|tool| tool.get("name").is_some_and(|known| known == name))
        .unwrap_or(&Value::Null)
}

fn parse(export: &Export, path: &str) -> Map<String, Value> {
    let text = export.get(path).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

fn read(dir: &Path, path: &str) -> Result<Map<String, Value>> {
    let whole = dir.join(path);
    let refuse = |why: String| {
        Error::new(
            Code::InvalidArgument,
            format!(
                "{} is not what `schema --out` wrote: {why}",
                whole.display()
            ),
        )
        .remedy("Write it with `schema --out`, from the version to compare with.")
    };
    let text = fs::read_to_string(&whole).map_err(|error| refuse(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))
}
