//! What the configs of steps are made of: texts and lists that are not empty, fields that may be absent but not null.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::LazyLock;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A text of at least one character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(String);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)? {
            empty if empty.is_empty() => Err(serde::de::Error::custom("must not be empty")),
            text => Ok(Self(text)),
        }
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

/// A list of at least one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtLeastOne<T>(Vec<T>);

impl<T> Deref for AtLeastOne<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for AtLeastOne<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Vec::deserialize(deserializer)? {
            empty if empty.is_empty() => Err(serde::de::Error::custom("must have at least one element")),
            list => Ok(Self(list)),
        }
    }
}

impl<T: JsonSchema> JsonSchema for AtLeastOne<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("AtLeastOne_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "minItems": 1, "items": generator.subschema_for::<T>()})
    }
}

/// Reads an optional field that, where it is given, must not be null.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads an optional whole number; `5.0` is one too, as expressions give it.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let float = number.as_f64().filter(|f| f.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(f));
    // Zero may have a sign.
    let text = float.map(|f| (f + 0.0).to_string());
    let whole = number.as_u64().and_then(|n| u32::try_from(n).ok()).or_else(|| text?.parse().ok());
    whole.map(Some).ok_or_else(|| serde::de::Error::custom(format!("{number} is no whole number in range")))
}

/// Reads an optional count, where all that is beyond what we can count to is the same.
pub fn many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = number.as_f64().filter(|float| float.fract() == 0.0 && *float > f64::from(u32::MAX));
    match whole {
        Some(_) => Ok(Some(u32::MAX)),
        None => self::whole(number).map_err(serde::de::Error::custom),
    }
}

/// How a length of time is written: each number has a unit.
const DURATION: &str = r"^\+?([0-9]*\.?[0-9]+(ns|us|µs|ms|s|m|h))+$";

/// A length of time, as `90s` or `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(pub std::time::Duration);

/// How long a request may take that is to have no end.
const LONGEST_REQUEST: std::time::Duration = std::time::Duration::from_hours(1);

impl Duration {
    /// How long a request may take; zero is without an end, as far as anything is.
    pub fn of_a_request(self) -> std::time::Duration {
        if self.0.is_zero() { LONGEST_REQUEST } else { self.0 }
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(DURATION).ok());
        let text = String::deserialize(deserializer)?;
        let said = ferry_api::duration::parse(&text).map_err(serde::de::Error::custom)?;
        let fits = SHAPE.as_ref().is_some_and(|shape| shape.is_match(&text));
        if fits { Ok(Self(said)) } else { Err(serde::de::Error::custom(ferry_api::duration::Invalid(text))) }
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": DURATION})
    }
}

/// A name and a value, of a header or of the query.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The name.
    name: Text,
    /// The value.
    value: Text,
}

/// Headers as requests have them, without those that say what the request itself is: how long it is, and how it is sent.
pub fn headers(given: &[Pair]) -> Vec<(String, String)> {
    const OF_THE_REQUEST: [&str; 3] = ["content-length", "transfer-encoding", "trailer"];
    let mut headers = pairs(given);
    headers.retain(|(name, _)| !OF_THE_REQUEST.iter().any(|own| name.eq_ignore_ascii_case(own)));
    headers
}

/// Pairs as requests have them.
pub fn pairs(given: &[Pair]) -> Vec<(String, String)> {
    given.iter().map(|pair| (pair.name.to_string(), pair.value.to_string())).collect()
}
