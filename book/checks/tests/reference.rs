//! Pages of the reference that are made from the code. `BLESS=1` writes them anew.

use std::fmt::Write;
use std::fs;

use bgjob_book::{files, root, src};
use serde_json::Value;

use crate::blessing;
use crate::programs::Home;
use crate::source::{Item, fields, methods, read};

fn is_made_from_the_code(name: &str, page: &str) {
    let path = src().join("reference").join(name);
    let page = format!("{}\n", page.trim_end());
    if blessing() {
        fs::write(&path, &page).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(known, page, "run this test with BLESS=1");
}

const JOB: &str = "# `Job`\n
A function that takes `job: &Job` hears from it and speaks through it. The parameter may stand anywhere, has no place in
the schema, and the function stays callable from plain Rust: a unit test passes `&Job::test()`.\n
A call that only tells something (progress, phase, note) never fails a job; what goes wrong is said once on the job's
standard error.\n\n";

#[test]
fn the_page_of_job_has_every_method() {
    let engine = root().join("bgjob-runtime/src/tool");
    let mut files = files(&engine.join("context"), "rs");
    files.insert(0, engine.join("context.rs"));
    let all: Vec<Item> = files
        .iter()
        .flat_map(|file| methods(&read(file), "Job"))
        .collect();
    assert!(all.iter().any(|item| item.name == "progress"), "{all:?}");
    let mut page = JOB.to_owned();
    page.push_str("| method | for |\n|---|---|\n");
    for item in &all {
        let _ = writeln!(page, "| [`{0}`](#{0}) | {1} |", item.name, item.lead());
    }
    for item in &all {
        let _ = write!(
            page,
            "\n## `{}`\n\n```text\n{}\n```\n\n",
            item.name, item.code
        );
        let _ = writeln!(page, "{}", item.prose());
    }
    is_made_from_the_code("job.md", &page);
}

const ENVELOPE: &str = "# The reply\n
Every answer has one shape: the structured content of every tool result, `--json` on the command line, `job.json` in a
job's folder, the result of a finished task. A fact that is absent is an absent key; nothing is `null` but inside a
tool's own result. Replies may gain keys in later versions; readers must pass over those they do not know.\n
Over MCP the same JSON stands minified in the text block, for clients that show only text. `schema --out DIR` writes the
schema as `job.schema.json`.\n\n";

/// Which types, from which file, under which heading.
const TYPES: [(&str, &str, &str); 12] = [
    ("job/view.rs", "JobView", "A job"),
    (
        "mcp/envelope.rs",
        "Reply",
        "What the job tools add over MCP",
    ),
    ("error.rs", "Error", "An error"),
    ("job/view.rs", "Next", "The next call"),
    ("job/view.rs", "PatchView", "A state patch"),
    ("job/view.rs", "PageView", "A page"),
    ("job/view.rs", "AttemptView", "An earlier attempt"),
    ("job/outcome.rs", "Usage", "What a job used"),
    ("job/hook.rs", "HookView", "A hook"),
    ("mcp/envelope.rs", "FieldView", "A state field"),
    ("mcp/envelope.rs", "LogView", "A log"),
    ("service/system.rs", "SystemStatus", "The system"),
];

/// A Rust type as JSON has it, with links to the sections of our own.
fn json_type(rust: &str) -> String {
    let inside = |outer: &str| rust.strip_prefix(outer)?.strip_suffix('>').map(json_type);
    if let Some(inner) = inside("Option<") {
        return inner;
    }
    if let Some(inner) = inside("Vec<") {
        return format!("array: {inner}");
    }
    let name = rust.rsplit("::").next().unwrap_or(rust);
    if let Some((_, _, title)) = TYPES.iter().find(|(_, known, _)| *known == name) {
        let anchor = title.to_lowercase().replace(' ', "-");
        return format!("[object](#{anchor})");
    }
    match name {
        "String" | "JobId" | "HookState" => "string".into(),
        "bool" => "boolean".into(),
        "f64" => "number".into(),
        "u16" | "u32" | "u64" | "i32" | "i64" | "usize" => "integer".into(),
        "Value" => "any".into(),
        "ViewState" => "[state](#states)".into(),
        "Code" => "[code](error-codes.md)".into(),
        _ => "object".into(),
    }
}

#[test]
fn the_page_of_the_reply_has_every_field() {
    let mut page = ENVELOPE.to_owned();
    page.push_str("## States\n\n| state | meaning |\n|---|---|\n");
    let engine = root().join("bgjob-runtime/src");
    for item in fields(&read(&engine.join("job/view.rs")), "ViewState") {
        let name = snake(&item.name);
        let _ = writeln!(page, "| `{name}` | {} |", item.prose());
    }
    for (file, name, title) in TYPES {
        let found = fields(&read(&engine.join(file)), name);
        assert!(!found.is_empty(), "no fields of {name} in {file}");
        let _ = write!(
            page,
            "\n## {title}\n\n| key | type | meaning |\n|---|---|---|\n"
        );
        for item in found.into_iter().filter(|item| item.name != "job") {
            let prose = item.prose().replace('\n', " ");
            let _ = writeln!(
                page,
                "| `{}` | {} | {prose} |",
                item.name,
                json_type(&item.code)
            );
        }
    }
    is_made_from_the_code("envelope.md", &page);
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// The part of the page that people write: up to the table, and after it.
const MAPPING: (&str, &str) = (
    include_str!("reference/mcp_before.md"),
    include_str!("reference/mcp_after.md"),
);

#[test]
fn the_page_of_mcp_has_every_tool_that_follows_jobs() {
    let home = Home::new();
    let (said, code) = home.run("quickstart schema --out schemas");
    assert_eq!(code, 0, "{said}");
    let text = fs::read_to_string(home.path().join("schemas/mcp.tools.json")).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let own = ["count", "greet"];
    let mut page = MAPPING.0.to_owned();
    page.push_str("| tool | arguments | |\n|---|---|---|\n");
    for tool in list["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        if own.contains(&name) {
            continue;
        }
        let about = tool["description"].as_str().unwrap_or_default();
        let about = about.replace('\n', " ");
        let required = tool["inputSchema"]["required"].as_array();
        let required: Vec<&str> = required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = tool["inputSchema"]["properties"].as_object();
        let arguments = properties.into_iter().flatten().map(|(key, _)| {
            let must = required.contains(&key.as_str());
            format!("{}`{key}`", if must { "**must** " } else { "" })
        });
        let arguments = arguments.collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "| `{name}` | {arguments} | {about} |");
    }
    page.push_str(MAPPING.1);
    is_made_from_the_code("mcp-mapping.md", &page);
}

