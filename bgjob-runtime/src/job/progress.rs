//! How far a job is, as it says itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// The content of a job's `progress.json`. One attempt writes it; `nonce` says which.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// The attempt that wrote it, from 1.
    pub attempt: u32,
    /// The attempt's nonce, so that a late write of an earlier attempt is recognised.
    pub nonce: String,
    /// The share that is done, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// How much is done, in the tool's own unit.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "plain_number"
    )]
    pub done: Option<f64>,
    /// How much there is, in the same unit.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "plain_number"
    )]
    pub total: Option<f64>,
    /// What is being done, in the tool's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The stage of the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// When the stage began, in ms since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_started_at_ms: Option<i64>,
    /// When this was written, in ms since 1970-01-01 UTC: the last sign of life.
    pub at_ms: i64,
    /// When it last said anything new, in ms since 1970-01-01 UTC.
    #[serde(default)]
    pub changed_at_ms: i64,
    /// A remark that stays until the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Counts are written as `42`, not as `42.0`.
#[expect(clippy::ref_option, reason = "serde hands the field over by reference")]
fn plain_number<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: up to here every integer has its own f64
    match number {
        Some(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
            serializer.serialize_i64(*number as i64)
        }
        Some(number) => serializer.serialize_f64(*number),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_as_integers_and_read_back() {
        let progress = Progress {
            attempt: 1,
            done: Some(42.0),
            total: Some(100.5),
            ..Progress::default()
        };
        let text = serde_json::to_string(&progress).unwrap();
        assert_eq!(
            text,
            r#"{"attempt":1,"nonce":"","done":42,"total":100.5,"at_ms":0,"changed_at_ms":0}"#
        );
        assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), progress);
    }
}
