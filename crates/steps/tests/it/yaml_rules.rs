//! Where `yaml-update` differs from what was recorded, and how it is known to be right there.

use ferry_steps::yaml;
use ferry_vectors::{Answer, Case, Rule};
use granit_parser::ScalarStyle;
use serde_json::Value;

pub const RULES: &[Rule] = &[
    Rule {
        name: "only the value",
        reason: "surprises, editing files: comments, anchors and the rest of a flow map are lost, old lines stay, CRLF \
                 becomes LF, columns count runes over bytes; mend: only the addressed value changes",
        applies: |case| each(case, rest_is_lost),
        instead: only_the_value,
    },
    Rule {
        name: "quotes stay",
        reason: "failure-modes 57: YAML edits keep quotes",
        applies: |case| each(case, |text, key, value| value.is_string() && is_quoted(text, key)),
        instead: only_the_value,
    },
    Rule {
        name: "the value reads back",
        reason: "surprises, editing files: 10000000 is written 1e+07, null <nil>; mend: the addressed value is what \
                 was asked for",
        applies: |case| each(case, |_, _, value| reads_back_otherwise(value)),
        instead: only_the_value,
    },
    Rule {
        name: "an index that is none",
        reason: "surprises, editing files: an index out of range panics; mend: an error",
        applies: |case| {
            each(case, |text, key, _| matches!(yaml::locate(text, key), Err(yaml::Error::Index { .. })))
        },
        instead: |_, answer| answer.as_ref().map_or(true, |a| a["status"] == "Errored"),
    },
];

/// The updates of a config.
pub fn updates(list: &Value) -> impl Iterator<Item = (&str, &Value)> {
    list.as_array().into_iter().flatten().map(|u| (u["key"].as_str().unwrap_or_default(), &u["value"]))
}

/// The text and the updates of a case, whether of the function or of the step.
fn input(case: &Case) -> Option<(&str, &Value)> {
    if let Some(text) = case.input["text"].as_str() {
        return Some((text, &case.input["updates"]));
    }
    let config = &case.input["config"];
    let path = config["path"].as_str()?;
    let file = &case.input["files"][path.trim_start_matches("./").trim_start_matches("../")];
    Some((file.as_str().or(file["content"].as_str())?, &config["updates"]))
}

fn each(case: &Case, is: fn(&str, &str, &Value) -> bool) -> bool {
    input(case).is_some_and(|(text, list)| updates(list).any(|(key, value)| is(text, key, value)))
}

/// Whether something beside the value is in its place: on its line, in its lines, or in how its lines end.
fn rest_is_lost(text: &str, key: &str, _: &Value) -> bool {
    let Ok(place) = yaml::locate(text, key) else { return false };
    let value = &text[place.start..place.end];
    let line = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let rest = text[place.end..].lines().next().unwrap_or_default();
    !rest.is_empty()
        || value.contains('\n')
        || matches!(place.style, ScalarStyle::Literal | ScalarStyle::Folded)
        || place.anchored
        || place.tag.is_some()
        || text.contains('\r')
        || !text.ends_with('\n')
        || !text[line..place.start].is_ascii()
        || text[line..place.start].contains('\t')
}

fn is_quoted(text: &str, key: &str) -> bool {
    let style = yaml::locate(text, key).map(|place| place.style);
    matches!(style, Ok(ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted))
}

/// Whether the recorded way of writing a value, that of Go's `%v`, reads as another value.
fn reads_back_otherwise(value: &Value) -> bool {
    match value {
        Value::String(text) => serde_saphyr::from_str::<Value>(&format!("a: {text}\n"))
            .map_or(true, |read| read["a"] != *value || yaml::quote_if_ambiguous(value) == *text),
        Value::Number(n) => n.as_f64().is_some_and(|f| f.abs() >= 1e6),
        Value::Bool(_) => false,
        _ => true,
    }
}

/// Our own proof: read again, the text says what it said before but for the value; the lines before and after it are
/// the same byte for byte.
fn only_the_value(case: &Case, answer: &Answer) -> bool {
    let Ok(answer) = answer else { return false };
    let Some((before, list)) = input(case) else { return false };
    let after = match answer {
        Value::String(text) => text.clone(),
        step => match step["files"].as_object().and_then(|f| f.values().next()) {
            Some(file) if step["status"] == "Succeeded" => file.as_str().unwrap_or_default().to_owned(),
            _ => return false,
        },
    };
    changed_only(before, &after, list)
}

/// Whether `after` is `before` with new values at some keys, and nothing else.
pub fn changed_only(before: &str, after: &str, list: &Value) -> bool {
    let mut expected = read(before);
    let mut touched = Vec::new();
    let mut aliased = false;
    for (key, value) in updates(list) {
        let Ok(place) = yaml::locate(before, key) else { return false };
        touched.push(lines_of(before, &place));
        aliased |= place.anchored;
        let path = ferry_steps::key_path::split(key).unwrap();
        set(&mut expected, &path, value);
    }
    let same = match (expected, read(after)) {
        // With an anchored value its aliases change too.
        (Some(expected), Some(got)) => aliased || ferry_vectors::equal(&expected, &got),
        // What cannot be read as JSON-like data before cannot be compared after.
        (expected, got) => expected.is_none() && got.is_none(),
    };
    same && untouched_lines_stay(before, after, &touched)
}

fn read(text: &str) -> Option<Value> {
    let first = serde_saphyr::from_multiple::<Value>(text).ok()?;
    first.into_iter().next()
}

fn set(document: &mut Option<Value>, path: &[String], value: &Value) {
    let mut at = document.as_mut();
    for part in path {
        at = match at {
            Some(Value::Object(map)) => map.get_mut(part),
            Some(Value::Array(list)) => part.parse::<usize>().ok().and_then(|i| list.get_mut(i)),
            _ => None,
        };
    }
    if let Some(at) = at {
        *at = value.clone();
    }
}

fn lines_of(text: &str, place: &yaml::Place) -> (usize, usize) {
    let line = |at: usize| text[..at].matches('\n').count();
    let block = matches!(place.style, ScalarStyle::Literal | ScalarStyle::Folded);
    let first = if block { line(place.after) } else { line(place.start.min(place.after)) };
    (first, line(place.end))
}

/// Lines before the first and after the last touched one are the same, and so are the ends of lines.
fn untouched_lines_stay(before: &str, after: &str, touched: &[(usize, usize)]) -> bool {
    let first = touched.iter().map(|t| t.0).min().unwrap_or(0);
    let last = touched.iter().map(|t| t.1).max().unwrap_or(0);
    let (a, b): (Vec<_>, Vec<_>) = (before.split('\n').collect(), after.split('\n').collect());
    let tail = a.len().saturating_sub(last + 1);
    a.get(..first) == b.get(..first) && tail <= b.len() && a[a.len() - tail..] == b[b.len() - tail..]
}
