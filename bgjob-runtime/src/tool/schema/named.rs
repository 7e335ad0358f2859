//! The profile for code generators: every type under its own name, JSON Schema 2020-12.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::wire::{self, Side};
use super::{ANYTHING, for_each_child, inline, raw, reference, root};
use crate::tool::output::Output;
use crate::tool::signature::Signature;

/// The dialect of the profile.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Whose schema it is, and what: its `$id` and the name of its root type come of it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The server.
    pub server: &'a str,
    /// The tool, or another thing that has a schema.
    pub name: &'a str,
    /// `input` or `result`; empty where there is only one.
    pub part: &'a str,
}

/// The arguments, all in one object.
pub fn input(signature: &Signature, subject: Subject<'_>) -> Map<String, Value> {
    let raw = raw::Input::of(signature);
    let schema = match &signature.flattened {
        Some(_) => raw
            .schemas
            .iter()
            .find(|(name, _)| name.is_empty())
            .map_or(Value::Bool(true), |(_, schema)| schema.clone()),
        None => Value::Object(arguments(&raw, signature)),
    };
    finish(schema, &raw.definitions, Side::Input, subject)
}

/// What a tool returns, or another value that is written.
pub fn output(output: Output, subject: Subject<'_>) -> Map<String, Value> {
    let (schema, definitions) = raw::written(output);
    finish(schema, &definitions, Side::Output, subject)
}

fn arguments(raw: &raw::Input, signature: &Signature) -> Map<String, Value> {
    let mut properties = Map::new();
    for arg in &signature.args {
        let found = raw.schemas.iter().find(|(name, _)| *name == arg.name);
        let mut schema = match found {
            Some((_, Value::Object(schema))) => schema.clone(),
            _ => Map::new(),
        };
        raw::annotate(&mut schema, arg);
        if arg.is_optional() {
            wire::strip_null(&mut schema);
        }
        properties.insert(arg.name.to_owned(), Value::Object(schema));
    }
    root::object(properties, root::required(signature), Value::Bool(false))
}

fn finish(
    schema: Value,
    known: &Map<String, Value>,
    side: Side,
    subject: Subject<'_>,
) -> Map<String, Value> {
    let title = subject.title();
    let types = Types::of(known, &title);
    let named: Vec<(String, Value)> = known
        .iter()
        .map(|(name, definition)| {
            let title = types.title(name);
            let definition = types.reshaped(definition.clone(), side, &title);
            (title, Value::Object(definition))
        })
        .collect();
    let schema = match schema.as_object().and_then(reference) {
        // A flattened struct or a result of a named type is that type.
        Some(name) if schema.as_object().is_some_and(|schema| schema.len() == 1) => {
            known.get(&inline::decode(name)).cloned().unwrap_or(schema)
        }
        _ => schema,
    };
    let body = types.reshaped(schema, side, &title);
    let mut root = Map::new();
    root.insert("$schema".into(), DIALECT.into());
    root.insert("$id".into(), subject.id().into());
    root.insert("title".into(), title.into());
    root.extend(body);
    let kept = reachable(&root, named);
    if !kept.is_empty() {
        root.insert("$defs".into(), Value::Object(kept));
    }
    root
}

/// The types of one schema: what schemars calls them, and the names that they get.
struct Types<'a> {
    known: &'a Map<String, Value>,
    titles: BTreeMap<&'a str, String>,
}

impl<'a> Types<'a> {
    /// Two types never share a name, nor one the root's.
    fn of(known: &'a Map<String, Value>, root: &str) -> Self {
        let mut taken = BTreeSet::from([root.to_owned()]);
        let mut titles = BTreeMap::new();
        for name in known.keys() {
            let title = pascal(name);
            let numbered = (2..).map(|n| format!("{title}{n}"));
            let free = std::iter::once(title.clone())
                .chain(numbered)
                .find(|title| !title.is_empty() && taken.insert(title.clone()));
            titles.insert(name.as_str(), free.unwrap_or(title));
        }
        Types { known, titles }
    }

    fn title(&self, name: &str) -> String {
        let known = self.titles.get(name).cloned();
        known.unwrap_or_else(|| pascal(name))
    }

    /// One schema with its references, reshaped by the rules of the wire profile and titled.
    fn reshaped(&self, mut schema: Value, side: Side, title: &str) -> Map<String, Value> {
        unfold(&mut schema, self.known);
        wire::reshape(&mut schema, side);
        open(&mut schema);
        self.rename(&mut schema);
        let Value::Object(schema) = schema else {
            return Map::new();
        };
        let mut titled = Map::new();
        titled.insert("title".into(), title.into());
        titled.extend(schema.into_iter().filter(|(keyword, _)| keyword != "title"));
        title_variants(&mut titled, title);
        titled
    }

