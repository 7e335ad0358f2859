//! The pages of the book that are made from the code. `BLESS=1` writes them anew.

use std::fmt::Write;
use std::path::Path;

use bgjob_runtime::tool::schema::diff::{Direction, Kind};
use bgjob_runtime::tool::schema::{lints, rules};

const SCHEMAS: &str = "# Schema rules\n
What the types of a tool say about its arguments and its result is reshaped, by the rules below, into four profiles:
`wire` is what MCP clients and models get, `named` is for code generators (JSON Schema 2020-12; `draft-07` is its
twin), and `strict` is for strict function calling. `schema --out DIR` writes them all; `schema TOOL --profile P`
prints one.\n\n";

const LENIENCIES: &str = "\n## Where a call takes more than its schema says\n
Whatever the `wire` schema accepts, a call accepts, integral floats such as `30.0` for integers included; only where
an enum stands for all arguments does its type refuse what the merged root lets through. A call takes more in these
cases:\n\n";

const CHANGES: &str = "\n## Changes\n
`schema --check DIR` compares the program with an export and gives each change a class. It exits with 1 if one is
breaking. The same change means one thing for arguments and another for results.\n\n";

const LINTS: &str = "\n## Lints\n
What clients are known to stumble over. `schema --check` lists them and `catalog.json` has them; they never fail a
check.\n\n";

fn schema_rules() -> String {
    let mut page = SCHEMAS.to_owned();
    page.push_str("| profiles | rule | because |\n|---|---|---|\n");
    for rule in rules::RULES {
        let profiles = rule.profiles.join(", ");
        let _ = writeln!(page, "| {profiles} | {} | {} |", rule.what, rule.why);
    }
    page.push_str(LENIENCIES);
    page.push_str("| code | what is taken |\n|---|---|\n");
    for (code, what) in rules::LENIENCIES {
        let _ = writeln!(page, "| `{code}` | {what} |");
    }
    page.push_str(CHANGES);
    page.push_str("| code | what changed | in arguments | in results |\n|---|---|---|---|\n");
    for kind in Kind::ALL {
        let (code, about) = (kind.as_str(), kind.about());
        let input = kind.class(Direction::Input).as_str();
        let result = kind.class(Direction::Result).as_str();
        let _ = writeln!(page, "| `{code}` | {about} | {input} | {result} |");
    }
    page.push_str(LINTS);
    page.push_str("| code | what it means |\n|---|---|\n");
    for rule in lints::Rule::ALL {
        let _ = writeln!(page, "| `{}` | {} |", rule.as_str(), rule.about());
    }
    page
}

/// The documentation of the attribute as a chapter: the same words, without the links that only rustdoc follows.
fn attribute() -> String {
    let docs = include_str!("../../bgjob-runtime/src/background_tool.md");
    let mut page = String::from("# The attribute\n\n");
    let mut in_block = false;
    for line in docs.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
            page.push_str(if in_block { "```rust\n" } else { "```\n" });
            continue;
        }
        let heading = !in_block && line.starts_with('#');
        let line = if in_block {
            line.to_owned()
        } else {
            plain_links(line)
        };
        let _ = writeln!(page, "{}{line}", if heading { "#" } else { "" });
    }
    page
}

/// Takes the links to items away: ``[`Job::test`]`` and `[checkpoint](Job::checkpoint)`, but not `[below](#retries)`.
fn plain_links(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    // How many marks of code came before: in code, brackets are brackets.
    let mut marks = 0;
    while let Some((before, after)) = rest.split_once('[') {
        marks += before.matches('`').count();
        let inside = after.split_once(']').filter(|_| marks % 2 == 0);
        let Some((text, after)) = inside else {
            plain.push_str(before);
            plain.push('[');
            rest = after;
            continue;
        };
        plain.push_str(before);
        let target = after
            .strip_prefix('(')
            .and_then(|after| after.split_once(')'));
        match target {
            Some((target, _)) if target.starts_with('#') => {
                let _ = write!(plain, "[{text}]");
                rest = after;
            }
            Some((_, after)) => {
                plain.push_str(text);
                rest = after;
            }
            None => {
                plain.push_str(text);
                rest = after;
            }
        }
    }
    plain + rest
}

fn is_made_from_the_code(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/reference");
    let path = path.join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        page,
        "run this test with BLESS=1"
    );
}

#[test]
fn the_page_of_schema_rules_is_made_from_the_code() {
    is_made_from_the_code("schema-rules.md", &schema_rules());
}

#[test]
fn the_page_of_the_attribute_is_its_documentation() {
    is_made_from_the_code("attribute.md", &attribute());
}
