//! What a change of a schema means for those who use it: calls that break, calls that became possible, words.

mod walk;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// Which way the values of a schema go: from the caller, or to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Arguments: accepting less breaks callers.
    Input,
    /// Results: giving more than was declared breaks callers.
    Result,
}

/// How much a change matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Something that worked may not work any more.
    Breaking,
    /// What worked still works, and there is more.
    Additive,
    /// Only words changed.
    Text,
}

impl Class {
    /// `breaking`, `additive` or `text`.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Breaking => "breaking",
            Class::Additive => "additive",
            Class::Text => "text",
        }
    }
}

macro_rules! kinds {
    ($(#[doc = $doc:literal] $variant:ident = $text:literal, $input:ident, $result:ident;)*) => {
        /// A kind of change. Codes are never used for another thing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $(#[doc = $doc] $variant,)* }

        impl Kind {
            /// Every kind, in the order of the reference.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)*];

            /// The code, such as `property-removed`.
            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$variant => $text,)* }
            }

            /// What changed, in one sentence.
            pub fn about(self) -> &'static str {
                match self { $(Kind::$variant => $doc.trim_ascii(),)* }
            }

            /// What it means for callers.
            pub fn class(self, direction: Direction) -> Class {
                match (self, direction) {
                    $((Kind::$variant, Direction::Input) => Class::$input,
                    (Kind::$variant, Direction::Result) => Class::$result,)*
                }
            }
        }
    };
}

kinds! {
    /// A tool is gone, or has another name.
    ToolRemoved = "tool-removed", Breaking, Breaking;
    /// A tool is new.
    ToolAdded = "tool-added", Additive, Additive;
    /// A tool needs a state field that it did not read.
    StateReadAdded = "state-read-added", Breaking, Breaking;
    /// A tool no longer reads a state field.
    StateReadRemoved = "state-read-removed", Additive, Additive;
    /// A tool no longer sets the state field that it set.
    StateWriteRemoved = "state-write-removed", Breaking, Breaking;
    /// A tool sets a state field.
    StateWriteAdded = "state-write-added", Additive, Additive;
    /// An argument or a field is gone, or has another name.
    PropertyRemoved = "property-removed", Breaking, Breaking;
    /// An argument that may be left out, or a field, is new.
    PropertyAdded = "property-added", Additive, Additive;
    /// An argument that must be given is new, or must be given now.
    RequiredAdded = "required-added", Breaking, Additive;
    /// An argument or a field may be absent now.
    RequiredRemoved = "required-removed", Additive, Breaking;
    /// Fewer values are possible: another type, a tighter bound, a value less.
    Narrowed = "narrowed", Breaking, Additive;
    /// More values are possible: another type, a wider bound, a value more.
    Widened = "widened", Additive, Breaking;
    /// The value of an absent argument is another one.
    DefaultChanged = "default-changed", Additive, Text;
    /// A title or a description is worded differently.
    TextChanged = "text-changed", Text, Text;
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind.
    pub kind: Kind,
    /// What it means.
    pub class: Class,
    /// RFC 6901 pointer into the values that the schema describes, with `*` for every item; empty for the whole.
    pub at: String,
    /// What changed, for people.
    pub what: String,
}

impl Change {
    /// A change of `kind` at `at`.
    pub fn new(
        kind: Kind,
        direction: Direction,
        at: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        Change {
            kind,
            class: kind.class(direction),
            at: at.into(),
            what: what.into(),
        }
    }
}

/// Every change from the schema `old` to the schema `new`.
pub fn compare(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    direction: Direction,
) -> Vec<Change> {
    walk::changes(old, new, direction)
}
