//! Only the addressed value changes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::update;

fn one(text: &str, key: &str, value: impl Into<Value>) -> Result<String, String> {
    update(text, [(key, &value.into())]).map_err(|e| e.to_string())
}

#[test]
fn fm_57_everything_around_a_value_stays() {
    for (before, key, value, after) in [
        ("a: 1 # note\nb: 2\n", "a", json!("x"), "a: x # note\nb: 2\n"),
        ("a: &n 1\nb: *n\n", "a", json!(2), "a: &n 2\nb: *n\n"),
        ("a: !!str 1 # t\n", "a", json!(2), "a: 2 # t\n"),
        ("{a: 1, b: [x, y]} # c\n", "b.1", json!("z"), "{a: 1, b: [x, z]} # c\n"),
        ("a: 1\r\nb: 2\r\n", "a", json!(3), "a: 3\r\nb: 2\r\n"),
        ("żółw: 1 # ü\n", "żółw", json!("ł"), "żółw: ł # ü\n"),
        ("a: 1\n---\na: 2\n", "a", json!(3), "a: 3\n---\na: 2\n"),
        ("a: 1", "a", json!(2), "a: 2"),
        ("t: \"1.2\" # q\n", "t", json!("1.3"), "t: \"1.3\" # q\n"),
        ("t: '1.2'\n", "t", json!("it's"), "t: 'it''s'\n"),
        ("t: \"x\"\n", "t", json!(7), "t: 7\n"),
        ("a: |  # h\n  x\n  y\n\nb: 1\n", "a", json!("z"), "a: z  # h\n\nb: 1\n"),
        ("a: |\n  x\n\nb: 1\n", "a", json!("p\n\nq\n"), "a: |\n  p\n\n  q\n\nb: 1\n"),
        ("a: |\n  x\n\nb: 1\n", "a", json!("p\n\n"), "a: \"p\\n\\n\"\n\nb: 1\n"),
        ("a: |\n  x\nb: 1\n", "a", json!("p\n\n"), "a: |+\n  p\n\nb: 1\n"),
        ("a: |+\n  x\n\nb: 1\n", "a", json!("p\nq"), "a: |-\n  p\n  q\nb: 1\n"),
        ("a: >-\n  x\n  y\n# c\nb: 1\n", "a", json!("p\nq"), "a: \"p\\nq\"\n# c\nb: 1\n"),
        ("k:\n  a: |+\n    x\n\n  b: 1\n", "k.a", json!("z"), "k:\n  a: z\n  b: 1\n"),
        ("- |\n  x\n- y\n", "0", json!("z"), "- z\n- y\n"),
        ("a: one\n  two # c\nb: 1\n", "a", json!("z"), "a: z # c\nb: 1\n"),
        ("a:\nb: 1\n", "a", json!("z"), "a: z\nb: 1\n"),
        ("a: # c\nb: 1\n", "a", json!("z"), "a: z # c\nb: 1\n"),
        ("a: &n\nb: 1\n", "a", json!("z"), "a: &n z\nb: 1\n"),
        ("a: !t\nb: 1\n", "a", json!("z"), "a: z\nb: 1\n"),
        ("- # c\n- x\n", "0", json!("z"), "- z # c\n- x\n"),
        ("- # c\r\n- x\r\n", "0", json!("z"), "- z # c\r\n- x\r\n"),
        ("a:\n  - # c\n", "a.0", json!("z"), "a:\n  - z # c\n"),
        ("- - # c\n", "0.0", json!("z"), "- - z # c\n"),
        ("-   # c\n", "0", json!("z"), "- z   # c\n"),
        ("- #c\n", "0", json!("z"), "- z #c\n"),
        ("- #c", "0", json!("z"), "- z #c"),
        ("- &n # c\n- *n\n", "0", json!("z"), "- &n z # c\n- *n\n"),
        ("-\n  # c\n- x\n", "0", json!("z"), "- z\n  # c\n- x\n"),
        ("-\t# c\n-\n# d\n# e\n", "1", json!("z"), "-\t# c\n- z\n# d\n# e\n"),
        ("[&n # c\n, b]\n", "0", json!("z"), "[&n z # c\n, b]\n"),
        ("{a # c\n, b: 1}\n", "a", json!("z"), "{a: z # c\n, b: 1}\n"),
        ("a: !!str # c\nb: 1\n", "a", json!("z"), "a: z # c\nb: 1\n"),
        ("a: ! # c\n", "a", json!("z"), "a: z # c\n"),
        ("a: !!str\t# c\n", "a", json!("z"), "a: z\t# c\n"),
        ("- !!str # c\n", "0", json!("z"), "- z # c\n"),
        ("- !!str\n- y\n", "0", json!("z"), "- z\n- y\n"),
        ("a: &n !!str # c\n", "a", json!("z"), "a: &n z # c\n"),
        ("a: !!str &n # c\n", "a", json!("z"), "a: &n z # c\n"),
        ("? a\n:\nb: 2\n", "a", json!("z"), "? a\n: z\nb: 2\n"),
        ("? a\r\n:\r\nb: 2\r\n", "a", json!("z"), "? a\r\n: z\r\nb: 2\r\n"),
        ("? a # c\n: # d\nb: 2\n", "a", json!("z"), "? a # c\n: z # d\nb: 2\n"),
        ("? a\n:", "a", json!("z"), "? a\n: z"),
        ("{? a # c\n : # d\n}\n", "a", json!("z"), "{? a # c\n : z # d\n}\n"),
        ("{a # c\n : , b: 1}\n", "a", json!("z"), "{a # c\n : z , b: 1}\n"),
        ("{a # c\n :, b: 1}\n", "a", json!("z"), "{a # c\n : z, b: 1}\n"),
        ("\"a\" : # c\n", "a", json!("z"), "\"a\" : z # c\n"),
        ("{a: !!str , b: !!str &n}\n", "a", json!("z"), "{a: z , b: !!str &n}\n"),
        ("{a: !!str , b: !!str &n}\n", "b", json!("z"), "{a: !!str , b: &n z}\n"),
        ("k:\n-\n- \n", "k.0", json!("z"), "k:\n- z\n- \n"),
        ("k:\n-\n- \n", "k.1", json!("z"), "k:\n-\n- z\n"),
        ("{a, b: , c: 1}\n", "a", json!(2), "{a: 2, b: , c: 1}\n"),
        ("{a, b: , c: 1}\n", "b", json!(2), "{a, b: 2 , c: 1}\n"),
        ("? a\n: 1 # c\n", "a", json!(2), "? a\n: 2 # c\n"),
        ("# only\n\n\"a\" : 1\n", "a", json!(2), "# only\n\n\"a\" : 2\n"),
        ("\u{feff}a: 1\n", "a", json!(2), "\u{feff}a: 2\n"),
        ("a:\t1\t# c\n", "a", json!(2), "a:\t2\t# c\n"),
        ("a: |\r\n  x\r\n\r\nb: 1\r\n", "a", json!("p\nq\n"), "a: |\r\n  p\r\n  q\r\n\r\nb: 1\r\n"),
        ("a: |\r\n  x\r\nb: 1\r\n", "a", json!("z"), "a: z\r\nb: 1\r\n"),
        ("{\n  \"a\": {\"b\": \"x\"}\n}\n", "a.b", json!("y"), "{\n  \"a\": {\"b\": \"y\"}\n}\n"),
        ("%YAML 1.2\n---\na: 1\n", "a", json!(2), "%YAML 1.2\n---\na: 2\n"),
        ("--- # c\na: 1\n", "a", json!(2), "--- # c\na: 2\n"),
        ("a: |2\n    x\nb: 2\n", "a", json!("p\nq"), "a: |-\n    p\n    q\nb: 2\n"),
        ("a: |\nb: 2\n", "a", json!("z"), "a: z\nb: 2\n"),
        ("a: >\n\nb: 2\n", "a", json!("z"), "a: z\n\nb: 2\n"),
        ("k:\n  - |\n    x\n  # c\n  - y\n", "k.0", json!("z"), "k:\n  - z\n  # c\n  - y\n"),
        ("a:\n  # c\n  - b: 1\n", "a.0.b", json!(2), "a:\n  # c\n  - b: 2\n"),
    ] {
        assert_eq!(one(before, key, value).as_deref(), Ok(after), "{before:?}");
    }
}

