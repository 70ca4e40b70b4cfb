//! Steps that change resources of the Project: `kargo/steps-control`.

use std::sync::Arc;

use async_trait::async_trait;
use ferry_engine::resources::{Control, Kind, Resources};
use ferry_engine::world::Error;
use ferry_engine::{Outcome, StepError};
use ferry_vectors::{Case, Rule, Verdict, judge, replay_with};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::bench::{Bench, told, wanted};
use crate::local::holds_big_number;

/// Resources in memory.
#[derive(Default)]
pub struct Memory {
    objects: Mutex<Vec<Value>>,
    /// Answered to the next writes, before anything is done.
    errors: Mutex<Vec<Error>>,
}

fn is(object: &Value, kind: Kind, project: &str, name: &str) -> bool {
    let metadata = &object["metadata"];
    object["kind"] == kind.to_string() && metadata["namespace"] == project && metadata["name"] == name
}

#[async_trait]
impl Resources for Memory {
    async fn get(&self, kind: Kind, project: &str, name: &str) -> Result<Option<Value>, Error> {
        Ok(self.objects.lock().iter().find(|object| is(object, kind, project, name)).cloned())
    }

    async fn replace_status(
        &self,
        kind: Kind,
        project: &str,
        name: &str,
        object: Value,
    ) -> Result<(), Error> {
        self.errors.lock().pop().map_or(Ok(()), Err)?;
        let mut objects = self.objects.lock();
        let found = objects.iter_mut().find(|object| is(object, kind, project, name)).unwrap();
        found["status"] = object["status"].clone();
        Ok(())
    }

    async fn patch(&self, kind: Kind, project: &str, name: &str, patch: &Value) -> Result<(), Error> {
        self.errors.lock().pop().map_or(Ok(()), Err)?;
        let mut objects = self.objects.lock();
        let same = |o: &&Value| o["metadata"]["namespace"] == project && o["alias"] == patch["alias"];
        if objects.iter().filter(same).any(|other| other["metadata"]["name"] != name) {
            return Err(Error::Conflict("other Freight has this alias".to_owned()));
        }
        let found = objects.iter_mut().find(|object| is(object, kind, project, name)).unwrap();
        found["alias"] = patch["alias"].clone();
        for (label, value) in patch["metadata"]["labels"].as_object().unwrap() {
            found["metadata"]["labels"][label] = value.clone();
        }
        Ok(())
    }
}

pub fn desk(objects: &Value) -> (Bench, Arc<Memory>) {
    let objects = objects.as_array().cloned().unwrap_or_default();
    let memory = Arc::new(Memory { objects: Mutex::new(objects), ..Memory::default() });
    let mut bench = Bench::new();
    bench.services = bench.services.clone().with(Arc::new(Control(memory.clone())));
    (bench, memory)
}

const RULES: &[Rule] = &[
    Rule {
        name: "whole numbers",
        reason: "surprises, schemas: JSON integers above 2^53 lose precision (mend)",
        applies: |case| case.input["kind"] == "set-metadata" && holds_big_number(&case.input["config"]),
        instead: |case, answer| {
            let Ok(answer) = answer else { return false };
            let objects = answer["objects"].as_array().into_iter().flatten();
            let noted = |update: &Value| {
                let mut same =
                    objects.clone().filter(|o| o["kind"] == update["kind"] && o["name"] == update["name"]);
                let values = update["values"].as_object().into_iter().flatten();
                same.next().is_some_and(|o| values.clone().all(|(key, value)| o["metadata"][key] == *value))
            };
            answer["status"] == "Succeeded"
                && case.input["config"]["updates"].as_array().is_some_and(|updates| updates.iter().all(noted))
        },
    },
    Rule {
        name: "all or nothing is noted",
        reason: "issue, bad input: no effect half done (Kargo notes what comes before the target that is missing)",
        applies: |case| {
            case.input["kind"] == "set-metadata" && case.want.as_ref().unwrap()["status"] == "Errored"
        },
        instead: |case, answer| {
            let (want, Ok(answer)) = (case.want.as_ref().unwrap(), answer) else { return false };
            let same = |member: &str| answer[member] == want[member];
            same("status") && same("terminal") && answer["objects"] == all_listed(&case.input["objects"])
        },
    },
    Rule {
        name: "the message names the old alias",
        reason: "recorded as a defect: the message of set-freight-alias names the new alias twice",
        applies: |case| case.input["kind"] == "set-freight-alias",
        instead: |case, answer| {
            let config = &case.input["config"];
            let mut objects = case.input["objects"].as_array().into_iter().flatten();
            let before = objects.find(|o| o["kind"] == "Freight" && o["metadata"]["name"] == config["name"]);
            let old = before.and_then(|o| o["alias"].as_str()).unwrap_or_default();
            let new = config["alias"].as_str().unwrap_or_default();
            let (want, Ok(answer)) = (case.want.as_ref().unwrap(), answer) else { return false };
            let message = answer["message"].as_str().unwrap_or_default();
            answer["objects"] == want["objects"] && message.ends_with(&format!("from {old:?} to {new:?}"))
        },
    },
];

#[test]
fn vectors_steps_control() {
    replay_with("kargo/steps-control", replay);
}

