//! Other attributes above and below ours.

use bgjob_runtime::background_tool;

mod old {
    //! Derives mention the type that they are for.
    #![allow(deprecated)]

    /// A type of old.
    #[deprecated]
    #[derive(Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
    pub struct Old {
        /// A number.
        pub amount: u8,
    }
}

/// A tool of old.
#[background_tool]
#[deprecated = "use another"]
pub fn deprecated_tool() {}

/// A tool with an argument of old.
#[background_tool]
#[allow(deprecated)]
#[must_use]
pub fn with_an_old_argument(old: old::Old) -> old::Old {
    old
}

/// A tool that expects a lint.
#[background_tool]
#[expect(clippy::needless_pass_by_value, reason = "a job owns its input")]
#[must_use]
pub fn expects_a_lint(text: String) -> usize {
    text.len()
}

/// A tool with a span inside.
#[background_tool]
#[tracing::instrument]
pub async fn instrumented_below(#[arg(default = 1)] amount: u32) -> u32 {
    std::future::ready(amount).await
}

/// A tool with a span outside.
#[tracing::instrument]
#[background_tool]
#[must_use]
pub fn instrumented_above(#[arg(default = 1)] amount: u32) -> u32 {
    amount
}

/// A tool that is not there.
#[background_tool]
#[cfg(not(unix))]
pub fn absent(missing: Missing) {}

/// A tool that is.
#[cfg(unix)]
#[background_tool]
#[must_use]
pub fn present(
    #[cfg(not(unix))] amount: Missing,
    #[cfg(unix)] amount: u32,
    #[allow(unused)] rest: u8,
) -> u32 {
    amount
}
