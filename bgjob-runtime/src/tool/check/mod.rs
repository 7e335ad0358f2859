//! Checks the arguments of a call before any job exists. Pure.
//!
//! serde decides whether a value fits its type; the schema says where and why not, finds misspelt keys that
//! serde would drop, and holds the documented bounds. Forms that the schema accepts and serde does not
//! (`30.0` for an integer, `null` for an absent option) are rewritten.

pub(crate) mod answer;
#[cfg(test)]
mod composed;
pub(crate) mod number;
mod problems;
#[cfg(test)]
mod property;
mod soften;
#[cfg(test)]
mod tests;
mod walk;
pub(crate) mod words;

use serde_json::{Map, Value};

use self::problems::Problems;
use self::walk::{Finding, What};
use super::arg::Arg;
use super::pointer;
use super::shape::Shape;
use super::signature::Signature;
use crate::error::Error;

/// What is odd is looked at this often at most; a call with more odd keys is refused for the first ones.
const SUSPECTS: usize = 16;

impl Signature {
    /// The complete input of a call of `tool`: every argument in declared order, with defaults filled in.
    ///
    /// # Errors
    /// `unknown_argument`, `missing_argument` or `invalid_argument` with the pointer of the place. Further
    /// problems of the same call stand in `details.problems`.
    pub fn check(
        &self,
        tool: &str,
        input: Map<String, Value>,
    ) -> Result<Map<String, Value>, Error> {
        let mut problems = Problems::of(tool, self.argument_names());
        let checked = match &self.flattened {
            Some(flattened) => self.check_flattened(flattened.shape, input, &mut problems),
            None => self.check_args(input, &mut problems),
        };
        problems.into_result(checked)
    }

    /// The names that a call may use.
    pub fn argument_names(&self) -> Vec<String> {
        match &self.flattened {
            None => self.args.iter().map(|arg| arg.name.to_owned()).collect(),
            Some(_) => {
                let properties = self
                    .described()
                    .input_schema
                    .get("properties")
                    .and_then(Value::as_object);
                properties
                    .map(|properties| properties.keys().cloned().collect())
                    .unwrap_or_default()
            }
        }
    }

    fn check_args(
        &self,
        mut input: Map<String, Value>,
        problems: &mut Problems,
    ) -> Map<String, Value> {
        let mut checked = Map::new();
        for key in input
            .keys()
            .filter(|key| self.args.iter().all(|arg| arg.name != *key))
        {
            problems.unknown("", key, None);
        }
        for arg in &self.args {
            let value = match input.remove(arg.name) {
                Some(value)
                    if !(value.is_null()
                        && arg.is_optional()
                        && (arg.shape.probe)(&value).is_err()) =>
                {
                    self.check_value(arg, value, problems)
                }
                _ => self.absent(arg, problems),
            };
            if let Some(value) = value {
                checked.insert(arg.name.to_owned(), value);
            }
        }
        checked
    }

    fn absent(&self, arg: &Arg, problems: &mut Problems) -> Option<Value> {
        if let Some(default) = arg.default_value() {
            return Some(default.clone());
        }
        if !arg.is_optional() {
            problems.missing(
                "",
                arg.name,
                &words::expected(self.schema_of(arg.name), &self.described().definitions),
            );
            return None;
        }
        Some(Value::Null).filter(|null| (arg.shape.probe)(null).is_ok())
    }

    fn check_value(&self, arg: &Arg, value: Value, problems: &mut Problems) -> Option<Value> {
        let mut found = Vec::new();
        let value = self.settle(arg.shape, arg.name, value, &mut found);
        problems.extend(found, arg.skip_log.then_some(arg.name));
        value
    }

    fn check_flattened(
        &self,
        shape: Shape,
        input: Map<String, Value>,
        problems: &mut Problems,
    ) -> Map<String, Value> {
        let mut found = Vec::new();
        let settled = self.settle(shape, "", Value::Object(input), &mut found);
        problems.extend(found, None);
        match settled {
            Some(Value::Object(checked)) => self.complete(shape, checked),
            _ => Map::new(),
        }
    }

