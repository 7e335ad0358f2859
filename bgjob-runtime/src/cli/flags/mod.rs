//! The flags of `run TOOL`, made from the tool's input schema.
//!
//! The flags only carry values: whether they fit is decided by the one check that every front-end
//! goes through, before a job exists.

mod help;
mod text;
mod types;

use std::collections::BTreeSet;

use clap::{Arg, ArgAction, ArgMatches};
use serde_json::{Map, Value};

use types::{Types, resolve};

pub use text::{Setting, flag_value};

/// Prefix of the ids of these flags, so that they never meet the ids of clap's own.
const ID: &str = "argument:";

/// The arguments of one tool as flags.
#[derive(Debug)]
pub struct Flags {
    flags: Vec<Flag>,
    root: Value,
}

/// One argument.
#[derive(Debug)]
struct Flag {
    name: String,
    /// The flag without its dashes; `None` when only `--set` reaches the argument.
    long: Option<String>,
    required: bool,
    secret: bool,
    schema: Value,
    types: Types,
}

impl Flags {
    /// The flags for `schema`, an object schema. Names in `taken` and those of `secrets` are treated
    /// apart: the first get no flag, the values of the second stay out of `ps` with `--input`.
    pub fn of(schema: &Map<String, Value>, taken: &[&str], secret: impl Fn(&str) -> bool) -> Self {
        let root = Value::Object(schema.clone());
        let required: BTreeSet<&str> = root["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut used: BTreeSet<String> = taken.iter().map(|name| (*name).to_owned()).collect();
        let mut flags = Vec::new();
        for (name, property) in root["properties"].as_object().into_iter().flatten() {
            let schema = resolve(property, &root).clone();
            flags.push(Flag {
                long: flag_name(name).filter(|long| used.insert(long.clone())),
                required: required.contains(name.as_str()),
                secret: secret(name),
                types: Types::of(&schema, &root),
                name: name.clone(),
                schema,
            });
        }
        Flags { flags, root }
    }

    /// The flags for clap.
    pub fn args(&self) -> impl Iterator<Item = Arg> + '_ {
        self.flags
            .iter()
            .filter_map(|flag| flag.to_clap(&self.root))
    }

    /// What the help of the tool says below its flags, in lines of at most `width`.
    pub fn after_help(&self, width: usize) -> String {
        help::below(&self.flags, &self.root, width)
    }

    /// Every argument, in lines of at most `width`.
    pub fn overview(&self, width: usize) -> String {
        help::overview(&self.flags, &self.root, width)
    }

    /// The names of all arguments.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(|flag| flag.name.as_str())
    }

    /// How the argument `name` is given on the command line: `--days <INTEGER>`.
    pub fn usage(&self, name: &str) -> Option<String> {
        let flag = self.flags.iter().find(|flag| flag.name == name)?;
        let value = flag.placeholder(&self.root);
        Some(match &flag.long {
            Some(long) => format!("--{long} <{value}>"),
            None => format!("--set {name}=<{value}>"),
        })
    }

    /// How the argument `name` is given, and what it is.
    pub fn describe(&self, name: &str) -> Option<String> {
        let flag = self.flags.iter().find(|flag| flag.name == name)?;
        Some(
            format!("{}: {}", self.usage(name)?, help::of(flag))
                .trim_end_matches(": ")
                .to_owned(),
        )
    }

    /// The flag that gives the argument which `pointer` (RFC 6901) leads into.
    pub fn place(&self, pointer: &str) -> Option<String> {
        let name = pointer
            .strip_prefix('/')
            .filter(|rest| !rest.contains('/'))?;
        let flag = self.flags.iter().find(|flag| flag.name == name)?;
        flag.long.as_ref().map(|long| format!("--{long}"))
    }

    /// The input: `base`, over it the flags, over them the settings in their order.
    ///
    /// # Errors
    /// A sentence, when a setting goes through a value that has no places.
    pub fn collect(
        &self,
        mut base: Map<String, Value>,
        given: &ArgMatches,
        settings: &[Setting],
    ) -> Result<Map<String, Value>, String> {
        for flag in &self.flags {
            if let Some(value) = flag.value(given, &self.root) {
                base.insert(flag.name.clone(), value);
            }
        }
        for setting in settings {
            setting.apply(&mut base, &self.root)?;
        }
        Ok(base)
    }
}

impl Flag {
    /// The placeholder of its value in help.
    fn placeholder(&self, root: &Value) -> &'static str {
        match resolve(&self.schema, root).get("items") {
            Some(items) if self.types.only_array() => Types::of(items, root).placeholder(),
            _ => self.types.placeholder(),
        }
    }

    fn id(&self) -> String {
        format!("{ID}{}", self.name)
    }

    fn to_clap(&self, root: &Value) -> Option<Arg> {
        let long = self.long.clone()?;
        let arg = Arg::new(self.id())
            .help(help::of(self))
            .value_name(self.placeholder(root))
            .allow_negative_numbers(true);
        let arg = if *long == self.name {
            arg
        } else {
            arg.alias(self.name.clone())
        };
        let arg = arg.long(long);
        Some(match () {
            () if self.types.only_boolean() => arg
                .num_args(0..=1)
                .default_missing_value("true")
                .value_parser(["true", "false"])
                .hide_possible_values(true),
            () if self.types.only_array() => arg.action(ArgAction::Append),
            () => arg,
        })
    }

    fn value(&self, given: &ArgMatches, root: &Value) -> Option<Value> {
        // A flag of a tool without that argument is unknown to clap, hence `try_`.
        let mut texts = given.try_get_many::<String>(&self.id()).ok().flatten()?;
        if self.types.only_array() {
            return Some(text::list_value(
                texts.map(String::as_str),
                &self.schema,
                root,
            ));
        }
        texts
            .next_back()
            .map(|text| text::flag_value(text, &self.schema, root))
    }
}

/// `feed_rate` as `feed-rate`; `None` for a name that makes no flag.
fn flag_name(name: &str) -> Option<String> {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    (plain && starts_well).then(|| name.replace('_', "-"))
}

#[cfg(test)]
mod tests;
