//! The Tasks extension (SEP-2663, `io.modelcontextprotocol/tasks`): a job as a task.
//!
//! A task is a view of a job, under the same id and of the same record: whichever process has the data
//! directory open answers for it, and the tools that follow jobs see it too. A client gets a task when
//! it declares the extension and speaks the protocol that has it; every other client gets a handle.

mod input;
mod timing;

use rmcp::model::{
    CallToolResult, CancelTaskMethod, CancelTaskParams, ClientCapabilities, ConstString,
    CreateTaskResult, DetailedTask, GetTaskMethod, GetTaskParams, GetTaskResult, JsonObject,
    ProtocolVersion, ServerCapabilities, TASKS_EXTENSION_ID, Task, TaskPayload, TaskStatus,
    UpdateTaskMethod, UpdateTaskParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::jobs::Jobs;
use super::tools::{follow, submit};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::state::JobState;
use crate::job::view::JobView;
use crate::service::Standing;
use crate::tool::registry::Tool;
use crate::tool::spec::TaskSupport;
use timing::Times;

/// Adds what a server with background tools can do.
pub fn advertise(capabilities: &mut ServerCapabilities) {
    capabilities.tools.get_or_insert_with(Default::default);
    capabilities
        .extensions
        .get_or_insert_with(Default::default)
        .entry(TASKS_EXTENSION_ID.to_owned())
        .or_default();
}

/// Whether a call may be answered with a task. The protocol library looks at the declaration alone;
/// SEP-2663 wants the version looked at too.
pub fn negotiated(context: &RequestContext<RoleServer>) -> bool {
    speaks_tasks(context) && declares_tasks(context)
}

fn speaks_tasks(context: &RequestContext<RoleServer>) -> bool {
    context
        .protocol_version()
        .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

fn declares_tasks(context: &RequestContext<RoleServer>) -> bool {
    context
        .client_capabilities()
        .is_some_and(|capabilities| capabilities.supports_tasks())
}

/// Whether the client can ask its user.
fn elicits(context: &RequestContext<RoleServer>) -> bool {
    context
        .client_capabilities()
        .is_some_and(|capabilities| capabilities.elicitation.is_some())
}

fn require<M: ConstString>(context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
    if !speaks_tasks(context) {
        return Err(ErrorData::method_not_found::<M>());
    }
    if !declares_tasks(context) {
        return Err(without_tasks());
    }
    Ok(())
}

/// Refuses a client without tasks where the tool is for others.
///
/// # Errors
/// -32021.
pub(super) fn admit(tool: &Tool, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
    match tool.spec.task {
        TaskSupport::Required if !negotiated(context) => Err(without_tasks()),
        TaskSupport::Required | TaskSupport::Optional => Ok(()),
    }
}

fn without_tasks() -> ErrorData {
    let required = ClientCapabilities::builder().enable_tasks().build();
    ErrorData::missing_required_client_capability(required)
}

/// Accepts a call of `tool` durably and answers with the task that it is.
pub(super) async fn start(
    jobs: &Caller,
    tool: &'static Tool,
    input: Map<String, Value>,
    context: &RequestContext<RoleServer>,
) -> Result<CreateTaskResult> {
    let view = submit::accept(jobs, tool, input, context).await?;
    let id = view
        .job_id
        .ok_or_else(|| Error::storage("start a job", "it has no id"))?;
    let task = jobs.detailed(id, elicits(context)).await?;
    Ok(CreateTaskResult::new(task.task))
}

impl Jobs {
    /// `tasks/get`: how a job stands, and what it came to once it has ended.
    ///
    /// # Errors
    /// -32602 for an id that names no task of the caller, -32021 or -32601 for a client that has no
    /// tasks.
    pub async fn get_task(
        &self,
        params: GetTaskParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        require::<GetTaskMethod>(context)?;
        let task = self
            .caller(context)?
            .detailed(parse(&params.task_id)?, elicits(context))
            .await;
        let task = task.map_err(protocol_error)?;
        if !task.status().is_terminal() {
            self.beside().look_after();
        }
        Ok(GetTaskResult::new(task))
    }

    /// `tasks/update`: answers to a job's questions, all of them or none. A response to what is not asked
    /// now changes nothing, as SEP-2663 wants: the client may have been overtaken by another.
    ///
    /// # Errors
    /// As for [`Jobs::get_task`], and -32602 for an answer that does not fit.
    pub async fn update_task(
        &self,
        params: UpdateTaskParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        require::<UpdateTaskMethod>(context)?;
        let (caller, id) = (self.caller(context)?, parse(&params.task_id)?);
        let responses = params.input_responses;
        caller
            .blocking(move |service, owner| {
                loop {
                    let open = service.questions(owner, &id)?;
                    let answers = input::answers(&open, &responses)?;
                    if answers.is_empty() {
                        return Ok(());
                    }
                    match service.answer(owner, &id, answers) {
                        // Somebody was faster with one of them: the others are still to be answered.
                        Err(error) if error.code == Code::NoOpenQuestion => {}
                        answered => return answered.map(drop),
                    }
                }
            })
            .await
            .map_err(protocol_error)?;
        self.beside().look_after();
        Ok(())
    }

    /// `tasks/cancel`: asks a job to end; one that has ended stays as it is.
    ///
    /// # Errors
    /// As for [`Jobs::get_task`].
    pub async fn cancel_task(
        &self,
        params: CancelTaskParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        require::<CancelTaskMethod>(context)?;
        let (caller, id) = (self.caller(context)?, parse(&params.task_id)?);
        caller
            .blocking(move |service, owner| service.cancel(owner, &id, None))
            .await
            .map_err(protocol_error)?;
        self.beside().look_after();
        Ok(())
    }

    /// Whether `id` names a job of the caller, and so a task that this server answers for.
    pub async fn owns_task(&self, id: &str, context: &RequestContext<RoleServer>) -> bool {
        let (Ok(caller), Ok(id)) = (self.caller(context), id.parse::<JobId>()) else {
            return false;
        };
        caller
            .blocking(move |service, owner| service.record(owner, &id).is_ok())
            .await
    }
}

impl Caller {
    /// The task. Only a client that `elicits` can be asked; for others a job that asks works, and its
    /// status message says who waits for what.
    async fn detailed(&self, id: JobId, elicits: bool) -> Result<DetailedTask> {
        let (standing, open, retention) = self
            .blocking(move |service, owner| {
                let standing = service.standing(owner, &id)?;
                let open = match standing.record.state {
                    JobState::InputRequired => service.questions(owner, &id)?,
                    _ => Vec::new(),
                };
                Ok::<_, Error>((standing, open, service.settings()?.retention))
            })
            .await?;
        let now = clock::now_ms();
        let times = Times::of(&standing.record, standing.said_at);
        let mut task = Task::new(
            standing.record.id.to_string(),
            TaskStatus::Working,
            timestamp(times.submitted),
            timestamp(times.updated()),
        );
        task.ttl_ms = times.ttl_ms(retention, now);
        let live = !standing.record.state.is_terminal();
        if live {
            task.poll_interval_ms = Some(times.poll_ms(standing.view.eta_s, now));
            task.status_message = status_message(&standing.view);
        }
        let input_requests = input::requests(&open);
        let payload = match elicits && !input_requests.is_empty() {
            true => TaskPayload::InputRequired { input_requests },
            false => payload(self, standing),
        };
        Ok(DetailedTask::new(task, payload))
    }
}

/// What a job came to, in the extension's words.
fn payload(jobs: &Caller, standing: Standing) -> TaskPayload {
    let state = standing.record.state;
    let mut reply = follow(jobs, standing.view);
    if !jobs.has_resources() {
        reply.without_links();
    }
    match state {
        // A job that asks somebody else works.
        JobState::Queued | JobState::Running | JobState::InputRequired => TaskPayload::Working,
        JobState::Completed => completed(&reply.into_result(false)),
        JobState::Cancelled => TaskPayload::Cancelled,
        JobState::Failed => match reply.job.error.clone() {
            // The function ran and said no: an answer of the tool, not of the protocol.
            Some(error) if error.code == Code::ToolError => completed(&reply.into_result(true)),
            error => failed(error),
        },
    }
}

fn completed(result: &CallToolResult) -> TaskPayload {
    TaskPayload::Completed {
        result: object(result),
    }
}

fn failed(error: Option<Error>) -> TaskPayload {
    let error =
        error.unwrap_or_else(|| Error::new(Code::NoResult, "the job failed and left no reason"));
    let error = ErrorData::internal_error(error.message.clone(), Some(json!(error)));
    TaskPayload::Failed {
        error: object(&error),
    }
}

fn object(value: &impl Serialize) -> JsonObject {
    // Plain data with string keys: serialising cannot fail, and a struct makes an object.
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => JsonObject::new(),
    }
}

/// What a live job is doing, in one line.
fn status_message(view: &JobView) -> Option<String> {
    const WORDS: usize = 300;
    if view.cancel_requested == Some(true) {
        return Some("asked to stop".into());
    }
    if !view.waiting_for.is_empty() {
        let jobs: Vec<&str> = view.waiting_for.iter().map(JobId::as_str).collect();
        return Some(format!("waits for {}", jobs.join(", ")));
    }
    if !view.questions.is_empty() {
        let asked = view
            .questions
            .iter()
            .map(|question| question.message.as_str());
        let asked = asked.collect::<Vec<_>>().join("; ");
        return Some(super::clean::line(&format!("asks: {asked}"), WORDS));
    }
    if let Some(place) = view.queue_position {
        return Some(format!("queued, place {place}"));
    }
    let share = view
        .progress
        .map(|share| format!("{:.0}%", (share * 100.0).floor()));
    let words = [share, view.phase.clone(), view.message.clone()];
    let text: Vec<String> = words.into_iter().flatten().collect();
    (!text.is_empty()).then(|| super::clean::line(&text.join(": "), WORDS))
}

/// ISO 8601 in UTC, with milliseconds: whole seconds would put an update before its creation.
fn timestamp(ms: i64) -> String {
    clock::rfc3339_millis(ms)
}

/// A well-formed id; anything else is looked up nowhere.
fn parse(id: &str) -> Result<JobId, ErrorData> {
    id.parse().map_err(protocol_error)
}

/// Unknown, foreign and malformed ids read the same.
fn protocol_error(error: Error) -> ErrorData {
    match error.code {
        Code::JobNotFound => {
            ErrorData::invalid_params("unknown task", Some(json!({"code": Code::JobNotFound})))
        }
        Code::NoOpenQuestion | Code::InvalidArgument | Code::TooLarge => {
            ErrorData::invalid_params(error.message.clone(), Some(json!(error)))
        }
        _ => ErrorData::internal_error(error.message.clone(), Some(json!(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::view::ViewState;

    #[test]
    fn a_server_s_own_capabilities_stay() {
        let mut capabilities = ServerCapabilities::builder().enable_prompts().build();
        advertise(&mut capabilities);
        assert!(capabilities.prompts.is_some() && capabilities.tools.is_some());
        assert!(capabilities.supports_tasks());
    }

    #[test]
    fn a_live_job_says_what_it_is_doing() {
        let mut view = JobView::bare(ViewState::Running);
        assert_eq!(status_message(&view), None);
        view.progress = Some(0.429);
        view.phase = Some("mesh\x1b[2J".into());
        assert_eq!(status_message(&view).as_deref(), Some("42%: mesh"));
        view.queue_position = Some(3);
        assert_eq!(status_message(&view).as_deref(), Some("queued, place 3"));
        view.cancel_requested = Some(true);
        assert_eq!(status_message(&view).as_deref(), Some("asked to stop"));
    }

    #[test]
    fn a_crash_is_a_protocol_error_that_carries_our_code() {
        let TaskPayload::Failed { error } = failed(Some(Error::new(Code::Crashed, "killed")))
        else {
            panic!("a crash is a failure");
        };
        assert_eq!(error["code"], -32603);
        assert_eq!(error["message"], "killed");
        assert_eq!(error["data"]["code"], "crashed");
    }

    #[test]
    fn ids_that_name_nothing_are_told_apart_by_nobody() {
        let malformed = parse("../../etc/passwd").unwrap_err();
        let unknown = protocol_error(crate::job::id::not_found("add-00000000000000000000"));
        assert_eq!(malformed, unknown);
        assert_eq!(malformed.message, "unknown task");
    }
}
