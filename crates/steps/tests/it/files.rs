//! Steps that edit files, as the recordings of their own have them: `kargo/json-update`, `kargo/toml-update`.

use ferry_steps::toml;
use ferry_vectors::{Case, Rule, Verdict, judge, replay_with};
use serde_json::{Value, json};

use crate::bench::{Bench, told};
use crate::local::OUTSIDE;
use crate::yaml_rules::updates;
use crate::{json_rules, toml_rules};

#[test]
fn vectors_json_update() {
    let rules = [&[OUTSIDE], json_rules::RULES].concat();
    replay_with("kargo/json-update", |case| file_step(case, &rules));
}

#[test]
fn vectors_toml_update() {
    replay_with("kargo/toml-update", toml_case);
}

fn toml_case(case: &Case) -> Verdict {
    let rules = [&[OUTSIDE], toml_rules::RULES].concat();
    let answer = match case.input["fn"].as_str() {
        Some("setValues") => {
            let text = case.input["text"].as_str().unwrap();
            let updates: Vec<_> = updates(&case.input["updates"]).collect();
            toml::update(text, &updates).map(Value::from).map_err(|e| e.to_string())
        }
        Some("formatValue") => {
            toml::render(&case.input["value"]).map(Value::from).ok_or_else(|| "no scalar".to_owned())
        }
        _ => return file_step(case, &rules),
    };
    judge(case, &answer, &rules)
}

/// Replays a case of a step whose recording gives all files afterwards.
pub fn file_step(case: &Case, rules: &[Rule]) -> Verdict {
    let bench = Bench::with(&case.input["files"]);
    let kind = case.input["step"].as_str().unwrap();
    let result = bench.run(kind, case.input["config"].clone());
    let mut answer = told(&result);
    if let Some(error) = &case.error {
        // The text of the error begins with the status.
        let text = error.as_str().unwrap_or_default();
        let status = if text.contains("(Failed)") { "Failed" } else { "Errored" };
        // Where only "is an error" was kept, any error will do.
        if answer["status"] == status || error == &json!(true) && result.is_err() {
            return Verdict::Equal;
        }
        return Verdict::Different(format!("want {status}, got {answer:?}"));
    }
    let files = bench.files().into_iter().map(|(path, (file, _))| (path, file)).collect();
    answer.insert("files".to_owned(), Value::Object(files));
    answer.remove("terminal");
    answer.entry("output").or_insert_with(|| json!({}));
    judge(case, &Ok(Value::Object(answer)), rules)
}

/// A case as it is recorded: the file before and after, and what is told of the updates.
fn recorded(before: &str, updates: &[(&str, Value)], after: &str, told: &[&str]) -> Case {
    let list = updates.iter().map(|(key, value)| json!({"key": key, "value": value})).collect::<Vec<_>>();
    let lines = updates.iter().zip(told).map(|((key, _), told)| format!("\n- {key}: {told}"));
    let message = format!("Updated f\n{}", lines.collect::<String>());
    Case {
        name: before.to_owned(),
        input: json!({"step": "json-update", "config": {"path": "f", "updates": list}, "files": {"f": before}}),
        want: Some(
            json!({"status": "Succeeded", "files": {"f": after}, "output": {"commitMessage": message}}),
        ),
        error: None,
        line: Value::Null,
    }
}

fn text(key: &str) -> (&str, Value) {
    (key, json!("N"))
}

const N: &str = "\"N\"";

