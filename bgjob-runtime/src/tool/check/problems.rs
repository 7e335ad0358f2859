//! Findings as errors that a person or a model can act on.

use serde_json::{Map, Value, json};

use super::walk::{Finding, What};
use super::words;
use crate::error::{Code, Error, Result, nearest};
use crate::tool::pointer;

/// So many further problems are listed in `details`.
const LISTED: usize = 20;

/// What is wrong with one call.
pub(super) struct Problems {
    tool: String,
    arguments: Vec<String>,
    found: Vec<Error>,
}

impl Problems {
    pub fn of(tool: &str, arguments: Vec<String>) -> Self {
        Problems {
            tool: tool.to_owned(),
            arguments,
            found: Vec::new(),
        }
    }

    /// The first problem as the error, the others in its details.
    pub fn into_result(self, checked: Map<String, Value>) -> Result<Map<String, Value>> {
        let mut found = self.found.into_iter();
        let Some(mut first) = found.next() else {
            return Ok(checked);
        };
        let others: Vec<Value> = found.take(LISTED).map(|error| brief(&error)).collect();
        if !others.is_empty() {
            first.details = Some(json!({ "problems": others }));
        }
        Err(first)
    }

    /// Adds findings; those of a secret argument without anything that came from its value.
    pub fn extend(&mut self, findings: Vec<Finding>, secret: Option<&str>) {
        if let (Some(name), false) = (secret, findings.is_empty()) {
            return self.secret(name, &findings);
        }
        for Finding { at, what } in findings {
            match what {
                What::Unknown { key, known } => self.unknown(&at, &key, Some(&known)),
                What::Missing { key, expected } => self.missing(&at, &key, &expected),
                What::Wrong { expected, given } | What::OutOfBounds { expected, given } => {
                    self.invalid(&at, &expected, &given);
                }
            }
        }
    }

    /// A key that nothing reads, in the object at `parent`.
    pub fn unknown(&mut self, parent: &str, key: &str, known: Option<&[String]>) {
        let shown = words::clip(key, 64);
        let known = if parent.is_empty() {
            &self.arguments
        } else {
            known.unwrap_or_default()
        };
        let near = nearest(key, known.iter().map(String::as_str)).map(str::to_owned);
        let (holder, kind, kinds) = self.holder(parent);
        let message = if parent.is_empty() && known.is_empty() {
            format!("{} takes no arguments, got `{shown}`", self.tool)
        } else {
            format!("{holder} has no {kind} `{shown}`")
        };
        let action = if near.is_some() {
            "Rename it and call again."
        } else {
            "Leave it out and call again."
        };
        let listed = if known.is_empty() {
            String::new()
        } else {
            format!(" {kinds}: {}.", plain_list(known))
        };
        let error = Error::new(Code::UnknownArgument, message)
            .at(at(parent, key))
            .did_you_mean(near);
        self.found.push(error.remedy(format!("{action}{listed}")));
    }

    /// A key that is required in the object at `parent`.
    pub fn missing(&mut self, parent: &str, key: &str, expected: &str) {
        let (holder, kind, _) = self.holder(parent);
        let what = if expected.is_empty() {
            String::new()
        } else {
            format!(", {expected},")
        };
        let error = Error::new(
            Code::MissingArgument,
            format!("{holder} needs the {kind} `{key}`"),
        )
        .at(at(parent, key));
        self.found
            .push(error.remedy(format!("Add `{key}`{what} and call again.")));
    }

    /// A value that does not fit; `expected` is empty where only serde's words are known.
    fn invalid(&mut self, at: &str, expected: &str, given: &str) {
        let place = place(at);
        let (message, remedy) = if expected.is_empty() {
            (
                format!("{place} does not fit: {given}"),
                "Correct it and call again.".to_owned(),
            )
        } else {
            (
                format!("{place} must be {expected}, got {given}"),
                format!("Give {expected} and call again."),
            )
        };
        self.found.push(
            Error::new(Code::InvalidArgument, message)
                .at(words::clip(at, 300))
                .remedy(remedy),
        );
    }

    fn secret(&mut self, name: &str, findings: &[Finding]) {
        let at = pointer::join("", name);
        let expected = findings
            .iter()
            .find(|finding| finding.at == at)
            .and_then(|finding| match &finding.what {
                What::Wrong { expected, .. } | What::OutOfBounds { expected, .. } => {
                    Some(expected.as_str())
                }
                What::Unknown { .. } | What::Missing { .. } => None,
            });
        let message = match expected.filter(|expected| !expected.is_empty()) {
            Some(expected) => format!("`{name}` must be {expected}; its value is not shown"),
            None => format!("`{name}` does not fit its type; its value is not shown"),
        };
        let remedy = format!("Correct `{name}` and call again.");
        self.found.push(
            Error::new(Code::InvalidArgument, message)
                .at(at)
                .remedy(remedy),
        );
    }

    /// Who has or lacks a key, what a key is called there, and the plural.
    fn holder(&self, parent: &str) -> (String, &'static str, &'static str) {
        if parent.is_empty() {
            (self.tool.clone(), "argument", "Arguments")
        } else {
            (place(parent), "field", "Fields")
        }
    }
}

fn at(parent: &str, key: &str) -> String {
    words::clip(&pointer::join(parent, key), 300)
}

/// A top-level argument by its name, anything deeper by its pointer.
fn place(at: &str) -> String {
    match at.strip_prefix('/') {
        None => "the input".to_owned(),
        Some(name) if !name.contains('/') => format!("`{}`", words::clip(name, 200)),
        Some(_) => format!("`{}`", words::clip(at, 200)),
    }
}

fn plain_list(names: &[String]) -> String {
    const SHOWN: usize = 40;
    let mut text = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

fn brief(error: &Error) -> Value {
    let mut brief = json!({ "code": error.code, "message": error.message });
    for (key, value) in [
        ("at", &error.at),
        ("did_you_mean", &error.did_you_mean),
        ("remedy", &error.remedy),
    ] {
        if let Some(value) = value {
            brief[key] = json!(value);
        }
    }
    brief
}
