//! What a scalar stands for in JSON, by YAML 1.1 and as Go's library reads it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferry_helm::lenient;
use granit_parser::{ScalarStyle, Tag};
use serde_json::{Number, Value};

use super::read::Error;

/// What an unquoted text stands for.
enum Plain {
    Null,
    Bool(bool),
    /// Signed or not, of 64 bits.
    Whole(i128),
    Float(f64),
    Text,
}

/// The value of a scalar. A tag says what it is; one that is not of YAML itself makes a text of it.
pub(super) fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Result<Value, Error> {
    let full = tag.map(full_name);
    let asked = match full.as_deref().map(|full| full.strip_prefix(YAML)) {
        None if style == ScalarStyle::Plain => None,
        Some(Some("binary")) => return binary(text).ok_or_else(|| wrong(line, text, "binary")),
        Some(Some(name @ ("null" | "bool" | "int" | "float" | "timestamp"))) => Some(name),
        None | Some(_) => return Ok(text.into()),
    };
    match (asked, plain(text)) {
        (None | Some("null"), Plain::Null) => Ok(Value::Null),
        (None | Some("bool"), Plain::Bool(value)) => Ok(value.into()),
        (None | Some("int"), Plain::Whole(whole)) => number(Number::from_i128(whole), text, line),
        (Some("float"), Plain::Whole(whole)) if i64::try_from(whole).is_ok() => {
            number(text.replace('_', "").parse().ok().and_then(Number::from_f64), text, line)
        }
        (None | Some("float"), Plain::Float(float)) => number(Number::from_f64(float), text, line),
        (None | Some("timestamp"), Plain::Text) => Ok(text.into()),
        (asked, _) => Err(wrong(line, text, asked.unwrap_or_default())),
    }
}

/// How a map's key is named in JSON. Numbers with a fraction are told with the digits that 32 bits hold.
pub(super) fn key(key: Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text),
        Value::Number(number) if number.is_f64() => number.as_f64().map(short),
        Value::Bool(_) | Value::Number(_) => Some(key.to_string()),
        _ => None,
    }
}

/// Whether a key is `<<`, which merges.
pub(super) fn is_merge(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    let asked = tag.map(full_name);
    let plain = style == ScalarStyle::Plain && matches!(asked.as_deref(), None | Some("!"));
    text == "<<" && (plain || asked.is_some_and(|full| full.strip_prefix(YAML) == Some("merge")))
}

/// What the tags of YAML itself begin with, those that are written `!!`.
const YAML: &str = "tag:yaml.org,2002:";

fn full_name(tag: &Tag) -> Cow<'_, str> {
    match (tag.handle(), tag.suffix()) {
        ("", suffix) => suffix.into(),
        (handle, suffix) => format!("{handle}{suffix}").into(),
    }
}

fn wrong(line: usize, text: &str, tag: &str) -> Error {
    Error::Tag { line, text: text.to_owned(), tag: tag.to_owned() }
}

fn number(number: Option<Number>, text: &str, line: usize) -> Result<Value, Error> {
    number.map(Value::Number).ok_or_else(|| Error::Number { line, text: text.to_owned() })
}

/// The text that base 64 stands for, which may be on several lines.
fn binary(text: &str) -> Option<Value> {
    let bytes = STANDARD.decode(text.replace(['\n', '\r'], "")).ok()?;
    Some(String::from_utf8_lossy(&bytes).into())
}

fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Plain::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Plain::Bool(false);
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Plain::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Plain::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Plain::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Plain::Text;
    }
    if text.starts_with("._") {
        return Plain::Text;
    }
    let digits = text.replace('_', "");
    if let Some(whole) = whole(&digits) {
        return Plain::Whole(whole);
    }
    // What is too large for a number is a text, such as a commit id that looks like one.
    match digits.parse::<f64>() {
        Ok(float) if is_decimal(&digits) && float.is_finite() => Plain::Float(float),
        _ => Plain::Text,
    }
}

/// A whole number of 64 bits, signed or not: decimal, or with `0x`, `0b`, `0o`, or octal with a leading `0`.
fn whole(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let prefixed = [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8)];
    let (digits, radix) = prefixed
        .iter()
        .find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, *radix)))
        .or_else(|| digits.strip_prefix('0').filter(|rest| !rest.is_empty()).map(|rest| (rest, 8)))
        .unwrap_or((digits, 10));
    if !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    let number = u64::from_str_radix(digits, radix).ok()?;
    let number = if negative { -i128::from(number) } else { i128::from(number) };
    (number >= i128::from(i64::MIN)).then_some(number)
}

/// Digits, a point, an exponent; nothing else that Rust would take for a number.
fn is_decimal(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c))
}

