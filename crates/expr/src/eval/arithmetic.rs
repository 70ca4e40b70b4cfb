//! Calculation.

use crate::number;
use crate::syntax::operator::Binary;
use crate::time::Duration;
use crate::value::Value;

/// A number as an index: floats are cut off.
pub(crate) fn index(value: &Value) -> Result<i64, String> {
    match value {
        Value::Int(value) => Ok(*value),
        Value::Uint(value) => Ok(value.cast_signed()),
        Value::Float(value) => Ok(number::truncate(*value)),
        other => Err(format!("a number is expected here, not {}", other.type_name())),
    }
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Uint(value) => Some(value.cast_signed()),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
pub(crate) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

/// `+ - * / % **`
pub(crate) fn arithmetic(operator: Binary, left: &Value, right: &Value) -> Result<Value, String> {
    let wrong =
        || format!("`{}` does not take {} and {}", operator.text(), left.type_name(), right.type_name());
    if let Some(result) = with_time(operator, left, right) {
        return result;
    }
    if let (Value::String(a), Value::String(b), Binary::Add) = (left, right, operator) {
        return Ok(Value::String([a.as_bytes(), b.as_bytes()].concat().into()));
    }
    if let (Some(a), Some(b)) = (int(left), int(right)) {
        return match operator {
            Binary::Add => Ok(Value::Int(a.wrapping_add(b))),
            Binary::Subtract => Ok(Value::Int(a.wrapping_sub(b))),
            Binary::Multiply => Ok(Value::Int(a.wrapping_mul(b))),
            Binary::Modulo if b == 0 => Err("division by zero".to_owned()),
            Binary::Modulo => Ok(Value::Int(a.wrapping_rem(b))),
            _ => floats(operator, left, right).ok_or_else(wrong),
        };
    }
    if operator == Binary::Modulo && float(left).is_some() && float(right).is_some() {
        return Err("`%` takes whole numbers: write int(x) % 2, numbers from outside are floats".to_owned());
    }
    floats(operator, left, right).ok_or_else(wrong)
}

fn floats(operator: Binary, left: &Value, right: &Value) -> Option<Value> {
    let (a, b) = (float(left)?, float(right)?);
    Some(Value::Float(match operator {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Power => number::power(a, b),
        _ => return None,
    }))
}

/// Arithmetic with dates and durations. None where neither is involved.
fn with_time(operator: Binary, left: &Value, right: &Value) -> Option<Result<Value, String>> {
    let whole = |duration: i64| Some(Ok(Value::Duration(Duration(duration))));
    match (operator, left, right) {
        (Binary::Add, Value::Time(time), Value::Duration(duration))
        | (Binary::Add, Value::Duration(duration), Value::Time(time)) => {
            Some(time.add(*duration).map(Value::Time))
        }
        (Binary::Subtract, Value::Time(time), Value::Duration(duration)) => {
            Some(time.add(Duration(duration.0.saturating_neg())).map(Value::Time))
        }
        (Binary::Subtract, Value::Time(a), Value::Time(b)) => Some(Ok(Value::Duration(a.since(b)))),
        (Binary::Add, Value::Duration(a), Value::Duration(b)) => whole(a.0.wrapping_add(b.0)),
        (Binary::Subtract, Value::Duration(a), Value::Duration(b)) => whole(a.0.wrapping_sub(b.0)),
        (Binary::Multiply, Value::Duration(a), Value::Duration(b)) => whole(a.0.wrapping_mul(b.0)),
        (Binary::Multiply, Value::Duration(a), other) | (Binary::Multiply, other, Value::Duration(a)) => {
            if let Some(factor) = int(other) {
                return whole(a.0.wrapping_mul(factor));
            }
            let product = floats(operator, &Value::Int(a.0), other);
            Some(
                product.ok_or_else(|| {
                    format!("a duration is multiplied by a number, not by {}", other.type_name())
                }),
            )
        }
        _ => None,
    }
}
