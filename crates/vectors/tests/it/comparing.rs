//! What counts as the same value, and how a difference is told.

use ferry_vectors::{difference, equal, float};
use serde_json::{Value, json};

#[test]
fn numbers_are_compared_by_value() {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (a, b, same) in [
        ("1", "1.0", true),
        ("1", "1e0", true),
        ("-0.0", "0", true),
        ("18446744073709551615", "18446744073709551615", true),
        ("9007199254740993", "9007199254740992", false),
        ("1", "2", false),
        ("1", "\"1\"", false),
        ("[1.0, {\"a\": 2}]", "[1, {\"a\": 2.0}]", true),
        ("{\"a\": null}", "{}", false),
        ("{}", "{\"a\": null}", false),
        ("[]", "[0]", false),
    ] {
        assert_eq!(equal(&parse(a), &parse(b)), same, "{a} and {b}");
    }
}

#[test]
fn a_difference_names_the_first_place() {
    let told = |want: Value, got: Value| difference(&want, &got).unwrap();
    assert_eq!(told(json!({"a/b": [1, 2]}), json!({"a/b": [1, 3]})), "/a~1b/1: want 2, got 3");
    assert_eq!(told(json!([1]), json!([])), "/: want 1 elements, got 0");
    assert_eq!(told(json!({"a": 1}), json!({"b": 1})), "/: want \"a\" = 1, got none");
    assert_eq!(told(json!({}), json!({"b": 1})), "/: want no \"b\", got 1");
    assert!(told(json!("ż".repeat(999)), json!(1)).contains("… (2000 bytes)"));
}

#[test]
fn a_float_that_json_has_not_is_an_object() {
    assert_eq!(float(1.5), json!(1.5));
    assert_eq!(float(f64::NAN), json!({"$float": "NaN"}));
    assert_eq!(float(f64::INFINITY), json!({"$float": "+Inf"}));
    assert_eq!(float(f64::NEG_INFINITY), json!({"$float": "-Inf"}));
}
