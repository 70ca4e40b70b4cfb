//! Built-ins on arrays and maps.

use super::signature::{count, one_of, single};
use super::{Builtin, Call, Check, argument, is_descending, wrong};
use crate::check::nature::Nature;
use crate::eval::{fetch, sort as sort_by_keys};
use crate::value::{List, Pairs, Value};

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "len", check: sized, call: len },
    Builtin { name: "first", check: ends, call: first },
    Builtin { name: "last", check: ends, call: last },
    Builtin { name: "get", check: gets, call: get },
    Builtin { name: "take", check: takes, call: take },
    Builtin { name: "keys", check: of_map, call: keys },
    Builtin { name: "values", check: of_map, call: values },
    Builtin { name: "toPairs", check: of_map, call: to_pairs },
    Builtin { name: "fromPairs", check: pairs, call: from_pairs },
    Builtin { name: "reverse", check: arrays, call: reverse },
    Builtin { name: "uniq", check: arrays, call: uniq },
    Builtin { name: "concat", check: concats, call: concat },
    Builtin { name: "flatten", check: arrays, call: flatten },
    Builtin { name: "sort", check: sorts, call: sort },
];

fn is_map(nature: &Nature) -> bool {
    matches!(nature, Nature::Map(..))
}

fn sized(name: &str, arguments: &[Nature]) -> Check {
    single(name, arguments, |nature| nature.is_array() || is_map(nature) || *nature == Nature::String)
        .map(|_| Nature::Int)
}

fn ends(name: &str, arguments: &[Nature]) -> Check {
    single(name, arguments, Nature::is_array).map(|nature| nature.element())
}

fn of_map(name: &str, arguments: &[Nature]) -> Check {
    single(name, arguments, is_map).map(|_| Nature::array())
}

fn pairs(name: &str, arguments: &[Nature]) -> Check {
    single(name, arguments, Nature::is_array)
        .map(|_| Nature::Map(crate::check::nature::Keys::Any, std::sync::Arc::new(Nature::Unknown)))
}

fn arrays(name: &str, arguments: &[Nature]) -> Check {
    single(name, arguments, Nature::is_array).map(|_| Nature::array())
}

fn concats(name: &str, arguments: &[Nature]) -> Check {
    count(name, arguments, 1, usize::MAX)?;
    for (index, argument) in arguments.iter().enumerate() {
        if !argument.is_array() && !argument.is_unknown() {
            return Err((Some(index), format!("{name}() joins arrays, not {argument}")));
        }
    }
    Ok(Nature::array())
}

fn gets(name: &str, arguments: &[Nature]) -> Check {
    count(name, arguments, 2, 2)?;
    let [base, property] = arguments else { return Ok(Nature::Unknown) };
    let wrong = |message: String| Err((Some(1), message));
    match base {
        Nature::Unknown => Ok(Nature::Unknown),
        base if base.is_array() => {
            if property.is_integer() || property.is_unknown() {
                return Ok(base.element());
            }
            wrong(format!("elements of an array are selected by a number, not {property}"))
        }
        Nature::Map(keys, element) => {
            if keys.accepts(property) || property.is_unknown() {
                return Ok((**element).clone());
            }
            wrong(format!("{property} can not be a key of {base}"))
        }
        _ => Err((Some(0), format!("{name}() takes an array or a map, not {base}"))),
    }
}

fn takes(name: &str, arguments: &[Nature]) -> Check {
    count(name, arguments, 2, 2)?;
    let [list, number] = arguments else { return Ok(Nature::Unknown) };
    if !list.is_array() && !list.is_unknown() {
        return Err((Some(0), format!("{name}() takes elements of an array, not of {list}")));
    }
    if *number != Nature::Int && !number.is_unknown() {
        return Err((Some(1), format!("{name}() takes a whole number of elements, not {number}")));
    }
    Ok(list.clone())
}

fn sorts(name: &str, arguments: &[Nature]) -> Check {
    let result = Nature::array();
    let order = Nature::String;
    let lists = [Nature::array(), Nature::integers(), Nature::strings()];
    let ways: Vec<Vec<Nature>> = lists
        .iter()
        .map(|list| vec![list.clone(), order.clone()])
        .chain(lists.iter().map(|list| vec![list.clone()]))
        .collect();
    let ways: Vec<(&[Nature], Nature)> = ways.iter().map(|way| (way.as_slice(), result.clone())).collect();
    one_of(name, arguments, &ways)
}

