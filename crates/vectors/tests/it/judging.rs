//! From an answer to a verdict, and from verdicts to the line.

use ferry_vectors::{Answer, Case, Rule, Tally, Verdict, judge};
use serde_json::{Value, json};

const HALVES: &[Rule] = &[Rule {
    name: "halves",
    reason: "an example",
    applies: |case| case.input == json!("half"),
    instead: |_, answer| matches!(answer, Ok(value) if *value == json!(0.5)),
}];

fn case(line: Value) -> Case {
    Case {
        name: "one".to_owned(),
        input: line.get("in").cloned().unwrap_or(Value::Null),
        want: line.get("want").cloned(),
        error: line.get("error").cloned(),
        line,
    }
}

#[test]
fn verdicts() {
    let ok = |value: Value| -> Answer { Ok(value) };
    let err = || -> Answer { Err("no".to_owned()) };
    let different = |verdict: &Verdict| matches!(verdict, Verdict::Different(_));

    assert_eq!(judge(&case(json!({"want": 1})), &ok(json!(1.0)), HALVES), Verdict::Equal);
    assert_eq!(judge(&case(json!({"want": null})), &ok(Value::Null), HALVES), Verdict::Equal);
    assert_eq!(judge(&case(json!({"error": true})), &err(), HALVES), Verdict::Equal);
    assert_eq!(judge(&case(json!({"error": "its text"})), &err(), HALVES), Verdict::Equal);
    assert_eq!(
        judge(&case(json!({"in": "half", "want": 0})), &ok(json!(0.5)), HALVES),
        Verdict::Accepted("halves")
    );
    assert!(different(&judge(&case(json!({"in": "half", "want": 0})), &ok(json!(0.7)), HALVES)));
    assert!(different(&judge(&case(json!({"in": "other", "want": 0})), &ok(json!(0.5)), HALVES)));
    assert!(different(&judge(&case(json!({"want": null})), &err(), HALVES)));
    assert!(different(&judge(&case(json!({"error": true})), &ok(Value::Null), HALVES)));
    assert!(different(&judge(&case(json!({})), &ok(Value::Null), HALVES)));
}

#[test]
fn the_line_counts_and_the_list_is_cut() {
    let tally = Tally {
        equal: 3,
        accepted: 2,
        different: vec![("a".to_owned(), "x".to_owned()), ("b".to_owned(), "y".to_owned())],
        not_covered: vec![("c".to_owned(), "z".to_owned())],
    };
    assert_eq!(
        tally.line("kargo/ids"),
        "vectors kargo/ids: 3 equal, 2 accepted differences, 2 different, 1 not covered"
    );
    assert_eq!(tally.list(1), "  a: x\n  … and 1 more\n");
}
