//! Built-ins on strings. Strings are bytes; a part of an exact string stays exact.

use super::signature::one_of;
use super::{Builtin, Call, Check, argument};
use crate::check::nature::Nature;
use crate::eval::index;
use crate::value::{List, Text, Value};

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "trim", check: trims, call: trim },
    Builtin { name: "trimPrefix", check: trims, call: trim_prefix },
    Builtin { name: "trimSuffix", check: trims, call: trim_suffix },
    Builtin { name: "upper", check: cased, call: upper },
    Builtin { name: "lower", check: cased, call: lower },
    Builtin { name: "split", check: splits, call: split },
    Builtin { name: "splitAfter", check: splits, call: split },
    Builtin { name: "replace", check: replaces, call: replace },
    Builtin { name: "repeat", check: repeats, call: repeat },
    Builtin { name: "join", check: joins, call: join },
    Builtin { name: "indexOf", check: finds, call: index_of },
    Builtin { name: "lastIndexOf", check: finds, call: last_index_of },
    Builtin { name: "hasPrefix", check: tests, call: has_prefix },
    Builtin { name: "hasSuffix", check: tests, call: has_suffix },
];

const S: Nature = Nature::String;

fn trims(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[S], S), (&[S, S], S)])
}

fn cased(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[S], S)])
}

fn splits(name: &str, arguments: &[Nature]) -> Check {
    let result = Nature::strings();
    one_of(name, arguments, &[(&[S, S], result.clone()), (&[S, S, Nature::Int], result)])
}

fn replaces(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[S, S, S, Nature::Int], S), (&[S, S, S], S)])
}

fn repeats(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[S, Nature::Int], S)])
}

fn joins(name: &str, arguments: &[Nature]) -> Check {
    let (any, strings) = (Nature::array(), Nature::strings());
    let ways: &[(&[Nature], Nature)] = &[
        (&[any.clone(), S], S),
        (&[any], S),
        (std::slice::from_ref(&strings), S),
        (&[strings.clone(), S], S),
    ];
    one_of(name, arguments, ways)
}

fn finds(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[S, S], Nature::Int)])
}

fn tests(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[S, S], Nature::Bool)])
}

fn text<'a>(call: &Call<'_>, arguments: &'a [Value], index: usize) -> Result<&'a Text, String> {
    match argument(call, arguments, index)? {
        Value::String(text) => Ok(text),
        other => Err(format!(
            "argument {} of {}() must be a string, not {}",
            index + 1,
            call.name,
            other.type_name()
        )),
    }
}

fn number(arguments: &[Value], position: usize) -> Result<Option<i64>, String> {
    arguments.get(position).map(index).transpose()
}

/// A text that came out of another: counted, and exact if that is.
fn made(call: &mut Call<'_>, from: &Text, bytes: &[u8]) -> Result<Value, String> {
    call.budget.bytes(bytes.len())?;
    Ok(Value::String(from.with_bytes(bytes)))
}

fn trim(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let from = text(call, arguments, 0)?;
    if arguments.len() == 1 {
        // What is no UTF-8 is no space.
        let shown = from.to_str();
        if from.as_str().is_some() {
            return made(call, from, shown.trim().as_bytes());
        }
        return made(call, from, from.as_bytes().trim_ascii());
    }
    let set: Vec<char> = text(call, arguments, 1)?.to_str().chars().collect();
    match from.as_str() {
        Some(shown) => made(call, from, shown.trim_matches(|c| set.contains(&c)).as_bytes()),
        None => Ok(Value::String(from.clone())),
    }
}

/// What is cut off; a space, where nothing is said.
fn affix(call: &Call<'_>, arguments: &[Value]) -> Result<Text, String> {
    if arguments.len() < 2 { Ok(" ".into()) } else { text(call, arguments, 1).cloned() }
}

fn trim_prefix(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let (from, affix) = (text(call, arguments, 0)?, affix(call, arguments)?);
    let bytes = from.as_bytes();
    made(call, from, bytes.strip_prefix(affix.as_bytes()).unwrap_or(bytes))
}

fn trim_suffix(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let (from, affix) = (text(call, arguments, 0)?, affix(call, arguments)?);
    let bytes = from.as_bytes();
    made(call, from, bytes.strip_suffix(affix.as_bytes()).unwrap_or(bytes))
}

/// Cases change character by character: one never becomes two.
fn upper(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let from = text(call, arguments, 0)?;
    let one = |c: char| {
        let mut mapped = c.to_uppercase();
        match (mapped.next(), mapped.next()) {
            (Some(upper), None) => upper,
            _ => c,
        }
    };
    let mapped: String = from.to_str().chars().map(one).collect();
    made(call, from, mapped.as_bytes())
}

fn lower(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let from = text(call, arguments, 0)?;
    let mapped: String = from.to_str().chars().filter_map(|c| c.to_lowercase().next()).collect();
    made(call, from, mapped.as_bytes())
}

