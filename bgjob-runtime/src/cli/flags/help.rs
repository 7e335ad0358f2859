//! What the help of `run TOOL` says about arguments.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::Flag;
use super::types::{Types, resolve};
use crate::cli::render::prose::wrap;

/// Fields of an argument are listed this deep.
const MAX_DEPTH: usize = 4;

/// One flag: its documentation, then type, range, default.
pub fn of(flag: &Flag) -> String {
    let doc = doc_of(&flag.schema);
    let mut facts = facts(&flag.schema, flag.types);
    if flag.required {
        facts.insert(0, "required".into());
    }
    if flag.types.only_array() {
        facts.push("repeat it, or give a JSON list".into());
    }
    if flag.secret {
        facts.push("secret: others see a command line, so prefer --input".into());
    }
    join(&doc, &facts)
}

/// What stands below the flags: arguments without one, and the fields of those that are objects.
pub fn below(flags: &[Flag], root: &Value, width: usize) -> String {
    let mut text = String::new();
    let hidden: Vec<&Flag> = flags.iter().filter(|flag| flag.long.is_none()).collect();
    if !hidden.is_empty() {
        text.push_str(
            "Reached by --set or --input only, since their names mean something else here:\n",
        );
        for flag in hidden {
            let _ = writeln!(
                text,
                "  --set {}=<{}>  {}",
                flag.name,
                flag.types.placeholder(),
                of(flag)
            );
        }
    }
    let mut fields = Vec::new();
    for flag in flags {
        collect_fields(&flag.name, &flag.schema, root, 0, &mut fields);
    }
    if !fields.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("Fields of arguments, each reached by --set:\n");
        text.push_str(&columns(&fields, width));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Every argument and its fields, a line each.
pub fn overview(flags: &[Flag], root: &Value, width: usize) -> String {
    let mut rows = Vec::new();
    for flag in flags {
        rows.push((
            format!("{} <{}>", flag.name, flag.types.placeholder()),
            of(flag),
        ));
        collect_fields(&flag.name, &flag.schema, root, 0, &mut rows);
    }
    if rows.is_empty() {
        String::new()
    } else {
        format!("Arguments:\n{}", columns(&rows, width).trim_end())
    }
}

fn collect_fields(
    path: &str,
    schema: &Value,
    root: &Value,
    depth: usize,
    into: &mut Vec<(String, String)>,
) {
    let Some(properties) = schema
        .get("properties")
        .and_then(Value::as_object)
        .filter(|_| depth < MAX_DEPTH)
    else {
        return;
    };
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, field) in properties {
        let field = resolve(field, root);
        let (path, types) = (format!("{path}.{name}"), Types::of(field, root));
        let mut facts = facts(field, types);
        if required.contains(&name.as_str()) {
            facts.insert(0, "required".into());
        }
        into.push((
            format!("{path}=<{}>", types.placeholder()),
            join(&doc_of(field), &facts),
        ));
        collect_fields(&path, field, root, depth + 1, into);
    }
}

/// Two columns within `width`: what is too long goes on below itself.
fn columns(rows: &[(String, String)], width: usize) -> String {
    let longest = rows.iter().map(|(left, _)| left.chars().count()).max();
    let left_width = longest.unwrap_or(0).min(width / 2).min(44);
    let room = width.saturating_sub(left_width + 4).max(12);
    rows.iter().fold(String::new(), |mut text, (left, right)| {
        let mut lines = wrap(right, room).into_iter();
        let first = match left.chars().count() <= left_width {
            true => lines.next().unwrap_or_default(),
            false => String::new(),
        };
        let line = format!("  {left:left_width$}  {first}");
        let _ = writeln!(text, "{}", line.trim_end());
        for line in lines {
            let _ = writeln!(text, "  {:left_width$}  {line}", "");
        }
        text
    })
}

/// The documentation on one line; paragraphs after the first are for the reference.
fn doc_of(schema: &Value) -> String {
    let doc = schema["description"].as_str().unwrap_or_default();
    doc.split("\n\n")
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn facts(schema: &Value, types: Types) -> Vec<String> {
    let mut facts = Vec::new();
    let values = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .map(plain)
        .collect::<Vec<_>>();
    if !values.is_empty() && !types.only_boolean() {
        facts.push(format!("one of {}", values.join(", ")));
    }
    facts.extend(schema.as_object().and_then(range));
    if let Some(default) = schema.get("default") {
        facts.push(format!("default: {}", plain(default)));
    }
    facts
}

/// The limits of a number. Those that only repeat that an integer has 32 or 64 bits are left out.
fn range(schema: &Map<String, Value>) -> Option<String> {
    let bound = |word: &str| {
        schema
            .get(word)
            .filter(|bound| !is_type_limit(bound))
            .map(plain)
    };
    let low = bound("minimum")
        .map(|low| (low, ""))
        .or_else(|| bound("exclusiveMinimum").map(|low| (low, "more than ")));
    let high = bound("maximum")
        .map(|high| (high, ""))
        .or_else(|| bound("exclusiveMaximum").map(|high| (high, "less than ")));
    match (low, high) {
        (Some((low, "")), Some((high, ""))) => Some(format!("{low} to {high}")),
        (Some((low, over)), Some((high, under))) => {
            let over = if over.is_empty() { "at least " } else { over };
            let under = if under.is_empty() { "at most " } else { under };
            Some(format!("{over}{low}, {under}{high}"))
        }
        (Some((low, over)), None) => Some(if over.is_empty() {
            format!("at least {low}")
        } else {
            format!("{over}{low}")
        }),
        (None, Some((high, under))) => Some(if under.is_empty() {
            format!("at most {high}")
        } else {
            format!("{under}{high}")
        }),
        (None, None) => None,
    }
}

fn is_type_limit(bound: &Value) -> bool {
    const OF_32_BITS: [f64; 3] = [4_294_967_295.0, -2_147_483_648.0, 2_147_483_647.0];
    bound
        .as_f64()
        .is_some_and(|number| OF_32_BITS.contains(&number) || number.abs() >= 9e15)
}

/// A value as one would type it: a whole number has no fraction.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let shown = number.to_string();
            shown.strip_suffix(".0").unwrap_or(&shown).to_owned()
        }
        other => other.to_string(),
    }
}

fn join(doc: &str, facts: &[String]) -> String {
    match (doc, facts) {
        (doc, []) => doc.to_owned(),
        ("", facts) => format!("[{}]", facts.join("; ")),
        (doc, facts) => format!("{doc} [{}]", facts.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction() {
        let schema = serde_json::json!({"minimum": 0.001, "maximum": 1_000_000.0});
        assert_eq!(
            range(schema.as_object().unwrap()).as_deref(),
            Some("0.001 to 1000000")
        );
        assert_eq!(plain(&serde_json::json!(2.50)), "2.5");
        assert_eq!(plain(&serde_json::json!(1e300)), "1e+300");
    }

    #[test]
    fn long_texts_go_on_below_themselves() {
        let rows = [
            ("a=<TEXT>".to_owned(), "one two three four".to_owned()),
            ("long.long.long=<JSON>".to_owned(), "five".to_owned()),
        ];
        assert_eq!(
            columns(&rows, 32),
            "  a=<TEXT>          one two\n                    three four\n  long.long.long=<JSON>\n                    five\n"
        );
    }
}
