//! The words: ids, requests, states, outcomes, records and the reply. No I/O.

pub mod id;
pub mod state;
