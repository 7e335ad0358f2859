//! Names that could be ours, and names that are words of the language.

use std::fmt;

use bgjob_runtime::{Job, State, background_tool};

/// A tool with a raw name.
#[background_tool]
#[must_use]
pub fn r#match(r#type: u32, r#in: State<u32>) -> u32 {
    r#type + *r#in
}

/// A tool whose argument has its name.
#[background_tool]
#[must_use]
pub fn days(days: u32) -> u32 {
    days
}

/// A tool with the names of our locals.
#[background_tool]
#[must_use]
pub fn locals(
    call: u8,
    value: u8,
    error: u8,
    signature: u8,
    __call: u8,
    __value: u8,
    __signature: u8,
) -> u8 {
    [call, value, error, signature, __call, __value, __signature]
        .into_iter()
        .max()
        .unwrap_or(0)
}

mod constants {
    //! Constants that a `let` of the same name would match against.
    #![allow(
        non_upper_case_globals,
        non_camel_case_types,
        dead_code,
        reason = "the names are there to be in the way"
    )]

    use bgjob_runtime::background_tool;

    const call: u8 = 1;
    static value: u8 = 2;
    struct error;
    const limit: u32 = 7;

    /// A tool among them.
    #[background_tool]
    pub(crate) fn among_constants(#[arg(range = ..=limit, default = limit)] amount: u32) -> u32 {
        amount + u32::from(call) + u32::from(value)
    }
}

/// An error with details.
#[derive(Debug, serde::Serialize)]
pub struct Rich {
    /// A number.
    pub code: u8,
}

impl fmt::Display for Rich {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}", self.code)
    }
}

/// All arguments of a tool.
#[derive(Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
pub struct Params {
    /// A list.
    pub masses: Vec<f64>,
}

/// A tool with one struct for all arguments.
#[background_tool]
pub async fn all_in_one(_job: &Job, #[arg(flatten)] params: Params) -> Params {
    std::future::ready(params).await
}

/// A tool that gives nothing.
#[background_tool]
pub fn nothing() {}

/// A tool that gives nothing, or fails.
///
/// # Errors
/// Never.
#[background_tool(flavor = "multi_thread", pass_env = ["A_*"], max_concurrent = 1)]
pub async fn nothing_or_failure() -> fmt::Result {
    std::future::ready(Ok(())).await
}
