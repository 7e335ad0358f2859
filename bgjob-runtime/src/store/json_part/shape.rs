//! What a JSON value is, without its content: its type and its size.

use std::fmt;

/// The type of a value and how many parts it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// Any number.
    Number,
    /// Text of that many characters.
    String(u64),
    /// An array of that many items.
    Array(u64),
    /// An object of that many members.
    Object(u64),
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Null => f.write_str("null"),
            Shape::Boolean => f.write_str("boolean"),
            Shape::Number => f.write_str("number"),
            Shape::String(n) => write!(f, "string({n})"),
            Shape::Array(n) => write!(f, "array({n})"),
            Shape::Object(n) => write!(f, "object({n})"),
        }
    }
}
