//! Reading an evaluated config. A derived reader of a struct would take a list for one, field by field; here an object is
//! an object.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserialize, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// Reads a value as `T`; the error says where and what.
pub fn read<'de, T: Deserialize<'de>>(config: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(Strict(config)).map_err(|e| {
        let path = e.path().to_string();
        if path == "." { e.inner().to_string() } else { format!("{path}: {}", e.inner()) }
    })
}

struct Strict(Value);

impl IntoDeserializer<'_, Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// What a struct is, in messages.
struct Object;

impl serde::de::Expected for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
}

impl<'de> Deserializer<'de> for Strict {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(list) => {
                let mut elements = SeqDeserializer::new(list.into_iter().map(Strict));
                let value = visitor.visit_seq(&mut elements)?;
                elements.end().map(|()| value)
            }
            Value::Object(map) => {
                let mut fields =
                    MapDeserializer::new(map.into_iter().map(|(key, value)| (key, Strict(value))));
                let value = visitor.visit_map(&mut fields)?;
                fields.end().map(|()| value)
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.0.is_array() {
            return Err(Error::invalid_type(Unexpected::Seq, &Object));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        name: String,
        #[serde(default)]
        inner: Option<Inner>,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        any: Value,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        n: u8,
    }

    #[test]
    fn an_object_is_an_object() {
        let read = read::<Config>;
        let config =
            read(json!({"name": "a", "inner": {"n": 1}, "list": [{"n": 2}], "any": [1, {"x": null}]}))
                .unwrap();
        assert_eq!(config.inner, Some(Inner { n: 1 }));
        assert_eq!(config.any, json!([1, {"x": null}]));
        assert_eq!(read(json!({"name": "a", "inner": null})).unwrap().inner, None);
        for (config, why) in [
            (json!(["a"]), "invalid type: sequence, expected an object"),
            (json!({"name": "a", "inner": [1]}), "inner: invalid type: sequence, expected an object"),
            (json!({"name": "a", "list": [[1]]}), "list[0]: invalid type: sequence, expected an object"),
            (json!({"name": 1}), "name: invalid type: integer `1`, expected a string"),
            (
                json!({"name": "a", "list": [{"n": 300}]}),
                "list[0].n: invalid value: integer `300`, expected u8",
            ),
            (json!({}), "missing field `name`"),
        ] {
            assert_eq!(read(config.clone()), Err(why.to_owned()), "{config}");
        }
    }
}
