//! JSON as the API reads it: like `serde_json`, but members that stand twice are noted (the last one counts).

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Most duplicates that are named.
const MOST: usize = 20;

/// The value, and the paths of members that stand twice.
pub(super) fn parse(bytes: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    read(bytes).or_else(|error| match whole_characters(bytes) {
        Some(mended) => read(&mended),
        None => Err(error),
    })
}

/// The text with every `\\u` escape that is half a character replaced, as Go reads it; `None` if there is none.
fn whole_characters(bytes: &[u8]) -> Option<Vec<u8>> {
    let half = |at: usize, kind: &[u8]| -> bool {
        bytes.get(at..at + 6).is_some_and(|e| {
            e.starts_with(b"\\u")
                && matches!(e.get(2), Some(b'd' | b'D'))
                && e.get(3).is_some_and(|b| kind.contains(b))
        })
    };
    let (high, low) = (b"89abAB", b"cdefCDEF");
    let (mut out, mut at, mut found) = (Vec::with_capacity(bytes.len()), 0, false);
    while let Some(byte) = bytes.get(at) {
        let taken = if half(at, high) && half(at + 6, low) {
            12
        } else if half(at, high) || half(at, low) {
            found = true;
            out.extend_from_slice(b"\\ufffd");
            at += 6;
            continue;
        } else if *byte == b'\\' {
            2
        } else {
            1
        };
        out.extend_from_slice(bytes.get(at..at + taken).or_else(|| bytes.get(at..)).unwrap_or_default());
        at += taken;
    }
    found.then_some(out)
}

fn read(bytes: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    let duplicates = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Reader { at: &Place::Root, duplicates: &duplicates }.deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, duplicates.into_inner()))
}

/// Where the reader is.
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Element(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

struct Reader<'a> {
    at: &'a Place<'a>,
    duplicates: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let at = Place::Element(self.at, list.len());
            match access.next_element_seed(Reader { at: &at, duplicates: self.duplicates })? {
                Some(value) => list.push(value),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let at = Place::Member(self.at, &name);
            let value = access.next_value_seed(Reader { at: &at, duplicates: self.duplicates })?;
            if map.contains_key(&name) && self.duplicates.borrow().len() < MOST {
                self.duplicates.borrow_mut().push(at.to_string());
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_that_stand_twice_are_named() {
        let (value, twice) = parse(br#"{"a":{"b":1,"b":[{"c":1,"c":2.5}]},"d":-1,"d":null}"#).unwrap();
        assert_eq!(value, json!({"a": {"b": [{"c": 2.5}]}, "d": null}));
        assert_eq!(twice, ["a.b[0].c", "a.b", "d"]);
    }

    #[test]
    fn half_characters_are_replaced() {
        let (value, _) = parse(br#"{"a":"\ud800 x \ud83d\udea2 \\ud800"}"#).unwrap();
        assert_eq!(value, json!({"a": "\u{fffd} x \u{1f6a2} \\ud800"}));
    }

    #[test]
    fn depth_is_bounded() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
