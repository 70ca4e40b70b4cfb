//! Reading YAML as JSON, by the rules of YAML 1.1 that Kubernetes' own tools read by.
//!
//! `yes`, `on` and `n` are booleans, also as keys, `012` is 10, times are texts, and `<<` merges maps.

use std::collections::HashMap;

use granit_parser::{Event, Parser, Span};
use serde_json::{Map, Value};

use super::resolve::{self, is_merge};
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
    /// A value that is not what its tag says.
    #[error("line {line}: {text:?} is no !!{tag}")]
    Tag {
        /// Where.
        line: usize,
        /// What is written.
        text: String,
        /// What it is said to be.
        tag: String,
    },
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
                (resolve::scalar(text, style, tag.as_deref(), line)?, anchor)
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
        let mut map = Map::new();
        loop {
            let (event, span) = match self.next()? {
                Some((Event::MappingEnd, _)) | None => return Ok(Value::Object(map)),
                Some(key) => key,
            };
            let line = span.start.line();
            let merges = matches!(&event, Event::Scalar(text, style, _, tag) if is_merge(text, *style, tag.as_deref()));
            let key = self.node(event, span, depth + 1)?;
            let (value, by_alias) = match self.next()? {
                Some((event, span)) => {
                    let by_alias = matches!(event, Event::Alias(_));
                    (self.node(event, span, depth + 1)?, by_alias)
                }
                None => (Value::Null, false),
            };
            if merges {
                merge(&mut map, value, by_alias).ok_or(Error::Merge(line))?;
            } else {
                map.insert(resolve::key(key).ok_or(Error::Key(line))?, value);
            }
        }
    }
}

/// Adds what `<<` has, in the place of what was said before it. Of a list of maps the first to say something counts;
/// the list is written there, an alias stands for one map.
fn merge(map: &mut Map<String, Value>, value: Value, by_alias: bool) -> Option<()> {
    match value {
        Value::Object(more) => map.extend(more),
        Value::Array(maps) if !by_alias && maps.iter().all(Value::is_object) => {
            for more in maps.into_iter().rev() {
                merge(map, more, false)?;
            }
        }
        _ => return None,
    }
    Some(())
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
            ("b: &x {v: 1, w: 1}\nc: {<<: *x, w: 2}", json!({"b": {"v": 1, "w": 1}, "c": {"v": 1, "w": 2}})),
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
