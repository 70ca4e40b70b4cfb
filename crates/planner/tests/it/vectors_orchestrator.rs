//! Promotions run step by step with recorded results.

use ferry_vectors::{Answer, Case, Rule, Verdict, judge, replay_with};
use serde_json::{Value, json};

use crate::driver::Driver;

const RULES: &[Rule] = &[];

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
    if is_bad(&fields["phase"]) || recorded.get("message").is_none() {
        fields.remove("message");
    }
    for (i, step) in fields["stepExecutionMetadata"].as_array_mut().into_iter().flatten().enumerate() {
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
