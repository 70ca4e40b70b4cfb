//! Reading YAML as JSON, by the rules of YAML 1.1 that Kubernetes' own tools read by.
//!
//! `yes`, `on` and `n` are booleans, also as keys, `012` is 10, times are texts, and `<<` merges maps.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Number, Value};

use super::{DEPTH, VALUE, WEIGHT, block, tree};

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// It is nested too deeply.
    #[error("nested deeper than {DEPTH} levels")]
    Deep,
    /// Aliases make too much of it.
    #[error("more than {} MiB, aliases counted as what they stand for", WEIGHT >> 20)]
    Large,
    /// An alias without its anchor.
    #[error("line {0}: an alias without an anchor before it")]
    Alias(usize),
    /// A map's key is a map, a list or nothing.
    #[error("line {0}: a key must be a text, a number or a boolean")]
    Key(usize),
    /// What `<<` has is no map.
    #[error("line {0}: << takes a map or a list of maps")]
    Merge(usize),
    /// A number without a form in JSON.
    #[error("line {line}: {text} has no form in JSON")]
    Number {
        /// Where.
        line: usize,
        /// What is written.
        text: String,
    },
}

/// Reads the first document; none is null.
pub fn read(text: &str) -> Result<Value, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        Reader { text, events: Parser::new_from_str(text), anchors: HashMap::new(), left: WEIGHT };
    while let Some((event, _)) = reader.next()? {
        if matches!(event, Event::DocumentStart(..)) {
            return match reader.next()? {
                Some((Event::DocumentEnd, _)) | None => Ok(Value::Null),
                Some((event, span)) => reader.node(event, span, 0),
            };
        }
    }
    Ok(Value::Null)
}

struct Reader<'a, P> {
    text: &'a str,
    events: P,
    anchors: HashMap<usize, (Value, usize)>,
    /// How much there may still be.
    left: usize,
}

impl<'a, P: Iterator<Item = Result<(Event<'a>, Span), granit_parser::ScanError>>> Reader<'a, P> {
    /// The next event that is no comment.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Error> {
        loop {
            match self.events.next().transpose().map_err(|e| Error::Syntax(e.to_string()))? {
                Some((Event::Comment(..), _)) => {}
                other => return Ok(other),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Value, Error> {
        if depth > DEPTH {
            return Err(Error::Deep);
        }
        let before = self.left;
        self.count(VALUE + if let Event::Scalar(text, ..) = &event { text.len() } else { 0 })?;
        let line = span.start.line();
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text = block::text(self.text, tree::range(span).end, style, &text);
                (scalar(text, style, tag.as_deref(), line)?, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => {
                let (value, size) = self.anchors.get(&anchor).cloned().ok_or(Error::Alias(line))?;
                self.count(size)?;
                (value, 0)
            }
            Event::UnresolvedAlias(_) => return Err(Error::Alias(line)),
            _ => (Value::Null, 0),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), before - self.left));
        }
        Ok(value)
    }

    fn count(&mut self, weight: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(weight).ok_or(Error::Large)?;
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Value, Error> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Some((Event::SequenceEnd, _)) | None => return Ok(Value::Array(items)),
                Some((event, span)) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Error> {
        let mut own = Map::new();
        let mut merged = Map::new();
        loop {
            let (event, span) = match self.next()? {
                Some((Event::MappingEnd, _)) | None => break,
                Some(key) => key,
            };
            let line = span.start.line();
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text.as_ref() == "<<");
            let key = self.node(event, span, depth + 1)?;
            let value = match self.next()? {
                Some((event, span)) => self.node(event, span, depth + 1)?,
                None => Value::Null,
            };
            if is_merge {
                merge(&mut merged, value, line)?;
            } else {
                own.insert(name(key, line)?, value);
            }
        }
        for (key, value) in merged {
            own.entry(key).or_insert(value);
        }
        Ok(Value::Object(own))
    }
}

/// Adds what `<<` names; the first to say something counts.
fn merge(merged: &mut Map<String, Value>, value: Value, line: usize) -> Result<(), Error> {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                merged.entry(key).or_insert(value);
            }
            Ok(())
        }
        Value::Array(maps) if maps.iter().all(Value::is_object) => {
            maps.into_iter().try_for_each(|map| merge(merged, map, line))
        }
        _ => Err(Error::Merge(line)),
    }
}

