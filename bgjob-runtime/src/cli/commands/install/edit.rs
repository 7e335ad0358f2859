//! The text of a client's file with the server in it or out of it. Comments, order and everything
//! that is somebody else's stay as they are; what is not understood is refused.

use std::collections::BTreeMap;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::{Map, Value, json};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, value};

use super::clients::{Client, Format};

/// How a client starts the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables beside those that the client passes on itself.
    pub env: BTreeMap<String, String>,
}

/// What a file would become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// It is as it should be.
    Same,
    /// This text.
    To(String),
}

impl Edit {
    fn of(before: &str, after: String) -> Self {
        match before == after {
            true => Edit::Same,
            false => Edit::To(after),
        }
    }
}

/// Puts the server `name` into `text`, or takes it out where `entry` is `None`.
///
/// # Errors
/// Why the text is not understood; nothing may be written then.
pub fn edit(
    client: &Client,
    text: &str,
    name: &str,
    entry: Option<&Entry>,
) -> Result<Edit, String> {
    match client.format {
        Format::Json => edit_json(client, text, name, entry),
        Format::Toml => edit_toml(client, text, name, entry),
    }
}

/// What `text` says of the server `name`.
///
/// # Errors
/// Why the text is not understood.
pub fn read(client: &Client, text: &str, name: &str) -> Result<Option<Entry>, String> {
    let found = match client.format {
        Format::Json => {
            let servers = match parse_json(text)?.object_value() {
                Some(root) => object_at(&root, client.servers)?,
                None => None,
            };
            let server = servers.and_then(|servers| servers.get(name)?.to_serde_value());
            server.map(|server| server.get(name).cloned().unwrap_or(server))
        }
        Format::Toml => {
            let document = parse_toml(text)?;
            let server = document.get(client.servers).and_then(|all| all.get(name));
            server.and_then(Item::as_table_like).map(of_toml)
        }
    };
    Ok(found.as_ref().and_then(of_value))
}

fn of_value(server: &Value) -> Option<Entry> {
    let texts = |value: &Value| value.as_str().map(str::to_owned);
    Some(Entry {
        command: texts(server.get("command")?)?,
        args: match server.get("args") {
            Some(args) => args.as_array()?.iter().map(texts).collect::<Option<_>>()?,
            None => Vec::new(),
        },
        env: match server.get("env").and_then(Value::as_object) {
            Some(env) => env
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), texts(value)?)))
                .collect(),
            None => BTreeMap::new(),
        },
    })
}

/// The members that are ours, in their order.
fn members(client: &Client, entry: &Entry) -> Vec<(&'static str, Value)> {
    let mut members = Vec::new();
    if client.says_stdio {
        members.push(("type", json!("stdio")));
    }
    members.push(("command", json!(entry.command)));
    members.push(("args", json!(entry.args)));
    if !entry.env.is_empty() {
        members.push(("env", json!(entry.env)));
    }
    members
}

/// The entry alone, as it stands in the file.
pub fn snippet(client: &Client, name: &str, entry: &Entry) -> String {
    let server: Map<String, Value> = members(client, entry)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    match client.format {
        Format::Json => format!("{:#}", json!({ client.servers: { name: server } })),
        Format::Toml => match edit_toml(client, "", name, Some(entry)) {
            Ok(Edit::To(text)) => text.trim().to_owned(),
            _ => String::new(),
        },
    }
}

fn parse_json(text: &str) -> Result<CstRootNode, String> {
    let text = match text.trim() {
        "" => "{}\n",
        _ => text,
    };
    // What VS Code and Zed call JSON with comments, and no more: another parser might read the rest
    // of what this one could take in another way.
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        ..ParseOptions::default()
    };
    let root = CstRootNode::parse(text, &options).map_err(|error| error.to_string())?;
    match root.object_value() {
        Some(_) => Ok(root),
        None => Err("it is no JSON object".to_owned()),
    }
}

fn object_at(object: &CstObject, name: &str) -> Result<Option<CstObject>, String> {
    match object.get(name) {
        None => Ok(None),
        Some(property) => match property.object_value() {
            Some(found) => Ok(Some(found)),
            None => Err(format!("`{name}` in it is no object")),
        },
    }
}

