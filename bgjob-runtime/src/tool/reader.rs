//! Reads a user's type from a JSON value, noting where it fails and what it ignores.
//!
//! One deserializer for every purpose, and no generic one: each type of each tool is compiled for it once. Wrappers that
//! track paths around another deserializer cost some 250 functions a type, which was most of what a tool added to a build.

use std::cell::RefCell;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value, map};

use super::pointer;
use keys::{Key, RAW, Raw};

mod keys;

/// What was noted while a value was read.
#[derive(Debug, Default)]
pub struct Notes {
    /// Where it went wrong first.
    failed_at: RefCell<Option<String>>,
    /// What was passed over.
    ignored: RefCell<Vec<String>>,
}

impl Notes {
    /// The pointer of the place where reading failed.
    pub fn failed_at(self) -> String {
        self.failed_at.into_inner().unwrap_or_default()
    }

    /// The pointers of the keys that were ignored.
    pub fn ignored(self) -> Vec<String> {
        self.ignored.into_inner()
    }
}

/// How one came to a value.
#[derive(Clone, Copy)]
enum Place<'p> {
    Root,
    Item(&'p Place<'p>, usize),
    Member(&'p Place<'p>, &'p str),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Place::Root => String::new(),
            Place::Item(parent, index) => pointer::join(&parent.pointer(), index),
            Place::Member(parent, name) => pointer::join(&parent.pointer(), name),
        }
    }
}

/// A value at its place; no value is what serde reads a missing field from.
#[derive(Clone, Copy)]
pub struct Reader<'v, 'p> {
    value: Option<&'v Value>,
    place: Place<'p>,
    notes: &'p Notes,
}

impl<'v, 'p> Reader<'v, 'p> {
    /// Reads `value`, or nothing at all.
    pub fn new(value: Option<&'v Value>, notes: &'p Notes) -> Self {
        Reader {
            value,
            place: Place::Root,
            notes,
        }
    }

    /// Notes the place, unless something inside has done so.
    fn noted<T>(&self, read: Result<T, Error>) -> Result<T, Error> {
        if read.is_err() {
            self.notes
                .failed_at
                .borrow_mut()
                .get_or_insert_with(|| self.place.pointer());
        }
        read
    }

    fn value(&self) -> Result<&'v Value, Error> {
        self.value.ok_or_else(|| Error::custom("missing"))
    }

    /// Numbers, texts, booleans and null.
    fn scalar<V: Visitor<'v>>(&self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Number(number) => {
                if let Some(number) = number.as_u64() {
                    visitor.visit_u64(number)
                } else if let Some(number) = number.as_i64() {
                    visitor.visit_i64(number)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            other => Err(Error::invalid_type(unexpected(other), &visitor)),
        }
    }

    fn items<V: Visitor<'v>>(&self, items: &'v [Value], visitor: V) -> Result<V::Value, Error> {
        let mut left = Items {
            items: items.iter(),
            at: 0,
            parent: self,
        };
        let read = visitor.visit_seq(&mut left)?;
        if left.items.len() > 0 {
            return Err(Error::invalid_length(
                items.len(),
                &"fewer elements in array",
            ));
        }
        Ok(read)
    }

    fn members<V: Visitor<'v>>(
        &self,
        members: &'v Map<String, Value>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut left = Members {
            members: members.iter(),
            value: None,
            parent: self,
        };
        let read = visitor.visit_map(&mut left)?;
        if left.members.len() > 0 {
            return Err(Error::invalid_length(
                members.len(),
                &"fewer elements in map",
            ));
        }
        Ok(read)
    }

    fn any<V: Visitor<'v>>(&self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            Value::Array(items) => self.items(items, visitor),
            Value::Object(members) => self.members(members, visitor),
            _ => self.scalar(visitor),
        }
    }

    fn variant<V: Visitor<'v>>(&self, visitor: V) -> Result<V::Value, Error> {
        let (name, value) = match self.value()? {
            Value::String(name) => (name, None),
            Value::Object(object) if object.len() == 1 => {
                let (name, value) = object
                    .iter()
                    .next()
                    .ok_or_else(|| Error::custom("missing"))?;
                (name, Some(value))
            }
            Value::Object(_) => {
                let expected = &"map with a single key";
                return Err(Error::invalid_value(Unexpected::Map, expected));
            }
            other => return Err(Error::invalid_type(unexpected(other), &"string or map")),
        };
        visitor.visit_enum(Variant {
            name,
            value,
            parent: self,
        })
    }
}

