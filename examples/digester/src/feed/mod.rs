//! What comes in: the basis of design and a feed that changes from day to day.

mod basis;
mod series;

pub use basis::Basis;
pub use series::{FeedDay, FeedSeries, Provenance};