    fn rename(&self, schema: &mut Value) {
        let Value::Object(schema) = schema else {
            return;
        };
        if let Some(name) = reference(schema).map(inline::decode) {
            let title = self.title(&name);
            schema.insert("$ref".into(), format!("#/$defs/{title}").into());
        }
        for_each_child(schema, &mut |child| self.rename(child));
    }
}

/// A reference beside properties, and the branches of a union beside them, are spelt out: closing an object
/// needs all its keys in one place.
fn unfold(schema: &mut Value, definitions: &Map<String, Value>) {
    let Value::Object(schema) = schema else {
        return;
    };
    if schema.contains_key("properties") {
        spell_out(schema, definitions);
        for union in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = schema.get_mut(union) {
                let objects = branches.iter_mut().filter_map(Value::as_object_mut);
                objects.for_each(|branch| spell_out(branch, definitions));
            }
        }
    }
    for_each_child(schema, &mut |child| unfold(child, definitions));
}

fn spell_out(schema: &mut Map<String, Value>, definitions: &Map<String, Value>) {
    let found = reference(schema).and_then(|name| definitions.get(&inline::decode(name)));
    if let Some(Value::Object(found)) = found {
        schema.shift_remove("$ref");
        *schema = inline::merge(found.clone(), std::mem::take(schema));
    }
}

/// Generators have a type of their own for any value: it is the empty schema.
fn open(schema: &mut Value) {
    let Value::Object(inner) = schema else {
        return;
    };
    let kinds = inner.get("type").and_then(Value::as_array).map(Vec::len);
    if reference(inner) == Some(ANYTHING) {
        inner.shift_remove("$ref");
    } else if kinds.is_some_and(|kinds| kinds >= wire::TYPES.len() - 1) {
        inner.shift_remove("type");
        inner.shift_remove("items");
    }
    for_each_child(inner, &mut open);
}

/// The variants of an enum are named after it and what tells them apart: their tag or their only key.
fn title_variants(schema: &mut Map<String, Value>, title: &str) {
    let Some(Value::Array(branches)) = schema.get_mut("anyOf") else {
        return;
    };
    for (index, branch) in branches.iter_mut().enumerate() {
        let Value::Object(branch) = branch else {
            continue;
        };
        if branch.contains_key("title") || !branch.contains_key("properties") {
            continue;
        }
        let name = variant(branch).unwrap_or_else(|| (index + 1).to_string());
        let mut titled = Map::new();
        titled.insert("title".into(), format!("{title}{}", pascal(&name)).into());
        titled.append(branch);
        *branch = titled;
    }
}

fn variant(branch: &Map<String, Value>) -> Option<String> {
    let properties = branch.get("properties")?.as_object()?;
    let tag = properties.values().find_map(|property| {
        match property.get("enum")?.as_array()?.as_slice() {
            [Value::String(only)] => Some(only.clone()),
            _ => None,
        }
    });
    tag.or_else(|| match properties.keys().collect::<Vec<_>>().as_slice() {
        [only] => Some((*only).clone()),
        _ => None,
    })
}

fn reachable(root: &Map<String, Value>, named: Vec<(String, Value)>) -> Map<String, Value> {
    let mut open: Vec<String> = references(&json!(root));
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some((_, definition)) = named.iter().find(|(known, _)| *known == name)
            && seen.insert(name)
        {
            open.extend(references(definition));
        }
    }
    let mut kept: Vec<_> = named
        .into_iter()
        .filter(|(name, _)| seen.contains(name))
        .collect();
    kept.sort_by(|a, b| a.0.cmp(&b.0));
    kept.into_iter().collect()
}

fn references(schema: &Value) -> Vec<String> {
    let Value::Object(schema) = schema else {
        return Vec::new();
    };
    let mut found: Vec<String> = reference(schema).map(str::to_owned).into_iter().collect();
    for_each_child(&mut schema.clone(), &mut |child| {
        found.extend(references(child))
    });
    found
}

/// `get_state` as a type's name: `GetState`. Names of types stay as they are.
fn pascal(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| {
            let mut chars = word.chars();
            chars
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + chars.as_str())
                .unwrap_or_default()
        })
        .collect()
}

impl Subject<'_> {
    fn title(&self) -> String {
        pascal(&format!("{}_{}", self.name, self.part))
    }

    /// A URN (RFC 8141): names the schema and promises no address.
    fn id(&self) -> String {
        let parts = [self.server, self.name, self.part];
        let parts: Vec<String> = parts
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| urn_part(part))
            .collect();
        format!("urn:bgjob:{}", parts.join(":"))
    }
}

fn urn_part(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    text.chars()
        .map(|c| if plain(c) { c } else { '-' })
        .collect()
}
