//! What held in every recorded version of the real Argo CD, as a check of any sequence of versions.

use serde_json::Value;

fn status<'a>(app: &'a Value, pointer: &str) -> &'a Value {
    app.pointer(&format!("/status/{pointer}")).unwrap_or(&Value::Null)
}

fn phase(app: &Value) -> &str {
    status(app, "operationState/phase").as_str().unwrap_or_default()
}

fn is_over(app: &Value) -> bool {
    matches!(phase(app), "Succeeded" | "Failed" | "Error")
}

fn refresh(app: &Value) -> &Value {
    app.pointer("/metadata/annotations/argocd.argoproj.io~1refresh").unwrap_or(&Value::Null)
}

/// The status without the operation's state.
fn rest(app: &Value) -> Value {
    let mut status = app.get("status").cloned().unwrap_or_default();
    if let Some(members) = status.as_object_mut() {
        members.remove("operationState");
    }
    status
}

/// Checks every law on each pair of versions that follow each other.
pub fn check(versions: &[Value]) {
    for pair in versions.windows(2) {
        let [before, after] = pair else { continue };
        let told = || format!("\nbefore: {before:#}\nafter: {after:#}");
        if is_over(after) && !is_over(before) {
            assert!(after.get("operation").is_none(), "the end takes the operation away{}", told());
            assert!(!status(after, "operationState/finishedAt").is_null(), "an end has a time{}", told());
            assert_eq!(rest(before), rest(after), "the end changes nothing else{}", told());
        }
        if status(before, "reconciledAt") != status(after, "reconciledAt")
            && !status(after, "reconciledAt").is_null()
        {
            let same = status(before, "operationState") == status(after, "operationState");
            assert!(same, "a comparison does not touch the operation{}", told());
            assert_eq!(
                refresh(before),
                refresh(after),
                "the annotation goes in a version of its own{}",
                told()
            );
        }
        if status(before, "history") != status(after, "history") && !status(after, "history").is_null() {
            assert_eq!(phase(after), "Running", "history comes before the end{}", told());
        }
        if phase(after) == "Running" && phase(before) != "Running" {
            let members = after.pointer("/status/operationState").and_then(Value::as_object).unwrap();
            assert_eq!(
                members.keys().collect::<Vec<_>>(),
                ["operation", "phase", "startedAt"],
                "a beginning{}",
                told()
            );
        }
    }
}

/// The distinct values of a place in the order in which they appeared.
pub fn sequence(versions: &[Value], pointer: &str) -> Vec<String> {
    let mut seen: Vec<String> = versions
        .iter()
        .map(|app| app.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned())
        .collect();
    seen.dedup();
    seen
}
