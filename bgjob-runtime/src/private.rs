//! What the code that `#[background_tool]` emits refers to. Not for people; it may change in any release.

#[doc(hidden)]
pub mod __private {
    pub use inventory::submit;
    pub use serde_json;

    pub use crate::job::retry::{Dedupe, Retries, RetryOn};
    pub use crate::tool::arg::{arg, flatten, state};
    pub use crate::tool::call::{
        Call, DetailsAbsent, DetailsBySerialize, ErrorProbe, FinalFailure, Finished, PassingFailure,
    };
    pub use crate::tool::output::output;
    pub use crate::tool::signature::Signature;
    pub use crate::tool::spec::{Body, Flavor, TaskSupport, Timeout, ToolSpec};
}
