//! Where `toml-update` differs from what was recorded, and how it is known to be right there.

use ferry_steps::{key_path, toml};
use ferry_vectors::{Answer, Case, Rule};
use serde_json::{Map, Value, json};
use toml_edit::{DocumentMut, Item};

use crate::yaml_rules::updates;

pub const RULES: &[Rule] = &[
    Rule {
        name: "whole numbers stay whole",
        reason: "surprises, editing files: toml-update writes integers as floats; schemas: integers above 2^53 lose \
                 precision (mend)",
        applies: |case| case.input["value"].is_i64() || updates_of(case).any(|(_, value)| value.is_i64()),
        instead: |case, answer| {
            let (Some(want), Ok(answer)) = (&case.want, answer) else { return false };
            let told =
                |of: &Value| if of.is_string() { of.clone() } else { json!([of["files"], of["output"]]) };
            let values = updates_of(case).map(|(_, value)| value).chain([&case.input["value"]]);
            let numbers: Vec<_> = values.filter_map(Value::as_i64).collect();
            is_same(&told(want).to_string(), &told(answer).to_string(), &numbers)
        },
    },
    Rule {
        name: "comments are no elements",
        reason: "surprises, editing files: toml-update counts comments inside arrays as elements (mend)",
        applies: |case| {
            let is_index = |part: &str| part.trim_start_matches(':').parse::<u32>().is_ok();
            let document = before(case).and_then(|text| text.parse::<DocumentMut>().ok());
            document.is_some_and(|document| has_comments(document.as_item()))
                && updates_of(case).any(|(key, _)| key.split('.').any(is_index))
        },
        instead: only_the_value,
    },
];

fn updates_of(case: &Case) -> impl Iterator<Item = (&str, &Value)> {
    let list = &case.input["updates"];
    updates(if list.is_null() { &case.input["config"]["updates"] } else { list })
}

/// The text of a case, whether of the function or of the step.
fn before(case: &Case) -> Option<&str> {
    let path = || case.input["config"]["path"].as_str().map(|path| path.trim_start_matches("./"));
    case.input["text"].as_str().or_else(|| case.input["files"][path()?].as_str())
}

/// Whether two texts are the same but for these numbers, which are recorded as floats.
fn is_same(mut want: &str, mut got: &str, numbers: &[i64]) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|c: char| c == '.' || c.is_ascii_digit());
    #[expect(clippy::cast_precision_loss, reason = "that is what was recorded")]
    let pair = |number: &i64| (format!("{}.0", *number as f64), number.to_string());
    let pairs: Vec<_> = numbers.iter().map(pair).collect();
    loop {
        let passed = pairs.iter().find_map(|(theirs, ours)| {
            let rest = got.strip_prefix(ours.as_str()).filter(|rest| !goes_on(rest))?;
            Some((want.strip_prefix(theirs.as_str())?, rest))
        });
        (want, got) = match passed {
            Some(rests) => rests,
            None => match (want.chars().next(), got.chars().next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b => (&want[a.len_utf8()..], &got[b.len_utf8()..]),
                _ => return false,
            },
        };
    }
}

/// Whether there are comments in an array.
fn has_comments(item: &Item) -> bool {
    if let Some(array) = item.as_array() {
        let raw = |raw: Option<&toml_edit::RawString>| {
            raw.and_then(|raw| raw.as_str()).unwrap_or_default().contains('#')
        };
        return raw(Some(array.trailing()))
            || array.iter().any(|value| {
                raw(value.decor().prefix())
                    || raw(value.decor().suffix())
                    || has_comments(&Item::Value(value.clone()))
            });
    }
    let tables = item.as_array_of_tables().into_iter().flatten();
    let mut tables = tables.map(|table| Item::Table(table.clone()));
    tables.any(|table| has_comments(&table))
        || item.as_table_like().is_some_and(|table| table.iter().any(|(_, item)| has_comments(item)))
}

/// Our own proof: read again, the elements that the keys name have the values, and nothing else changed; or one of the
/// keys names none.
fn only_the_value(case: &Case, answer: &Answer) -> bool {
    let Some(mut text) = before(case).map(str::to_owned) else { return false };
    let Some(mut expected) = read(&text) else { return false };
    let after = match answer {
        Ok(Value::String(after)) => Some(after.as_str()),
        Ok(step) if step["status"] == "Succeeded" => {
            step["files"].as_object().and_then(|files| files.values().next()?.as_str())
        }
        _ => None,
    };
    for (key, value) in updates_of(case) {
        let Some(at) = key_path::split(key).ok().and_then(|path| find(&mut expected, &path)) else {
            return after.is_none();
        };
        if at.is_array() || at.is_object() {
            return after.is_none();
        }
        *at = value.clone();
        let Ok(next) = toml::update(&text, &[(key, value)]) else { return false };
        let (start, end) = cut(&text, &next);
        if text[start..end].contains(['#', '\n']) {
            return false;
        }
        text = next;
    }
    let message = answer.as_ref().ok().and_then(|step| step["output"]["commitMessage"].as_str());
    let is_told = |(key, value): (&str, &Value)| {
        message.is_none_or(|told| told.contains(&format!("- {key}: {}", toml::render(value).unwrap())))
    };
    after == Some(text.as_str())
        && read(&text).is_some_and(|got| ferry_vectors::equal(&expected, &got))
        && updates_of(case).all(is_told)
}

/// What of a text is not in the other one.
fn cut(before: &str, after: &str) -> (usize, usize) {
    let start = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()) - start;
    let ends = before.bytes().rev().zip(after.bytes().rev()).take(most);
    (start, before.len() - ends.take_while(|(a, b)| a == b).count())
}

fn find<'a>(document: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(document, |at, part| match at {
        Value::Object(map) => map.get_mut(part),
        Value::Array(list) => list.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    })
}

fn read(text: &str) -> Option<Value> {
    Some(item(text.parse::<DocumentMut>().ok()?.as_item()))
}

fn item(of: &Item) -> Value {
    if let Some(table) = of.as_table_like() {
        return table.iter().map(|(key, of)| (key.to_owned(), item(of))).collect::<Map<_, _>>().into();
    }
    if let Some(array) = of.as_array() {
        return array.iter().map(|of| item(&Item::Value(of.clone()))).collect::<Vec<_>>().into();
    }
    if let Some(tables) = of.as_array_of_tables() {
        return tables.iter().map(|of| item(&Item::Table(of.clone()))).collect::<Vec<_>>().into();
    }
    let scalar = || {
        let text = || of.as_str().map(Value::from);
        let number = || of.as_integer().map(Value::from).or_else(|| of.as_float().map(Value::from));
        text().or_else(number).or_else(|| of.as_bool().map(Value::from))
    };
    scalar().unwrap_or_else(|| of.to_string().trim().into())
}
