//! Anaerobic digester engineering: basis of design, plausibility checks, heuristic sizing, a dynamic
//! simulation and a report.
//!
//! The modules follow the work of a designer and feed one another:
//!
//! | step | function | result |
//! |---|---|---|
//! | basis of design | [`feed::Basis`], [`feed::FeedSeries`] | what comes in, day by day |
//! | check | [`validate::validate`] | findings `ok`, `warning`, `error` |
//! | size | [`sizing::size`] | volume, dimensions, mixing power, expected gas |
//! | simulate | [`model::simulate`] | summary and a large time series |
//! | report | [`report::write`] | SVG plots, one HTML page, key numbers |
//!
//! [`tools`] makes a background tool of each step.
//!
//! Units are part of every field name. Gas volumes are normal cubic metres (0 °C, 1 atm, dry).
#![deny(missing_docs)]

pub mod error;
pub mod feed;
pub mod model;
pub mod report;
pub mod sizing;
pub mod tools;
pub mod units;
pub mod validate;

pub use error::DigesterError;
