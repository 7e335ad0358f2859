//! What is on disk: the ledger, the job directories, the projections.

mod begun;
pub mod data_dir;
pub mod exit_record;
pub mod files;
pub mod job_dir;
pub mod json_part;
pub mod ledger;
pub mod progress_file;
pub mod projection;
pub mod variables;
