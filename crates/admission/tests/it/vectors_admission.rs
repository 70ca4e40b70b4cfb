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

/// An accepted difference: what was recorded, and what we say instead.
struct Difference {
    name: &'static str,
    #[expect(dead_code, reason = "for the reader")]
    reason: &'static str,
    applies: fn(&Case) -> bool,
    instead: fn(&Denial) -> bool,
}

fn code(case: &Case) -> Option<u64> {
    case.error.as_ref()?["code"].as_u64()
}

fn is_warehouse(case: &Case) -> bool {
    case.input["object"]["kind"] == "Warehouse"
}

fn names_a_field(denial: &Denial) -> bool {
    denial.code == 422 && denial.causes.iter().all(|cause| !cause.field.is_empty())
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "422 with a field path instead of 400",
        reason: "surprises.md, Kargo's live API: wrong types and durations give 400 without causes; mend",
        applies: |case| code(case) == Some(400),
        instead: names_a_field,
    },
    Difference {
        name: "422 with a field path instead of 403",
        reason: "the same for a kind of subscription that nothing knows, which is no matter of rights",
        applies: |case| code(case) == Some(403) && is_warehouse(case),
        instead: names_a_field,
    },
    Difference {
        name: "403 instead of 500",
        reason: "surprises.md, Kargo's live API: no promote right is 500 wrapping forbidden; mend",
        applies: |case| code(case) == Some(500) && case.input["user"].is_string(),
        instead: |denial| denial.code == 403,
    },
    Difference {
        name: "422 with a field path instead of 500",
        reason: "surprises.md, Kargo's live API: a missing task variable is 500; mend",
        applies: |case| code(case) == Some(500) && !case.input["user"].is_string(),
        instead: names_a_field,
    },
    Difference {
        name: "what cannot be read is refused",
        reason: "surprises.md, Kargo's live API: broken regexes, expressions, platform: linux/ are accepted; mend",
        applies: |case| case.error.is_none() && is_warehouse(case),
        instead: names_a_field,
    },
];

fn accepted(case: &Case, denial: Option<&Denial>) -> Option<Verdict> {
    let denial = denial?;
    let difference = DIFFERENCES.iter().find(|d| (d.applies)(case) && (d.instead)(denial))?;
    Some(Verdict::Accepted(difference.name))
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
