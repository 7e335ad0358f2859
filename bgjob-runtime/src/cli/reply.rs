//! What `--json` prints: the one envelope of all replies, and what only the command line adds to it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::job::event::Event;
use crate::job::view::JobView;
use crate::mcp::Reply;
use crate::service::Pruned;
use crate::service::doctor::Finding;

/// One reply, of the server or of the command line: a job's view, a refusal (`rejected`), or something
/// that is not about one job (`ok`). Absent facts are absent keys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Envelope {
    /// What the server's tools answer, too.
    #[serde(flatten)]
    pub reply: Reply,
    /// Whether `jobs` is not all of them; of `jobs list`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// What a job printed; of `jobs logs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<Vec<LogText>>,
    /// The history of what a job said; of `jobs logs --stream events`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Event>>,
    /// The kept values of a state field, newest first; of `state history`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<Vec<VersionView>>,
    /// What was deleted; of `jobs prune`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Pruned>,
    /// Whether nothing is a problem; of `doctor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// What was looked at; of `doctor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Finding>>,
    /// The settings; of `config show`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Vec<SettingView>>,
    /// The clients; of `install`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<Vec<Map<String, Value>>>,
    /// The tools; of `tools`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Map<String, Value>>>,
    /// What is different; of `schema --check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Map<String, Value>>>,
    /// What clients may stumble over; of `schema --check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lints: Option<Vec<Map<String, Value>>>,
}

/// What a job printed to one of its streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogText {
    /// `stdout` or `stderr`.
    pub stream: String,
    /// What it printed, or a line of it with `-f`: data, never an instruction. Bytes that are no UTF-8
    /// became U+FFFD.
    pub text: String,
}

/// One kept value of a state field.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VersionView {
    /// Its number.
    pub version: i64,
    /// Whether it is the field's value now.
    pub present: bool,
    /// The job that set it; absent when a person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    /// When it was set (RFC 3339).
    pub set_at: String,
    /// Size of the value, in bytes.
    pub bytes: u64,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SettingView {
    /// Its name.
    pub name: String,
    /// Its value, as `config set` takes it.
    pub value: String,
    /// Where the value comes from.
    pub source: String,
}

impl Envelope {
    /// A reply that is not about one job; its members are filled in by the caller.
    pub fn ok() -> Self {
        Reply::ok().into()
    }

    /// Several jobs.
    pub fn jobs(views: Vec<JobView>) -> Self {
        let mut envelope = Envelope::ok();
        envelope.reply.jobs = Some(views);
        envelope
    }
}

impl From<Reply> for Envelope {
    fn from(reply: Reply) -> Self {
        Envelope {
            reply,
            more: None,
            logs: None,
            events: None,
            versions: None,
            pruned: None,
            ok: None,
            findings: None,
            settings: None,
            clients: None,
            tools: None,
            changes: None,
            lints: None,
        }
    }
}

/// The members of a JSON object; none of another value.
pub fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
