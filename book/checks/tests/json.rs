//! JSON blocks are JSON, and what looks like a reply is one: it fits the schema that the program exports.

use bgjob_book::chapters;
use serde_json::Value;

use crate::none;
use crate::programs::Home;

fn envelope() -> jsonschema::Validator {
    let home = Home::new();
    let (said, code) = home.run("quickstart schema --out schemas");
    assert_eq!(code, 0, "{said}");
    let text = std::fs::read_to_string(home.path().join("schemas/job.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// What a value without a claim of its own is taken for.
fn problem(
    value: &Value,
    marker: Option<&str>,
    envelope: &jsonschema::Validator,
) -> Option<String> {
    let has = |key: &str| value.get(key).is_some();
    if has("state") {
        let problems = envelope.iter_errors(value);
        let problems: Vec<String> = problems.map(|error| error.to_string()).collect();
        return (!problems.is_empty()).then(|| problems.join("; "));
    }
    let known = ["jsonrpc", "mcpServers", "servers", "code"]
        .iter()
        .any(|key| has(key));
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
    let wrong = serde_json::json!({"state": "completd"});
    assert!(problem(&wrong, None, &envelope).is_some());
}
