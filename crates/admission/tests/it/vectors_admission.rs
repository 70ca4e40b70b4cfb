//! kargo-live/admission: what the running system answers to writes, as far as admission decides it.

use std::collections::BTreeSet;

use ferry_admission::Denial;
use ferry_vectors::{Case, Verdict};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{Cluster, user};
use crate::compare;

#[test]
fn vectors_admission() {
    ferry_vectors::report_with("kargo-live/admission", judge);
}

type Written = Result<Value, Box<Denial>>;

fn judge(case: &Case) -> Verdict {
    let mut cluster = Cluster::new("2026-06-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let mut existing: Vec<Value> = Vec::new();
    for entry in case.input["existing"].as_array().into_iter().flatten() {
        let entry = filled(entry, &existing);
        let made = if entry["op"] == "PATCH_STATUS" {
            let reference = usize::try_from(entry["ref"].as_u64().unwrap()).unwrap();
            let target = existing[reference].clone();
            cluster.patch(&target, &entry["patch"], "status", &user(None))
        } else {
            cluster.create(&entry, &user(None), false)
        };
        match made {
            Ok(object) => existing.push(object),
            Err(denial) => return Verdict::Different(format!("what exists was refused: {denial}")),
        }
    }
    let object = filled(&case.input["object"], &existing);
    match write(&mut cluster, case, &object) {
        None => Verdict::NotCovered("a JSON patch".into()),
        Some(answer) => compared(case, answer),
    }
}

fn write(cluster: &mut Cluster, case: &Case, object: &Value) -> Option<Written> {
    let input = &case.input;
    let user = user(input["user"].as_str());
    let subresource = input["subresource"].as_str().unwrap_or_default();
    Some(match input["op"].as_str().unwrap() {
        "CREATE" => cluster.create(object, &user, input["params"]["dryRun"] == "All"),
        "UPDATE" => cluster.update(object, subresource, &user),
        "PATCH" if input["patchType"] == "merge" => {
            cluster.patch(object, &input["patch"], subresource, &user)
        }
        "PATCH" => return None,
        _ => cluster.delete(object, &user).map(|()| json!({"deleted": true})),
    })
}

fn compared(case: &Case, answer: Written) -> Verdict {
    match (&case.error, answer) {
        (Some(_), Err(denial)) if denial.reason == "BadRequest" => {
            Verdict::NotCovered("the schema refuses it before".into())
        }
        (None, Ok(_)) if case.want.as_ref().unwrap()["deleted"] == true => Verdict::Equal,
        (None, Ok(got)) => match compare::difference(&case.want.as_ref().unwrap()["object"], &got) {
            None => Verdict::Equal,
            Some(what) => Verdict::Different(what),
        },
        (None, Err(denial)) => accepted(case, Some(&denial))
            .unwrap_or_else(|| Verdict::Different(format!("refused: {} {denial}", denial.code))),
        (Some(error), Err(denial)) => match refusal(error, &denial) {
            None => Verdict::Equal,
            Some(what) => accepted(case, Some(&denial)).unwrap_or(Verdict::Different(what)),
        },
        (Some(error), Ok(_)) if !is_of_admission(error) => {
            Verdict::NotCovered("the API server refuses it by itself".into())
        }
        (Some(error), Ok(_)) => {
            accepted(case, None).unwrap_or_else(|| Verdict::Different(format!("allowed, want {error}")))
        }
    }
}

/// What admission says; the rest is schema, names, rights and versions.
fn is_of_admission(error: &Value) -> bool {
    error["message"].as_str().is_some_and(|message| message.starts_with("admission webhook"))
}

fn refusal(error: &Value, denial: &Denial) -> Option<String> {
    let wanted = (error["code"].as_u64().unwrap(), error["reason"].as_str().unwrap_or_default());
    let got = (u64::from(denial.code), denial.reason);
    if wanted != got {
        return Some(format!("want {wanted:?}, got {got:?}: {denial}"));
    }
    let causes = |list: Vec<(String, String)>| list.into_iter().collect::<BTreeSet<_>>();
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
    let wanted = causes(
        error["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|c| (text(c, "field"), text(c, "reason")))
            .collect(),
    );
    let got = causes(denial.causes.iter().map(|c| (c.field.clone(), c.reason.as_str().to_owned())).collect());
    (wanted != got).then(|| format!("want {wanted:?}, got {got:?}"))
}

/// Accepted differences: by what is asked, never by a case's name.
fn accepted(case: &Case, denial: Option<&Denial>) -> Option<Verdict> {
    let code = case.error.as_ref().and_then(|error| error["code"].as_u64());
    let names_a_field = denial.is_some_and(|denial| denial.code == 422 && !denial.causes.is_empty());
    let rule = match code {
        // Surprises, Kargo's live API: 400 without causes; a 422 with a field path is better (mend).
        Some(400) if names_a_field => "422 with a field path instead of 400",
        // The same for a subscription that nothing handles.
        Some(403) if names_a_field && case.input["object"]["kind"] == "Warehouse" => {
            "422 with a field path instead of 403"
        }
        // No `promote` right: 403; a missing task variable: 422 (mend).
        Some(500) if denial.is_some_and(|denial| denial.code == 403) => "403 instead of 500",
        Some(500) if names_a_field => "422 with a field path instead of 500",
        // Broken regexes, expressions and criteria, `platform: linux/` (mend).
        None if names_a_field && case.input["object"]["kind"] == "Warehouse" => {
            "what cannot be read is refused"
        }
        _ => return None,
    };
    Some(Verdict::Accepted(rule))
}

/// Fills in `@{existing.N.metadata.name}`.
fn filled(value: &Value, existing: &[Value]) -> Value {
    match value {
        Value::String(text) => {
            let Some(rest) = text.strip_prefix("@{existing.") else { return value.clone() };
            let (index, path) = rest.trim_end_matches('}').split_once('.').unwrap();
            let object = &existing[index.parse::<usize>().unwrap()];
            path.split('.').fold(object, |value, field| &value[field]).clone()
        }
        Value::Array(items) => items.iter().map(|item| filled(item, existing)).collect(),
        Value::Object(map) => {
            map.iter().map(|(field, value)| (field.clone(), filled(value, existing))).collect()
        }
        _ => value.clone(),
    }
}