#[test]
fn what_json_update_does_better_is_accepted() {
    let (nulls, huge) = (",null".repeat(7), 9_223_372_036_854_775_808_u64);
    for case in [
        recorded("{\"a\": 1}\n", &[text("a"), text("n")], r#"{"a": "N","n":"N"}"#, &[N, N]),
        recorded(
            "{\"l\": [1, 2]}\n",
            &[text("l.0"), text("l.9")],
            &format!("{{\"l\": [\"N\",2{nulls},\"N\"]}}\n"),
            &[N, N],
        ),
        recorded("{ }\n", &[("n", json!(10_000_000))], r#"{ "n":10000000}"#, &["1e+07"]),
        recorded("{\"a\":1 /* x */}\n// end\n", &[text("n")], r#"{"a":1 /* x */,"n":"N"}"#, &[N]),
        recorded("// \"a\": 1\n{\"a\":1}", &[text("n")], r#"{"n":"N"}"#, &[N]),
        recorded("{\"a\":1,}", &[text("n")], r#"{"a":1,,"n":"N"}"#, &[N]),
        recorded(
            "{\"a\":1}",
            &[("a", json!(huge))],
            r#"{"a":9223372036854776000}"#,
            &["9.223372036854776e+18"],
        ),
        recorded(
            "{\"a\":1}\n",
            &[("a", json!(u64::MAX)), ("n", json!(9_007_199_254_740_993_u64))],
            r#"{"a":18446744073709552000,"n":9007199254740992}"#,
            &["1.8446744073709552e+19", "9.007199254740992e+15"],
        ),
        recorded("{\"a\":1}\n{\"b\":2}\n", &[text("b")], "{\"a\":1}\n{\"b\":2,\"b\":\"N\"}", &[N]),
        recorded("\u{feff}{\"a\":1}", &[text("n.-1")], r#"{"n":["N"]}"#, &[N]),
        recorded(r#"{"":5,"{x":2}"#, &[text("{x")], r#"{"":"N","{x":2}"#, &[N]),
        recorded(r#"[{"a":[{"b":1}]}]"#, &[text("#.a.#.b")], r#""N"":[{"b":1}]}]"#, &[N]),
        recorded("{'a':1}", &[text("a")], r#"{'a':1,"a":"N"}"#, &[N]),
        recorded("[]", &[text("10000")], "[]", &[N]),
    ] {
        let verdict = file_step(&case, json_rules::RULES);
        assert!(matches!(verdict, Verdict::Accepted(_)), "{}: {verdict:?}", case.name);
    }
}

#[test]
fn damage_to_json_is_not_accepted() {
    let case = recorded("{\"a\" : 1}\n", &[text("n")], r#"{"a" : 1,"n":"N"}"#, &[N]);
    for (file, told) in [
        ("{\"a\": 1,\"n\":\"N\"}\n", N),
        ("{\"a\" : 1,\"n\":\"N\"} \n", N),
        ("{\"a\" : 1,\"n\":\"M\"}\n", N),
        ("{\"a\" : 1}\n", N),
        ("{\"a\" : 1,\"n\":\"N\"}\n", "N"),
    ] {
        let output = json!({"commitMessage": format!("Updated f\n\n- n: {told}")});
        let answer = json!({"status": "Succeeded", "files": {"f": file}, "output": output});
        let verdict = judge(&case, &Ok(answer), json_rules::RULES);
        assert!(matches!(verdict, Verdict::Different(_)), "{file} {told}: {verdict:?}");
    }
}

#[test]
fn what_toml_update_does_better_is_accepted() {
    let list = "e = [\n  # all\n  {x = 1}, # c\n  {x = 2} # d\n]\n";
    let set = |text: &str, key: &str, value: Value| json!({"fn": "setValues", "text": text, "updates": [{"key": key, "value": value}]});
    for (input, want) in [
        (json!({"fn": "formatValue", "value": 9_007_199_254_740_993_i64}), json!("9007199254740992.0")),
        (json!({"fn": "formatValue", "value": i64::MAX}), json!("9223372036854776000.0")),
        (json!({"fn": "formatValue", "value": i64::MIN}), json!("-9223372036854776000.0")),
        (set("a = 1.0 # 10.0\n", "a", json!(i64::MAX)), json!("a = 9223372036854776000.0 # 10.0\n")),
        (set(list, "e.1.x", json!(3)), Value::Null),
        (set(list, "e.3.x", json!("N")), json!(list.replace('2', "'N'"))),
        (set("a = [1, # c\n 2 # d\n]\n", "a.1", json!("N")), Value::Null),
        (set("a = [\n # c\n 1, 2, # d\n]\n", "a.1", json!("N")), json!("a = [\n # c\n 'N', 2, # d\n]\n")),
    ] {
        let name = input.to_string();
        let error = want.is_null().then_some(Value::Bool(true));
        let case = Case { name, input, want: Some(want), error, line: Value::Null };
        let verdict = toml_case(&case);
        assert!(matches!(verdict, Verdict::Accepted(_)), "{}: {verdict:?}", case.name);
    }
}

#[test]
fn a_commit_message_quotes_what_cannot_be_printed() {
    for (value, told) in [
        ("\u{feff}\u{200b}", r"\ufeff\u200b"),
        ("\u{e000}\u{d7ff}\u{ffff}", r"\ue000\ud7ff\uffff"),
        ("\u{e0001}\u{a0}\u{7f}", r"\U000e0001\u00a0\x7f"),
        ("é 😀\u{300}\"", "é 😀\u{300}\\\""),
    ] {
        let bench = Bench::with(&json!({"f": "{}"}));
        let config = json!({"path": "f", "updates": [{"key": "a", "value": value}]});
        let message = &told_of(&bench, config)["commitMessage"];
        assert_eq!(*message, format!("Updated f\n\n- a: \"{told}\""), "{value:?}");
    }
}

fn told_of(bench: &Bench, config: Value) -> Value {
    told(&bench.run("json-update", config))["output"].clone()
}

#[test]
fn times_are_told_with_seconds() {
    for (written, told_as) in [
        ("07:32", "07:32:00"),
        ("07:32:00.500", "07:32:00.500"),
        ("07:32:00.1234567891", "07:32:00.123456789"),
        ("1979-05-27", "1979-05-27"),
        ("1979-05-27 07:32", "1979-05-27T07:32:00"),
        ("1979-05-27t07:32:01.0", "1979-05-27T07:32:01.0"),
        ("1979-05-27T07:32z", "1979-05-27T07:32:00Z"),
        ("1979-05-27T07:32:00.000Z", "1979-05-27T07:32:00Z"),
        ("1979-05-27T07:32:00.120-00:00", "1979-05-27T07:32:00.12Z"),
        ("1979-05-27T07:32-07:00", "1979-05-27T07:32:00-07:00"),
    ] {
        let bench = Bench::with(&json!({"f": format!("a = 1\nl = [{{ t = {written} }}]\n")}));
        let outputs = json!([{"name": "t", "fromExpression": "l[0].t"}]);
        let result = bench.run("toml-parse", json!({"path": "f", "outputs": outputs}));
        assert_eq!(told(&result)["output"]["t"], told_as, "{written}");
    }
    let bench = Bench::with(&json!({"f": "a = 07:32:60\n"}));
    let outputs = json!([{"name": "t", "fromExpression": "a"}]);
    assert!(bench.run("toml-parse", json!({"path": "f", "outputs": outputs})).is_err());
}
