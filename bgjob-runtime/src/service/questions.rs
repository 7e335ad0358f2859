//! Questions of running jobs, and answering them. Whoever answers first has answered; the supervisor of the
//! job takes the answer to it.

use serde_json::Value;

use super::JobService;
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::failpoint::failpoint;
use crate::job::id::JobId;
use crate::job::question::{ANSWER_BYTES, Answer, QuestionRecord, not_open};
use crate::job::request::Owner;
use crate::job::view::JobView;
use crate::store::ledger::Given;
use crate::store::projection;
use crate::tool::check::answer::check;

impl JobService {
    /// What a job asks now, in the order of asking; nothing when it does not.
    ///
    /// # Errors
    /// `job_not_found`, or `storage_error`.
    pub fn questions(&self, owner: &Owner, id: &JobId) -> Result<Vec<QuestionRecord>> {
        let job = self.record(owner, id)?;
        self.ledger().open_questions(&job)
    }

    /// Answers questions of a job, by key: all of them or none. Each answer is checked against the schema
    /// of its question before it is accepted, and is then on record for good.
    ///
    /// # Errors
    /// `job_not_found`; `no_open_question` for a key that is not asked now; `invalid_argument` with the
    /// pointer into the answer; `too_large`; `storage_error`.
    pub fn answer(
        &self,
        owner: &Owner,
        id: &JobId,
        answers: Vec<(String, Answer)>,
    ) -> Result<JobView> {
        let open = self.questions(owner, id)?;
        let given: Vec<Given> = answers
            .into_iter()
            .map(|(key, answer)| fit(&open, &key, answer))
            .collect::<Result<_>>()?;
        failpoint!("answer.before_commit", |error| Error::storage(
            "answer a job",
            error
        ));
        let job = self
            .ledger()
            .answer(owner.as_str(), id, &given, clock::now_ms())?;
        failpoint!("answer.after_commit");
        projection::publish_job(&self.data, &job);
        self.view_of(&job)
    }
}

/// The answer as its question takes it.
fn fit(open: &[QuestionRecord], key: &str, answer: Answer) -> Result<Given> {
    let question = open
        .iter()
        .find(|question| question.key == key)
        .ok_or_else(|| not_open(key, open))?;
    let answer = match answer {
        Answer::Declined => Answer::Declined,
        Answer::Value(value) => Answer::Value(fit_value(question, value)?),
    };
    Ok(Given {
        question: question.clone(),
        answer,
    })
}

fn fit_value(question: &QuestionRecord, value: Value) -> Result<Value> {
    if value.to_string().len() > ANSWER_BYTES {
        let text = format!("the answer is larger than {ANSWER_BYTES} bytes");
        return Err(Error::new(Code::TooLarge, text).remedy("Answer with less."));
    }
    // Some clients hand everything over as a text.
    let inside = value
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    check(&question.schema, value).or_else(|error| {
        inside
            .and_then(|inside| check(&question.schema, inside).ok())
            .ok_or(error)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn question(schema: Value) -> QuestionRecord {
        let Value::Object(schema) = schema else {
            unreachable!()
        };
        QuestionRecord {
            key: "age".into(),
            round: 0,
            message: "How old?".into(),
            schema,
            refused: None,
        }
    }

    fn value(schema: Value, answer: Value) -> Result<Value> {
        let given = fit(&[question(schema)], "age", Answer::Value(answer))?;
        Ok(match given.answer {
            Answer::Value(value) => value,
            Answer::Declined => Value::Object(Map::new()),
        })
    }

    #[test]
    fn a_text_that_holds_the_answer_is_the_answer() {
        let number = json!({"type": "integer"});
        assert_eq!(value(number.clone(), json!("7")).unwrap(), 7);
        assert_eq!(value(json!({"type": "string"}), json!("7")).unwrap(), "7");
        let error = value(number, json!("seven")).unwrap_err();
        assert!(error.message.contains("seven"), "{error}");
    }

    #[test]
    fn only_what_is_asked_can_be_answered() {
        let open = [question(json!({"type": "integer"}))];
        let error = fit(&open, "agee", Answer::Declined).map(drop).unwrap_err();
        assert_eq!(error.code, Code::NoOpenQuestion);
        assert_eq!(error.did_you_mean.as_deref(), Some("age"));
        let large = "x".repeat(ANSWER_BYTES);
        assert_eq!(
            value(json!({"type": "string"}), json!(large))
                .unwrap_err()
                .code,
            Code::TooLarge
        );
    }
}
