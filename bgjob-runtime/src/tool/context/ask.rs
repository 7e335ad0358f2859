//! Asking while the job runs.

use std::fmt::{self, Display};
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;

use serde_json::{Map, Value};

use super::desk::{Desk, Ticket, value_of};
use super::{Job, lock};
use crate::error::{Code, Error, Result};
use crate::job::question::{Answer, Wanted};
use crate::tool::arg::arg;
use crate::tool::check::answer::{NAME, about_answer};
use crate::tool::output::output;
use crate::tool::shape::{self, FromJson, HasSchema, ToJson};
use crate::tool::signature::Signature;

/// A question that a job asks, made by [`Job::ask`]: `.await` it, or call [`wait`](Question::wait).
/// Dropped without an answer, it is withdrawn.
#[must_use = "a question that is dropped is withdrawn: `.await` it or call `.wait()`"]
pub struct Question<T> {
    asked: Result<Asked>,
    key: String,
    signature: Signature,
    of: PhantomData<fn() -> T>,
}

enum Asked {
    Of(Ticket),
    Test(Option<Answer>),
}

impl Job {
    /// Asks a person, or the agent that started the job, for a `T`. The job becomes `input_required` until
    /// the answer is there, and keeps its process, its slot and its [timeout](crate::background_tool), which
    /// goes on: give a tool that asks a long one.
    ///
    /// `key` names the question: 1 to 64 of `a-z`, `A-Z`, `0-9`, `_`, `-` and `.`, a letter or digit first.
    /// Asking the same key again, in this attempt or a later one of the same job, gives the answer that was
    /// given, and asks nobody; so a retry pesters no one. Another question needs another key. A job that is
    /// retried by hand is a new job and asks anew.
    ///
    /// The question is asked at once; two that are made before the first is awaited are open side by side, up
    /// to 32. An answer is checked against the JSON schema of `T` before it is accepted; one that the schema
    /// takes and `T` does not is asked for again, with the reason.
    ///
    /// ```
    /// use bgjob_runtime::{Job, Result};
    ///
    /// async fn purge(job: &Job, folder: String) -> Result<String> {
    ///     let sure: bool = job.ask("confirm", format!("Delete everything in {folder}?")).await?;
    ///     Ok(if sure { format!("{folder} is empty") } else { "nothing was deleted".into() })
    /// }
    ///
    /// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// let job = Job::test().with_answer("confirm", &true);
    /// assert_eq!(runtime.block_on(purge(&job, "tmp".into()))?, "tmp is empty");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// In a function that is not async:
    ///
    /// ```
    /// # use bgjob_runtime::{Job, Result};
    /// fn greet(job: &Job) -> Result<String> {
    ///     let name: String = job.ask("name", "What is your name?").wait()?;
    ///     Ok(format!("Hello, {name}!"))
    /// }
    ///
    /// assert_eq!(greet(&Job::test().with_answer("name", "Ada"))?, "Hello, Ada!");
    /// # Ok::<(), bgjob_runtime::Error>(())
    /// ```
    ///
    /// # Errors
    /// From the question, when it is awaited: `declined` when the person does not want to say, unless `T`
    /// takes `null`, as an `Option` does; `already_finished` when the job is cancelled or its time is over;
    /// `invalid_argument` for a key that is none, or that is open with another type; `too_large` for a text
    /// over 4 KiB or too many questions; `storage_error`.
    pub fn ask<T: FromJson + HasSchema>(
        &self,
        key: impl Into<String>,
        message: impl Display,
    ) -> Question<T> {
        let key = key.into();
        let signature = Signature::new(output::<()>()).arg(arg::<T>(NAME));
        let wanted = Wanted {
            key: key.clone(),
            message: message.to_string(),
            schema: schema_of(&signature),
            round: 0,
            refused: None,
        };
        Question {
            asked: self.asked(wanted),
            key,
            signature,
            of: PhantomData,
        }
    }

    fn asked(&self, wanted: Wanted) -> Result<Asked> {
        let Some(test) = &self.inner.test else {
            let nonce = self.last().nonce.clone();
            let desk = self
                .inner
                .desk
                .get_or_init(|| Desk::new(&self.inner.dir, &nonce));
            return desk.ask(wanted).map(Asked::Of);
        };
        wanted.check()?;
        let answer = lock(&test.answers).get(&wanted.key).cloned();
        lock(&test.asked).push((wanted.key, wanted.message));
        Ok(Asked::Test(answer))
    }

