//! `answer_job`.

use super::next::follow;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::question::{Answer, QuestionRecord};
use crate::mcp::args;
use crate::mcp::caller::Caller;
use crate::mcp::jobs::Answer as Told;

/// Answers a question that a job asks.
pub async fn call(caller: &Caller, args: args::Answer) -> Result<Told> {
    let id: JobId = args.job_id.parse()?;
    let answer = match (args.value, args.decline) {
        (Some(value), None | Some(false)) => Answer::Value(value),
        (None, Some(true)) => Answer::Declined,
        (Some(_), Some(true)) => return Err(both()),
        (None, None | Some(false)) => return Err(neither()),
    };
    let key = args.key;
    let view = caller
        .blocking(move |service, owner| {
            let key = match key {
                Some(key) => key,
                None => only(&service.questions(owner, &id)?)?,
            };
            service
                .answer(owner, &id, vec![(key, answer)])
                .map_err(in_value)
        })
        .await?;
    caller.beside().look_after();
    Ok(follow(caller, view).into())
}

/// The key of the only question; an empty one when there is none, which is then refused as any other.
fn only(open: &[QuestionRecord]) -> Result<String> {
    match open {
        [] => Ok(String::new()),
        [only] => Ok(only.key.clone()),
        several => {
            let keys: Vec<&str> = several.iter().map(|one| one.key.as_str()).collect();
            Err(
                Error::new(Code::MissingArgument, "the job asks several questions")
                    .at("/key")
                    .remedy(format!("Add `key`: one of {}.", keys.join(", "))),
            )
        }
    }
}

fn in_value(mut error: Error) -> Error {
    if error.code == Code::InvalidArgument {
        error.at = error.at.map(|at| format!("/value{at}"));
    }
    error
}

fn neither() -> Error {
    Error::new(Code::MissingArgument, "`value` is missing")
        .at("/value")
        .remedy(
            "Give the answer as `value`, or `decline: true` if the person does not want to answer.",
        )
}

fn both() -> Error {
    Error::new(
        Code::InvalidArgument,
        "both `value` and `decline` are given",
    )
    .at("/decline")
    .remedy("Give one of them.")
}