const FEATURES: &str = "# Cargo features\n
`bgjob-runtime` needs none of its features for a server over stdio.\n\n| feature | meaning |\n|---|---|\n";

#[test]
fn the_page_of_features_has_every_feature() {
    let manifest = read(&root().join("bgjob-runtime/Cargo.toml"));
    let section = manifest.split("[features]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let (mut page, mut about) = (FEATURES.to_owned(), String::new());
    for line in section.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix('#') {
            about = format!("{about} {}", comment.trim());
        } else if let Some((name, rest)) = line.split_once(" = ") {
            let beside = rest
                .split_once('#')
                .map_or("", |(_, comment)| comment.trim());
            let about = format!("{} {beside}", std::mem::take(&mut about));
            assert!(
                !about.trim().is_empty(),
                "the feature `{name}` has no comment"
            );
            let _ = writeln!(page, "| `{name}` | {} |", about.trim());
        }
    }
    is_made_from_the_code("features.md", &page);
}

#[test]
fn the_guide_lists_every_variable_that_jobs_get() {
    let source = read(&root().join("bgjob-runtime/src/service/environment.rs"));
    let list = source.split("ALLOWED: &[&str] = &[").nth(1).unwrap();
    let list = list.split("];").next().unwrap();
    let mut code: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let page = read(&src().join("guides/environment.md"));
    let list = page.split("when the submitter has them:").nth(1).unwrap();
    let list = list.split("Anything else").next().unwrap();
    let mut shown: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    code.sort_unstable();
    shown.sort_unstable();
    assert_eq!(shown, code);
}
