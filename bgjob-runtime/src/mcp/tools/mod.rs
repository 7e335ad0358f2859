//! One file for each thing that a tool does.

pub mod answer;
pub mod artifacts;
pub mod cancel;
pub mod list;
pub mod logs;
mod next;
pub mod part;
pub mod results;
pub mod retry;
pub mod state;
pub mod status;
pub mod submit;
pub mod system;
mod wait;

pub use next::follow;
pub use submit::IDEMPOTENCY_KEY;
