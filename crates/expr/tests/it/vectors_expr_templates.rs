//! The recorded templates, through the functions that evaluate configs, variables and conditions.

use ferry_expr::{Functions, Map, Value, evaluate_json_text, evaluate_template};
use ferry_vectors::{Answer, Case, replay};
use jiff::Timestamp;
use serde_json::json;

/// The clock of the recorded answers does not matter: answers that depended on it were left out.
pub fn functions() -> Functions {
    Functions::utility(Timestamp::from_second(1_700_000_000).unwrap())
}

fn run(case: &Case) -> Option<Answer> {
    let env = case.input["env"].as_object().map(Map::from_json).unwrap_or_default();
    if let Some(template) = case.input["template"].as_str() {
        let value = evaluate_template(template, &env, &functions());
        return Some(value.map_err(|stop| stop.to_string()).and_then(|value| shown(&value)));
    }
    let document = case.input["jsonTemplate"].as_str()?;
    Some(evaluate_json_text(document, &env, &functions()).map_err(|stop| stop.to_string()))
}

fn shown(value: &Value) -> Answer {
    match value {
        Value::Float(float) if float.is_nan() => Ok(json!({"$float": "NaN"})),
        Value::Float(float) if float.is_infinite() => {
            Ok(json!({"$float": if *float > 0.0 { "+Inf" } else { "-Inf" }}))
        }
        other => other.to_json(),
    }
}

#[test]
fn vectors_expr_templates() {
    replay("kargo/expr-templates", &[], run);
}
