//! Where `json-update` differs from what was recorded, and how it is known to be right there.

use std::ops::Range;

use ferry_steps::json;
use ferry_vectors::{Answer, Case, Rule};
use serde_json::{Map, Value};

use crate::yaml_rules::updates;

pub const RULES: &[Rule] = &[
    Rule {
        name: "what is not JSON",
        reason: "surprises, editing files: json-update silently replaces or edits what is not JSON (mend: an error)",
        applies: |case| before(case).is_some_and(|text| documents(text).is_none()),
        instead: |_, answer| answer.as_ref().is_ok_and(|a| a["status"] == "Errored"),
    },
    Rule {
        name: "only the value",
        reason: "issue, deliver: editing keeps everything, only addressed lines change; recorded are a list written anew, \
                 and the end of the file cut off. surprises, editing files: 10000000 is told as 1e+07; schemas: integers \
                 above 2^53 lose precision (mend)",
        applies: |case| before(case).is_some(),
        instead: only_the_value,
    },
    Rule {
        name: "a list without end",
        reason: "issue, bad input: a clear error and no effect; recorded is a list of as many nulls as a key says",
        applies: |case| {
            let is_long = |part: &str| part.parse().is_ok_and(|index: usize| index >= 10_000);
            before(case).is_some() && updates_of(case).any(|(key, _)| key.split('.').any(is_long))
        },
        instead: |_, answer| answer.as_ref().is_ok_and(|a| a["status"] == "Errored"),
    },
];

fn updates_of(case: &Case) -> impl Iterator<Item = (&str, &Value)> {
    updates(&case.input["config"]["updates"])
}

/// Which file is updated.
fn path(case: &Case) -> Option<&str> {
    case.input["config"]["path"].as_str().map(|path| path.trim_start_matches("./"))
}

fn text(file: &Value) -> Option<&str> {
    file.as_str().or(file["content"].as_str())
}

fn before(case: &Case) -> Option<&str> {
    text(&case.input["files"][path(case)?])
}

/// Our own proof: all but the values stays byte for byte, and what is read of the file is what was recorded, or what was
/// asked for where the library takes something else for JSON.
fn only_the_value(case: &Case, answer: &Answer) -> bool {
    let proof = || {
        let (want, answer, path) = (case.want.as_ref()?, answer.as_ref().ok()?, path(case)?);
        let (before, updates) = (before(case)?, updates_of(case).collect::<Vec<_>>());
        // Where nothing changed, there may be no file.
        let file = |of: &Value| Some(text(&of["files"][path]).unwrap_or(before).to_owned());
        let (wanted, got) = (file(want)?, file(answer)?);
        let others = |of: &Value| {
            let mut files: Map<String, Value> = of["files"].as_object().cloned().unwrap_or_default();
            files.remove(path);
            files
        };
        let is_good = want["status"] == "Succeeded"
            && answer["status"] == "Succeeded"
            && others(want) == others(answer)
            && is_told(&want["output"], &answer["output"], &updates)
            && all_stays(before, &got, &updates)
            && (is_same(&wanted, &got, &updates) || is_mended(before, &wanted, &got, &updates));
        Some(is_good)
    };
    proof().unwrap_or(false)
}

/// Whether the message is the recorded one, but for the numbers, which are told as they are.
fn is_told(want: &Value, got: &Value, updates: &[(&str, &Value)]) -> bool {
    let told = |of: &Value| Some(of["commitMessage"].as_str()?.split("\n- ").map(str::to_owned).collect());
    let (Some(want), Some(got)): (Option<Vec<_>>, Option<Vec<_>>) = (told(want), told(got)) else {
        return false;
    };
    let lines = || want.iter().zip(&got).skip(1).zip(updates);
    want.len() == got.len()
        && got.len() == updates.len() + 1
        && want[0] == got[0]
        && lines().all(|((want, got), (key, value))| match value {
            Value::Number(_) => *got == format!("{key}: {}", json::render(value).unwrap()),
            _ => want == got,
        })
}

/// Whether one update after the other leaves what it does not address, spaces and comments too.
fn all_stays(before: &str, after: &str, updates: &[(&str, &Value)]) -> bool {
    let mut text = before.to_owned();
    for (key, value) in updates {
        let Ok(next) = json::set(&text, key, value) else { return false };
        let mut was = between(&text).into_iter();
        let mut only_less = || between(&next).iter().all(|now| was.any(|was| was == *now));
        if !is_one_place(&text, &next) && !only_less() {
            return false;
        }
        text = next;
    }
    text == after
}

/// Whether a value became another one, or something came in, and all around it is the same.
fn is_one_place(before: &str, after: &str) -> bool {
    let pairs = || before.bytes().zip(after.bytes());
    let start = pairs().take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()) - start;
    let ends = before.bytes().rev().zip(after.bytes().rev());
    let end = before.len() - ends.take(most).take_while(|(a, b)| a == b).count();
    let tokens = tokens(before);
    let is_whole = |cut: &str| {
        cut.starts_with(['{', '[']) && documents(cut).is_some_and(|documents| documents.len() == 1)
    };
    start == end
        || tokens.is_empty()
        || tokens.iter().any(|token| token.start <= start && end <= token.end)
        || before.get(start..end).is_some_and(is_whole)
}

/// Whether two texts are the same JSON, token for token; commas after the last element do not count, and numbers that
/// were asked for are exact.
fn is_same(want: &str, got: &str, updates: &[(&str, &Value)]) -> bool {
    let (want, got) = (words(want), words(got));
    let is_exact = |want: &str, got: &str| {
        updates.iter().any(|(_, value)| {
            value.is_number()
                && json::render(value).as_deref() == Some(got)
                && want.parse().ok() == value.as_f64()
        })
    };
    want.len() == got.len() && want.iter().zip(&got).all(|(want, got)| want == got || is_exact(want, got))
}

