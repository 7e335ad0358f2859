//! Tokens to plain structures. Decides nothing about meaning, so that attribute and function are read independently.

pub mod docs;
pub mod function;
pub mod options;
pub mod shown;
