//! Templates: delimiters, what results are read as, exact texts, documents.

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::host::{Kind, Lookup};

fn functions() -> Functions {
    Functions::utility(Timestamp::UNIX_EPOCH)
        .with("commit", &[], Kind::Any, |_| Ok(Value::exact("1234567890123456789012345678901234567890")))
        .with("secret", &[Kind::String], Kind::Map, |call| call.need(Lookup::new("secret", call.str(0)?)))
}

fn value(text: &str) -> Value {
    evaluate_template(text, &Map::new().with("n", 7.0), &functions()).unwrap()
}

fn json_of(text: &str) -> serde_json::Value {
    value(text).to_json().unwrap()
}

#[test]
fn results_are_read_again() {
    for (text, want) in [
        ("42", json!("42")),
        ("${{ 42 }}", json!(42)),
        ("${{ '42' }}", json!(42)),
        ("${{ quote(42) }}", json!("42")),
        ("${{ 't' }}", json!(true)),
        ("${{ n }}\n", json!(7)),
        ("a${{ n }}\n", json!("a7\n")),
        ("{\"a\": ${{ n }}}", json!({"a": 7})),
        ("${{}}${{ n }}", json!("${{ n }}")),
        ("a${{ 1 }}b${{}}c${{ 2 }}", json!("a1bc${{ 2 }}")),
        ("${% {a: {b: 1}} %}", json!({"a": {"b": 1}})),
        ("${{ nil }}", json!(null)),
    ] {
        assert_eq!(json_of(text), want, "{text}");
    }
}

#[test]
fn an_exact_text_stays_a_string() {
    let id = "1234567890123456789012345678901234567890";
    assert_eq!(json_of("${{ commit() }}"), json!(id));
    assert_eq!(json_of("${{ commit() }}\n"), json!(format!("{id}\n")));
    assert_eq!(json_of("${{ commit()[:7] }}"), json!("1234567"));
    assert_eq!(json_of("${{ let c = commit(); c ?? 'none' }}"), json!(id));
    assert!(matches!(value("${{ commit() }}"), Value::String(text) if text.is_exact()));
    // Together with other text it is read like any other.
    assert_eq!(json_of("${{ commit()[:2] }}${{ 3 }}"), json!(123));
    assert_eq!(json_of("v${{ commit()[:2] }}"), json!("v12"));
    assert_eq!(json_of("${{ commit()[:2] + '' }}"), json!(12));
}

#[test]
fn says_what_is_needed() {
    let stop = evaluate_template("${{ secret('db').password }}", &Map::new(), &functions()).unwrap_err();
    assert_eq!(stop, Stop::Need(Lookup::new("secret", "db")));
}

#[test]
fn evaluates_the_strings_of_a_document() {
    let document = json!({"a": "${{ n }}", "b": ["x${{ n }}", 1, null], "${{ n }}": {"c": "plain"}});
    let env = Map::new().with("n", 7.0);
    let evaluated = evaluate_json_template(&document, &env, &functions()).unwrap();
    assert_eq!(evaluated, json!({"a": 7, "b": ["x7", 1, null], "${{ n }}": {"c": "plain"}}));

    let wrong = json!({"a": {"b": [0, "${{ n.x }}"]}});
    let error = evaluate_json_template(&wrong, &env, &functions()).unwrap_err().to_string();
    assert_eq!(error, "field a.b[1]: there is no x in float (1:4)\n |  n.x \n | ...^");
    assert!(evaluate_json_template(&json!([]), &env, &functions()).is_err());
    assert!(evaluate_json_template(&document, &Map::new().with("quote", 1.0), &functions()).is_err());
}

#[test]
fn tells_what_it_refers_to() {
    let template =
        Template::parse("${{ secret(vars.name).x }} ${{ let y = ctx?.stage; upper(y) + $env.z }}").unwrap();
    let references = template.references();
    assert_eq!(references.functions.iter().collect::<Vec<_>>(), ["secret"]);
    assert_eq!(references.builtins.iter().collect::<Vec<_>>(), ["upper"]);
    assert_eq!(references.variables.iter().collect::<Vec<_>>(), ["ctx.stage", "vars.name", "z"]);
}

#[test]
fn unclosed_delimiters_name_their_place() {
    let error = Template::parse("a\n ${{ 1 }} ${% 2 }}").unwrap_err();
    assert_eq!(error.to_string(), "unclosed expression: `${%` at 2:11 has no `%}` after it");
}

#[test]
fn yaml_is_what_go_writes() {
    for (expression, want) in [
        ("{b: 1, a: [1, {c: 'x: y'}], a10: 1, a9: 2}", "a:\n    - 1\n    - c: 'x: y'\na9: 2\na10: 1\nb: 1\n"),
        ("[[1, 2], [], {}]", "- - 1\n  - 2\n- []\n- {}\n"),
        ("[{a: 1, b: [2]}]", "- a: 1\n  b:\n    - 2\n"),
        ("{a: 'x\\ny'}", "a: |-\n    x\n    y\n"),
        ("['x\\ny\\n']", "- |\n  x\n  y\n"),
        ("'0x1F'", "\"0x1F\"\n"),
        ("'2024-01-02'", "\"2024-01-02\"\n"),
        ("'1:30'", "\"1:30\"\n"),
        ("\"a\\tb\"", "\"a\\tb\"\n"),
        ("\"a\\r\\nb\"", "\"a\\r\\nb\"\n"),
        ("'yes'", "\"yes\"\n"),
        ("'- a'", "'- a'\n"),
        ("\"it's\"", "it's\n"),
        ("'a: b'", "'a: b'\n"),
        ("'1.2.3'", "1.2.3\n"),
    ] {
        let text = format!("${{% asYAML({expression}) %}}");
        assert_eq!(json_of(&text), json!(want), "{expression}");
    }
}
