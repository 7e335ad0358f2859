//! What schemars says about the types of a signature: references and all.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::wire::tighten;
use crate::tool::output::Output;
use crate::tool::shape::Shape;
use crate::tool::signature::Signature;

/// The schemas of all arguments and the definitions that they share.
pub(super) struct Input {
    /// By argument; under the empty name that of the flattened struct.
    pub schemas: Vec<(&'static str, Value)>,
    /// What `#/$defs/…` refers to.
    pub definitions: Map<String, Value>,
}

impl Input {
    pub fn of(signature: &Signature) -> Self {
        let mut generator = generator(Contract::Deserialize);
        let mut schemas: Vec<_> = signature
            .args
            .iter()
            .map(|arg| (arg.name, value((arg.shape.schema)(&mut generator))))
            .collect();
        if let Some(flattened) = &signature.flattened {
            schemas.push(("", value((flattened.shape.schema)(&mut generator))));
        }
        Input {
            schemas,
            definitions: generator.take_definitions(true),
        }
    }
}

pub(super) fn output(signature: &Signature) -> (Value, Map<String, Value>) {
    written(signature.output)
}

/// The schema of a type that is written.
pub(super) fn written(output: Output) -> (Value, Map<String, Value>) {
    let mut generator = generator(Contract::Serialize);
    let schema = value((output.schema)(&mut generator));
    (schema, generator.take_definitions(true))
}

/// The schema of one type that a tool reads.
pub(super) fn alone(shape: Shape) -> (Value, Map<String, Value>) {
    let mut generator = generator(Contract::Deserialize);
    let schema = value((shape.schema)(&mut generator));
    (schema, generator.take_definitions(true))
}

/// Adds what the signature says about an argument to the schema of its type.
pub(super) fn annotate(schema: &mut Map<String, Value>, arg: &crate::tool::arg::Arg) {
    if !arg.doc.is_empty() {
        schema.insert("description".into(), arg.doc.into());
    }
    if let Some(default) = arg.default_value() {
        schema.insert("default".into(), default.clone());
    }
    for (keyword, bound) in &arg.bounds.0 {
        tighten(schema, keyword, bound.clone());
    }
}

fn generator(contract: Contract) -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.contract = contract;
    settings.into_generator()
}

fn value(schema: Schema) -> Value {
    schema.to_value()
}
