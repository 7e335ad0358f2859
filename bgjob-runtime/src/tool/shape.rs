//! What the runtime can do with a user's type: describe it, and try a value against it.
//!
//! The generic part of a signature is reduced here to a few function pointers, so that everything
//! else is ordinary code over JSON values.

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pointer;
use super::reader::{Notes, Reader};

/// A type that arguments and state fields can be read as. Implemented for every `DeserializeOwned`.
#[diagnostic::on_unimplemented(
    message = "a tool cannot read `{Self}` from JSON",
    label = "`{Self}` does not implement `serde::Deserialize`",
    note = "add `#[derive(serde::Deserialize)]` to it, or to the type inside it that lacks it; arguments are owned, so use `String` for `&str` and `Vec` for slices"
)]
pub trait FromJson: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> FromJson for T {}

/// A type that has a JSON Schema. Implemented for every `schemars::JsonSchema`.
#[diagnostic::on_unimplemented(
    message = "a tool cannot describe `{Self}` to its clients",
    label = "`{Self}` does not implement `schemars::JsonSchema`",
    note = "add `#[derive(schemars::JsonSchema)]` to it, or to the type inside it that lacks it"
)]
pub trait HasSchema: JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema> HasSchema for T {}

/// A type that a result can be written from. Implemented for every `serde::Serialize`.
#[diagnostic::on_unimplemented(
    message = "a tool cannot write `{Self}` as JSON",
    label = "`{Self}` does not implement `serde::Serialize`",
    note = "add `#[derive(serde::Serialize)]` to it, or to the type inside it that lacks it"
)]
pub trait ToJson: serde::Serialize {}

#[diagnostic::do_not_recommend]
impl<T: serde::Serialize + ?Sized> ToJson for T {}

/// A type that a tool can fail with. Implemented for every `Display`.
#[diagnostic::on_unimplemented(
    message = "a tool cannot fail with `{Self}`",
    label = "`{Self}` does not implement `std::fmt::Display`",
    note = "the message of a failed job is the `Display` of its error"
)]
pub trait Failure: std::fmt::Display {}

#[diagnostic::do_not_recommend]
impl<T: std::fmt::Display + ?Sized> Failure for T {}

/// Where and why a value does not fit a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// RFC 6901 pointer to the place, relative to the value.
    pub at: String,
    /// Why, in serde's words; it may quote the value.
    pub why: String,
}

/// A user's type as function pointers.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The schema of the type.
    pub schema: fn(&mut SchemaGenerator) -> schemars::Schema,
    /// Tries a value; gives the pointers of the keys that the type ignored.
    pub probe: fn(&Value) -> Result<Vec<String>, Refusal>,
    /// Whether the type can be read from nothing at all, as serde does for a missing field.
    pub optional: fn() -> bool,
}

impl Shape {
    /// The shape of `T`.
    pub fn of<T: FromJson + HasSchema>() -> Self {
        Shape {
            schema: |generator| generator.subschema_for::<T>(),
            probe: probe::<T>,
            optional: from_nothing::<T>,
        }
    }
}

/// Tries to read `value` as a `T`; gives the pointers of the keys that `T` ignored.
pub fn probe<T: FromJson>(value: &Value) -> Result<Vec<String>, Refusal> {
    let notes = Notes::default();
    match T::deserialize(Reader::new(Some(value), &notes)) {
        Ok(_) => Ok(notes.ignored()),
        Err(error) => Err(refusal(notes, &error)),
    }
}

/// Reads a `T`, or says where and why it cannot be.
pub fn read<T: FromJson>(value: &Value) -> Result<T, Refusal> {
    let notes = Notes::default();
    T::deserialize(Reader::new(Some(value), &notes)).map_err(|error| refusal(notes, &error))
}

/// Reads a `T` from nothing at all, as serde does for a missing field.
pub fn read_nothing<T: FromJson>() -> Option<T> {
    T::deserialize(Reader::new(None, &Notes::default())).ok()
}

fn from_nothing<T: FromJson>() -> bool {
    read_nothing::<T>().is_some()
}

fn refusal(notes: Notes, error: &serde_json::Error) -> Refusal {
    Refusal {
        at: notes.failed_at(),
        why: error.to_string(),
    }
}

/// The pointer of the place where `serde_path_to_error` saw reading fail.
pub fn error_at(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut at = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer::push(&mut at, index),
            Segment::Map { key } => pointer::push(&mut at, key),
            Segment::Enum { variant } => pointer::push(&mut at, variant),
            Segment::Unknown => break,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::samples::{Mesh, Tank};

    #[test]
    fn only_options_can_be_read_from_nothing() {
        assert!(from_nothing::<Option<u32>>());
        for required in [
            from_nothing::<u32>,
            from_nothing::<Value>,
            from_nothing::<Mesh>,
            from_nothing::<Vec<u8>>,
        ] {
            assert!(!required());
        }
    }

    #[test]
    fn a_refusal_names_the_place() {
        let refusal = probe::<Vec<Mesh>>(&json!([{"size": 1.0}, {"size": "x"}])).unwrap_err();
        assert_eq!(refusal.at, "/1/size");
    }

    #[test]
    fn ignored_keys_are_named_by_pointer_inside_variants_too() {
        assert_eq!(
            probe::<Mesh>(&json!({"size": 1.0, "sise": 2})).unwrap(),
            ["/sise"]
        );
        let tank = json!({"cylinder": {"height_m": 1.0, "diameter_m": 1.0, "colour": "red"}});
        assert_eq!(probe::<Tank>(&tank).unwrap(), ["/cylinder/colour"]);
    }
}
