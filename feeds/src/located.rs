//! A type out of JSON, or the first fault with its place. One deserializer for all types: a wrapper around each type's
//! visitor would be compiled once more for every type that an adapter has.

use std::fmt::{self, Display};
use std::iter::Enumerate;
use std::vec;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, map};

use crate::report::{Invalid, escape};

/// Reads a type.
///
/// # Errors
/// The pointer leads from `value` to the first field at fault; the words are serde's.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Invalid> {
    T::deserialize(Located(value)).map_err(|fault| *fault.0)
}

/// The fault as far as it has come up. Boxed, because every result of every type has room for it.
#[derive(Debug)]
struct Fault(Box<Invalid>);

impl Fault {
    fn below(mut self, key: &str) -> Fault {
        self.0.pointer.insert_str(0, &format!("/{}", escape(key)));
        self
    }
}

impl Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: Display>(words: T) -> Fault {
        Fault(Box::new(Invalid::new("", words.to_string())))
    }

    /// In JSON's words, not Rust's: null is no `unit value`.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        Fault::custom(serde_json::Error::invalid_type(found, expected))
    }
}

/// A value whose faults say where they are: each level adds its own step on the way up.
struct Located(Value);

impl<'de> Deserializer<'de> for Located {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(truth),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => seq(items, visitor),
            Value::Object(fields) => visitor.visit_map(Fields::of(fields)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// An object; an empty list too, which is how PHP writes an object without fields. Other lists are none, though serde
    /// would take their items for the fields in their order.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Fields::of(fields)),
            Value::Array(items) if items.is_empty() => visitor.visit_map(Fields::of(Map::new())),
            other => Err(Fault::invalid_type(unexpected(&other), &visitor)),
        }
    }

    /// Our enums are words, without data.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(word.into_deserializer()),
            other => Err(Fault::invalid_type(unexpected(&other), &"a string")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(truth) => Unexpected::Bool(*truth),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (None, Some(number)) => Unexpected::Signed(number),
            (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

fn seq<'de, V: Visitor<'de>>(items: Vec<Value>, visitor: V) -> Result<V::Value, Fault> {
    let count = items.len();
    let mut items = Items(items.into_iter().enumerate());
    let read = visitor.visit_seq(&mut items)?;
    match items.0.len() {
        0 => Ok(read),
        _ => Err(Fault::invalid_length(count, &"fewer elements in array")),
    }
}

struct Items(Enumerate<vec::IntoIter<Value>>);

impl<'de> SeqAccess<'de> for &mut Items {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((index, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(Located(item)).map(Some).map_err(|fault| fault.below(&index.to_string()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Fields {
    rest: map::IntoIter,
    /// The key that was told, and its value, which is asked for next.
    next: (String, Value),
}

impl Fields {
    fn of(fields: Map<String, Value>) -> Fields {
        Fields { rest: fields.into_iter(), next: Default::default() }
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(next) = self.rest.next() else { return Ok(None) };
        self.next = next;
        let key: &str = &self.next.0;
        let read: StrDeserializer<'_, Fault> = key.into_deserializer();
        seed.deserialize(read).map(Some).map_err(|fault| fault.below(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = std::mem::take(&mut self.next);
        seed.deserialize(Located(value)).map_err(|fault| fault.below(&key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Outer {
        inner: Option<Inner>,
        list: Vec<Inner>,
        by: BTreeMap<String, i64>,
        pair: (i64, i64),
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        small: u8,
        real: f64,
        word: Option<Word>,
        any: Value,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Live,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Id(String);

    fn fault(value: Value) -> (String, String) {
        let Invalid { pointer, detail } = from_value::<Outer>(value).expect_err("it has a fault");
        (pointer, detail)
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let all = json!({"inner": {"small": 255, "real": -1.5, "word": "live", "any": {"a": [1, null, true]}, "other": [{}]},
            "list": [{"real": 3}, {"real": -3}], "by": {"runs": -4, "a/b": 9_007_199_254_740_993_i64}, "pair": [1, 2]});
        for value in [all, json!({}), json!({"inner": null, "list": [], "by": {}})] {
            assert_eq!(from_value::<Outer>(value.clone()).ok(), serde_json::from_value(value.clone()).ok(), "{value}");
        }
        assert_eq!(from_value::<Id>(json!("x")), Ok(Id("x".to_owned())));
        assert_eq!(
            from_value::<Outer>(json!({"inner": []})).ok(),
            Some(Outer { inner: Some(Inner::default()), ..Outer::default() })
        );
    }

    #[test]
    fn a_fault_has_its_place_and_the_words_of_serde_json() {
        for (value, pointer) in [
            (json!({"inner": {"small": 256}}), "/inner/small"),
            (json!({"inner": {"small": null}}), "/inner/small"),
            (json!({"inner": {"small": "1"}}), "/inner/small"),
            (json!({"inner": {"real": {}}}), "/inner/real"),
            (json!({"inner": {"word": "dead"}}), "/inner/word"),
            (json!({"list": [{}, {}, {"small": 0.5}]}), "/list/2/small"),
            (json!({"list": {}}), "/list"),
            (json!({"by": {"a/b~c": "x"}}), "/by/a~1b~0c"),
            (json!({"pair": [1, true]}), "/pair/1"),
            (json!({"pair": [1, 2, 3]}), "/pair"),
            (json!({"pair": [1]}), "/pair"),
            (json!({"x/y": 1}), "/x~1y"),
            (json!(null), ""),
            (json!("text"), ""),
        ] {
            let words = serde_json::from_value::<Outer>(value.clone()).expect_err("it has a fault").to_string();
            assert_eq!(fault(value), (pointer.to_owned(), words));
        }
    }

    #[test]
    fn a_list_is_no_object() {
        let (pointer, words) = fault(json!({"inner": [1]}));
        assert_eq!((pointer.as_str(), words.as_str()), ("/inner", "invalid type: sequence, expected struct Inner"));
        let (pointer, words) = fault(json!({"inner": {"word": {"live": null}}}));
        assert_eq!((pointer.as_str(), words.as_str()), ("/inner/word", "invalid type: map, expected a string"));
    }
}
