//! Promotions run step by step with recorded results.

use ferry_vectors::{Answer, Case, Rule, Verdict, equal, judge, replay_with};
use serde_json::{Value, json};

use crate::driver::Driver;

const RULES: &[Rule] = &[
    Rule {
        name: "an abort ends it",
        reason: "surprises.md, Tasks: a step that returns Aborted, or Failed without an error, ends there",
        applies: |case| attempts(case).any(ends_without_error),
        instead: |_, answer| {
            let Some(call) = last(answer) else { return false };
            is_bad(&call["phase"]) && steps(call).any(|s| is_bad(&s["status"]) && s["finished"] == true)
        },
    },
    Rule {
        name: "a skipped step's message stays its own",
        reason: "surprises.md, Tasks: a skipped step's message can become the Promotion's: mend",
        applies: |case| attempts(case).any(|a| a["status"] == "Skipped" && a["message"].is_string()),
        instead: |case, answer| {
            same_but(case, answer, &["message"]) && last(answer).unwrap()["message"] == ""
        },
    },
    Rule {
        name: "health checks of earlier passes are kept",
        reason: "surprises.md, Tasks: they are missing in the final result: mend",
        applies: |case| case.input["calls"].as_array().is_some_and(|c| c.len() > 1),
        instead: |case, answer| {
            let given = attempts(case).filter(|a| a["healthCheck"].is_object()).count();
            let kept = last(answer).and_then(|c| c["healthChecks"].as_array()).map_or(0, Vec::len);
            same_but(case, answer, &["healthChecks"]) && given == kept
        },
    },
    Rule {
        name: "the record of a step is whole",
        reason: "design §4: a step whose config cannot be evaluated has ended, and its output is empty",
        applies: |case| {
            let calls = wanted(case).flat_map(|call| steps(call).collect::<Vec<_>>());
            calls
                .into_iter()
                .any(|s| s["status"] == "Errored" && s["started"] == true && s["finished"] == false)
        },
        instead: |case, answer| {
            same_but(case, answer, &["state", "stepExecutionMetadata"])
                && calls(answer).flat_map(steps).all(|s| s["started"] == s["finished"])
        },
    },
    Rule {
        name: "who stops the process does not fail the Promotion",
        reason: "design §7, Operation: everything is resumable after SIGTERM; only an abort ends a Promotion",
        applies: |case| {
            case.input["calls"].to_string().contains("\"cancel\"")
                || attempts(case).any(|a| a["cancelContext"] == true)
        },
        instead: |case, answer| {
            let runs = |call: &Value| call["runs"].clone();
            last(answer)
                .is_some_and(|call| call["phase"] == "Running" && steps(call).all(|s| !is_bad(&s["status"])))
                && calls(answer).map(runs).eq(wanted(case).map(runs))
        },
    },
    Rule {
        name: "namesakes have a record each",
        reason: "failure-modes 14: what failed is not overwritten by a later step, also one of the same name",
        applies: |case| {
            let steps = case.input["promotion"]["spec"]["steps"].as_array().into_iter().flatten();
            let aliases: Vec<_> = steps.map(|s| s["as"].to_string()).collect();
            aliases.iter().any(|a| aliases.iter().filter(|b| a == *b).count() > 1)
        },
        instead: |case, answer| same_but(case, answer, &["stepExecutionMetadata"]),
    },
    Rule {
        name: "no panic",
        reason: "README-engine, Defects: the real code panics; ours goes on to an end",
        applies: |case| wanted(case).any(|call| call.get("panic").is_some()),
        instead: |_, answer| last(answer).is_some_and(|call| call["phase"] == "Succeeded"),
    },
];

fn attempts(case: &Case) -> impl Iterator<Item = &Value> {
    let lists = case.input["attempts"].as_object().into_iter().flat_map(|all| all.values());
    lists.flat_map(|list| list.as_array().into_iter().flatten())
}

fn ends_without_error(attempt: &Value) -> bool {
    attempt["status"] == "Aborted" || (attempt["status"] == "Failed" && attempt.get("error").is_none())
}

fn wanted(case: &Case) -> impl Iterator<Item = &Value> {
    case.want.as_ref().and_then(Value::as_array).into_iter().flatten()
}

fn calls(answer: &Answer) -> impl Iterator<Item = &Value> {
    answer.as_ref().ok().and_then(Value::as_array).into_iter().flatten()
}

fn last(answer: &Answer) -> Option<&Value> {
    calls(answer).last()
}

fn steps(call: &Value) -> impl Iterator<Item = &Value> {
    call["stepExecutionMetadata"].as_array().into_iter().flatten()
}

/// Whether all is as recorded but for some fields.
fn same_but(case: &Case, answer: &Answer, fields: &[&str]) -> bool {
    let without = |call: &Value| {
        let mut call = call.clone();
        for field in fields {
            call[*field] = Value::Null;
        }
        call
    };
    let ours: Vec<Value> = calls(answer).map(without).collect();
    let want: Vec<Value> = wanted(case).map(without).collect();
    ours.len() == want.len() && ours.iter().zip(&want).all(|(a, b)| equal(a, b))
}

#[test]
fn vectors_orchestrator() {
    replay_with("kargo/orchestrator", |case| {
        if case.input.get("target").is_some() {
            return Verdict::NotCovered("fan-out to Targets".to_owned());
        }
        let want = case.want.as_ref().map(|want| comparable(want, want));
        let answer = answer(case).map(|ours| comparable(&ours, case.want.as_ref().unwrap()));
        judge(&Case { want, ..case.clone() }, &answer, RULES)
    });
}

fn answer(case: &Case) -> Answer {
    let mut driver = Driver::new(&case.input)?;
    let mut calls = Vec::new();
    for call in case.input["calls"].as_array().into_iter().flatten() {
        if driver.promotion.is_terminal() {
            break;
        }
        calls.push(driver.call(call));
    }
    Ok(json!({"calls": calls}))
}

/// The texts of failures inform, and so does what the recording left out.
fn comparable(answer: &Value, recorded: &Value) -> Value {
    let calls = answer["calls"].as_array().into_iter().flatten().enumerate();
    calls.map(|(i, call)| comparable_call(call, &recorded["calls"][i])).collect()
}

fn comparable_call(call: &Value, recorded: &Value) -> Value {
    let mut call = call.clone();
    let fields = call.as_object_mut().unwrap();
    for (key, value) in fields.iter_mut() {
        match (key.as_str(), &*value) {
            ("error", _) => *value = json!(true),
            ("stepExecutionMetadata" | "healthChecks", Value::Null) => *value = json!([]),
            _ => {}
        }
    }
    if fields.get("phase").is_none_or(is_bad) || recorded.get("message").is_none() {
        fields.remove("message");
    }
    let list = fields.get_mut("stepExecutionMetadata").and_then(Value::as_array_mut);
    for (i, step) in list.into_iter().flatten().enumerate() {
        let unsaid = recorded["stepExecutionMetadata"][i].get("message").is_none();
        let step = step.as_object_mut().unwrap();
        if is_bad(&step["status"]) || unsaid {
            step.remove("message");
        }
    }
    call
}

fn is_bad(status: &Value) -> bool {
    matches!(status.as_str(), Some("Failed" | "Errored" | "Aborted"))
}
