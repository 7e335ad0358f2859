//! JSON blocks are JSON, and what looks like a reply is one: it fits the schema that the program exports.

use std::collections::BTreeSet;

use bgjob_book::chapters;
use serde_json::{Value, json};

use crate::none;
use crate::programs::Home;

/// What replies may look like.
struct Envelope {
    schema: jsonschema::Validator,
    /// Replies are open to new keys, so the schema alone would take a misspelt one.
    keys: BTreeSet<String>,
}

fn keys_of(schema: &Value) -> impl Iterator<Item = String> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(key, _)| key.clone())
}

fn envelope() -> Envelope {
    let home = Home::new();
    let (said, code) = home.run("quickstart schema --out schemas");
    assert_eq!(code, 0, "{said}");
    let read = |name: &str| -> Value {
        let path = home.path().join("schemas").join(name);
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let (job, list) = (read("job.schema.json"), read("mcp.tools.json"));
    let tools = list["tools"].as_array().unwrap().iter();
    let keys = tools.flat_map(|tool| keys_of(&tool["outputSchema"]));
    Envelope {
        keys: keys.chain(keys_of(&job)).collect(),
        schema: jsonschema::validator_for(&job).unwrap(),
    }
}

/// What a value without a claim of its own is taken for.
fn problem(value: &Value, marker: Option<&str>, envelope: &Envelope) -> Option<String> {
    let has = |key: &str| value.get(key).is_some();
    if has("state") {
        let unknown = value.as_object().into_iter().flatten();
        let unknown = unknown.filter(|(key, _)| !envelope.keys.contains(*key));
        let unknown = unknown.map(|(key, _)| format!("no reply has `{key}`"));
        let problems = envelope.schema.iter_errors(value);
        let problems = problems.map(|error| error.to_string());
        let problems: Vec<String> = problems.chain(unknown).collect();
        return (!problems.is_empty()).then(|| problems.join("; "));
    }
    let known = ["jsonrpc", "mcpServers", "servers", "code"];
    let known = known.iter().any(|key| has(key));
    let said = marker.is_some_and(|marker| marker.starts_with("json: "));
    (!known && !said)
        .then(|| "neither a reply nor a message; say what it is in `<!-- json: … -->`".into())
}

#[test]
fn every_reply_fits_the_schema_of_replies() {
    let envelope = envelope();
    let (mut offenders, mut seen) = (Vec::new(), 0);
    for chapter in chapters() {
        let blocks = chapter.blocks().into_iter();
        for block in blocks.filter(|block| block.language() == "json" && block.not_run().is_none())
        {
            for value in serde_json::Deserializer::from_str(&block.text).into_iter::<Value>() {
                seen += 1;
                let why = match value {
                    Ok(value) => problem(&value, block.marker.as_deref(), &envelope),
                    Err(error) => Some(error.to_string()),
                };
                offenders.extend(why.map(|why| format!("{}:{}: {why}", chapter.path, block.line)));
            }
        }
    }
    none("JSON that no program would write", &offenders);
    assert!(seen > 0, "no JSON was found");
    for wrong in [
        json!({"state": "completd"}),
        json!({"state": "ok", "jobid": "x"}),
    ] {
        assert!(problem(&wrong, None, &envelope).is_some(), "{wrong}");
    }
}