#[test]
fn several_values_at_once() {
    let updates = [("f.a", json!(1)), ("f.b", json!("x")), ("f.a", json!(2))];
    let text = update("f: {a: 0, b: y} # c\n", updates.iter().map(|(k, v)| (*k, v))).unwrap();
    assert_eq!(text, "f: {a: 2, b: x} # c\n");
}

#[test]
fn texts_are_quoted_where_a_reader_would_take_them_for_something_else() {
    for (value, written) in [
        ("v1.2.3", "v1.2.3"),
        ("1.2.3", "1.2.3"),
        ("registry.example.com:5000/a/b@sha256:00ff", "registry.example.com:5000/a/b@sha256:00ff"),
        ("https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
        ("1.10", "\"1.10\""),
        ("0123", "\"0123\""),
        ("0x1F", "\"0x1F\""),
        ("0o17", "\"0o17\""),
        ("1_000", "\"1_000\""),
        ("12e3", "\"12e3\""),
        ("190:20:30", "\"190:20:30\""),
        ("2024-01-01", "\"2024-01-01\""),
        ("yes", "\"yes\""),
        ("Off", "\"Off\""),
        ("n", "\"n\""),
        ("~", "\"~\""),
        ("null", "\"null\""),
        ("", "\"\""),
        (" ", "\" \""),
        ("*a", "\"*a\""),
        ("- x", "\"- x\""),
        ("-x", "-x"),
        ("a: b", "\"a: b\""),
        ("a #b", "\"a #b\""),
        ("a\nb", "\"a\\nb\""),
        ("a\tb", "\"a\\tb\""),
        ("say \"hi\"", "say \"hi\""),
        ("\u{2028}", "\"\\u2028\""),
        ("<<", "\"<<\""),
        (".inf", "\".inf\""),
    ] {
        assert_eq!(one("a: old\n", "a", value), Ok(format!("a: {written}\n")));
    }
    assert_eq!(one("[old]", "0", "a,b"), Ok("[\"a,b\"]".to_owned()));
}

#[test]
fn values_of_other_kinds() {
    for (value, written) in [
        (json!(null), "null"),
        (json!(true), "true"),
        (json!(10_000_000), "10000000"),
        (json!(10_000_000.0), "10000000"),
        (json!(1.5), "1.5"),
        (json!(1e21), "1e+21"),
        (json!(1e-7), "1e-07"),
        (json!(12_345_678_901_234_567_890_u64), "12345678901234567890"),
        (json!([1, "a", "1"]), "[1, a, \"1\"]"),
        (json!({"a": 2, "b c": null}), "{a: 2, b c: null}"),
    ] {
        assert_eq!(one("a: old\n", "a", value), Ok(format!("a: {written}\n")));
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let text = "image:\n  tag: v1\nlist: [a]\nm: {x: 1}\nal: &q 1\nref: *q\n";
    for (key, says) in [
        ("image.tagg", "\"tagg\" does not exist in \"image\""),
        ("none", "\"none\" does not exist"),
        ("image", "addresses a map"),
        ("list", "addresses a list"),
        ("ref", "addresses an alias"),
        ("list.1", "\"1\" is no index of a list of 1"),
        ("list.-1", "\"-1\" is no index of a list of 1"),
        ("image.tag.x", "\"x\" does not exist in \"image.tag\""),
        ("a..b", "empty part"),
    ] {
        let error = one(text, key, 1).unwrap_err();
        assert!(error.contains(says), "{key}: {error}");
    }
    assert!(one("a: [1\n", "a", 1).unwrap_err().contains("not valid YAML"));
    assert!(one("", "a", 1).unwrap_err().contains("does not exist"));
    assert!(one("a: x\u{2028}y\n", "a", 1).unwrap_err().contains("line 1"));
    assert!(one(&"[".repeat(100_000), "a", 1).is_err());
}

/// A document, and the keys of its scalars.
fn document() -> impl Strategy<Value = (String, Vec<(String, usize)>)> {
    let scalar = prop::sample::select(vec![
        "v1",
        "\"1.2.3\"",
        "'x'",
        "1",
        "true",
        "~",
        "2024-01-01",
        "a b c",
        "\"\\u00e9\"",
        "ż",
    ]);
    let comment = prop::sample::select(vec!["", " # note", "   # ü: x"]);
    let line = (scalar, comment, 0..4_usize);
    prop::collection::vec(line, 1..12).prop_map(|lines| {
        let mut text = "# head\n".to_owned();
        let mut keys = Vec::new();
        for (i, (scalar, comment, shape)) in lines.into_iter().enumerate() {
            let (line, key) = match shape {
                0 => (format!("k{i}: {scalar}{comment}\n"), format!("k{i}")),
                1 => (format!("k{i}:\n  - {scalar}{comment}\n  - z\n"), format!("k{i}.0")),
                2 => (format!("k{i}: {{a: {scalar}, b: 2}}{comment}\n\n"), format!("k{i}.a")),
                _ => (
                    format!("\"k.{i}\":\n    b: &x{i} {scalar}{comment}\n    c: *x{i}\n"),
                    format!("k\\.{i}.b"),
                ),
            };
            keys.push((key, text.matches('\n').count() + usize::from(shape == 1 || shape == 3)));
            text.push_str(&line);
        }
        (text, keys)
    })
}

proptest! {
    /// Every line but those addressed stays byte for byte, and the new values are read back.
    #[test]
    fn only_the_addressed_lines_change(
        (text, keys) in document(),
        crlf in any::<bool>(),
        value in prop_oneof![
            "\\PC{0,12}".prop_map(Value::from),
            "[a-z0-9:#,*&!{}\\[\\]'\" .-]{0,8}".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ],
        pick in any::<prop::sample::Index>(),
    ) {
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let (key, line) = &keys[pick.index(keys.len())];
        let after = one(&text, key, value.clone()).unwrap();
        let (a, b): (Vec<_>, Vec<_>) = (text.split('\n').collect(), after.split('\n').collect());
        prop_assert_eq!(a.len(), b.len());
        for (n, (a, b)) in a.iter().zip(&b).enumerate() {
            prop_assert!(n == *line || a == b, "line {}: {:?} became {:?}", n, a, b);
        }
        let read: Value = serde_saphyr::from_str(&after).unwrap();
        let got = crate::key_path::split(key).unwrap().iter().try_fold(&read, |at, part| match at {
            Value::Array(list) => part.parse::<usize>().ok().and_then(|i| list.get(i)),
            other => other.get(part),
        });
        prop_assert_eq!(got, Some(&value), "{}", after);
    }

    /// No text makes it panic; what it accepts it gives back changed where it says.
    #[test]
    fn any_text_is_survived(text in "[ab:{}\\[\\]|>&*!#'\"?,. \n\t-]{0,40}", key in "[ab01.]{1,4}") {
        let _ = one(&text, &key, "new");
    }

    /// Where nothing is written, or a tag or an anchor only, there is a place that is in no comment.
    #[test]
    fn what_is_not_written_has_a_place(
        lines in prop::collection::vec(
            (0..8_usize, prop::sample::select(vec!["", " !!str", " !", " &x", " &x !!str", " !!str &x"]), 0..5_usize),
            1..5,
        ),
        crlf in any::<bool>(),
    ) {
        let mut text = String::new();
        let mut keys = Vec::new();
        for (i, (shape, said, comment)) in lines.iter().enumerate() {
            let said = said.replace('x', &format!("x{i}"));
            let comment = ["", " # c", "\t# c", " ", "\n   # c\n# d"][*comment];
            let (line, key) = match shape {
                0 => (format!("k{i}:{said}{comment}"), format!("k{i}")),
                1 => (format!("k{i}:\n-{said}{comment}\n- z"), format!("k{i}.0")),
                2 => (format!("k{i}:\n  - -{said}{comment}"), format!("k{i}.0.0")),
                3 => (format!("k{i}:\n  - a:{said}{comment}"), format!("k{i}.0.a")),
                4 => (format!("? k{i} # c\n:{said}{comment}"), format!("k{i}")),
                5 => (format!("k{i}: {{a:{said}{comment}\n , b}}"), format!("k{i}.a")),
                6 => (format!("k{i}: {{a{comment}\n , b:{said}}}"), format!("k{i}.a")),
                _ => (format!("k{i}: [z,{said}{comment}\n , b]"), format!("k{i}.1")),
            };
            // In brackets there is no element where nothing is said.
            if *shape != 7 || !said.is_empty() {
                keys.push(key);
                text.push_str(&line);
                text.push('\n');
            }
        }
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let values: Vec<_> = (0..keys.len()).map(|n| json!(format!("new {n}"))).collect();
        let after = update(&text, keys.iter().map(String::as_str).zip(&values)).map_err(|e| e.to_string());
        let after = after.map_err(|e| TestCaseError::fail(format!("{text}\n{e}")))?;
        let read = super::read(&after).map_err(|e| TestCaseError::fail(format!("{text}\n{after}\n{e}")))?;
        for (key, value) in keys.iter().zip(&values) {
            let pointer = format!("/{}", key.replace('.', "/"));
            prop_assert_eq!(read.pointer(&pointer), Some(value), "{:?} became {:?}", text, after);
        }
        prop_assert_eq!(after.lines().count(), text.lines().count());
        prop_assert_eq!(after.matches('#').count(), text.matches('#').count());
        let comments = |text: &str| {
            let tree = super::tree::document(text).unwrap();
            tree.comments.iter().map(|at| text[at.clone()].to_owned()).collect::<Vec<_>>()
        };
        prop_assert_eq!(comments(&after), comments(&text), "{:?} became {:?}", text, after);
    }
}
