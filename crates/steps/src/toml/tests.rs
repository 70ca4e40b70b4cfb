//! Only the addressed value changes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::update;

/// A document in one of many layouts, and its keys with the lines that they are on.
fn document() -> impl Strategy<Value = (String, Vec<(String, usize)>)> {
    let value = prop_oneof![
        Just("1"),
        Just("-2.5"),
        Just("true"),
        Just("\"x # y\""),
        Just("'lit'"),
        Just("2024-01-01T00:00:00Z"),
        Just("0x1F"),
        Just("1_000"),
    ];
    let line = ("[a-z]{1,6}", value, 0_usize..6);
    let table = (prop::collection::vec(line, 1..5), 0_usize..4);
    prop::collection::vec(table, 1..5).prop_map(|tables| {
        let (mut text, mut keys, mut lines) = (String::new(), Vec::new(), 0);
        let mut put = |line: String| {
            text.push_str(&line);
            text.push('\n');
            lines += 1;
            lines - 1
        };
        for (n, (entries, gap)) in tables.into_iter().enumerate() {
            for _ in 0..gap {
                put(["", "# a comment = 1"][gap % 2].to_owned());
            }
            let table = format!("t{n}");
            put(format!("[{table}] # a table"));
            for (m, (name, value, layout)) in entries.into_iter().enumerate() {
                let key = format!("{name}{m}");
                let at = match layout {
                    0 => put(format!("{key}={value}")),
                    1 => put(format!("  {key}  =  {value}   # said")),
                    2 => put(format!("{key}.below = {value}")),
                    3 => put(format!("{key} = {{ below = {value}, other = [1, 2] }} # inline")),
                    4 => put(format!("{key} = [ {value} , {value} ]")),
                    _ => put(format!("\"{key}\" = {value}\t# quoted")),
                };
                let below = match layout {
                    2 | 3 => ".below",
                    4 => ".1",
                    _ => "",
                };
                keys.push((format!("{table}.{key}{below}"), at));
            }
        }
        (text, keys)
    })
}

proptest! {
    /// Every line but the addressed one stays byte for byte, and the new value is read back.
    #[test]
    fn only_the_addressed_lines_change(
        (text, keys) in document(),
        crlf in any::<bool>(),
        value in prop_oneof![
            "[ -~]{0,12}".prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
        ],
        pick in any::<prop::sample::Index>(),
    ) {
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let (key, line) = &keys[pick.index(keys.len())];
        let after = update(&text, &[(key, &value)]).unwrap();
        let (a, b): (Vec<_>, Vec<_>) = (text.split('\n').collect(), after.split('\n').collect());
        prop_assert_eq!(a.len(), b.len());
        for (n, (a, b)) in a.iter().zip(&b).enumerate() {
            prop_assert!(n == *line || a == b, "line {}: {:?} became {:?}", n, a, b);
        }
        let read = after.parse::<toml_edit::DocumentMut>().unwrap();
        let got = key.split('.').try_fold(read.as_item(), |at, part| match part.parse::<usize>() {
            Ok(n) => at.get(n),
            Err(_) => at.get(part),
        });
        let got = got.and_then(|item| item.as_value()).map(|value| match value {
            toml_edit::Value::String(text) => json!(text.value()),
            toml_edit::Value::Integer(n) => json!(n.value()),
            toml_edit::Value::Boolean(b) => json!(b.value()),
            other => json!(other.to_string()),
        });
        prop_assert_eq!(got, Some(value), "{}", after);
    }
}

#[test]
fn what_is_not_toml() {
    for text in ["# \u{1}\na = 1\n", "a = 1 # c\0", "a = 1\rb = 2", "a = [1, # \u{7f}\n2]\n", "a = 1\n#\r"] {
        let said = update(text, &[("a", &json!("N"))]).unwrap_err().to_string();
        assert!(said.starts_with("not valid TOML: line "), "{text:?}: {said}");
    }
    let text = "# é \t\r\na = 1 # c\r\n";
    assert_eq!(update(text, &[("a", &json!(2))]).as_deref(), Ok("# é \t\r\na = 2 # c\r\n"));
}

#[test]
fn a_value_that_is_a_table_too_can_be_set() {
    let text = "a = 1\n[a]\nb = 1\n";
    assert_eq!(update(text, &[("a", &json!("N"))]).as_deref(), Ok("a = 'N'\n[a]\nb = 1\n"));
}
