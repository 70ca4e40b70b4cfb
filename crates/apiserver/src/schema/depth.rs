//! How deep a JSON value may be nested. Everything here walks values recursively; what is deeper is refused before
//! a walk could exhaust the stack.

use serde_json::Value;

/// Levels of arrays and objects a stored object may have.
pub const MAX_DEPTH: usize = 200;

/// Whether `value` has at most `limit` levels of arrays and objects (a scalar has none).
pub fn within(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(items) => limit > 0 && items.iter().all(|item| within(item, limit - 1)),
        Value::Object(map) => limit > 0 && map.values().all(|item| within(item, limit - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn levels_are_counted() {
        assert!(within(&json!(1), 0));
        assert!(!within(&json!([]), 0));
        assert!(within(&json!({"a": [1]}), 2));
        assert!(!within(&json!({"a": [1]}), 1));
    }
}
