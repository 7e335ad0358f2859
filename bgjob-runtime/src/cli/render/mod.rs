//! How things look. Pure: from data to text.

pub mod job;
pub mod list;
pub mod plain;
pub mod problem;
pub mod prose;
pub mod quantity;
pub mod style;
pub mod table;
