//! Names of members, and raw JSON, for the reader.

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

/// Raw JSON is handed over as `serde_json` expects it of every deserializer but its own: a map of one text.
pub const RAW: &str = "$serde_json::private::RawValue";

/// The name of a member. Numbers and booleans are read from their text.
pub struct Key<'v>(pub &'v str);

macro_rules! number_keys {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
            if let Ok(number) = self.0.parse() {
                visitor.visit_u64(number)
            } else if let Ok(number) = self.0.parse() {
                visitor.visit_i64(number)
            } else {
                match serde_json::from_str(self.0) {
                    Ok(number) => visitor.visit_f64(number),
                    Err(_) => Err(Error::custom("invalid value: expected key to be a number in quotes")),
                }
            }
        })*
    };
}

impl<'v> Deserializer<'v> for Key<'v> {
    type Error = Error;

    number_keys! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
    }

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => Err(Error::invalid_type(Unexpected::Str(other), &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        <V: Visitor<'v>>
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The map.
pub struct Raw {
    text: Option<String>,
}

impl Raw {
    /// Of this JSON text.
    pub fn new(text: String) -> Self {
        Raw { text: Some(text) }
    }
}

impl<'v> MapAccess<'v> for Raw {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'v>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        if self.text.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::<Error>::new(RAW))
            .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let text = self.text.take().unwrap_or_default();
        seed.deserialize(StringDeserializer::<Error>::new(text))
    }
}
