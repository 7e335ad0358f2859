//! JSON out, without the silent `null` that serde_json writes for a NaN or an infinity.

use std::io::Write;

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::pointer;
use crate::error::{Code, Error, Result};

/// Streams `value` as compact JSON into `sink`.
///
/// # Errors
/// `bad_result` with the RFC 6901 pointer of what cannot be written; `storage_error` where writing fails.
pub(crate) fn write<W: Write, T: Serialize + ?Sized>(sink: &mut W, value: &T) -> Result<()> {
    let mut json = serde_json::Serializer::new(sink);
    let mut track = serde_path_to_error::Track::new();
    match value.serialize(serde_path_to_error::Serializer::new(Finite(&mut json), &mut track)) {
        Ok(()) => Ok(()),
        Err(error) if error.is_io() => Err(Error::storage("write the result", error)),
        Err(error) => Err(bad_result(&track.path(), &error)),
    }
}

fn bad_result(path: &serde_path_to_error::Path, error: &serde_json::Error) -> Error {
    let at = result_at(path);
    let place = if at.is_empty() { String::new() } else { format!(" at `{at}`") };
    Error::new(Code::BadResult, format!("the result cannot be written as JSON{place}: {error}"))
        .at(at)
        .remedy("Return a finite number there, or an `Option` that is `None` where there is no number.")
}

fn result_at(path: &serde_path_to_error::Path) -> String {
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

/// A serializer that passes everything on but non-finite numbers.
struct Finite<S>(S);

/// A value whose parts pass through [`Finite`] too.
struct Checked<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Checked<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Finite(serializer))
    }
}

fn refuse<E: serde::ser::Error>(number: f64) -> E {
    let name = if number.is_nan() { "NaN" } else { "an infinite number" };
    E::custom(format_args!("{name} is not JSON"))
}

macro_rules! pass_on {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> { self.0.$method(value) })*
    };
}

impl<S: Serializer> Serializer for Finite<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Finite<S::SerializeSeq>;
    type SerializeTuple = Finite<S::SerializeTuple>;
    type SerializeTupleStruct = Finite<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Finite<S::SerializeTupleVariant>;
    type SerializeMap = Finite<S::SerializeMap>;
    type SerializeStruct = Finite<S::SerializeStruct>;
    type SerializeStructVariant = Finite<S::SerializeStructVariant>;

    pass_on! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_i128(i128), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_u128(u128), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        if value.is_finite() { self.0.serialize_f32(value) } else { Err(refuse(f64::from(value))) }
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        if value.is_finite() { self.0.serialize_f64(value) } else { Err(refuse(value)) }
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Checked(value))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit()
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Checked(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_variant(name, index, variant, &Checked(value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.0.serialize_seq(len).map(Finite)
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.0.serialize_tuple(len).map(Finite)
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.0.serialize_tuple_struct(name, len).map(Finite)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.0.serialize_tuple_variant(name, index, variant, len).map(Finite)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.0.serialize_map(len).map(Finite)
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        self.0.serialize_struct(name, len).map(Finite)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.0.serialize_struct_variant(name, index, variant, len).map(Finite)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident),* $(,)?) => {
        $(impl<C: $trait> $trait for Finite<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.0.$method(&Checked(value))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.0.end()
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
        $(impl<C: $trait> $trait for Finite<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), C::Error> {
                self.0.serialize_field(key, &Checked(value))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.0.skip_field(key)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.0.end()
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl<C: SerializeMap> SerializeMap for Finite<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.0.serialize_key(&Checked(key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.0.serialize_value(&Checked(value))
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), C::Error> {
        self.0.serialize_entry(&Checked(key), &Checked(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::tool::samples::{Feed, Mesh, Tank};

    #[derive(Serialize)]
    enum Every {
        Unit,
        Newtype(Option<f64>),
        Tuple(u8, f32),
        Struct { at: BTreeMap<String, Vec<f64>> },
    }

    fn text(value: &impl Serialize) -> Result<String> {
        let mut sink = Vec::new();
        write(&mut sink, value)?;
        Ok(String::from_utf8(sink).unwrap())
    }

    fn refused_at(value: &impl Serialize) -> String {
        let error = text(value).unwrap_err();
        assert_eq!(error.code, Code::BadResult);
        error.at.unwrap()
    }

    #[test]
    fn finite_values_come_out_as_serde_json_writes_them() {
        let mesh = Mesh { size: 0.1, steps: 3, label: None };
        let values = (
            [Every::Unit, Every::Newtype(None), Every::Newtype(Some(1.5)), Every::Tuple(1, 2.5)],
            Every::Struct { at: BTreeMap::from([("x".to_owned(), vec![1.0, -0.0, 1e300])]) },
            (mesh.clone(), Feed::Series { flows: vec![1], mesh }, Tank::None, (), 'c', "text", u64::MAX, i64::MIN),
            json!({"a": [null, true, 1, 1.5, "s"]}),
            BTreeMap::from([(1u8, "integer keys")]),
        );
        assert_eq!(text(&values).unwrap(), serde_json::to_string(&values).unwrap());
    }

    #[test]
    fn a_non_finite_number_is_named_by_its_pointer() {
        assert_eq!(refused_at(&f64::NAN), "");
        assert_eq!(refused_at(&[0.0, f32::INFINITY]), "/1");
        assert_eq!(refused_at(&Every::Newtype(Some(f64::NAN))), "/Newtype");
        assert_eq!(refused_at(&Every::Tuple(1, f32::NEG_INFINITY)), "/Tuple/1");
        let at = BTreeMap::from([("a/b~".to_owned(), vec![1.0, f64::NAN])]);
        assert_eq!(refused_at(&Every::Struct { at }), "/Struct/at/a~1b~0/1");
        let series = vec![Mesh { size: 1.0, steps: 0, label: None }, Mesh { size: f64::NAN, steps: 0, label: None }];
        assert_eq!(refused_at(&series), "/1/size");
    }

    #[test]
    fn a_map_key_that_is_no_string_is_a_bad_result() {
        let error = text(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
        assert_eq!(error.code, Code::BadResult);
    }

    #[test]
    fn the_message_says_what_and_where() {
        let value: BTreeMap<&str, f64> = BTreeMap::from([("ph", f64::NAN)]);
        let error = text(&value).unwrap_err();
        assert_eq!(error.message, "the result cannot be written as JSON at `/ph`: NaN is not JSON");
        assert_eq!(text(&Value::Null).unwrap(), "null");
    }
}
