//! JSON out, without the silent `null` that serde_json writes for a NaN or an infinity.

use std::cell::RefCell;
use std::io::Write;

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::pointer;
use crate::error::{Code, Error, Result};

/// Streams `value` as compact JSON into `sink`.
///
/// # Errors
/// `bad_result` with the RFC 6901 pointer of what cannot be written; `storage_error` where writing fails.
pub(crate) fn write<W: Write, T: Serialize + ?Sized>(sink: &mut W, value: &T) -> Result<()> {
    let failed = RefCell::new(None);
    let place = Place {
        parent: None,
        token: Token::Root,
        failed: &failed,
    };
    match place
        .checked(value)
        .serialize(&mut serde_json::Serializer::new(sink))
    {
        Ok(()) => Ok(()),
        Err(error) if error.is_io() => Err(Error::storage("write the result", error)),
        Err(error) => Err(bad_result(failed.take().unwrap_or_default(), &error)),
    }
}

fn bad_result(at: String, error: &serde_json::Error) -> Error {
    let place = if at.is_empty() {
        String::new()
    } else {
        format!(" at `{at}`")
    };
    let message = format!("the result cannot be written as JSON{place}: {error}");
    let finite = "Return a finite number there, or an `Option` that is `None` where there is none.";
    let remedy = if message.ends_with(NOT_JSON) {
        finite
    } else {
        "Return a type that JSON can hold."
    };
    Error::new(Code::BadResult, message).at(at).remedy(remedy)
}

const NOT_JSON: &str = " is not JSON";

/// Where in the result a value stands: a list on the stack, turned into a pointer only when something fails.
#[derive(Clone, Copy)]
struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    token: Token<'a>,
    failed: &'a RefCell<Option<String>>,
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Root,
    Key(&'a str),
    /// A map's key as JSON text.
    Text(&'a [u8]),
    Index(usize),
}

impl<'a> Place<'a> {
    fn inside(&'a self, token: Token<'a>) -> Place<'a> {
        Place {
            parent: Some(self),
            token,
            failed: self.failed,
        }
    }

    fn checked<T: ?Sized>(&'a self, value: &'a T) -> Checked<'a, T> {
        Checked { value, place: self }
    }

    fn pointer(&self) -> String {
        let mut pointer = self.parent.map(Place::pointer).unwrap_or_default();
        match self.token {
            Token::Root => {}
            Token::Key(key) => pointer::push(&mut pointer, key),
            Token::Index(index) => pointer::push(&mut pointer, index),
            Token::Text(text) => match serde_json::from_slice::<String>(text) {
                Ok(key) => pointer::push(&mut pointer, key),
                Err(_) => pointer::push(&mut pointer, String::from_utf8_lossy(text)),
            },
        }
        pointer
    }
}

/// A value that is written through [`Finite`], all its parts too.
struct Checked<'a, T: ?Sized> {
    value: &'a T,
    place: &'a Place<'a>,
}

impl<T: Serialize + ?Sized> Serialize for Checked<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = self.value.serialize(Finite {
            inner: serializer,
            place: self.place,
        });
        if written.is_err() {
            // The innermost place fails first.
            self.place
                .failed
                .borrow_mut()
                .get_or_insert_with(|| self.place.pointer());
        }
        written
    }
}

/// A serializer that passes everything on but non-finite numbers.
struct Finite<'a, S> {
    inner: S,
    place: &'a Place<'a>,
}

/// A sequence, struct or map that is being written.
struct Parts<'a, C> {
    inner: C,
    place: &'a Place<'a>,
    variant: Option<&'static str>,
    index: usize,
    key: Vec<u8>,
}

impl<'a, C> Parts<'a, C> {
    fn new(inner: C, place: &'a Place<'a>) -> Self {
        Parts {
            inner,
            place,
            variant: None,
            index: 0,
            key: Vec::new(),
        }
    }

    fn of_variant(inner: C, place: &'a Place<'a>, variant: &'static str) -> Self {
        Parts {
            variant: Some(variant),
            ..Parts::new(inner, place)
        }
    }

    fn base(&self) -> Place<'a> {
        match self.variant {
            Some(variant) => self.place.inside(Token::Key(variant)),
            None => *self.place,
        }
    }
}

fn refuse<E: serde::ser::Error>(number: f64) -> E {
    let name = if number.is_nan() {
        "NaN"
    } else {
        "an infinite number"
    };
    E::custom(format_args!("{name}{NOT_JSON}"))
}

macro_rules! pass_on {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> { self.inner.$method(value) })*
    };
}

impl<'a, S: Serializer> Serializer for Finite<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'a, S::SerializeSeq>;
    type SerializeTuple = Parts<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'a, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'a, S::SerializeMap>;
    type SerializeStruct = Parts<'a, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'a, S::SerializeStructVariant>;

    pass_on! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_i128(i128), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_u128(u128), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            self.inner.serialize_f32(value)
        } else {
            Err(refuse(value.into()))
        }
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            self.inner.serialize_f64(value)
        } else {
            Err(refuse(value))
        }
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&self.place.checked(value))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner
            .serialize_newtype_struct(name, &self.place.checked(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let place = self.place.inside(Token::Key(variant));
        self.inner
            .serialize_newtype_variant(name, index, variant, &place.checked(value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Parts::new(self.inner.serialize_seq(len)?, self.place))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(Parts::new(self.inner.serialize_tuple(len)?, self.place))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Ok(Parts::new(
            self.inner.serialize_tuple_struct(name, len)?,
            self.place,
        ))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let inner = self
            .inner
            .serialize_tuple_variant(name, index, variant, len)?;
        Ok(Parts::of_variant(inner, self.place, variant))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Ok(Parts::new(self.inner.serialize_map(len)?, self.place))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        Ok(Parts::new(
            self.inner.serialize_struct(name, len)?,
            self.place,
        ))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let inner = self
            .inner
            .serialize_struct_variant(name, index, variant, len)?;
        Ok(Parts::of_variant(inner, self.place, variant))
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident),* $(,)?) => {
        $(impl<C: $trait> $trait for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let base = self.base();
                let place = base.inside(Token::Index(self.index));
                self.index += 1;
                self.inner.$method(&place.checked(value))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! fields {
    ($($trait:ident),*) => {
        $(impl<C: $trait> $trait for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T>(&mut self, key: &'static str, value: &T) -> Result<(), C::Error>
            where
                T: Serialize + ?Sized,
            {
                let base = self.base();
                let place = base.inside(Token::Key(key));
                self.inner.serialize_field(key, &place.checked(value))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(key)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl<C: SerializeMap> SerializeMap for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.key.clear();
        if let Err(error) = serde_json::to_writer(&mut self.key, key) {
            return Err(C::Error::custom(error));
        }
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let place = self.place.inside(Token::Text(&self.key));
        self.inner.serialize_value(&place.checked(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests;