/// Where a part begins.
pub(crate) fn find_bytes(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

/// Cuts a text at a separator into at most `limit` pieces; an empty separator cuts between characters.
fn pieces<'a>(bytes: &'a [u8], separator: &[u8], limit: usize, keep: bool) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while pieces.len() + 1 < limit {
        let cut = if separator.is_empty() {
            let length = first_char(rest);
            (length < rest.len()).then_some((length, length))
        } else {
            find_bytes(rest, separator)
                .map(|at| (at + if keep { separator.len() } else { 0 }, at + separator.len()))
        };
        let Some((end, next)) = cut else { break };
        pieces.push(rest.get(..end).unwrap_or_default());
        rest = rest.get(next..).unwrap_or_default();
    }
    if !(separator.is_empty() && bytes.is_empty()) {
        pieces.push(rest);
    }
    pieces
}

/// How many bytes the first character has; a bad byte is a character.
fn first_char(bytes: &[u8]) -> usize {
    let valid = bytes.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    valid.chars().next().map_or(usize::from(!bytes.is_empty()), char::len_utf8)
}

fn split(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let (from, separator) = (text(call, arguments, 0)?, text(call, arguments, 1)?);
    let limit = match number(arguments, 2)? {
        Some(0) => return Ok(List::null().into()),
        Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    call.budget.work(from.as_bytes().len())?;
    let pieces = pieces(from.as_bytes(), separator.as_bytes(), limit, call.name == "splitAfter");
    call.budget.elements(pieces.len())?;
    call.budget.bytes(from.as_bytes().len())?;
    Ok(pieces.into_iter().map(|piece| Value::String(piece.into())).collect())
}

fn replace(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let (from, old, new) = (text(call, arguments, 0)?, text(call, arguments, 1)?, text(call, arguments, 2)?);
    let limit =
        number(arguments, 3)?.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    call.budget.work(from.as_bytes().len())?;
    let mut out = Vec::new();
    let mut rest = from.as_bytes();
    for count in 0..limit {
        let Some(at) = find_bytes(rest, old.as_bytes()) else { break };
        let mut head = rest.get(..at).unwrap_or_default();
        let mut next = at + old.as_bytes().len();
        if old.as_bytes().is_empty() && count > 0 {
            // Between characters: before the first, then after each.
            let length = first_char(rest);
            if length == 0 {
                break;
            }
            (head, next) = (rest.get(..length).unwrap_or_default(), length);
        }
        call.budget.bytes(head.len() + new.as_bytes().len())?;
        out.extend_from_slice(head);
        out.extend_from_slice(new.as_bytes());
        rest = rest.get(next..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    call.budget.bytes(rest.len())?;
    Ok(Value::String(out.into()))
}

fn repeat(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let from = text(call, arguments, 0)?;
    let times = number(arguments, 1)?.unwrap_or(0);
    let times = usize::try_from(times).map_err(|_| format!("a string can not be repeated {times} times"))?;
    if times > 1_000_000 {
        return Err("a string can be repeated at most 1000000 times".to_owned());
    }
    let size = from.as_bytes().len().saturating_mul(times);
    call.budget.elements(size)?;
    call.budget.bytes(size)?;
    Ok(Value::String(from.as_bytes().repeat(times).into()))
}

fn join(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let Value::List(list) = argument(call, arguments, 0)? else {
        return Err(format!(
            "join() takes a list of strings, not {}",
            argument(call, arguments, 0)?.type_name()
        ));
    };
    let glue = if arguments.len() > 1 { text(call, arguments, 1)?.clone() } else { "".into() };
    let mut out: Vec<u8> = Vec::new();
    for (index, item) in list.items().iter().enumerate() {
        let Value::String(item) = item else {
            let got = item.type_name();
            return Err(format!(
                "join() takes a list of strings, element {index} is {got}: use map(list, string(#))"
            ));
        };
        let glue = if index == 0 { &[][..] } else { glue.as_bytes() };
        call.budget.bytes(glue.len() + item.as_bytes().len())?;
        out.extend_from_slice(glue);
        out.extend_from_slice(item.as_bytes());
    }
    Ok(Value::String(out.into()))
}

fn position(found: Option<usize>) -> Value {
    Value::Int(found.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
}

fn index_of(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let (from, part) = (text(call, arguments, 0)?.as_bytes(), text(call, arguments, 1)?.as_bytes());
    call.budget.work(from.len())?;
    Ok(position(find_bytes(from, part)))
}

fn last_index_of(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let (from, part) = (text(call, arguments, 0)?.as_bytes(), text(call, arguments, 1)?.as_bytes());
    call.budget.work(from.len())?;
    Ok(position(memchr::memmem::rfind(from, part)))
}

fn has_prefix(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(Value::Bool(text(call, arguments, 0)?.as_bytes().starts_with(text(call, arguments, 1)?.as_bytes())))
}

fn has_suffix(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(Value::Bool(text(call, arguments, 0)?.as_bytes().ends_with(text(call, arguments, 1)?.as_bytes())))
}
