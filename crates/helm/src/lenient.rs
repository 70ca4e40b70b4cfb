//! What Helm makes of what `Chart.yaml` and locks say: names of fields in any case, numbers as texts, null as nothing.

use serde_json::{Map, Number, Value};

/// A field of a map; null is none.
pub fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    member(map, name).map(|(_, value)| value)
}

/// A field of a map, with its name as it is written there. Of names that differ in their case alone, the last in the
/// order of bytes counts.
pub fn member<'a>(map: &'a Value, name: &str) -> Option<(&'a str, &'a Value)> {
    let members = map.as_object()?.iter().map(|(key, value)| (key.as_str(), value));
    members
        .filter(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())
        .max_by_key(|(key, _)| *key)
}

/// A field that is a text; none is an empty one.
pub fn text(map: &Value, name: &str) -> Result<String, String> {
    field(map, name)
        .map_or(Ok(String::new()), |value| as_text(value).map_err(|what| format!("{name} {what}")))
}

/// A value as a text.
pub fn as_text(value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if number.is_f64() => Ok(short(number.as_f64().unwrap_or_default())),
        Value::Number(number) => Ok(number.to_string()),
        Value::Array(_) => Err("is a list and no text".to_owned()),
        Value::Object(_) => Err("is a map and no text".to_owned()),
    }
}

/// A list of what is read by `item`; none is an empty one.
pub fn list<T>(
    map: &Value,
    name: &str,
    item: impl Fn(&Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    match field(map, name) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(item).collect::<Result<_, _>>().map_err(|what| format!("{name} has what {what}"))
        }
        Some(_) => Err(format!("{name} is no list")),
    }
}

/// A value as it is written again: numbers are floats, and one that is whole has no point.
pub fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => whole(number).map_or_else(|| value.clone(), Value::Number),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), plain(value))).collect::<Map<_, _>>())
        }
        _ => value.clone(),
    }
}

fn whole(number: &Number) -> Option<Number> {
    Number::from_i128(format!("{:.0}", number.as_f64().filter(|float| float.fract() == 0.0)?).parse().ok()?)
}

/// A number as a text: of 32 bits, in the fewest digits that tell it; below 0.0001 and from a million on with an
/// exponent of at least two digits.
#[expect(clippy::cast_possible_truncation, reason = "readers of YAML that are written in Go do so")]
pub fn short(number: f64) -> String {
    let short = number as f32;
    let scientific = format!("{short:e}");
    match scientific.split_once('e').map(|(digits, exponent)| (digits, exponent.parse::<i32>())) {
        Some((digits, Ok(exponent))) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => short.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_texts_are() {
        for (value, becomes) in [
            (json!("0.10"), "0.10"),
            (json!(null), ""),
            (json!(true), "true"),
            (json!(7), "7"),
            (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
            (json!(1.0), "1"),
            (json!(0.2), "0.2"),
            (json!(1e5), "100000"),
            (json!(999_999.0), "999999"),
            (json!(-1e6), "-1e+06"),
            (json!(1_234_567.5), "1.2345675e+06"),
            (json!(123_456_789.25), "1.2345679e+08"),
            (json!(0.00012), "0.00012"),
            (json!(1e-5), "1e-05"),
            (json!(1e21), "1e+21"),
        ] {
            assert_eq!(as_text(&value).as_deref(), Ok(becomes), "{value}");
        }
        assert!(as_text(&json!([1])).is_err() && as_text(&json!({})).is_err());
    }

    #[test]
    fn fields_are_found_in_any_case() {
        let map = json!({"Name": "A", "NAME": "B", "name": null, "tags": [1, null]});
        assert_eq!(text(&map, "name").as_deref(), Ok("A"));
        assert_eq!(text(&map, "version").as_deref(), Ok(""));
        assert_eq!(list(&map, "Tags", as_text), Ok(vec!["1".to_owned(), String::new()]));
        assert_eq!(list(&map, "name", as_text), Err("name is no list".to_owned()));
        assert_eq!(
            plain(&json!({"a": [1.0, 0.5, "1.0", 1e3, 9_007_199_254_740_993_u64]})),
            json!({"a": [1, 0.5, "1.0", 1000, 9_007_199_254_740_992_u64]})
        );
    }
}
