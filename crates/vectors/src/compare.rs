//! Comparing JSON as the recordings mean it: numbers by value, objects without regard to key order.

use std::fmt::Write as _;

use serde_json::{Number, Value, json};

/// Whether two values are the same; numbers by value (`1`, `1.0` and `1e0` are equal).
pub fn equal(a: &Value, b: &Value) -> bool {
    difference(a, b).is_none()
}

/// The first place where `got` is not what was wanted, as a line: its JSON pointer and both values.
pub fn difference(want: &Value, got: &Value) -> Option<String> {
    differ(want, got, &mut String::new())
}

/// A float as the recordings write it: a number, or `{"$float": "NaN"|"+Inf"|"-Inf"}` where JSON has none.
pub fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => json!({"$float": "NaN"}),
        None if value > 0.0 => json!({"$float": "+Inf"}),
        None => json!({"$float": "-Inf"}),
    }
}

fn differ(want: &Value, got: &Value, at: &mut String) -> Option<String> {
    let here = at.len();
    match (want, got) {
        (Value::Number(a), Value::Number(b)) if same_number(a, b) => None,
        (Value::Array(a), Value::Array(b)) => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                let _ = write!(at, "/{i}");
                let found = differ(a, b, at);
                at.truncate(here);
                if found.is_some() {
                    return found;
                }
            }
            (a.len() != b.len()).then(|| format!("{}: want {} elements, got {}", place(at), a.len(), b.len()))
        }
        (Value::Object(a), Value::Object(b)) => {
            for (key, a) in a {
                let Some(b) = b.get(key) else {
                    return Some(format!("{}: want {key:?} = {}, got none", place(at), brief(a)));
                };
                let _ = write!(at, "/{}", key.replace('~', "~0").replace('/', "~1"));
                let found = differ(a, b, at);
                at.truncate(here);
                if found.is_some() {
                    return found;
                }
            }
            let extra = b.iter().find(|(key, _)| !a.contains_key(*key));
            extra.map(|(key, b)| format!("{}: want no {key:?}, got {}", place(at), brief(b)))
        }
        _ if want == got => None,
        _ => Some(format!("{}: want {}, got {}", place(at), brief(want), brief(got))),
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a == b,
        _ => {
            matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if (a + 0.0).total_cmp(&(b + 0.0)).is_eq())
        }
    }
}

fn integer(n: &Number) -> Option<i128> {
    n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from))
}

fn place(at: &str) -> &str {
    if at.is_empty() { "/" } else { at }
}

/// A value in one line, cut where it is long.
pub(crate) fn brief(value: &Value) -> String {
    const MOST: usize = 300;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
