//! `always`, `failure`, `success`, `status`: how the steps so far went.

use ferry_api::promotion::StepStatus;
use ferry_expr::{Call, Functions, Kind, Value};

use super::Scope;
use super::artifacts::function;
use super::environment::task_of;
use crate::progress;

pub(super) fn add(functions: &mut Functions, scope: &Scope<'_>) {
    let status = scope.promotion.status.clone().unwrap_or_default();
    let failed = progress::has_failure(&status, &scope.promotion.spec.steps, scope.index);
    functions.insert("always", function(&[&[]], Kind::Bool, |_: &Call<'_>| Ok(Value::Bool(true))));
    functions.insert("failure", function(&[&[]], Kind::Bool, move |_: &Call<'_>| Ok(Value::Bool(failed))));
    functions.insert("success", function(&[&[]], Kind::Bool, move |_: &Call<'_>| Ok(Value::Bool(!failed))));
    let prefix = task_of(&scope.alias()).map(|task| format!("{task}::")).unwrap_or_default();
    let metadata = scope.metadata().to_vec();
    let own_task = task_of(&scope.alias()).map(str::to_owned);
    let body = move |call: &Call<'_>| {
        let alias = format!("{prefix}{}", call.str(0)?);
        // The steps of another task are nobody else's business; as recorded.
        if task_of(&alias) != own_task.as_deref() {
            return Ok(Value::from(""));
        }
        let found = metadata.iter().find(|m| m.alias == alias).and_then(|m| m.status);
        Ok(Value::from(found.map_or("", word)))
    };
    functions.insert("status", function(&[&[Kind::String]], Kind::String, body));
}

fn word(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Running => "Running",
        StepStatus::Succeeded => "Succeeded",
        StepStatus::Skipped => "Skipped",
        StepStatus::Failed => "Failed",
        StepStatus::Errored => "Errored",
        StepStatus::Aborted => "Aborted",
    }
}