fn edit_json(
    client: &Client,
    text: &str,
    name: &str,
    entry: Option<&Entry>,
) -> Result<Edit, String> {
    let root = parse_json(text)?;
    let Some(object) = root.object_value() else {
        return Err("it is no JSON object".to_owned());
    };
    let servers = object_at(&object, client.servers)?;
    let Some(entry) = entry else {
        if let Some(server) = servers.and_then(|servers| servers.get(name)) {
            server.remove();
        }
        return Ok(Edit::of(text, root.to_string()));
    };
    let servers = servers.unwrap_or_else(|| object.object_value_or_set(client.servers));
    let server = object_at(&servers, name)?.unwrap_or_else(|| servers.object_value_or_set(name));
    for (key, value) in members(client, entry) {
        match server.get(key) {
            // Variables that somebody added by hand are theirs.
            Some(property) if key == "env" && property.object_value().is_some() => {
                let env = property
                    .object_value()
                    .unwrap_or_else(|| server.object_value_or_set(key));
                for (name, text) in &entry.env {
                    set(&env, name, &json!(text));
                }
            }
            _ => set(&server, key, &value),
        }
    }
    let mut after = root.to_string();
    if !after.ends_with('\n') && text.trim().is_empty() {
        after.push('\n');
    }
    Ok(Edit::of(text, after))
}

fn set(object: &CstObject, name: &str, value: &Value) {
    match object.get(name) {
        // As it is, also in how it is written.
        Some(there)
            if there
                .value()
                .and_then(|there| there.to_serde_value())
                .as_ref()
                == Some(value) => {}
        Some(there) => there.set_value(input(value)),
        None => drop(object.append(name, input(value))),
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(members) => CstInputValue::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), input(value)))
                .collect(),
        ),
        Value::Bool(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::Null => CstInputValue::Null,
    }
}

fn parse_toml(text: &str) -> Result<DocumentMut, String> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| error.to_string().trim_end().to_owned())
}

fn of_toml(table: &dyn TableLike) -> Value {
    let texts = |item: &Item| item.as_str().map(str::to_owned);
    let args = table.get("args").and_then(Item::as_array);
    let args = args.map(|args| {
        args.iter()
            .filter_map(|arg| arg.as_str())
            .collect::<Vec<_>>()
    });
    let env = table.get("env").and_then(Item::as_table_like);
    let env: Option<BTreeMap<String, String>> = env.map(|env| {
        let entries = env.iter();
        entries
            .filter_map(|(name, item)| Some((name.to_owned(), texts(item)?)))
            .collect()
    });
    json!({ "command": table.get("command").and_then(texts), "args": args.unwrap_or_default(), "env": env.unwrap_or_default() })
}

fn edit_toml(
    client: &Client,
    text: &str,
    name: &str,
    entry: Option<&Entry>,
) -> Result<Edit, String> {
    let mut document = parse_toml(text)?;
    let Some(entry) = entry else {
        if let Some(servers) = document
            .get_mut(client.servers)
            .and_then(Item::as_table_like_mut)
        {
            servers.remove(name);
        }
        return Ok(Edit::of(text, document.to_string()));
    };
    let servers = document.entry(client.servers).or_insert_with(|| {
        let mut table = Table::new();
        // `[mcp_servers.name]` alone, without a heading of its own.
        table.set_implicit(true);
        Item::Table(table)
    });
    let servers = servers
        .as_table_like_mut()
        .ok_or_else(|| format!("`{}` in it is no table", client.servers))?;
    let server = servers
        .entry(name)
        .or_insert_with(|| Item::Table(Table::new()));
    let server = server
        .as_table_like_mut()
        .ok_or_else(|| format!("`{}.{name}` in it is no table", client.servers))?;
    let known = of_toml(server);
    if known["command"] != json!(entry.command) {
        server.insert("command", value(entry.command.as_str()));
    }
    if known["args"] != json!(entry.args) {
        server.insert("args", value(entry.args.iter().collect::<Array>()));
    }
    if !entry.env.is_empty() {
        let env = server
            .entry("env")
            .or_insert_with(|| value(InlineTable::new()));
        let env = env
            .as_table_like_mut()
            .ok_or_else(|| format!("`{}.{name}.env` in it is no table", client.servers))?;
        for (name, text) in &entry.env {
            if env.get(name).and_then(Item::as_str) != Some(text) {
                env.insert(name, value(text.as_str()));
            }
        }
    }
    Ok(Edit::of(text, document.to_string()))
}

#[cfg(test)]
mod tests;
