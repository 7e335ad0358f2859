//! What the benchmarks of pure parts (`tests/benches/pure/`) reach besides the public API. Compiled with the
//! feature `bench` alone, not for people, and it may change in any release.

pub use crate::store::json_part::{Part, Want, extract, read};
pub use crate::supervisor::verdict::{Evidence, judge};
