//! A job's questions as the input requests of its task, and the responses as answers.
//!
//! Clients show forms whose fields are plain values. A question for such a struct is that form; one for a
//! plain value is a form with the one field `value`; anything else is asked for as JSON text in that field.

use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitationSchema, InputRequest, InputRequests,
    InputResponses,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{Code, Error, Result};
use crate::job::question::{Answer, QuestionRecord};
use crate::mcp::clean;

/// Longest question that a client is shown, in characters.
const WORDS: usize = 4000;
/// The field of a form that asks for one value.
const VALUE: &str = "value";

/// What a client answers an elicitation with.
#[derive(Deserialize)]
struct Elicited {
    action: Action,
    content: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Accept,
    Decline,
    Cancel,
}

/// The open questions as requests.
pub fn requests(open: &[QuestionRecord]) -> InputRequests {
    open.iter()
        .filter_map(|question| Some((name(question), request(question)?)))
        .collect()
}

fn request(question: &QuestionRecord) -> Option<InputRequest> {
    let schema = form(&question.schema).or_else(|| {
        ElicitationSchema::from_json_schema(one_value(as_text(&question.schema))).ok()
    })?;
    let mut message = clean::text(&question.message, WORDS);
    if let Some(why) = &question.refused {
        message = format!(
            "{message} (The answer before was refused: {})",
            clean::line(why, 300)
        );
    }
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message,
        requested_schema: schema,
    };
    Some(InputRequest::Elicitation(ElicitRequest::new(params)))
}

/// The responses as answers, by the questions' own keys; those to nothing that is asked now are left out.
///
/// # Errors
/// `invalid_argument` for what is no response.
pub fn answers(
    open: &[QuestionRecord],
    responses: &InputResponses,
) -> Result<Vec<(String, Answer)>> {
    open.iter()
        .filter_map(|question| Some((question, responses.get(&name(question))?)))
        .map(|(question, response)| Ok((question.key.clone(), answer(question, response)?)))
        .collect()
}

fn answer(question: &QuestionRecord, response: &Value) -> Result<Answer> {
    let elicited = Elicited::deserialize(response).map_err(|error| {
        let text = format!(
            "the response to `{}` is none to an elicitation: {error}",
            question.key
        );
        Error::new(Code::InvalidArgument, text)
            .remedy("Give {\"action\": \"accept\", \"content\": {…}}, or the action `decline`.")
    })?;
    match elicited.action {
        // A person who closes the form has not answered, and is not asked twice.
        Action::Decline | Action::Cancel => return Ok(Answer::Declined),
        Action::Accept => {}
    }
    let mut content = elicited.content.unwrap_or_default();
    if is_object(&question.schema) && form(&question.schema).is_some() {
        return Ok(Answer::Value(Value::Object(content)));
    }
    content
        .shift_remove(VALUE)
        .map(Answer::Value)
        .ok_or_else(|| {
            let text = format!("the response to `{}` has no `{VALUE}`", question.key);
            Error::new(Code::InvalidArgument, text).at(format!("/{VALUE}"))
        })
}

/// Names a request for the whole life of its task: a question that is asked again gets another name.
fn name(question: &QuestionRecord) -> String {
    match question.round {
        0 => question.key.clone(),
        // No key has a colon.
        round => format!("{}:{}", question.key, round + 1),
    }
}

/// The form for a schema, where there is one.
fn form(schema: &Map<String, Value>) -> Option<ElicitationSchema> {
    let form = if is_object(schema) {
        schema.clone()
    } else {
        one_value(Value::Object(schema.clone()))
    };
    let plain = form["properties"].as_object()?.values().all(is_plain);
    plain.then(|| ElicitationSchema::from_json_schema(form).ok())?
}

fn one_value(schema: Value) -> Map<String, Value> {
    let form = json!({"type": "object", "properties": {VALUE: schema}, "required": [VALUE]});
    form.as_object().cloned().unwrap_or_default()
}

fn as_text(schema: &Map<String, Value>) -> Value {
    let schema = Value::Object(schema.clone());
    json!({"type": "string", "description": clean::line(&format!("JSON that fits this schema: {schema}"), 2000)})
}

