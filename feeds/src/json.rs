//! JSON in. [`parse`] is strict, for our own reports and commands: whoever sends a key twice, nests without end or adds
//! a byte too much is told so and where. [`parse_lenient`] is for the providers' own payloads, which are as they are.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// How deep objects and arrays may nest in what [`parse`] takes; a game needs six levels.
pub const MAX_DEPTH: usize = 32;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why bytes are no JSON, and where; prints as `line 1, column 17: the key "id" comes twice`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {detail}")]
pub struct BadJson {
    /// Counts from 1.
    pub line: usize,
    /// In bytes, counts from 1; 0 = just after the end of the line before.
    pub column: usize,
    /// What is wrong, for a person.
    pub detail: String,
}

/// Reads one JSON value (RFC 8259), strictly: UTF-8 without a byte order mark, no key twice in one object, no more than
/// [`MAX_DEPTH`] levels, only numbers that a 64-bit integer or a finite double can hold, nothing after the value.
///
/// # Errors
/// Says what is wrong, and the line and column.
pub fn parse(bytes: &[u8]) -> Result<Value, BadJson> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        let detail = "a byte order mark stands before the JSON; send plain UTF-8".to_owned();
        return Err(BadJson { line: 1, column: 1, detail });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { room: MAX_DEPTH }.deserialize(&mut reader).map_err(BadJson::from)?;
    reader.end().map_err(BadJson::from)?;
    Ok(value)
}

/// Reads a provider's JSON: a byte order mark is skipped, of a key that comes twice the last counts, up to 127 levels.
///
/// # Errors
/// Says what is wrong, and the line and column.
pub fn parse_lenient(bytes: &[u8]) -> Result<Value, BadJson> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(BadJson::from)
}

/// A value of any format that has JSON's kinds of values, read as strictly as by [`parse`].
#[derive(Debug, Clone, PartialEq)]
pub struct StrictValue(pub Value);

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StrictValue, D::Error> {
        Strict { room: MAX_DEPTH }.deserialize(deserializer).map(StrictValue)
    }
}

impl From<serde_json::Error> for BadJson {
    fn from(error: serde_json::Error) -> BadJson {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        let detail = message.strip_suffix(&place).unwrap_or(&message).to_owned();
        BadJson { line, column, detail }
    }
}

/// Builds a [`Value`] in one pass, with the checks that serde_json's own lacks.
#[derive(Clone, Copy)]
struct Strict {
    /// How many levels may still open.
    room: usize,
}

impl Strict {
    fn inside<E: Error>(self) -> Result<Strict, E> {
        match self.room.checked_sub(1) {
            Some(room) => Ok(Strict { room }),
            None => Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            match object.entry(key) {
                Entry::Vacant(slot) => slot.insert(fields.next_value_seed(inside)?),
                Entry::Occupied(slot) => {
                    let short: String = slot.key().chars().take(80).collect();
                    return Err(A::Error::custom(format_args!("the key {short:?} comes twice")));
                }
            };
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, error: &str) {
        assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), error, "{text:?}");
    }

    #[test]
    fn takes_every_kind_of_value() {
        let text = r#" {"a":[1,-2,2.5,1e2,"é\u00e9\n",true,null,{}],"b":{"a":18446744073709551615}} "#;
        let value = json!({"a": [1, -2, 2.5, 100.0, "éé\n", true, null, {}], "b": {"a": u64::MAX}});
        assert_eq!(parse(text.as_bytes()).unwrap(), value);
        assert_eq!(parse(b"7").unwrap(), json!(7));
    }

    #[test]
    fn refuses_a_key_that_comes_twice_in_one_object() {
        check(r#"{"id":1,"id":2}"#, r#"line 1, column 12: the key "id" comes twice"#);
        check("{\"a\":{\"b\":1,\n\"\\u0062\":1}}", r#"line 2, column 8: the key "b" comes twice"#);
        assert!(parse(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok(), "the same key in two objects is no double");
    }

    #[test]
    fn refuses_what_follows_the_value() {
        check(r#"{"a":1} x"#, "line 1, column 9: trailing characters");
        check(r#"{"a":1}{"a":1}"#, "line 1, column 8: trailing characters");
        check("", "line 1, column 0: EOF while parsing a value");
    }

    #[test]
    fn refuses_what_nests_too_deep() {
        let nested = |open: &str, inner: &str, close: &str, levels: usize| {
            format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
        };
        assert!(parse(nested("[", "1", "]", MAX_DEPTH).as_bytes()).is_ok());
        let error = parse(nested("[", "1", "]", MAX_DEPTH + 1).as_bytes()).unwrap_err();
        assert_eq!((error.column, error.detail.as_str()), (MAX_DEPTH + 1, "nested deeper than 32 levels"));
        assert!(parse(nested(r#"{"a":"#, "1", "}", MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse(nested(r#"{"a":"#, "1", "}", MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err(), "no stack is spent on it");
        assert!(parse_lenient("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn refuses_numbers_that_are_none() {
        check(r#"{"a":1e999}"#, "line 1, column 10: number out of range");
        check(r#"{"a":NaN}"#, "line 1, column 6: expected value");
        check("[Infinity]", "line 1, column 2: expected value");
        check("[01]", "line 1, column 3: invalid number");
    }

    #[test]
    fn refuses_bytes_that_are_no_utf_8() {
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse(b"\"\xed\xa0\x80\"").is_err(), "a surrogate in UTF-8");
        assert!(parse(br#""\ud800""#).is_err(), "half a surrogate pair");
        assert!(parse("{\"a\u{0}\":1}".as_bytes()).is_err(), "a bare control character");
    }

    #[test]
    fn a_byte_order_mark_is_for_the_lenient() {
        let text = "\u{feff}{\"a\":1,\"a\":2}";
        check(text, "line 1, column 1: a byte order mark stands before the JSON; send plain UTF-8");
        assert_eq!(parse_lenient(text.as_bytes()).unwrap(), json!({"a": 2}));
        assert_eq!(parse_lenient(b"{} {}").unwrap_err().to_string(), "line 1, column 4: trailing characters");
    }
}
