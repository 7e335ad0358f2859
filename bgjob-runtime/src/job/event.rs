//! What a job said and when: a line of `events.jsonl`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that a job said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When (RFC 3339, in UTC, with milliseconds).
    pub at: String,
    /// The attempt that said it, from 1.
    pub attempt: u32,
    /// What it said.
    #[serde(flatten)]
    pub said: Said,
}

/// What a job said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Said {
    /// A stage of the work began.
    Phase {
        /// Its name.
        phase: String,
    },
    /// How far the work is.
    Progress {
        /// The share that is done, 0 to 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        progress: Option<f64>,
        /// What is being done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// A remark.
    Note {
        /// Its words.
        note: String,
    },
    /// The history is as long as it may become: what was said later is not in it.
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_line() {
        let event = Event {
            at: "2026-01-31T12:00:00.000Z".into(),
            attempt: 2,
            said: Said::Phase {
                phase: "mesh\nit".into(),
            },
        };
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(
            line,
            r#"{"at":"2026-01-31T12:00:00.000Z","attempt":2,"event":"phase","phase":"mesh\nit"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }
}