    /// Fills in the defaults that the fields of a flattened struct have, if the struct takes them back.
    fn complete(&self, shape: Shape, checked: Map<String, Value>) -> Map<String, Value> {
        let mut complete = checked.clone();
        let properties = self
            .schema_of("")
            .get("properties")
            .and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
                complete.entry(name).or_insert_with(|| default.clone());
            }
        }
        let complete = Value::Object(complete);
        match ((shape.probe)(&complete), complete) {
            (Ok(_), Value::Object(complete)) => complete,
            _ => checked,
        }
    }

    /// The value as its type takes it, or none with at least one finding.
    fn settle(
        &self,
        shape: Shape,
        name: &'static str,
        mut value: Value,
        found: &mut Vec<Finding>,
    ) -> Option<Value> {
        let (schema, definitions) = (self.schema_of(name), &self.described().definitions);
        let mut probed = (shape.probe)(&value);
        if probed.is_err() && soften::soften(schema, definitions, &mut value) {
            probed = (shape.probe)(&value);
        }
        let at = if name.is_empty() {
            String::new()
        } else {
            pointer::join("", name)
        };
        let findings = walk::findings(schema, definitions, &value, &at);
        let before = found.len();
        match probed {
            Ok(ignored) => {
                let root = at.len();
                found.extend(confirmed(shape, &value, root, findings));
                if found.len() == before {
                    found.extend(ignored.iter().map(|key| ignored_key(&at, key)));
                }
            }
            Err(_) if !findings.is_empty() => found.extend(findings),
            Err(refusal) => found.push(Finding {
                at: format!("{at}{}", refusal.at),
                what: What::Wrong {
                    expected: String::new(),
                    given: words::clip(&refusal.why, 300),
                },
            }),
        }
        (found.len() == before).then_some(value)
    }

    fn schema_of(&self, name: &str) -> &Value {
        self.described().checks.get(name).unwrap_or(&Value::Null)
    }
}

/// Of what the schema objects to in a value that serde takes: broken bounds, and keys that serde drops.
fn confirmed(shape: Shape, value: &Value, root: usize, findings: Vec<Finding>) -> Vec<Finding> {
    let mut suspects = 0;
    let mut keep = |finding: &Finding| match &finding.what {
        What::OutOfBounds { .. } => true,
        What::Unknown { key, .. } => {
            suspects += 1;
            suspects <= SUSPECTS && is_dropped(shape, value, &finding.at[root..], key)
        }
        What::Missing { .. } | What::Wrong { .. } => false,
    };
    findings
        .into_iter()
        .filter(|finding| keep(finding))
        .collect()
}

/// Whether the type takes anything under that key, so that it cannot be looking at it. A key that schemars
/// does not know of (`#[serde(alias)]`) is looked at.
fn is_dropped(shape: Shape, value: &Value, parent: &str, key: &str) -> bool {
    let mut poisoned = value.clone();
    [
        Value::Null,
        Value::Bool(true),
        Value::from("\u{0}"),
        Value::Array(Vec::new()),
        Value::Object(Map::new()),
    ]
    .into_iter()
    .all(|poison| {
        if let Some(Value::Object(object)) = poisoned.pointer_mut(parent) {
            object.insert(key.to_owned(), poison);
        }
        (shape.probe)(&poisoned).is_ok()
    })
}

fn ignored_key(root: &str, ignored: &str) -> Finding {
    let (parent, key) = ignored.rsplit_once('/').unwrap_or(("", ignored));
    let key = key.replace("~1", "/").replace("~0", "~");
    Finding {
        at: format!("{root}{parent}"),
        what: What::Unknown {
            key,
            known: Vec::new(),
        },
    }
}