fn integer(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn len(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(integer(match argument(call, arguments, 0)? {
        Value::String(text) => text.to_str().chars().count(),
        Value::Bytes(text) => text.as_bytes().len(),
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.len(),
        Value::Pairs(pairs) => pairs.entries().len(),
        other => return Err(wrong(call, other)),
    }))
}

fn first(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(fetch(argument(call, arguments, 0)?, &Value::Int(0)).unwrap_or(Value::Nil))
}

fn last(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(fetch(argument(call, arguments, 0)?, &Value::Int(-1)).unwrap_or(Value::Nil))
}

fn get(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(fetch(argument(call, arguments, 0)?, argument(call, arguments, 1)?).unwrap_or(Value::Nil))
}

/// The elements of an array; bytes count as one.
fn items(call: &Call<'_>, value: &Value) -> Result<List, String> {
    match value {
        Value::List(list) => Ok(list.clone()),
        Value::Bytes(text) => {
            Ok(List::new(text.as_bytes().iter().map(|byte| Value::Uint((*byte).into())).collect()))
        }
        other => Err(format!("{}() takes an array, not {}", call.name, other.type_name())),
    }
}

fn take(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let list = items(call, argument(call, arguments, 0)?)?;
    let Value::Int(number) = argument(call, arguments, 1)? else {
        return Err("take() takes a whole number of elements: use int(n)".to_owned());
    };
    let number = usize::try_from(*number).map_err(|_| format!("take() can not take {number} elements"))?;
    let taken = list.items().get(..number).unwrap_or(list.items());
    call.budget.elements(taken.len())?;
    Ok(taken.to_vec().into())
}

/// Keys and values of a map.
fn entries(call: &mut Call<'_>, value: &Value) -> Result<Vec<(Value, Value)>, String> {
    let entries: Vec<(Value, Value)> = match value {
        Value::Map(map) => {
            map.iter().map(|(key, value)| (Value::String(key.clone()), value.clone())).collect()
        }
        Value::Pairs(pairs) => pairs.entries().to_vec(),
        other => return Err(format!("{}() takes a map, not {}", call.name, other.type_name())),
    };
    call.budget.elements(entries.len())?;
    Ok(entries)
}

fn keys(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let entries = entries(call, argument(call, arguments, 0)?)?;
    Ok(entries.into_iter().map(|(key, _)| key).collect())
}

fn values(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let entries = entries(call, argument(call, arguments, 0)?)?;
    Ok(entries.into_iter().map(|(_, value)| value).collect())
}

fn to_pairs(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let entries = entries(call, argument(call, arguments, 0)?)?;
    Ok(entries.into_iter().map(|(key, value)| Value::from(vec![key, value])).collect())
}

fn from_pairs(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let list = items(call, argument(call, arguments, 0)?)?;
    let mut entries: Vec<(Value, Value)> = Vec::new();
    for pair in list.items() {
        call.budget.steps(entries.len())?;
        let pair = items(call, pair)?;
        let [key, value] = pair.items() else {
            return Err(format!(
                "fromPairs() takes pairs of a key and a value, not {} values",
                pair.items().len()
            ));
        };
        if matches!(key, Value::List(_) | Value::Map(_) | Value::Pairs(_)) {
            return Err(format!("{} can not be a key", key.type_name()));
        }
        match entries.iter_mut().find(|(other, _)| other.type_name() == key.type_name() && other.equals(key))
        {
            Some(entry) => entry.1 = value.clone(),
            None => entries.push((key.clone(), value.clone())),
        }
    }
    call.budget.elements(entries.len())?;
    Ok(Pairs::new(entries).into())
}

fn reverse(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let list = items(call, argument(call, arguments, 0)?)?;
    call.budget.elements(list.items().len())?;
    Ok(list.items().iter().rev().cloned().collect())
}

fn uniq(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let list = items(call, argument(call, arguments, 0)?)?;
    let mut kept: Vec<Value> = Vec::new();
    for item in list.items() {
        call.budget.steps(kept.len().saturating_mul(1 + item.extent().weight / 16))?;
        if !kept.iter().any(|other| other.equals(item)) {
            kept.push(item.clone());
        }
    }
    call.budget.elements(kept.len())?;
    Ok(kept.into())
}

fn concat(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let mut all = Vec::new();
    for value in arguments {
        let list = items(call, value)?;
        call.budget.elements(list.items().len())?;
        all.extend_from_slice(list.items());
    }
    Ok(if all.is_empty() { List::null().into() } else { all.into() })
}

fn flatten(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    fn into(call: &mut Call<'_>, list: &List, out: &mut Vec<Value>) -> Result<(), String> {
        call.budget.steps(list.items().len())?;
        for item in list.items() {
            match item {
                Value::List(inner) => into(call, inner, out)?,
                Value::Bytes(_) => out.extend_from_slice(items(call, item)?.items()),
                other => out.push(other.clone()),
            }
        }
        Ok(())
    }
    let list = items(call, argument(call, arguments, 0)?)?;
    let mut flat = Vec::new();
    into(call, &list, &mut flat)?;
    call.budget.elements(flat.len())?;
    Ok(flat.into())
}

fn sort(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let list = match argument(call, arguments, 0)? {
        Value::List(list) => list.clone(),
        // What is no array sorts to no array.
        _ => return Ok(List::null().into()),
    };
    let descending = arguments.get(1).map(is_descending).transpose()?.unwrap_or(false);
    let keyed = list.items().iter().map(|item| (item.clone(), item.clone())).collect();
    let sorted = sort_by_keys(keyed, descending, call.budget)?;
    call.budget.elements(sorted.len())?;
    Ok(sorted.into())
}
