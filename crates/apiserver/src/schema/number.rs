//! JSON numbers as the API server sees them: whole ones are 64-bit integers, everything else is a double.

use serde_json::{Number, Value};

/// The largest double below which every whole number is exact.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// A number read as integer or double.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Num {
    Int(i64),
    Float(f64),
}

impl Num {
    pub(crate) fn of(number: &Number) -> Self {
        number.as_i64().map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::NAN)), Self::Int)
    }

    #[expect(clippy::cast_precision_loss, reason = "bounds are doubles, as in the real server")]
    pub(crate) fn float(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }

    /// Whether it counts as an integer for a type check.
    pub(crate) fn is_whole(self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Float(float) => is_whole(float) && float.abs() <= EXACT,
        }
    }

    /// Whether it is within an integer format.
    pub(crate) fn fits_integer(self, format: &str) -> bool {
        let Some(int) = self.exact() else { return false };
        match format {
            "int32" => i32::try_from(int).is_ok(),
            "uint32" => u32::try_from(int).is_ok(),
            "uint64" => int >= 0,
            _ => true,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    fn exact(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int),
            Self::Float(float) if float.fract() == 0.0 && (-9.2e18..9.2e18).contains(&float) => {
                Some(float as i64)
            }
            Self::Float(_) => None,
        }
    }

    pub(crate) fn is_multiple_of(self, factor: f64) -> bool {
        is_whole(self.float() / factor)
    }
}

/// Whole, or so close to it that only rounding keeps it from being so.
fn is_whole(float: f64) -> bool {
    let nearest = float.round();
    float.is_finite() && ((float - nearest).abs() <= f64::EPSILON * float.abs().max(1.0))
}

/// Whether two values are equal where numbers are compared by value.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) =>
        {
            #[expect(clippy::float_cmp, reason = "equal numbers are what is asked for")]
            match (Num::of(a), Num::of(b)) {
                (Num::Int(a), Num::Int(b)) => a == b,
                (a, b) => a.float() == b.float(),
            }
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Writes whole doubles as integers (`1.0` → `1`), at any depth: so the real server stores them, and clients that read
/// integers rely on it.
pub fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let number = Num::of(number);
            if let (Num::Float(_), true, Some(int)) = (number, number.is_whole(), number.exact()) {
                *value = int.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn num(value: &Value) -> Num {
        Num::of(value.as_number().unwrap())
    }

    #[test]
    fn what_is_whole() {
        for value in [json!(1), json!(1.0), json!(-3), json!(1e2)] {
            assert!(num(&value).is_whole(), "{value}");
        }
        for value in [json!(1.5), json!(u64::MAX), json!(1e300)] {
            assert!(!num(&value).is_whole(), "{value}");
        }
        assert!(num(&json!(2_147_483_647)).fits_integer("int32"));
        assert!(!num(&json!(2_147_483_648_i64)).fits_integer("int32"));
        assert!(!num(&json!(u64::MAX)).fits_integer("int64"));
    }

    #[test]
    fn multiples() {
        assert!(num(&json!(1.5)).is_multiple_of(0.5));
        assert!(!num(&json!(0.75)).is_multiple_of(0.5));
        assert!(num(&json!(4)).is_multiple_of(2.0));
    }

    #[test]
    fn whole_doubles_become_integers() {
        let mut value = json!({"a": [1.0, 1.5, -0.0], "b": 1e2, "c": 1e300, "d": u64::MAX});
        whole_numbers(&mut value);
        assert_eq!(value, json!({"a": [1, 1.5, 0], "b": 100, "c": 1e300, "d": u64::MAX}));
    }

    #[test]
    fn numbers_are_equal_by_value() {
        assert!(equal(&json!([1, {"a": 2.0}]), &json!([1.0, {"a": 2}])));
        assert!(!equal(&json!(1), &json!("1")));
    }
}
