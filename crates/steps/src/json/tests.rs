//! Setting values.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn what_is_there_is_replaced_and_nothing_else() {
    for (text, key, value, after) in [
        ("{\n // c\n \"a\": 1\n}\n", "a", json!(2), "{\n // c\n \"a\": 2\n}\n"),
        (r#"{"a": {"b": 1}, "a.b": 2}"#, r"a\.b", json!(true), r#"{"a": {"b": 1}, "a.b": true}"#),
        (r#"{"l": [1, {"v": 2}]}"#, "l.1.v", json!("x"), r#"{"l": [1, {"v": "x"}]}"#),
        (r#"{"0": 1}"#, ":0", json!(1.5), r#"{"0": 1.5}"#),
        (
            r#"[{"n":"x","v":1},{"n":"y","v":2}]"#,
            r#"#(n=="y").v"#,
            json!(9),
            r#"[{"n":"x","v":1},{"n":"y","v":9}]"#,
        ),
        (r#"[{"v":1},{"v":2},{"v":3}]"#, "#(v>1)#.v", json!(0), r#"[{"v":1},{"v":0},{"v":0}]"#),
        (r#"[{"v":1},{"w":2}]"#, "#.v", json!(0), r#"[{"v":0},{"w":2}]"#),
        (r#"{"image": {"tag": 1}}"#, "im*.t?g", json!(2), r#"{"image": {"tag": 2}}"#),
        (r#"{"image": 1}"#, "x*", json!(2), r#"{"image": 1}"#),
    ] {
        assert_eq!(set(text, key, &value).as_deref(), Ok(after), "{key}");
    }
}

#[test]
fn what_is_not_there_is_made() {
    for (text, key, after) in [
        ("", "a.b", r#"{"a":{"b":"N"}}"#),
        ("", "1", r#"[null,"N"]"#),
        ("{}\n", "a", "{\"a\":\"N\"}\n"),
        ("{\"a\": 1,\n}\n", "b", "{\"a\": 1,\n\"b\":\"N\"}\n"),
        ("{\"a\": 1 // c, d\n}\n", "b", "{\"a\": 1 // c, d\n,\"b\":\"N\"}\n"),
        ("[1, 2]", "-1", r#"[1, 2,"N"]"#),
        ("[1, 2]", "3", r#"[1, 2,null,"N"]"#),
        (r#"{"a": 1}"#, "a.b.-1", r#"{"a": {"b":["N"]}}"#),
        (r#"{"a": 1}"#, "b.:0", r#"{"a": 1,"b":{"0":"N"}}"#),
        ("\u{feff}{\"a\": 1}", "b", "\u{feff}{\"a\": 1,\"b\":\"N\"}"),
        ("{\"a\": 1 /* c */ , }", "b", "{\"a\": 1 /* c */ , \"b\":\"N\"}"),
        (r#"{"ll":[1]}"#, r"ll.\0", r#"{"ll":[1,"N"]}"#),
        (r#"{"ll":[1]}"#, r"ll.0\", r#"{"ll":[1,"N"]}"#),
        (r#"{"0":1}"#, r"\0", r#"{"0":"N"}"#),
        (r#"{"s":"\ud800"}"#, "n", r#"{"s":"\ud800","n":"N"}"#),
        ("{}", "é<", r#"{"é\u003c":"N"}"#),
        ("{}", "<", r#"{"<":"N"}"#),
        ("{}", "n.\u{2028}", r#"{"n":{"\u2028":"N"}}"#),
    ] {
        assert_eq!(set(text, key, &json!("N")).as_deref(), Ok(after), "{key}");
    }
}

#[test]
fn what_has_no_parts_is_no_list_to_append_to() {
    for (text, key, after) in [
        (r#"{"n":1}"#, "n.-1", r#"{"n":{"-1":"N"}}"#),
        (r#"{"n":null}"#, "n.-1.a", r#"{"n":{"-1":{"a":"N"}}}"#),
        (r#"{"n":"x"}"#, "n.-1.-1", r#"{"n":{"-1":["N"]}}"#),
        (r#"{"n":true}"#, "n.-1", r#"{"n":{"-1":"N"}}"#),
        (r#"{"ll":[1]}"#, "ll.0.-1", r#"{"ll":[{"-1":"N"}]}"#),
        (r#"{"n":1}"#, "n.1", r#"{"n":[null,"N"]}"#),
        (r#"{"n":1}"#, "new.-1", r#"{"n":1,"new":["N"]}"#),
        ("", "-1", r#"{"-1":"N"}"#),
        (" \n", "-1", r#"{"-1":"N"}"#),
        ("\"s\"", "-1", r#"{"-1":"N"}"#),
        ("true", "-1", r#"{"-1":"N"}"#),
        ("null", "-1", r#"{"-1":"N"}"#),
    ] {
        assert_eq!(set(text, key, &json!("N")).as_deref(), Ok(after), "{text} {key}");
    }
}

/// The list of most cases below.
const LIST: &str =
    r#"{"a":[{"n":{"m":1},"v":1},{"n":"x","v":2},{"n":null,"v":3},{"n":5,"t":["p","q"],"v":4},7,"x"]}"#;

#[test]
fn searches_find_what_the_library_finds() {
    for (key, found) in [
        ("a.#(n.m==1).v", Some(1)),
        ("a.#(n.m).v", Some(1)),
        ("a.#(n).v", Some(1)),
        ("a.#[n==\"x\"].v", Some(2)),
        ("a.#(n==x).v", Some(2)),
        ("a.#( n == \"x\" ).v", Some(2)),
        ("a.#(n!=\"x\").v", Some(4)),
        ("a.#(n==null).v", None),
        ("a.#(n!=null).v", Some(2)),
        ("a.#(n==~null).v", Some(3)),
        ("a.#(n==~true).v", Some(4)),
        ("a.#(n==\"5\").v", Some(4)),
        ("a.#(v>3).v", Some(4)),
        ("a.#(n%\"?\").v", Some(2)),
        ("a.#(t.#>1).v", Some(4)),
        ("a.#(t.#(==\"q\")).v", Some(4)),
        ("a.#(t.1==q).v", Some(4)),
        ("a.#(n==\").\").v", None),
        ("a.\\0.n*", None),
        ("a.#.:v", None),
    ] {
        let after = set(LIST, key, &json!("N")).unwrap();
        let expected = found.map(|v| LIST.replace(&format!("\"v\":{v}"), "\"v\":\"N\""));
        assert_eq!(after, expected.unwrap_or_else(|| LIST.to_owned()), "{key}");
    }
    for (text, key, after) in [
        (r##"{"#": 2}"##, "#", r##"{"#": "N"}"##),
        (r##"{"#": {"a": 2}}"##, "#.a", r##"{"#": {"a": "N"}}"##),
        ("[7,\"x\",{}]", "#(==\"x\")", "[7,\"N\",{}]"),
        ("[7,\"x\",{}]", "#(", "[\"N\",\"x\",{}]"),
        ("[1,2]", "#", "[1,2]"),
        (r#"{"a":{"x":1},"a":{"y":2}}"#, "a.y*", r#"{"a":{"x":1},"a":{"y":"N"}}"#),
    ] {
        assert_eq!(set(text, key, &json!("N")).as_deref(), Ok(after), "{text} {key}");
    }
}

#[test]
fn conditions_without_end_find_nothing() {
    let key = format!("{}x", "#(".repeat(200_000));
    assert_eq!(set(LIST, &key, &json!("N")).as_deref(), Ok(LIST));
    let key = format!("{}x{}", "#(".repeat(200_000), ")".repeat(200_000));
    assert_eq!(set(LIST, &key, &json!("N")).as_deref(), Ok(LIST));
}

#[test]
fn texts_are_written_as_go_writes_them() {
    for (text, written) in [("a<b", "\"a<b\""), ("ż<&>", "\"ż\\u003c\\u0026\\u003e\""), ("a\nb", "\"a\\nb\"")]
    {
        assert_eq!(render(&json!(text)).as_deref(), Some(written));
    }
    assert_eq!(render(&json!(1e21)).as_deref(), Some("1000000000000000000000"));
}

#[test]
fn what_is_refused() {
    let refused = |text: &str, key: &str, value| set(text, key, &value).unwrap_err().to_string();
    assert_eq!(
        refused("{\n\"a\": 1", "a", json!(2)),
        "not valid JSON: line 2: an object or a list without its end"
    );
    assert!(refused("hello", "a", json!(2)).contains("line 1: neither an object"));
    assert!(refused("[1]", "a", json!(2)).contains("\"a\" is no index of a list"));
    assert!(refused("[1]", "99999999999999999999999", json!(2)).contains("more than 10000"));
    assert!(refused("{}", "a", json!(null)).contains("must be a text, a number or a boolean"));
    assert_eq!(refused("{}", &"a.".repeat(500_000), json!(1)), "the key has more than 200 parts");
    assert_eq!(refused("{}", &"9999.".repeat(100_000), json!(1)), "the key has more than 200 parts");
    assert_eq!(refused("{}", &"a*.".repeat(500_000), json!(1)), "the key has more than 200 parts");
    assert!(refused(&"[".repeat(10_000), "0", json!(1)).contains("nested too deeply"));
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(Value::Null),
    ];
    let node = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::btree_map("[a-e]{1,2}", inner.clone(), 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    });
    prop::collection::btree_map("[a-e]{1,2}", node, 1..5)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// The paths of all values that are neither objects nor lists.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    let below = |part: &str| if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| leaves(value, &below(key), found)),
        Value::Array(list) => {
            for (n, value) in list.iter().enumerate() {
                leaves(value, &below(&n.to_string()), found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

proptest! {
    /// Every line but the addressed one stays byte for byte, comments and line ends too, and the new value is read back.
    #[test]
    fn only_the_addressed_lines_change(
        before in document(),
        indent in 0_usize..5,
        crlf in any::<bool>(),
        comments in any::<bool>(),
        value in prop_oneof![
            "\\PC{0,12}".prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
        ],
        pick in any::<prop::sample::Index>(),
    ) {
        let mut found = Vec::new();
        leaves(&before, "", &mut found);
        prop_assume!(!found.is_empty());
        let key = &found[pick.index(found.len())];
        let mut bytes = Vec::new();
        let margin = " ".repeat(indent);
        let formatter = serde_json::ser::PrettyFormatter::with_indent(margin.as_bytes());
        serde::Serialize::serialize(&before, &mut serde_json::Serializer::with_formatter(&mut bytes, formatter)).unwrap();
        let mut text = String::from_utf8(bytes).unwrap();
        if comments {
            text = text.lines().flat_map(|line| [line.to_owned(), "// \"a\": {".to_owned()]).collect::<Vec<_>>().join("\n");
        }
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let after = set(&text, key, &value).unwrap();
        let (a, b): (Vec<_>, Vec<_>) = (text.split('\n').collect(), after.split('\n').collect());
        prop_assert_eq!(a.len(), b.len());
        prop_assert!(a.iter().zip(&b).filter(|(a, b)| a != b).count() <= 1, "{}\n{}\n{}", key, text, after);
        let plain: String = after.lines().filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join("\n");
        let read: Value = serde_json::from_str(&plain).unwrap();
        let mut wanted = before;
        let pointer = format!("/{}", key.replace('.', "/"));
        *wanted.pointer_mut(&pointer).unwrap() = value;
        prop_assert_eq!(read, wanted);
    }
}