fn replay(case: &Case) -> Verdict {
    let want = case.want.as_ref().unwrap();
    let (bench, memory) = desk(&case.input["objects"]);
    let project = case.input["context"]["project"].as_str().unwrap_or("demo").to_owned();
    let kind = case.input["kind"].as_str().unwrap();
    let result = bench.run_in(kind, case.input["config"].clone(), |ctx| ctx.project = project);
    let mut answer = told(&result);
    if let Ok(Outcome::Succeeded(output)) = &result
        && let Some(message) = &output.message
    {
        answer.insert("message".to_owned(), json!(message));
    }
    answer.insert("objects".to_owned(), all_listed(&Value::Array(memory.objects.lock().clone())));
    let keys = ["status", "terminal", "message", "objects"];
    let reduced = Case { want: Some(wanted(want, &keys)), ..case.clone() };
    answer.remove("output");
    judge(&reduced, &Ok(Value::Object(answer)), RULES)
}

/// Resources as the recordings tell of them.
fn all_listed(objects: &Value) -> Value {
    let mut objects: Vec<_> = objects.as_array().into_iter().flatten().map(listed).collect();
    objects.sort_by_key(|object| object["kind"].to_string());
    Value::Array(objects)
}

/// A resource as the recordings tell of it.
fn listed(object: &Value) -> Value {
    let noted = &object["status"]["metadata"];
    let mut listed = Map::from_iter([
        ("kind".to_owned(), object["kind"].clone()),
        ("name".to_owned(), object["metadata"]["name"].clone()),
        ("namespace".to_owned(), object["metadata"]["namespace"].clone()),
        ("metadata".to_owned(), noted.clone()),
    ]);
    if object["kind"] == "Freight" {
        listed.insert("alias".to_owned(), object["alias"].clone());
        listed.insert("labels".to_owned(), object["metadata"]["labels"].clone());
    }
    Value::Object(listed)
}

pub fn stage() -> Value {
    json!([{"kind": "Stage", "metadata": {"name": "dev", "namespace": "demo"}, "status": {"metadata": {"a": 1}}}])
}

#[test]
fn metadata_is_noted_beside_others_that_write() {
    let (bench, memory) = desk(&stage());
    memory.errors.lock().extend([Error::Conflict("x".to_owned()), Error::Conflict("x".to_owned())]);
    let config = json!({"updates": [{"kind": "Stage", "name": "dev", "values": {"a": null, "b": 2}}]});
    bench.run_in("set-metadata", config.clone(), |ctx| ctx.project = "demo".to_owned()).unwrap();
    assert_eq!(memory.objects.lock()[0]["status"]["metadata"], json!({"b": 2}));
    // What stands already is not written again.
    memory.errors.lock().push(Error::Invalid("not again".to_owned()));
    bench.run_in("set-metadata", config, |ctx| ctx.project = "demo".to_owned()).unwrap();
}

#[test]
fn nothing_is_noted_where_one_is_missing() {
    let (bench, memory) = desk(&stage());
    let update = |kind: &str, name: &str| json!({"kind": kind, "name": name, "values": {"b": 2}});
    for missing in [update("Stage", "prod"), update("Freight", "f")] {
        let config = json!({"updates": [update("Stage", "dev"), missing]});
        let result = bench.run_in("set-metadata", config, |ctx| ctx.project = "demo".to_owned());
        assert!(
            matches!(&result, Err(StepError::Retryable(why)) if why.starts_with("updates[1]: ")),
            "{result:?}"
        );
        assert_eq!(memory.objects.lock()[0]["status"]["metadata"], json!({"a": 1}));
    }
}

#[test]
fn an_api_server_that_is_away_is_waited_for() {
    let (bench, memory) = desk(&stage());
    let config = json!({"updates": [{"kind": "Stage", "name": "dev", "values": {"b": 2}}]});
    memory.errors.lock().push(Error::Unavailable("it is away".to_owned()));
    let waits = bench.run_in("set-metadata", config, |ctx| ctx.project = "demo".to_owned()).unwrap();
    assert!(matches!(waits, Outcome::Waiting { why, .. } if why == "updates[0]: Stage \"dev\": it is away"));
    let freight =
        json!([{"kind": "Freight", "metadata": {"name": "f", "namespace": "demo"}, "alias": "old"}]);
    let (bench, memory) = desk(&freight);
    memory.errors.lock().push(Error::Unavailable("it is away".to_owned()));
    let config = json!({"name": "f", "alias": "new"});
    let waits = bench.run_in("set-freight-alias", config, |ctx| ctx.project = "demo".to_owned()).unwrap();
    assert!(matches!(waits, Outcome::Waiting { why, .. } if why.ends_with("Freight \"f\": it is away")));
    assert_eq!(memory.objects.lock()[0]["alias"], "old");
}

#[test]
fn an_alias_that_is_refused_ends_the_step() {
    let freight =
        json!([{"kind": "Freight", "metadata": {"name": "f", "namespace": "demo"}, "alias": "old"}]);
    let (bench, memory) = desk(&freight);
    memory.errors.lock().push(Error::Invalid("other Freight has this alias".to_owned()));
    let config = json!({"name": "f", "alias": "new"});
    let refused = bench.run_in("set-freight-alias", config, |ctx| ctx.project = "demo".to_owned());
    assert!(matches!(refused, Err(StepError::Failed(why)) if why.contains("has this alias")));
}
