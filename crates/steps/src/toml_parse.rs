//! `toml-parse`: take values out of a TOML file.

use ferry_engine::document::{Document, Map, Value};
use ferry_engine::{Effect, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;
use toml_edit::{Datetime, Formatted, Item, Offset, TableLike};

use crate::extract::Extraction;

/// How deep tables and arrays may be nested.
const DEPTH: usize = 200;

/// Take values out of a TOML file.
///
/// The outputs are what the given expressions make of the document. They are bare, without `${{ }}`: the keys of the
/// document are variables, the document as a whole is `$env`, and a key that is not there is nil. Dates and times
/// are texts.
/// ```yaml
/// - uses: toml-parse
///   as: cargo
///   config:
///     path: src/Cargo.toml
///     outputs:
///     - name: version
///       fromExpression: package.version
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TomlParse(Extraction);

impl Step for TomlParse {
    const KIND: &'static str = "toml-parse";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let read = |text: &str, now| {
            let read = text.parse::<toml_edit::Document<String>>().map_err(|e| e.to_string())?;
            Ok(Document::of(table(read.as_table(), text, 0)?, now))
        };
        self.0.run(ctx, "TOML", read).await
    }
}

fn table(table: &dyn TableLike, text: &str, depth: usize) -> Result<Value, String> {
    let pairs = table.iter().map(|(key, item)| Ok((key, item_of(item, text, depth + 1)?)));
    Ok(pairs.collect::<Result<Map, String>>()?.into())
}

fn item_of(item: &Item, text: &str, depth: usize) -> Result<Value, String> {
    if depth > DEPTH {
        return Err(format!("nested deeper than {DEPTH} levels"));
    }
    match item {
        Item::None => Ok(Value::Nil),
        Item::Value(value) => value_of(value, text, depth),
        Item::Table(inner) => table(inner, text, depth),
        Item::ArrayOfTables(tables) => tables.iter().map(|inner| table(inner, text, depth)).collect(),
    }
}

fn value_of(value: &toml_edit::Value, text: &str, depth: usize) -> Result<Value, String> {
    use toml_edit::Value as Toml;
    if depth > DEPTH {
        return Err(format!("nested deeper than {DEPTH} levels"));
    }
    Ok(match value {
        Toml::String(text) => Value::from(text.value().as_str()),
        Toml::Integer(number) => Value::Int(*number.value()),
        Toml::Float(number) => Value::Float(*number.value()),
        Toml::Boolean(yes) => Value::Bool(*yes.value()),
        Toml::Datetime(time) => Value::from(time_of(time, text)?.as_str()),
        Toml::Array(items) => {
            return items.iter().map(|inner| value_of(inner, text, depth + 1)).collect();
        }
        Toml::InlineTable(inner) => return table(inner, text, depth),
    })
}

/// A date or a time, with seconds. What has no offset keeps the digits of its fraction; what has one is an instant, of
/// which only those are written that count, and `Z` where the offset is nothing.
fn time_of(written: &Formatted<Datetime>, text: &str) -> Result<String, String> {
    let mut time = *written.value();
    let Some(clock) = &mut time.time else { return Ok(time.to_string()) };
    if *clock.second.get_or_insert(0) > 59 {
        return Err(format!("{time}: a minute has 60 seconds, 0 to 59"));
    }
    let nanoseconds = clock.nanosecond.take_if(|part| time.offset.is_none() || *part == 0);
    if time.offset == Some(Offset::Custom { minutes: 0 }) {
        time.offset = Some(Offset::Z);
    }
    let mut told = time.to_string();
    if let (Some(nanoseconds), None) = (nanoseconds, time.offset) {
        let written = written.span().and_then(|span| text.get(span)?.split_once('.'));
        let digits = written.map_or(0, |(_, digits)| digits.len());
        told.push('.');
        told.extend(format!("{nanoseconds:09}").chars().take(digits));
    }
    Ok(told)
}
