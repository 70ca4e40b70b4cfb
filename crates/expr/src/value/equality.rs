//! When two values are equal.

use super::Value;

/// `==`: numbers by value, arrays element by element by this same rule, everything else strictly.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(a), Value::List(b)) if !(a.is_null() && b.is_null()) => {
            a.items().len() == b.items().len() && a.items().iter().zip(b.items()).all(|(a, b)| equal(a, b))
        }
        (a, b) if a.is_nil() && b.is_nil() => true,
        _ => numbers(left, right).unwrap_or_else(|| same(left, right)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "comparing with a float means comparing floats"
)]
fn numbers(left: &Value, right: &Value) -> Option<bool> {
    Some(match (left, right) {
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Uint(a), Value::Uint(b)) => a == b,
        (Value::Int(a), Value::Uint(b)) | (Value::Uint(b), Value::Int(a)) => {
            u64::try_from(*a).is_ok_and(|a| a == *b)
        }
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Float(a), Value::Int(b)) | (Value::Int(b), Value::Float(a)) => *a == *b as f64,
        (Value::Float(a), Value::Uint(b)) | (Value::Uint(b), Value::Float(a)) => *a == *b as f64,
        _ => return None,
    })
}

/// Same type and same content: inside a map, `1` and `1.0` are different.
#[expect(clippy::float_cmp, reason = "equality of the language")]
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Uint(a), Value::Uint(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::String(a), Value::String(b)) | (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.is_null() == b.is_null()
                && a.items().len() == b.items().len()
                && a.items().iter().zip(b.items()).all(|(a, b)| same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|((ak, av), (bk, bv))| ak == bk && same(av, bv))
        }
        (Value::Pairs(a), Value::Pairs(b)) => {
            let has =
                |key: &Value, value: &Value| b.entries().iter().any(|(k, v)| same(k, key) && same(v, value));
            a.entries().len() == b.entries().len() && a.entries().iter().all(|(key, value)| has(key, value))
        }
        (Value::Time(a), Value::Time(b)) => a.instant() == b.instant(),
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Zone(a), Value::Zone(b)) => a.name() == b.name(),
        (Value::Object(a), Value::Object(b)) => a.equals(b.as_ref()),
        _ => false,
    }
}