/// Whether the values are those that were asked for, where what is recorded cannot be told from damage: the library takes
/// comments and a second document for JSON, and brackets at the beginning of a name for a search.
fn is_mended(before: &str, want: &str, got: &str, updates: &[(&str, &Value)]) -> bool {
    let is_plain = serde_json::from_str::<Value>(before).is_ok()
        && documents(want).is_some_and(|documents| documents.len() == 1)
        && !updates.iter().any(|(key, _)| key.split('.').any(|part| part.starts_with(['{', '[', '!'])));
    let (Some(mut expected), Some(got_documents)) = (documents(before), documents(got)) else { return false };
    if is_plain || expected.is_empty() {
        return false;
    }
    if updates.iter().any(|(key, _)| searches(key)) {
        let (before, got) = (words(before), words(got));
        let is_value =
            |word: &str| updates.iter().any(|(_, value)| json::render(value).as_deref() == Some(word));
        return before.len() == got.len() && before.iter().zip(&got).all(|(b, g)| b == g || is_value(g));
    }
    for (key, value) in updates {
        put(&mut expected[0], &parts(key), value, false);
    }
    ferry_vectors::equal(&expected.into(), &got_documents.into())
}

/// Whether a key only finds what is there.
fn searches(key: &str) -> bool {
    let mut is_escaped = false;
    key.chars().any(|c| {
        let is_plain = !std::mem::take(&mut is_escaped);
        is_escaped = is_plain && c == '\\';
        is_plain && "|#*?@".contains(c)
    })
}

/// The parts of a key, each with whether it may be an index.
fn parts(key: &str) -> Vec<(String, bool)> {
    let mut parts = vec![(String::new(), true)];
    let mut chars = key.chars();
    while let Some(c) = chars.next() {
        let (name, may_be_index) = parts.last_mut().unwrap();
        match c {
            '.' => parts.push((String::new(), true)),
            ':' if name.is_empty() && *may_be_index => *may_be_index = false,
            '\\' => name.extend(chars.next()),
            c => name.push(c),
        }
    }
    parts
}

/// Gives a value to what is there, or to what is made where nothing is.
fn put(at: &mut Value, parts: &[(String, bool)], value: &Value, is_new: bool) {
    let Some(((name, may_be_index), rest)) = parts.split_first() else {
        *at = value.clone();
        return;
    };
    let digits = || name.bytes().all(|c| c.is_ascii_digit()).then(|| name.parse().unwrap_or(0));
    let index = digits().filter(|_| *may_be_index);
    let appends = name == "-1" && *may_be_index;
    if !at.is_object() && !at.is_array() {
        let is_list = index.is_some() || appends && is_new;
        *at = if is_list { Vec::<Value>::new().into() } else { Map::new().into() };
    }
    match at {
        Value::Array(list) => {
            let end = list.len();
            let index = if appends { end } else { digits().unwrap() };
            list.resize(end.max(index + 1), Value::Null);
            put(&mut list[index], rest, value, index >= end);
        }
        object => {
            let is_new = object.get(name).is_none();
            put(&mut object[name.as_str()], rest, value, is_new);
        }
    }
}

/// The documents of a text of JSON, with comments and commas after the last element; none where it is none.
fn documents(text: &str) -> Option<Vec<Value>> {
    let plain = words(text).join(" ");
    serde_json::Deserializer::from_str(&plain).into_iter().collect::<Result<_, _>>().ok()
}

/// The tokens without commas that have nothing after them.
fn words(text: &str) -> Vec<&str> {
    let all: Vec<_> = tokens(text).into_iter().map(|token| &text[token]).collect();
    let is_last = |at: usize| all.get(at + 1).is_some_and(|next| matches!(*next, "}" | "]" | ","));
    let kept = all.iter().enumerate().filter(|(at, word)| **word != "," || !is_last(*at));
    kept.map(|(_, word)| *word).collect()
}

/// What is between the tokens.
fn between(text: &str) -> Vec<&str> {
    let tokens = tokens(text);
    let starts = tokens.iter().map(|token| token.start).chain([text.len()]);
    let ends = [0].into_iter().chain(tokens.iter().map(|token| token.end));
    ends.zip(starts).map(|(end, start)| &text[end..start]).collect()
}

/// Where the tokens of JSON are: not spaces, comments, and a byte order mark.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut tokens = Vec::new();
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let ends = |end: Option<usize>| end.unwrap_or(rest.len());
        let (len, is_token) = match c {
            ' ' | '\t' | '\r' | '\n' => (1, false),
            '/' if rest.starts_with("//") => (ends(rest.find('\n')), false),
            '/' if rest.starts_with("/*") => (ends(rest.find("*/").map(|end| end + 2)), false),
            '"' => (quoted(rest), true),
            '{' | '}' | '[' | ']' | ':' | ',' => (1, true),
            _ => {
                let word = |c: char| " \t\r\n\"{}[]:,/".contains(c);
                (c.len_utf8() + ends(rest[c.len_utf8()..].find(word)).min(rest.len() - c.len_utf8()), true)
            }
        };
        if is_token {
            tokens.push(at..at + len);
        }
        at += len;
    }
    tokens
}

/// How long a text in quotes is.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    let ends = |byte: u8| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    };
    text.bytes().skip(1).position(ends).map_or(text.len(), |end| end + 2)
}