fn is_object(schema: &Map<String, Value>) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object") && schema.contains_key("properties")
}

fn is_plain(schema: &Value) -> bool {
    let plain = ["string", "number", "integer", "boolean"];
    schema["type"]
        .as_str()
        .is_some_and(|kind| plain.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(schema: Value, round: u32) -> QuestionRecord {
        QuestionRecord {
            key: "q".into(),
            round,
            message: "What?\u{1b}[2J".into(),
            schema: schema.as_object().unwrap().clone(),
            refused: (round > 0).then(|| "odd".into()),
        }
    }

    fn asked(schema: Value) -> Value {
        let requests = requests(&[question(schema, 0)]);
        let request = serde_json::to_value(&requests["q"]).unwrap();
        assert_eq!(request["method"], "elicitation/create");
        assert_eq!(request["params"]["message"], "What?");
        request["params"]["requestedSchema"].clone()
    }

    fn told(schema: Value, response: Value) -> Result<Answer> {
        answer(&question(schema, 0), &response)
    }

    #[test]
    fn a_struct_of_plain_values_is_the_form() {
        let schema = json!({"type": "object", "properties": {"sure": {"type": "boolean"}, "how": {"type": "string", "enum": ["a", "b"]}},
            "required": ["sure"], "additionalProperties": false});
        let form = asked(schema.clone());
        assert_eq!(form["properties"]["sure"]["type"], "boolean", "{form}");
        assert_eq!(
            form["properties"]["how"]["enum"],
            json!(["a", "b"]),
            "{form}"
        );
        assert_eq!(form["required"], json!(["sure"]));
        let answer = told(
            schema,
            json!({"action": "accept", "content": {"sure": true}}),
        );
        assert_eq!(answer.unwrap(), Answer::Value(json!({"sure": true})));
    }

    #[test]
    fn a_plain_value_is_the_field_of_a_form() {
        let schema = json!({"type": "integer", "minimum": 0});
        let form = asked(schema.clone());
        assert_eq!(form["properties"]["value"]["type"], "integer", "{form}");
        let answer = told(
            schema.clone(),
            json!({"action": "accept", "content": {"value": 3}}),
        );
        assert_eq!(answer.unwrap(), Answer::Value(json!(3)));
        for none in [
            json!({"action": "accept"}),
            json!({"content": {}}),
            json!(7),
            json!({"action": "jump"}),
        ] {
            assert_eq!(
                told(schema.clone(), none).unwrap_err().code,
                Code::InvalidArgument
            );
        }
        for action in ["decline", "cancel"] {
            assert_eq!(
                told(schema.clone(), json!({"action": action})).unwrap(),
                Answer::Declined
            );
        }
    }

    #[test]
    fn what_no_form_has_is_asked_for_as_text() {
        let nested = json!({"type": "object", "properties": {"at": {"type": "array", "items": {"type": "number"}}}});
        for schema in [
            nested,
            json!({"type": "array", "items": {"type": "integer"}}),
            json!({"$ref": "#/$defs/X", "$defs": {"X": {}}}),
        ] {
            let form = asked(schema.clone());
            assert_eq!(form["properties"]["value"]["type"], "string", "{form}");
            let answer = told(
                schema,
                json!({"action": "accept", "content": {"value": "[1]"}}),
            );
            assert_eq!(answer.unwrap(), Answer::Value(json!("[1]")));
        }
    }

    #[test]
    fn a_question_that_is_asked_again_has_another_name() {
        let again = [question(json!({"type": "integer"}), 1)];
        let requests = requests(&again);
        let text = serde_json::to_value(&requests["q:2"]).unwrap()["params"]["message"].to_string();
        assert!(text.contains("refused: odd"), "{text}");
        let answered = |name: &str| {
            let responses = InputResponses::from([(name.into(), json!({"action": "decline"}))]);
            answers(&again, &responses).unwrap().len()
        };
        assert_eq!((answered("q:2"), answered("q")), (1, 0));
    }
}
