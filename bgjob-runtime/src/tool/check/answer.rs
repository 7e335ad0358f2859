//! Checks an answer against the schema of its question, where the type itself is not at hand.

use serde_json::{Map, Value};

use super::problems::Problems;
use super::{soften, walk};
use crate::error::{Code, Error, Result};
use crate::tool::pointer;

/// The name under which messages speak of an answer.
pub(crate) const NAME: &str = "answer";

/// The answer as its schema takes it: `30.0` for an integer becomes `30`.
///
/// # Errors
/// `invalid_argument` with the pointer of the place in the answer. Further problems stand in
/// `details.problems`.
pub fn check(schema: &Map<String, Value>, mut answer: Value) -> Result<Value> {
    let none = Map::new();
    let definitions = schema
        .get("$defs")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let schema = Value::Object(schema.clone());
    let at = pointer::join("", NAME);
    soften::soften(&schema, definitions, &mut answer);
    let findings = walk::findings(&schema, definitions, &answer, &at);
    let mut problems = Problems::of("the answer", Vec::new());
    problems.extend(findings, None);
    match problems.into_result(Map::new()) {
        Ok(_) => Ok(answer),
        Err(error) => Err(about_answer(error)),
    }
}

/// An error about the argument [`NAME`] as one about the answer itself.
pub(crate) fn about_answer(mut error: Error) -> Error {
    error.at = error
        .at
        .map(|at| at.strip_prefix("/answer").unwrap_or(&at).to_owned());
    error.message = error
        .message
        .replace("`/answer/", "`/")
        .replace("`answer`", "the answer");
    error.code = Code::InvalidArgument;
    error
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(schema: Value, answer: Value) -> Result<Value> {
        check(schema.as_object().unwrap(), answer)
    }

    #[test]
    fn an_answer_that_does_not_fit_is_refused_with_its_place() {
        let error = checked(json!({"type": "boolean"}), json!("maybe")).unwrap_err();
        assert_eq!(
            (error.code, error.at.as_deref()),
            (Code::InvalidArgument, Some(""))
        );
        assert!(error.message.contains("\"maybe\""), "{error}");

        let schema = json!({"type": "object", "properties": {"age": {"type": "integer", "maximum": 9}},
            "required": ["age"], "additionalProperties": false});
        let error = checked(schema.clone(), json!({"age": 10})).unwrap_err();
        assert_eq!(error.at.as_deref(), Some("/age"));
        for bad in [json!({}), json!({"age": 1, "agee": 2}), json!([])] {
            let error = checked(schema.clone(), bad).unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument, "{error:?}");
        }
        assert_eq!(
            checked(schema, json!({"age": 3.0})).unwrap(),
            json!({"age": 3})
        );
    }

    #[test]
    fn a_recursive_schema_is_followed() {
        let schema = json!({"$ref": "#/$defs/Node", "$defs": {"Node": {"type": "object",
            "properties": {"next": {"$ref": "#/$defs/Node"}}, "additionalProperties": false}}});
        assert!(checked(schema.clone(), json!({"next": {"next": {}}})).is_ok());
        let error = checked(schema, json!({"next": {"next": 5}})).unwrap_err();
        assert_eq!(error.at.as_deref(), Some("/next/next"));
    }
}