    /// A job made by [`Job::test`] with the answer to the question `key`. It is read as the answer in a real
    /// job is; a question without one gets an error at once, so that no test hangs.
    ///
    /// # Panics
    /// Where `answer` cannot be written as JSON.
    #[must_use]
    pub fn with_answer(self, key: &str, answer: &(impl ToJson + ?Sized)) -> Self {
        let value = serde_json::to_value(answer)
            .unwrap_or_else(|error| panic!("the answer to `{key}` is not JSON: {error}"));
        self.with(key, Answer::Value(value))
    }

    /// A job made by [`Job::test`] whose person does not want to answer the question `key`.
    #[must_use]
    pub fn with_refusal(self, key: &str) -> Self {
        self.with(key, Answer::Declined)
    }

    fn with(self, key: &str, answer: Answer) -> Self {
        if let Some(test) = &self.inner.test {
            lock(&test.answers).insert(key.to_owned(), answer);
        }
        self
    }

    /// Key and text of every question that a job made by [`Job::test`] asked.
    pub fn questions_seen(&self) -> Vec<(String, String)> {
        let test = self.inner.test.as_ref();
        test.map(|test| lock(&test.asked).clone())
            .unwrap_or_default()
    }
}

fn schema_of(signature: &Signature) -> Map<String, Value> {
    let described = signature.described();
    let Some(Value::Object(mut schema)) = described.checks.get(NAME).cloned() else {
        return Map::new();
    };
    if !described.definitions.is_empty() {
        let definitions = Value::Object(described.definitions.clone());
        schema.insert("$defs".into(), definitions);
    }
    schema
}

impl<T: FromJson + HasSchema> Question<T> {
    /// Blocks this thread until the answer is there. In async functions, `.await` the question instead.
    ///
    /// # Errors
    /// See [`Job::ask`].
    pub fn wait(self) -> Result<T> {
        let asked = self.asked.as_ref().map_err(Clone::clone)?;
        loop {
            let (answer, round) = match asked {
                Asked::Test(answer) => (answer.clone().ok_or_else(|| unprepared(&self.key))?, 0),
                Asked::Of(ticket) => ticket.wait().map(|told| (told.answer, told.round))?,
            };
            if let Some(value) = self.take(&answer, asked, round)? {
                return Ok(value);
            }
        }
    }

    async fn answered(self) -> Result<T> {
        let asked = self.asked.as_ref().map_err(Clone::clone)?;
        loop {
            let (answer, round) = match asked {
                Asked::Test(answer) => (answer.clone().ok_or_else(|| unprepared(&self.key))?, 0),
                Asked::Of(ticket) => ticket
                    .answered()
                    .await
                    .map(|told| (told.answer, told.round))?,
            };
            if let Some(value) = self.take(&answer, asked, round)? {
                return Ok(value);
            }
        }
    }

    /// The answer as a `T`; `None` when it had to be asked for again.
    fn take(&self, answer: &Answer, asked: &Asked, round: u32) -> Result<Option<T>> {
        let Some(value) = value_of(answer) else {
            // What may be absent is absent.
            let none = shape::read(&Value::Null);
            return none.map(Some).map_err(|_| declined(&self.key));
        };
        match (self.read(value), asked) {
            (Ok(value), _) => Ok(Some(value)),
            (Err(error), Asked::Of(ticket)) => {
                ticket.refuse(round, error.message)?;
                Ok(None)
            }
            (Err(error), Asked::Test(_)) => Err(error),
        }
    }

    fn read(&self, value: &Value) -> Result<T> {
        let given = Map::from_iter([(NAME.to_owned(), value.clone())]);
        let checked = self
            .signature
            .check("the answer", given)
            .map_err(about_answer)?;
        let value = checked.get(NAME).unwrap_or(&Value::Null);
        shape::read(value).map_err(|refusal| {
            Error::new(Code::InvalidArgument, refusal.why.clone()).at(refusal.at)
        })
    }
}

impl<T: FromJson + HasSchema + 'static> IntoFuture for Question<T> {
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.answered())
    }
}

impl<T> fmt::Debug for Question<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({})", self.key)
    }
}

fn declined(key: &str) -> Error {
    Error::new(Code::Declined, format!("nobody wanted to answer `{key}`"))
}

fn unprepared(key: &str) -> Error {
    Error::new(
        Code::NoOpenQuestion,
        format!("this test has no answer to `{key}`"),
    )
    .remedy(format!(
        "Make the job with `Job::test().with_answer(\"{key}\", …)`."
    ))
}
