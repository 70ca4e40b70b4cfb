//! A database as a large installation has it, written without the way through the API.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use ferry_store::{Key, Options, Store};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

/// How many objects of each kind, all in Project `crowd`.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Promotions that have ended, spread over the Stages.
    pub promotions: usize,
    /// Freight of one Warehouse (which is not there, so that nothing is looked for).
    pub freight: usize,
    /// Stages that ask for it, none by itself.
    pub stages: usize,
}

const URL: &str = "https://git.example.com/team/deploy.git";

impl Crowd {
    /// Writes all of it into a data directory that nobody uses.
    pub async fn write(&self, data: &Path) -> Result<()> {
        let store = Store::open(&Options::new(data))?;
        let objects = std::iter::once(("/namespaces", namespace()))
            .chain(std::iter::once(("kargo.akuity.io/projects", project())))
            .chain((0..self.freight).map(|n| ("kargo.akuity.io/freights", freight(n))))
            .chain((0..self.stages).map(|n| ("kargo.akuity.io/stages", stage(n))))
            .chain((0..self.promotions).map(|n| ("kargo.akuity.io/promotions", self.promotion(n))));
        futures::stream::iter(objects)
            .map(|(resource, value)| {
                let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                let key = Key::new(resource, text("/metadata/namespace"), text("/metadata/name"));
                store.create(key, value, Vec::new())
            })
            .buffer_unordered(64)
            .try_for_each(|_| async { Ok(()) })
            .await
            .map_err(|error| anyhow!("{error}"))
            .context("filling the database")?;
        store.close();
        Ok(())
    }

    fn promotion(&self, n: usize) -> Value {
        let stage = format!("stage-{:04}", n % self.stages.max(1));
        let freight = name_of_freight(n % self.freight.max(1));
        let name = format!("{stage}.{n:026}.{}", freight.get(..7).unwrap_or_default());
        let reference = reference(n % self.freight.max(1));
        let collection = json!({"id": freight, "items": {"Warehouse/app": reference}});
        let steps = ["git-clone", "yaml-update", "git-commit", "git-push", "compose-output"];
        let done: Vec<Value> = steps
            .iter()
            .map(
                |step| json!({"alias": step, "startedAt": now(), "finishedAt": now(), "status": "Succeeded"}),
            )
            .collect();
        let mut value = object("Promotion", &name);
        value["metadata"]["labels"] = json!({"kargo.akuity.io/stage": stage});
        value["spec"] = json!({"stage": stage, "freight": freight, "steps": [
            {"uses": "git-clone", "as": "git-clone", "config": {"repoURL": URL, "checkout": [{"branch": "main", "path": "./src"}]}},
            {"uses": "yaml-update", "as": "yaml-update", "config": {"path": "./src/stages/${{ ctx.stage }}/values.yaml",
                "updates": [{"key": "image.tag", "value": "${{ commitFrom(vars.repo).ID }}"}]}},
            {"uses": "git-commit", "as": "git-commit", "config": {"path": "./src", "message": "${{ ctx.stage }} takes ${{ ctx.targetFreight.name }}"}},
            {"uses": "git-push", "as": "git-push", "config": {"path": "./src"}},
            {"uses": "compose-output", "as": "compose-output", "config": {"commit": "${{ outputs['git-push'].commit }}"}},
        ]});
        value["status"] = json!({
            "phase": "Succeeded", "startedAt": now(), "finishedAt": now(), "currentStep": 4,
            "freight": reference, "freightCollection": collection, "stepExecutionMetadata": done,
            "state": {"git-clone": {"commits": {"./src": commit(n)}}, "git-commit": {"commit": commit(n)},
                "git-push": {"commit": commit(n), "branch": "main"}, "compose-output": {"commit": commit(n)}},
        });
        value
    }
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn object(kind: &str, name: &str) -> Value {
    let uid = uuid::Uuid::new_v4().to_string();
    json!({
        "apiVersion": "kargo.akuity.io/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": "crowd", "uid": uid, "generation": 1, "creationTimestamp": now()},
    })
}

fn namespace() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "crowd", "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": now(),
            "labels": {"kargo.akuity.io/project": "true", "kubernetes.io/metadata.name": "crowd"}},
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    })
}

fn project() -> Value {
    let mut value = object("Project", "crowd");
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("namespace");
    }
    value
}

fn name_of_freight(n: usize) -> String {
    format!("{n:040x}")
}

fn commit(n: usize) -> String {
    format!("{:040x}", n + 1_000_000)
}

fn commits(n: usize) -> Value {
    json!([{"repoURL": URL, "id": commit(n), "branch": "main", "message": format!("Change number {n}"),
        "author": "Dev <dev@example.com>", "committer": "Dev <dev@example.com>"}])
}

fn reference(n: usize) -> Value {
    json!({"name": name_of_freight(n), "origin": {"kind": "Warehouse", "name": "app"}, "commits": commits(n)})
}

fn freight(n: usize) -> Value {
    let mut value = object("Freight", &name_of_freight(n));
    value["metadata"]["labels"] = json!({"kargo.akuity.io/alias": format!("quiet-harbour-{n}")});
    value["alias"] = json!(format!("quiet-harbour-{n}"));
    value["origin"] = json!({"kind": "Warehouse", "name": "app"});
    value["commits"] = commits(n);
    value
}

fn stage(n: usize) -> Value {
    let mut value = object("Stage", &format!("stage-{n:04}"));
    value["metadata"]["finalizers"] = json!(["kargo.akuity.io/finalizer"]);
    value["spec"] = json!({
        "requestedFreight": [{"origin": {"kind": "Warehouse", "name": "app"}, "sources": {"direct": true}}],
        "promotionTemplate": {"spec": {"steps": [
            {"uses": "compose-output", "as": "out", "config": {"stage": "${{ ctx.stage }}"}},
        ]}},
    });
    value
}
