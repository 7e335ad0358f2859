//! What a signature says about an argument.

use serde_json::{Map, Value};

use super::shape::{FromJson, HasSchema, Shape, ToJson};

/// One argument of a tool.
#[derive(Clone, Debug)]
pub struct Arg {
    /// The name under which callers give it.
    pub name: &'static str,
    /// The argument's doc comment.
    pub doc: &'static str,
    /// Limits of its value, as JSON Schema keywords.
    pub bounds: Bounds,
    /// The value of an absent argument, or why it cannot be written as JSON.
    pub default: Option<Result<Value, String>>,
    /// Whether its value must never appear in a message or a log.
    pub skip_log: bool,
    /// Its type.
    pub shape: Shape,
}

/// The argument `name` of type `T`: required unless `T` can be read from nothing or a default is set.
pub fn arg<T: FromJson + HasSchema>(name: &'static str) -> Arg {
    Arg {
        name,
        doc: "",
        bounds: Bounds::default(),
        default: None,
        skip_log: false,
        shape: Shape::of::<T>(),
    }
}

impl Arg {
    /// Sets the description.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Sets the least value.
    #[must_use]
    pub fn minimum(mut self, bound: impl Into<Value>) -> Self {
        self.bounds.0.insert("minimum".into(), bound.into());
        self
    }

    /// Sets the greatest value.
    #[must_use]
    pub fn maximum(mut self, bound: impl Into<Value>) -> Self {
        self.bounds.0.insert("maximum".into(), bound.into());
        self
    }

    /// Sets the value that must be exceeded.
    #[must_use]
    pub fn exclusive_minimum(mut self, bound: impl Into<Value>) -> Self {
        self.bounds
            .0
            .insert("exclusiveMinimum".into(), bound.into());
        self
    }

    /// Sets the value that must not be reached.
    #[must_use]
    pub fn exclusive_maximum(mut self, bound: impl Into<Value>) -> Self {
        self.bounds
            .0
            .insert("exclusiveMaximum".into(), bound.into());
        self
    }

    /// Sets the value of an absent argument.
    #[must_use]
    pub fn default<D: ToJson + ?Sized>(mut self, value: &D) -> Self {
        self.default = Some(serde_json::to_value(value).map_err(|error| error.to_string()));
        self
    }

    /// Keeps the value out of every message and log.
    #[must_use]
    pub fn skip_log(mut self) -> Self {
        self.skip_log = true;
        self
    }

    /// The value of an absent argument, where one is set and can be written.
    pub fn default_value(&self) -> Option<&Value> {
        self.default.as_ref().and_then(|value| value.as_ref().ok())
    }

    /// Whether callers may leave it out.
    pub fn is_optional(&self) -> bool {
        self.default.is_some() || (self.shape.optional)()
    }
}

/// Limits of a number, as JSON Schema keywords.
#[derive(Clone, Debug, Default)]
pub struct Bounds(pub Map<String, Value>);

impl Bounds {
    /// Whether `value` keeps the limits; what is not a number has none.
    pub fn hold(&self, value: &Value) -> bool {
        super::check::number::within(&self.0, value)
    }
}

/// One struct that stands for all arguments.
#[derive(Clone, Debug)]
pub struct Flattened {
    /// The name of the function's parameter.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
}

/// The struct `T` whose fields are the tool's arguments.
pub fn flatten<T: FromJson + HasSchema>(name: &'static str) -> Flattened {
    Flattened {
        name,
        shape: Shape::of::<T>(),
    }
}

/// A state field that a tool reads.
#[derive(Clone, Copy, Debug)]
pub struct StateField {
    /// The field.
    pub field: &'static str,
    /// Tries a value against the type that the function reads.
    pub probe: fn(&Value) -> Result<Vec<String>, super::shape::Refusal>,
}

/// The state field `field`, read as a `T`.
pub fn state<T: FromJson>(field: &'static str) -> StateField {
    StateField {
        field,
        probe: super::shape::probe::<T>,
    }
}
