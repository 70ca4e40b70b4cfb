//! Built-ins on numbers.

use super::signature::{count, one_of, single};
use super::{Builtin, Call, Check, argument, wrong};
use crate::check::nature::Nature;
use crate::eval::{compare, float as as_float};
use crate::number;
use crate::value::{Form, Value};

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "abs", check: numbers, call: abs },
    Builtin { name: "ceil", check: floats, call: round },
    Builtin { name: "floor", check: floats, call: round },
    Builtin { name: "round", check: floats, call: round },
    Builtin { name: "int", check: to_int, call: int },
    Builtin { name: "float", check: to_float, call: float },
    Builtin { name: "max", check: aggregates, call: extreme },
    Builtin { name: "min", check: aggregates, call: extreme },
    Builtin { name: "mean", check: aggregates, call: mean },
    Builtin { name: "median", check: aggregates, call: median },
    Builtin { name: "bitand", check: bits, call: bit },
    Builtin { name: "bitor", check: bits, call: bit },
    Builtin { name: "bitxor", check: bits, call: bit },
    Builtin { name: "bitnand", check: bits, call: bit },
    Builtin { name: "bitshl", check: bits, call: bit },
    Builtin { name: "bitshr", check: bits, call: bit },
    Builtin { name: "bitushr", check: bits, call: bit },
    Builtin { name: "bitnot", check: bit_not_check, call: bit_not },
];

fn numbers(name: &str, arguments: &[Nature]) -> Check {
    single(name, arguments, Nature::is_number)
}

fn floats(name: &str, arguments: &[Nature]) -> Check {
    single(name, arguments, Nature::is_number).map(|_| Nature::Float)
}

fn convertible(nature: &Nature) -> bool {
    nature.is_number() || matches!(nature, Nature::String | Nature::Duration | Nature::Named(_))
}

fn to_int(name: &str, arguments: &[Nature]) -> Check {
    single(name, arguments, convertible).map(|_| Nature::Int)
}

fn to_float(name: &str, arguments: &[Nature]) -> Check {
    single(name, arguments, convertible).map(|_| Nature::Float)
}

fn aggregates(name: &str, arguments: &[Nature]) -> Check {
    count(name, arguments, 1, usize::MAX)?;
    for (index, argument) in arguments.iter().enumerate() {
        match argument {
            argument if argument.is_unknown() || argument.is_array() => return Ok(Nature::Unknown),
            argument if argument.is_number() || *argument == Nature::Duration => {}
            other => return Err((Some(index), format!("{name}() does not take {other}"))),
        }
    }
    Ok(arguments.first().cloned().unwrap_or(Nature::Unknown))
}

fn bits(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[Nature::Int, Nature::Int], Nature::Int)])
}

fn bit_not_check(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[Nature::Int], Nature::Int)])
}

fn abs(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    match argument(call, arguments, 0)? {
        Value::Int(value) => Ok(Value::Int(value.wrapping_abs())),
        Value::Uint(value) => Ok(Value::Uint(*value)),
        Value::Float(value) => Ok(Value::Float(value.abs())),
        other => Err(wrong(call, other)),
    }
}

fn round(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let value = argument(call, arguments, 0)?;
    let number = as_float(value).ok_or_else(|| wrong(call, value))?;
    Ok(Value::Float(match call.name {
        "ceil" => number.ceil(),
        "floor" => number.floor(),
        _ => number.round(),
    }))
}

fn int(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let value = argument(call, arguments, 0)?;
    Ok(Value::Int(match value {
        Value::Int(value) => *value,
        Value::Uint(value) => value.cast_signed(),
        Value::Float(value) => number::truncate(*value),
        Value::Duration(duration) => duration.0,
        Value::String(text) => {
            let parsed = text.as_str().and_then(|text| text.parse::<i64>().ok());
            parsed.ok_or_else(|| format!("`{}` is not a whole number, or too large", text.to_str()))?
        }
        Value::Object(object) => match object.json() {
            Form::Value(Value::Int(number)) => number,
            _ => return Err(wrong(call, value)),
        },
        other => return Err(wrong(call, other)),
    }))
}

