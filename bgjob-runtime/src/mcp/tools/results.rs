//! `get_job_results`: a small result whole, a large one in parts.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Value, json};

use super::artifacts;
use super::next::{follow, refuse, wait};
use super::part::Asked;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::view::ViewState;
use crate::mcp::args;
use crate::mcp::caller::Caller;
use crate::mcp::jobs::Answer;
use crate::mcp::resources;
use crate::store::files;

/// Reads the result of a completed job, or a part of it.
pub async fn call(jobs: &Caller, tool: Option<&str>, args: args::Results) -> Result<Answer> {
    let id: JobId = args.job_id.parse()?;
    jobs.names().check(tool, &id)?;
    if let Some(name) = args.artifact.clone() {
        return artifacts::call(jobs, id, name, args).await;
    }
    let view = jobs.service().view(jobs.owner(), &id)?;
    match view.state {
        ViewState::Completed => {}
        ViewState::Failed => {
            return Ok(Answer {
                reply: follow(jobs, view),
                is_error: true,
            });
        }
        ViewState::Cancelled => {
            let error = Error::new(
                Code::AlreadyFinished,
                format!("{id} was cancelled and has no result"),
            );
            return Ok(refuse(jobs, error, &id));
        }
        state => {
            jobs.beside().look_after();
            let state = json!(state);
            let error = Error::new(
                Code::NotFinished,
                format!("{id} is {}", state.as_str().unwrap_or("live")),
            );
            let mut answer = refuse(jobs, error, &id);
            answer.reply = wait(jobs, answer.reply, &id);
            return Ok(answer);
        }
    }
    // Said once: whoever reads on knows where the whole is.
    let first = args.pointer.is_none() && args.offset.is_none();
    let asked = Asked {
        pointer: args.pointer,
        offset: args.offset,
        count: args.count,
        max_bytes: args.max_bytes,
        outline: args.outline.unwrap_or(false),
    };
    let job = id.clone();
    let found = jobs
        .blocking(move |service, owner| {
            let path = service.results_path(owner, &job)?;
            asked.read(open(&path, &job)?, "the result")
        })
        .await;
    let found = match found {
        Ok(found) => found,
        Err(error) => return Ok(refuse(jobs, error, &id)),
    };
    let mut reply = found.reply;
    reply.job.job_id = Some(id.clone());
    reply.job.state = ViewState::Completed;
    reply.resource = (first && found.whole.is_none()).then(|| resources::result_uri(&id));
    if reply.pointer.is_none() {
        reply.job.result = found.whole;
    } else {
        reply.value = reply.value.or(found.whole);
    }
    Ok(match found.next {
        Some(mut next) => {
            next.shift_insert(0, "job_id".into(), json!(id));
            reply
                .next(jobs.names().results(Some(id.tool())), Value::Object(next))
                .into()
        }
        None => reply.into(),
    })
}

/// Opens a result file.
pub fn open(path: &Path, id: &JobId) -> Result<File> {
    files::open_regular(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::new(
            Code::ResultExpired,
            format!("the result of {id} was deleted"),
        ),
        _ => Error::storage(format_args!("read the result of {id}"), error),
    })
}
