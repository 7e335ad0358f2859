//! Every tool that is linked into the program, checked once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

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

    /// The schemas and their hash, made at the first call.
    pub fn described(&self) -> &Described {
        self.signature.described()
    }

    /// The complete input of a call.
    ///
    /// # Errors
    /// See [`Signature::check`].
    pub fn check(&self, input: Map<String, Value>) -> error::Result<Map<String, Value>> {
        self.signature.check(self.spec.name, input)
    }
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
mod tests {
    use super::*;
    use crate::tool::arg::{arg, flatten, state};
    use crate::tool::output::output;
    use crate::tool::samples::Feed;
    use crate::tool::spec::Body;

    const BODY: Body = Body::Sync(|call| call.output(&()));

    fn plain() -> Signature {
        Signature::new(output::<()>())
    }

    static SIZE: ToolSpec = ToolSpec::new("size", "a.rs:1", plain, BODY).state_patch("sizing", "");
    static SIZE_AGAIN: ToolSpec = ToolSpec::new("size", "b.rs:2", plain, BODY);
    static REPORT: ToolSpec = ToolSpec::new(
        "report",
        "c.rs:3",
        || plain().state(state::<u32>("sizings")),
        BODY,
    );

    fn refused(specs: &[&'static ToolSpec]) -> String {
        Registry::from_specs(specs.iter().copied()).unwrap_err()
    }

    #[test]
    fn tools_are_found_by_name_in_the_order_of_their_names() {
        let registry = Registry::from_specs([&SIZE, &REPORT]).unwrap();
        let names: Vec<_> = registry.iter().map(Tool::name).collect();
        assert_eq!(names, ["report", "size"]);
        assert_eq!(registry.get("size").unwrap().spec.location, "a.rs:1");
        assert!(registry.get("siz").is_none());
        assert_eq!(registry.state_fields(), ["sizing", "sizings"]);
        assert_eq!(
            registry
                .writers("sizing")
                .map(Tool::name)
                .collect::<Vec<_>>(),
            ["size"]
        );
    }

    #[test]
    fn an_empty_registry_says_how_to_link_the_tools() {
        let text = refused(&[]);
        assert!(
            text.contains("no tools are linked") && text.contains("use my_tools as _;"),
            "{text}"
        );
    }

    #[test]
    fn two_tools_of_one_name_are_both_located() {
        let text = refused(&[&SIZE, &SIZE_AGAIN]);
        assert!(
            text.contains("`size`: a.rs:1, b.rs:2") && text.contains("help: "),
            "{text}"
        );
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        static UPPER: ToolSpec = ToolSpec::new("Size", "d.rs:4", plain, BODY);
        static RESERVED: ToolSpec = ToolSpec::new("list_jobs", "e.rs:5", plain, BODY);
        let text = refused(&[&UPPER, &RESERVED]);
        assert!(
            text.contains("`Size` cannot name a tool (d.rs:4)"),
            "{text}"
        );
        assert!(
            text.contains("`list_jobs` is the name of a job tool"),
            "{text}"
        );
    }

    #[test]
    fn defaults_must_fit_their_type_and_range() {
        static WRONG: ToolSpec = ToolSpec::new(
            "wrong",
            "f.rs:6",
            || plain().arg(arg::<u8>("n").default(&300)),
            BODY,
        );
        static OUTSIDE: ToolSpec = ToolSpec::new(
            "outside",
            "g.rs:7",
            || plain().arg(arg::<u8>("n").maximum(9).default(&10)),
            BODY,
        );
        static FITS: ToolSpec = ToolSpec::new(
            "fits",
            "h.rs:8",
            || plain().arg(arg::<f64>("x").minimum(1).default(&1)),
            BODY,
        );
        let text = refused(&[&WRONG, &OUTSIDE, &FITS]);
        assert!(
            text.contains("the default of `n` of the tool `wrong` does not fit"),
            "{text}"
        );
        assert!(
            text.contains("`outside` is out of its range: 10 (g.rs:7)"),
            "{text}"
        );
        assert!(!text.contains("fits` "), "{text}");
    }

    #[test]
    fn options_that_cannot_bind_are_refused() {
        static IDLE: ToolSpec = ToolSpec::new(
            "idle",
            "i.rs:9",
            || plain().arg(arg::<String>("s").minimum(1)),
            BODY,
        );
        static BINDS: ToolSpec = ToolSpec::new(
            "binds",
            "j.rs:10",
            || plain().arg(arg::<Option<u8>>("n").minimum(1)),
            BODY,
        );
        static FLAT: ToolSpec = ToolSpec::new(
            "flat",
            "k.rs:11",
            || plain().flatten(flatten::<u32>("p")),
            BODY,
        );
        static STRUCT: ToolSpec = ToolSpec::new(
            "struct",
            "l.rs:12",
            || plain().flatten(flatten::<Feed>("p")),
            BODY,
        );
        let text = refused(&[&IDLE, &BINDS, &FLAT, &STRUCT]);
        assert!(
            text.contains("`s` of the tool `idle` has a range and is not a number (i.rs:9)"),
            "{text}"
        );
        assert!(
            text.contains("`p` of the tool `flat` stands for all arguments and has no fields"),
            "{text}"
        );
        assert!(
            !text.contains("`binds`") && !text.contains("`struct`"),
            "{text}"
        );
    }

    #[test]
    fn a_state_field_that_no_tool_writes_is_a_warning() {
        let registry = Registry::from_specs([&SIZE, &REPORT]).unwrap();
        let [warning] = registry.warnings() else {
            panic!("{:?}", registry.warnings())
        };
        assert!(
            warning.contains("`report` reads the state field `sizings`"),
            "{warning}"
        );
        assert!(warning.contains("did you mean `sizing`?"), "{warning}");
    }
}
