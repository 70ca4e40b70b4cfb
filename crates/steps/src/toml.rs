//! Changing values in TOML without touching anything else: comments, order, spaces and line ends stay byte for byte.
//!
//! [`update`] finds the spans of the addressed scalars with an event parser and splices the new values in. Keys are
//! those of [`crate::key_path`], and tables are named as their headers are written: `[[users]]` is `users.0`, `users.1`,
//! but a `[users.meta]` after them is `users.meta`.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde_json::Value;
use toml_parser::parser::{Event, EventKind, RecursionGuard, parse_document};
use toml_parser::{ParseError, Source, Span};

use crate::key_path;

/// How many parts a key may have: each value has the key of its table too.
const MAX_PARTS: usize = 200;
/// How deep arrays and inline tables may be nested.
const DEPTH: u32 = 200;

/// Why a text was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not TOML.
    #[error("not valid TOML: line {line}: {what}")]
    Syntax {
        /// Where.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] key_path::Error),
    /// The key leads nowhere.
    #[error("key {0:?} not found")]
    NotFound(String),
    /// The key leads to a table or an array.
    #[error("key {0:?} addresses a table or an array, not a single value")]
    NotScalar(String),
    /// Only texts, numbers and booleans can be set.
    #[error("key {0:?}: the value must be a text, a number or a boolean")]
    Value(String),
}

/// Gives a text of TOML new values at the given keys. Where a key is given twice, the last value counts.
pub fn update(text: &str, updates: &[(&str, &Value)]) -> Result<String, Error> {
    let found = places(text)?;
    let mut edits = BTreeMap::new();
    for (key, value) in updates {
        let place = match found.get(&key_path::split(key)?) {
            Some(Place::Scalar(range)) => range,
            Some(Place::Other) => return Err(Error::NotScalar((*key).to_owned())),
            None => return Err(Error::NotFound((*key).to_owned())),
        };
        let written = render(value).ok_or_else(|| Error::Value((*key).to_owned()))?;
        edits.insert(place.start, (place.end, written));
    }
    let mut changed = text.to_owned();
    for (start, (end, written)) in edits.into_iter().rev() {
        changed.replace_range(start..end, &written);
    }
    Ok(changed)
}

/// How a value is written: a literal text where it can be one.
pub fn render(value: &Value) -> Option<String> {
    match value {
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) if number.is_i64() => Some(number.to_string()),
        Value::Number(number) => number.as_f64().map(|float| {
            let digits = format!("{float}");
            if digits.contains('.') { digits } else { format!("{digits}.0") }
        }),
        Value::String(text) if text.contains(|c: char| c == '\'' || c.is_ascii_control()) => {
            Some(format!("\"{}\"", text.chars().map(escaped).collect::<String>()))
        }
        Value::String(text) => Some(format!("'{text}'")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn escaped(c: char) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        c if c.is_ascii_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    }
}

/// What a key leads to.
#[derive(Debug)]
enum Place {
    Scalar(Range<usize>),
    Other,
}

fn places(text: &str) -> Result<HashMap<Vec<String>, Place>, Error> {
    if text.starts_with('\u{feff}') {
        return Err(Error::Syntax {
            line: 1,
            what: "a byte order mark; save the file without it".to_owned(),
        });
    }
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let (mut events, mut errors) = (Vec::new(), Vec::new());
    let mut receiver = |event: Event| events.push(event);
    parse_document(&tokens, &mut RecursionGuard::new(&mut receiver, DEPTH), &mut errors);
    let mut finder = Finder::default();
    for event in events {
        // After an error nothing is read on.
        if errors.is_empty() {
            finder.see(source, event, &mut errors);
        }
    }
    match errors.first() {
        None => Ok(finder.places),
        Some(error) => {
            let at = error.unexpected().or(error.context()).map_or(0, |span: Span| span.start());
            let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
            Err(Error::Syntax { line, what: error.description().to_owned() })
        }
    }
}

#[derive(Default)]
struct Finder {
    places: HashMap<Vec<String>, Place>,
    /// How many tables of each array there were.
    lengths: HashMap<Vec<String>, usize>,
    /// The key that is being read.
    key: Vec<String>,
    /// What values are in: the table, then arrays and inline tables.
    around: Vec<Around>,
}

/// What values are in.
struct Around {
    path: Vec<String>,
    /// Of an array the index of the next element.
    next: Option<usize>,
}

impl Finder {
    fn see(&mut self, source: Source, event: Event, errors: &mut Vec<ParseError>) {
        match event.kind() {
            EventKind::StdTableOpen | EventKind::ArrayTableOpen => self.key.clear(),
            EventKind::StdTableClose => {
                let path = std::mem::take(&mut self.key);
                self.table(path);
            }
            EventKind::ArrayTableClose => {
                let mut path = std::mem::take(&mut self.key);
                let length = self.lengths.entry(path.clone()).or_default();
                let index = *length;
                *length += 1;
                self.other(path.clone());
                path.push(index.to_string());
                self.table(path);
            }
            EventKind::InlineTableOpen => self.enter(None),
            EventKind::ArrayOpen => self.enter(Some(0)),
            EventKind::InlineTableClose | EventKind::ArrayClose => {
                self.around.pop();
            }
            EventKind::SimpleKey => {
                let mut key = String::new();
                if let Some(raw) = source.get(event) {
                    raw.decode_key(&mut key, errors);
                }
                self.key.push(key);
                if self.key.len() > MAX_PARTS {
                    errors
                        .push(ParseError::new("a key of more than 200 parts").with_unexpected(event.span()));
                }
            }
            EventKind::Scalar => {
                if let Some(raw) = source.get(event) {
                    let _kind = raw.decode_scalar(&mut String::new(), errors);
                }
                let (path, span) = (self.path(), event.span());
                self.places.insert(path, Place::Scalar(span.start()..span.end()));
            }
            EventKind::Comment => {
                if let Some(raw) = source.get(event) {
                    raw.decode_comment(errors);
                }
            }
            EventKind::Newline => {
                if let Some(raw) = source.get(event) {
                    raw.decode_newline(errors);
                }
            }
            _ => {}
        }
    }

    /// A table or an array; what is said to be a value too stays one.
    fn other(&mut self, path: Vec<String>) {
        self.places.entry(path).or_insert(Place::Other);
    }

    /// The path of the value that begins here.
    fn path(&mut self) -> Vec<String> {
        let key = std::mem::take(&mut self.key);
        let Some(around) = self.around.last_mut() else { return key };
        let mut path = around.path.clone();
        match &mut around.next {
            Some(next) => {
                path.push(next.to_string());
                *next += 1;
            }
            None => path.extend(key),
        }
        path
    }

    fn enter(&mut self, next: Option<usize>) {
        let path = self.path();
        self.other(path.clone());
        self.around.push(Around { path, next });
    }

    fn table(&mut self, path: Vec<String>) {
        self.other(path.clone());
        self.around = vec![Around { path, next: None }];
    }
}

#[cfg(test)]
mod tests;