fn name(key: Value, line: usize) -> Result<String, Error> {
    match key {
        Value::String(text) => Ok(text),
        Value::Bool(_) | Value::Number(_) => Ok(key.to_string()),
        _ => Err(Error::Key(line)),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Result<Value, Error> {
    let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(Tag::suffix);
    if core == Some("str") || core.is_none() && (style != ScalarStyle::Plain || is_verbatim(tag)) {
        return Ok(Value::String(text.to_owned()));
    }
    let number = |number: f64| {
        let number = Number::from_f64(number);
        number.map(Value::Number).ok_or_else(|| Error::Number { line, text: text.to_owned() })
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Value::Bool(true));
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Value::Bool(false));
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return number(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return number(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return number(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Ok(Value::String(text.to_owned()));
    }
    let digits = text.replace('_', "");
    if core != Some("float")
        && let Some(whole) = whole(&digits).and_then(Number::from_i128)
    {
        return Ok(Value::Number(whole));
    }
    if is_decimal(&digits)
        && let Ok(float) = digits.parse::<f64>()
    {
        return number(float);
    }
    Ok(Value::String(text.to_owned()))
}

/// `!` says: as it is written.
fn is_verbatim(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| format!("{}{}", tag.handle(), tag.suffix()) == "!")
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_values_are() {
        for (text, value) in [
            ("7", json!(7)),
            ("+7", json!(7)),
            ("012", json!(10)),
            ("08", json!(8.0)),
            ("0x1F", json!(31)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            ("1.5e3", json!(1500.0)),
            (".5", json!(0.5)),
            ("-x", json!("-x")),
            ("1.2.3", json!("1.2.3")),
            ("2021-02-03", json!("2021-02-03")),
            ("18446744073709551615", json!(u64::MAX)),
            ("123456789012345678901", json!(123_456_789_012_345_678_901.0)),
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("'yes'", json!("yes")),
            ("!!str 7", json!("7")),
            ("!!float 7", json!(7.0)),
            ("~", json!(null)),
            ("", json!(null)),
            ("# nothing", json!(null)),
            ("infinity", json!("infinity")),
            ("- 1\n- [a, {n: 2}]", json!([1, ["a", {"false": 2}]])),
            ("a: 1\na: 2", json!({"a": 2})),
            ("|\n x", json!("x")),
            ("|+\n x", json!("x")),
            (">\n x\n y", json!("x y")),
            (">+\r\n x", json!("x")),
            ("- |\n  x\n- |\n  y", json!(["x\n", "y"])),
            ("|\n x\n", json!("x\n")),
            ("|\n x\n ", json!("x\n")),
            ("|\n x\n  ", json!("x\n ")),
            ("|\n x\n...", json!("x\n")),
            ("|+\n ", json!("")),
            ("b: &x {v: 1, w: 1}\nc: {w: 2, <<: *x}", json!({"b": {"v": 1, "w": 1}, "c": {"v": 1, "w": 2}})),
        ] {
            assert_eq!(read(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read() {
        assert!(matches!(read("a: .inf"), Err(Error::Number { line: 1, .. })));
        assert!(matches!(read("a:\n\tb: 1"), Err(Error::Syntax(_))));
        assert!(matches!(read("? [a]\n: b"), Err(Error::Key(1))));
        assert!(matches!(read("a: *x"), Err(Error::Alias(_) | Error::Syntax(_))));
        assert!(matches!(read("<<: 1"), Err(Error::Merge(1))));
        assert_eq!(read(&format!("{}1{}", "[".repeat(230), "]".repeat(230))), Err(Error::Deep));
        let tens = |n: usize| format!("a{n}: &a{n} [{}]", vec![format!("*a{}", n - 1); 10].join(", "));
        let laughs: Vec<_> = std::iter::once("a0: &a0 x".to_owned()).chain((1..9).map(tens)).collect();
        assert_eq!(read(&laughs.join("\n")), Err(Error::Large));
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), vec!["*a"; 10_000].join(", "));
        assert_eq!(read(&long), Err(Error::Large));
    }
}