macro_rules! scalars {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
            self.noted(self.scalar(visitor))
        })*
    };
}

impl<'v> Deserializer<'v> for Reader<'v, '_> {
    type Error = Error;

    scalars! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_unit deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.noted(self.any(visitor))
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            None | Some(Value::Null) => self.noted(visitor.visit_none()),
            Some(_) => self.noted(visitor.visit_some(self)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == RAW {
            let text = self.value()?.to_string();
            return self.noted(visitor.visit_map(Raw::new(text)));
        }
        self.value()?;
        self.noted(visitor.visit_newtype_struct(self))
    }

    fn deserialize_enum<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.noted(self.variant(visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.notes.ignored.borrow_mut().push(self.place.pointer());
        visitor.visit_unit()
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.noted(self.scalar(visitor))
    }

    forward_to_deserialize_any! {
    <V: Visitor<'v>> bytes byte_buf seq tuple tuple_struct map }
}

struct Items<'v, 'p> {
    items: std::slice::Iter<'v, Value>,
    at: usize,
    parent: &'p Reader<'v, 'p>,
}

impl<'v> SeqAccess<'v> for &mut Items<'v, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'v>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(value) = self.items.next() else {
            return Ok(None);
        };
        let place = Place::Item(&self.parent.place, self.at);
        self.at += 1;
        seed.deserialize(self.parent.inside(value, place)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Members<'v, 'p> {
    members: map::Iter<'v>,
    value: Option<(&'v str, &'v Value)>,
    parent: &'p Reader<'v, 'p>,
}

impl<'v> MapAccess<'v> for &mut Members<'v, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'v>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.members.next() else {
            return Ok(None);
        };
        self.value = Some((key.as_str(), value));
        seed.deserialize(Key(key.as_str())).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let (key, value) = self
            .value
            .take()
            .ok_or_else(|| Error::custom("value is missing"))?;
        let place = Place::Member(&self.parent.place, key);
        seed.deserialize(self.parent.inside(value, place))
    }
}

impl<'v> Reader<'v, '_> {
    fn inside<'i>(&'i self, value: &'v Value, place: Place<'i>) -> Reader<'v, 'i> {
        Reader {
            value: Some(value),
            place,
            notes: self.notes,
        }
    }
}

struct Variant<'v, 'p> {
    name: &'v str,
    value: Option<&'v Value>,
    parent: &'p Reader<'v, 'p>,
}

impl<'v, 'p> EnumAccess<'v> for Variant<'v, 'p> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<(T::Value, Self), Error> {
        let name = BorrowedStrDeserializer::<Error>::new(self.name);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'v, 'p> Variant<'v, 'p> {
    /// What is in the variant: it must be there.
    fn content(&self, expected: &'static str) -> Result<Reader<'v, '_>, Error> {
        let Some(value) = self.value else {
            return Err(Error::invalid_type(Unexpected::UnitVariant, &expected));
        };
        let place = Place::Member(&self.parent.place, self.name);
        Ok(self.parent.inside(value, place))
    }
}

impl<'v> VariantAccess<'v> for Variant<'v, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None => Ok(()),
            Some(_) => serde::Deserialize::deserialize(self.content("unit variant")?),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.content("newtype variant")?)
    }

    fn tuple_variant<V: Visitor<'v>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        let content = self.content("tuple variant")?;
        let read = match content.value()? {
            Value::Array(items) => content.items(items, visitor),
            other => Err(Error::invalid_type(unexpected(other), &"tuple variant")),
        };
        content.noted(read)
    }

    fn struct_variant<V: Visitor<'v>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let content = self.content("struct variant")?;
        let read = match content.value()? {
            Value::Object(members) => content.members(members, visitor),
            other => Err(Error::invalid_type(unexpected(other), &"struct variant")),
        };
        content.noted(read)
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (None, Some(number)) => Unexpected::Signed(number),
            (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
    }
}