fn float(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let value = argument(call, arguments, 0)?;
    if let Value::String(text) = value {
        let parsed = text.as_str().and_then(number::parse_float);
        return parsed.map(Value::Float).ok_or_else(|| format!("`{}` is not a number", text.to_str()));
    }
    as_float(value).map(Value::Float).ok_or_else(|| wrong(call, value))
}

fn extreme(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let mut best = Value::Nil;
    for value in arguments {
        let found = match value {
            Value::List(list) => {
                call.budget.steps(list.items().len())?;
                let mut inner = Value::Nil;
                for item in list.items() {
                    let item = extreme(call, std::slice::from_ref(item))?;
                    if as_float(&item).is_none() {
                        return Err(wrong(call, &item));
                    }
                    inner = better(call, inner, item)?;
                }
                inner
            }
            value if as_float(value).is_some() || matches!(value, Value::Duration(_)) => value.clone(),
            value if arguments.len() == 1 => return Ok(value.clone()),
            value => return Err(wrong(call, value)),
        };
        if !matches!(found, Value::Nil) {
            best = better(call, best, found)?;
        }
    }
    Ok(best)
}

fn better(call: &Call<'_>, best: Value, other: Value) -> Result<Value, String> {
    if matches!(best, Value::Nil) {
        return Ok(other);
    }
    let order = compare(call.name, &best, &other)?;
    let wanted = if call.name == "max" { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
    Ok(if order == Some(wanted) { other } else { best })
}

/// All numbers, also those in lists.
fn collect(call: &mut Call<'_>, arguments: &[Value], out: &mut Vec<f64>) -> Result<(), String> {
    call.budget.steps(arguments.len())?;
    for value in arguments {
        match value {
            Value::List(list) => collect(call, list.items(), out)?,
            #[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
            Value::Duration(duration) => out.push(duration.0 as f64),
            value => out.push(as_float(value).ok_or_else(|| wrong(call, value))?),
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "there are never so many")]
fn mean(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let mut numbers = Vec::new();
    collect(call, arguments, &mut numbers)?;
    let total: f64 = numbers.iter().sum();
    Ok(Value::Float(if numbers.is_empty() { 0.0 } else { total / numbers.len() as f64 }))
}

fn median(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let mut numbers = Vec::new();
    collect(call, arguments, &mut numbers)?;
    numbers.sort_by(f64::total_cmp);
    let at = |index: usize| numbers.get(index).copied().unwrap_or(0.0);
    let middle = numbers.len() / 2;
    Ok(Value::Float(match numbers.len() {
        0 => 0.0,
        count if count % 2 == 1 => at(middle),
        _ => f64::midpoint(at(middle - 1), at(middle)),
    }))
}

fn whole(call: &Call<'_>, arguments: &[Value], index: usize) -> Result<i64, String> {
    match argument(call, arguments, index)? {
        Value::Int(value) => Ok(*value),
        Value::Uint(value) => Ok(value.cast_signed()),
        other => Err(format!("{}() takes whole numbers, not {}: use int()", call.name, other.type_name())),
    }
}

fn bit(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let (x, y) = (whole(call, arguments, 0)?, whole(call, arguments, 1)?);
    let shift = || -> Result<u32, String> {
        if y < 0 {
            return Err(format!("{}() can not shift by {y}", call.name));
        }
        Ok(u32::try_from(y).unwrap_or(u32::MAX))
    };
    Ok(Value::Int(match call.name {
        "bitand" => x & y,
        "bitor" => x | y,
        "bitxor" => x ^ y,
        "bitnand" => x & !y,
        "bitshl" => x.checked_shl(shift()?).unwrap_or(0),
        "bitshr" => x.checked_shr(shift()?).unwrap_or(if x < 0 { -1 } else { 0 }),
        _ => x.cast_unsigned().checked_shr(shift()?).unwrap_or(0).cast_signed(),
    }))
}

fn bit_not(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(Value::Int(!whole(call, arguments, 0)?))
}
