//! Asking the person at the terminal what a job asks.

use std::io::{self, BufRead, Write};

use serde_json::{Map, Value};

use super::console::Console;
use super::flags::flag_value;
use super::render::plain;
use super::render::style::{LABEL, paint};
use crate::error::{Code, Error, Result};
use crate::job::question::{Answer, QuestionRecord};

/// Longest text of a question that is shown, in characters.
const WORDS: usize = 4000;

/// Shows a question and reads the answer, from standard input. A question for several things asks for one
/// after the other.
///
/// # Errors
/// `missing_argument` when the input ends: nothing is answered then.
pub fn ask(question: &QuestionRecord, console: &Console) -> Result<Answer> {
    console.insist(plain::text(&question.message));
    if let Some(why) = &question.refused {
        console.insist(format_args!(
            "the answer before was refused: {}",
            plain::line(why, WORDS)
        ));
    }
    let root = Value::Object(question.schema.clone());
    match question.schema.get("properties").and_then(Value::as_object) {
        Some(properties) => fields(properties, &root).map(Answer::Value),
        None => {
            let text = read(&hint(&question.key, &root))?;
            Ok(Answer::Value(value(&text, &root, &root)))
        }
    }
}

fn fields(properties: &Map<String, Value>, root: &Value) -> Result<Value> {
    let required: Vec<&str> = root["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut answer = Map::new();
    for (name, schema) in properties {
        let optional = !required.contains(&name.as_str());
        let text = read(&hint(name, schema))?;
        // Nothing typed leaves out what may be left out.
        if !(optional && text.is_empty()) {
            answer.insert(name.clone(), value(&text, schema, root));
        }
    }
    Ok(Value::Object(answer))
}

/// What is typed, as the schema wants it; people say yes and no.
fn value(text: &str, schema: &Value, root: &Value) -> Value {
    if schema["type"] == "boolean" {
        match text.to_ascii_lowercase().as_str() {
            "y" | "yes" | "true" => return Value::Bool(true),
            "n" | "no" | "false" => return Value::Bool(false),
            _ => {}
        }
    }
    flag_value(text, schema, root)
}

/// What stands before the cursor: `confirm (yes or no): `.
fn hint(name: &str, schema: &Value) -> String {
    let choices = schema["enum"].as_array().map(|choices| {
        let words: Vec<String> = choices
            .iter()
            .map(|choice| {
                choice
                    .as_str()
                    .map_or_else(|| choice.to_string(), str::to_owned)
            })
            .collect();
        words.join(", ")
    });
    let about = schema["description"]
        .as_str()
        .map(|text| plain::line(text.trim_end_matches('.'), 200));
    let kind = choices.or_else(|| match schema["type"].as_str()? {
        "boolean" => Some("yes or no".to_owned()),
        "string" => None,
        kind => Some(kind.to_owned()),
    });
    let inside: Vec<String> = [about, kind].into_iter().flatten().collect();
    let inside = match inside.is_empty() {
        true => String::new(),
        false => format!(" ({})", inside.join("; ")),
    };
    format!("{}{inside}: ", paint(LABEL, plain::line(name, 200)))
}

fn read(hint: &str) -> Result<String> {
    let ended = |why: String| {
        Error::new(Code::MissingArgument, why)
            .remedy("nothing was answered; type the command again")
    };
    let mut talk = anstream::stderr();
    let _ = write!(talk, "{hint}").and_then(|()| talk.flush());
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) => Err(ended("the input ended before the answer".into())),
        Ok(_) => Ok(line.trim().to_owned()),
        Err(error) => Err(ended(format!("cannot read the answer: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_say_yes_and_no() {
        let schema = json!({"type": "boolean"});
        for (text, read) in [
            ("y", json!(true)),
            ("No", json!(false)),
            ("perhaps", json!("perhaps")),
        ] {
            assert_eq!(value(text, &schema, &schema), read);
        }
        let text = json!({"type": "string"});
        assert_eq!(value("yes", &text, &text), "yes");
    }

    #[test]
    fn a_hint_says_what_can_be_typed() {
        let plain = |schema: Value| anstream::adapter::strip_str(&hint("x", &schema)).to_string();
        assert_eq!(plain(json!({"type": "boolean"})), "x (yes or no): ");
        assert_eq!(
            plain(json!({"type": "string", "enum": ["a", "b"]})),
            "x (a, b): "
        );
        assert_eq!(
            plain(json!({"type": "integer", "description": "Age in years."})),
            "x (Age in years; integer): "
        );
        assert_eq!(plain(json!({"type": "string"})), "x: ");
    }
}
