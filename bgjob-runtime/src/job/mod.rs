//! The words: ids, requests, states, outcomes, records and the reply. No I/O.

pub mod artifact;
pub mod event;
pub mod hook;
pub mod id;
pub mod outcome;
pub mod progress;
pub mod question;
pub mod record;
pub mod request;
pub mod retry;
pub mod state;
pub mod timing;
pub mod view;
