//! What a signature says about a result.

use schemars::SchemaGenerator;

use super::shape::{HasSchema, ToJson};

/// The result of a tool.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// The schema of its type.
    pub schema: fn(&mut SchemaGenerator) -> schemars::Schema,
}

/// A result of type `T`.
pub fn output<T: ToJson + HasSchema>() -> Output {
    Output {
        schema: |generator| generator.subschema_for::<T>(),
    }
}