/// A number with the digits that tell it from all others of 32 bits, as Go writes it.
#[expect(clippy::cast_possible_truncation, reason = "that is what is asked for")]
fn short(number: f64) -> String {
    if (number as f32).is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    lenient::short(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read::{Error, read};

    #[test]
    fn what_looks_like_a_number_and_is_none() {
        for text in
            ["123e4567", "1e400", "-1e999", "1e309", "1_000e999", ".5e400", "._1", "-._x", "1e+", "--1"]
        {
            assert_eq!(read(&format!("a: {text}\n")), Ok(json!({"a": text})), "{text}");
        }
        assert_eq!(read("[1e308, 0e12345, 12e3, .1_0]"), Ok(json!([1e308, 0.0, 12000.0, 0.1])));
        assert!(matches!(read("a: .inf"), Err(Error::Number { line: 1, .. })));
    }

    #[test]
    fn keys_that_are_numbers() {
        for (key, name) in [
            ("1.0", "1"),
            ("2.0", "2"),
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("1e5", "100000"),
            ("1e6", "1e+06"),
            ("1e-7", "1e-07"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("123456.5", "123456.5"),
            ("1234567.5", "1.2345675e+06"),
            ("123456789.5", "1.2345679e+08"),
            ("3.14159265358979", "3.1415927"),
            ("100000000000000000000", "1e+20"),
            ("-1.0", "-1"),
            ("0.0", "0"),
            ("-0.0", "-0"),
            ("1e300", ".inf"),
            ("-1e300", "-.inf"),
            ("1e400", "1e400"),
            ("012", "10"),
            ("yes", "true"),
            ("!!float 1", "1"),
            ("!!str 1.0", "1.0"),
        ] {
            assert_eq!(read(&format!("{key}: a\n")), Ok(json!({name: "a"})), "{key}");
        }
    }

    #[test]
    fn what_tags_make_of_a_value() {
        for (text, value) in [
            ("!custom 1", json!("1")),
            ("!custom true", json!("true")),
            ("!custom", json!("")),
            ("!custom ~", json!("~")),
            ("!custom [1]", json!([1])),
            ("!!foo 1", json!("1")),
            ("! 1", json!("1")),
            ("!<tag:yaml.org,2002:str> 1", json!("1")),
            ("!<tag:yaml.org,2002:int> \"1\"", json!(1)),
            ("!<x> 1", json!("1")),
            ("!!binary aGVsbG8=", json!("hello")),
            ("!!binary |\n  aGVs\n  bG8=\n", json!("hello")),
            ("!!binary", json!("")),
            ("!!binary /w==", json!("\u{fffd}")),
            ("!!int \"5\"", json!(5)),
            ("!!int 0x1F", json!(31)),
            ("!!float 5", json!(5.0)),
            ("!!bool \"yes\"", json!(true)),
            ("!!null \"null\"", json!(null)),
            ("!!timestamp 2020-01-01", json!("2020-01-01")),
        ] {
            assert_eq!(read(&format!("a: {text}\n")), Ok(json!({"a": value})), "{text}");
        }
        for (text, why) in [
            ("!!int x", "line 1: \"x\" is no !!int"),
            ("!!int 1.5", "line 1: \"1.5\" is no !!int"),
            ("!!int", "line 1: \"\" is no !!int"),
            ("!!bool 1", "line 1: \"1\" is no !!bool"),
            ("!!float x", "line 1: \"x\" is no !!float"),
            ("!!float 1e400", "line 1: \"1e400\" is no !!float"),
            ("!!null x", "line 1: \"x\" is no !!null"),
            ("!!binary x", "line 1: \"x\" is no !!binary"),
        ] {
            assert_eq!(read(&format!("a: {text}\n")).map_err(|e| e.to_string()), Err(why.to_owned()));
        }
    }

    #[test]
    fn what_merges_takes_the_place_of_what_was_said_before() {
        for (text, value) in [
            ("{x: 2, <<: {x: 1}}", json!({"x": 1})),
            ("{<<: {x: 1}, x: 2}", json!({"x": 2})),
            ("{x: 5, <<: {x: 1}, x: 6}", json!({"x": 6})),
            ("{<<: {x: 1}, <<: {x: 2}}", json!({"x": 2})),
            ("{x: 3, <<: [{x: 1}, {x: 2, z: 3}]}", json!({"x": 1, "z": 3})),
            ("{<<: {x: 2, <<: {x: 1}}}", json!({"x": 1})),
            ("{x: {z: 2}, <<: {x: {w: 1}}}", json!({"x": {"w": 1}})),
            ("{\"<<\": {x: 1}, x: 2}", json!({"<<": {"x": 1}, "x": 2})),
            ("{!!merge <<: {x: 1}, x: 2}", json!({"x": 2})),
            ("{! <<: {x: 1}}", json!({"x": 1})),
            ("{!!str <<: {x: 1}}", json!({"<<": {"x": 1}})),
        ] {
            assert_eq!(read(text), Ok(value), "{text}");
        }
        for text in ["{<<: 1}", "{<<: }", "{<<: [[{x: 1}]]}"] {
            assert_eq!(read(text), Err(Error::Merge(1)), "{text}");
        }
        assert_eq!(read("- &a [{x: 1}]\n- <<: *a\n"), Err(Error::Merge(2)));
    }
}
