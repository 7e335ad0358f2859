//! What a running job asks, and what it is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};

/// Questions that one job may have open.
pub const MOST_OPEN: usize = 32;
/// Longest text of a question, in bytes.
pub const MESSAGE_BYTES: usize = 4 << 10;
/// Largest schema of an answer, in bytes of JSON.
pub const SCHEMA_BYTES: usize = 64 << 10;
/// Largest answer, in bytes of JSON.
pub const ANSWER_BYTES: usize = 64 << 10;

/// A question as the worker asks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// Names the question within its job.
    pub key: String,
    /// What is asked, for people.
    pub message: String,
    /// What an answer looks like: a JSON schema, with `$defs` where it needs them.
    pub schema: Map<String, Value>,
    /// An answer of an earlier round is not wanted.
    #[serde(default)]
    pub round: u32,
    /// Why the answer of the round before could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// An answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This.
    Value(Value),
    /// The person does not want to say.
    Declined,
}

/// An answer on its way to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The round that it belongs to.
    pub round: u32,
    /// What was said.
    pub answer: Answer,
}

/// An open question as the ledger has it.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionRecord {
    /// Names the question within its job.
    pub key: String,
    /// How often an answer was taken back before.
    pub round: u32,
    /// What is asked.
    pub message: String,
    /// What an answer looks like.
    pub schema: Map<String, Value>,
    /// Why the last answer could not be used.
    pub refused: Option<String>,
}

/// An open question of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuestionView {
    /// Names the question; give it with the answer.
    pub key: String,
    /// What is asked, in the tool's words.
    pub message: String,
    /// JSON Schema of the answer.
    pub schema: Map<String, Value>,
    /// Why the answer before could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl From<QuestionRecord> for QuestionView {
    fn from(record: QuestionRecord) -> Self {
        QuestionView {
            key: record.key,
            message: record.message,
            schema: record.schema,
            refused: record.refused,
        }
    }
}

impl Wanted {
    /// Whether it keeps the limits of questions.
    ///
    /// # Errors
    /// `invalid_argument` for a key that is none; `too_large`.
    pub fn check(&self) -> Result<()> {
        if !is_key(&self.key) {
            let shown: String = self
                .key
                .chars()
                .filter(|c| !c.is_control())
                .take(64)
                .collect();
            return Err(Error::new(
                Code::InvalidArgument,
                format!("`{shown}` is not a key of a question"),
            )
            .remedy(
                "Use 1 to 64 of a-z, A-Z, 0-9, `_`, `-` and `.`, beginning with a letter or digit.",
            ));
        }
        if self.message.len() > MESSAGE_BYTES {
            return Err(too_large(&self.key, "text", MESSAGE_BYTES));
        }
        if Value::Object(self.schema.clone()).to_string().len() > SCHEMA_BYTES {
            return Err(too_large(&self.key, "answer's schema", SCHEMA_BYTES));
        }
        Ok(())
    }
}

fn too_large(key: &str, what: &str, most: usize) -> Error {
    let text = format!("the {what} of the question `{key}` is larger than {most} bytes");
    Error::new(Code::TooLarge, text)
        .remedy("Ask for less, and put long text into a file in `job.artifact(…)`.")
}

/// Whether `key` can name a question. It is looked up, shown and stored, and never part of a path.
pub fn is_key(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    key.len() <= 64
        && key.bytes().all(plain)
        && key
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
}

/// The refusal of an answer that nobody waits for.
pub fn not_open(key: &str, open: &[QuestionRecord]) -> Error {
    let shown: String = key.chars().filter(|c| !c.is_control()).take(64).collect();
    let error = Error::new(
        Code::NoOpenQuestion,
        format!("the job asks no question `{shown}`"),
    );
    if open.is_empty() {
        return error.remedy("Look at the job: it may have been answered or have ended.");
    }
    let keys: Vec<&str> = open.iter().map(|question| question.key.as_str()).collect();
    let near = crate::error::nearest(key, keys.iter().copied()).map(str::to_owned);
    error
        .did_you_mean(near)
        .remedy(format!("It asks: {}.", keys.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_plain_words() {
        for good in ["a", "confirm", "confirm_delete", "step-2.b", "7"] {
            assert!(is_key(good), "{good}");
        }
        let long = "a".repeat(65);
        for bad in [
            "", ".", "..", "../x", "a/b", "a b", "ä", "a\0", "-a", "a:1", &long,
        ] {
            assert!(!is_key(bad), "{bad}");
        }
    }

    #[test]
    fn an_answer_reads_back() {
        for answer in [Answer::Value(Value::Null), Answer::Declined] {
            let text = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer);
        }
    }
}
