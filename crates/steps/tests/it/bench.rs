//! A bench to run one step on: a real work directory, a world that has nothing, a ledger in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use ferry_api::{ClusterConfig, Freight, Promotion, Stage};
use ferry_engine::context::Surroundings;
use ferry_engine::evaluate::{Evaluator, Facts};
use ferry_engine::ledger::Recorder;
use ferry_engine::step::Registry;
use ferry_engine::work::{WorkDir, WorkDirectory, WorkRoot};
use ferry_engine::world::{CredentialType, Error, Happening, PromotionKey};
use ferry_engine::{Outcome, Services, StepContext, StepError, StepResult, World};
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Map, Value, json};

/// A world with nothing in it but Secrets, a Stage, and what Warehouses subscribe to.
#[derive(Clone, Default)]
pub struct Nothing {
    pub secrets: Vec<Secret>,
    pub stage: Option<Stage>,
    pub cluster_config: Option<ClusterConfig>,
    /// By the name of the Warehouse.
    pub subscriptions: BTreeMap<String, Vec<Value>>,
}

#[async_trait]
impl World for Nothing {
    async fn promotion(&self, _: &PromotionKey) -> Result<Option<Promotion>, Error> {
        Ok(None)
    }

    async fn write_status(&self, promotion: &Promotion) -> Result<Promotion, Error> {
        Ok(promotion.clone())
    }

    async fn stage(&self, _: &str, _: &str) -> Result<Option<Stage>, Error> {
        Ok(self.stage.clone())
    }

    async fn freight(&self, _: &str, _: &str) -> Result<Option<Freight>, Error> {
        Ok(None)
    }

    async fn warehouse_subscriptions(&self, _: &str, name: &str) -> Result<Option<Vec<Value>>, Error> {
        Ok(self.subscriptions.get(name).cloned())
    }

    async fn config_map(&self, _: &str, _: &str) -> Result<Option<ConfigMap>, Error> {
        Ok(None)
    }

    async fn cluster_config(&self) -> Result<Option<ClusterConfig>, Error> {
        Ok(self.cluster_config.clone())
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, Error> {
        let named = |s: &&Secret| {
            s.metadata.namespace.as_deref() == Some(namespace) && s.metadata.name.as_deref() == Some(name)
        };
        Ok(self.secrets.iter().find(named).cloned())
    }

    async fn credentials(&self, namespace: &str, kind: CredentialType) -> Result<Vec<Secret>, Error> {
        let labelled = |s: &&Secret| {
            let labels = s.metadata.labels.as_ref();
            labels.and_then(|l| l.get("kargo.akuity.io/cred-type")).is_some_and(|l| l == kind.as_str())
        };
        let here = |s: &&Secret| s.metadata.namespace.as_deref() == Some(namespace);
        let mut found: Vec<_> = self.secrets.iter().filter(here).filter(labelled).cloned().collect();
        found.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        Ok(found)
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    async fn aside(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }

    async fn sleep(&self, _: Duration) {}

    fn may_write_for(&self, _: Duration) -> bool {
        true
    }

    async fn tell(&self, _: &Promotion, _: Happening) {}
}

/// A ledger in memory.
#[derive(Default)]
pub struct Memory(parking_lot::Mutex<Vec<(String, Value)>>);

impl Memory {
    /// What another step finds.
    pub fn forget(&self) {
        self.0.lock().clear();
    }
}

#[async_trait]
impl Recorder for Memory {
    async fn record(&self, kind: &str, intent: Value) -> Result<(), StepError> {
        self.0.lock().push((kind.to_owned(), intent));
        Ok(())
    }

    fn recorded(&self, kind: &str) -> Vec<Value> {
        self.0.lock().iter().filter(|(k, _)| k == kind).map(|(_, v)| v.clone()).collect()
    }
}

/// A work directory and what it takes to run steps in it.
pub struct Bench {
    pub directory: WorkDirectory,
    pub ledger: Arc<Memory>,
    pub services: Services,
    pub world: Nothing,
    pub promotion: Promotion,
    pub runtime: tokio::runtime::Runtime,
    steps: Registry,
    next: std::cell::Cell<i64>,
    _temp: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let directory = WorkRoot::new(temp.path()).unwrap().directory("p").unwrap();
        directory.recover(None).unwrap();
        Self {
            directory,
            ledger: Arc::default(),
            services: Services::new(),
            world: Nothing::default(),
            promotion: Promotion::default(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
            steps: Registry::new(ferry_steps::BUILTIN.iter().copied()),
            next: std::cell::Cell::new(0),
            _temp: temp,
        }
    }

    /// The bench with files as the recordings write them.
    pub fn with(files: &Value) -> Self {
        let bench = Self::new();
        for (path, file) in files.as_object().into_iter().flatten() {
            put(&bench.work().join(path), file);
        }
        bench
    }

    /// Where the work directory is.
    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    pub fn context(&self, work: WorkDir) -> StepContext {
        let around = Surroundings {
            subject: Arc::new(self.promotion.clone()),
            services: self.services.clone(),
            world: Arc::new(self.world.clone()),
        };
        StepContext::new(work, self.ledger.clone(), around)
    }

    /// One attempt of a step: what it changed stays where it succeeded, and is undone where it failed.
    pub fn run(&self, kind: &str, config: Value) -> StepResult {
        self.run_in(kind, config, |_| {})
    }

    pub fn run_in(&self, kind: &str, config: Value, adapt: impl FnOnce(&mut StepContext)) -> StepResult {
        let prepared = self.steps.get(kind).unwrap().prepare(config)?;
        let n = self.next.replace(self.next.get() + 1);
        let mut context = self.context(self.directory.begin(n).unwrap());
        adapt(&mut context);
        let result = self.runtime.block_on(prepared.run(context));
        if result.is_ok() {
            self.directory.end().unwrap();
            self.directory.settle().unwrap();
        } else {
            self.directory.roll_back().unwrap();
        }
        result
    }

    /// Makes the Promotion, its Stage and its Warehouses what a recording says they are.
    pub fn set(&mut self, context: &Value, objects: &Value) {
        let text = |key: &str, default: &str| context[key].as_str().unwrap_or(default).to_owned();
        let list = |key: &str| context.get(key).cloned().unwrap_or_else(|| json!([]));
        let freight = context.get("freightCollection").or(context.get("freight"));
        let promotion = json!({
            "apiVersion": "kargo.akuity.io/v1alpha1", "kind": "Promotion",
            "metadata": {
                "name": text("promotion", "p"), "namespace": text("project", "demo"),
                "annotations": {"kargo.akuity.io/create-actor": text("actor", "")},
            },
            "spec": {
                "stage": text("stage", "dev"), "freight": text("targetFreight", ""),
                "vars": list("vars"), "steps": [],
            },
            "status": {
                "state": context.get("state").cloned().unwrap_or_else(|| json!({})),
                "freightCollection": freight,
            },
        });
        self.promotion = serde_json::from_value(promotion).unwrap();
        let stage = json!({
            "apiVersion": "kargo.akuity.io/v1alpha1", "kind": "Stage",
            "metadata": {"name": text("stage", "dev"), "namespace": text("project", "demo")},
            "spec": {"requestedFreight": list("freightRequests")},
        });
        self.world.stage = Some(serde_json::from_value(stage).unwrap());
        for object in objects.as_array().into_iter().flatten().filter(|o| o["kind"] == "Warehouse") {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let subscriptions = object["spec"]["subscriptions"].as_array().cloned();
            self.world.subscriptions.insert(name, subscriptions.unwrap_or_default());
        }
    }

    /// A step's config as the engine evaluates it.
    pub fn evaluated(&self, config: &Value, alias: &str) -> Result<Value, String> {
        let mut promotion = self.promotion.clone();
        let step = json!({"uses": "x", "as": alias, "config": config});
        promotion.spec.steps = vec![serde_json::from_value(step).map_err(|e| e.to_string())?];
        self.runtime.block_on(async {
            let evaluator = Evaluator::new(
                Arc::new(self.world.clone()),
                Arc::default(),
                Arc::new(promotion),
                Arc::new(Facts::of(self.world.stage.clone(), None)),
            );
            evaluator.config(0, Timestamp::UNIX_EPOCH).await.map_err(|e| e.to_string())
        })
    }

    /// What is in the work directory, as the recordings write it; directories only where they are empty.
    pub fn files(&self) -> BTreeMap<String, (Value, u32)> {
        let mut found = BTreeMap::new();
        read(&self.work(), &self.work(), &mut found);
        found
    }
}

/// A Secret with a credential of that type.
pub fn secret(kind: &str, name: &str, namespace: &str, data: &Value) -> Secret {
    let labels = json!({"kargo.akuity.io/cred-type": kind});
    let metadata = json!({"name": name, "namespace": namespace, "labels": labels});
    let mut secret: Secret = serde_json::from_value(json!({"metadata": metadata})).unwrap();
    let entry = |(key, value): (&String, &Value)| {
        (key.clone(), k8s_openapi::ByteString(value.as_str().unwrap().as_bytes().to_vec()))
    };
    secret.data = Some(data.as_object().unwrap().iter().map(entry).collect());
    secret
}

/// Writes a file as the recordings write it.
pub fn put(at: &Path, file: &Value) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    let text = |key: &str| file.get(key).and_then(Value::as_str);
    if let Some(target) = text("link") {
        return std::os::unix::fs::symlink(target, at).unwrap();
    }
    if file.get("dir").is_some() {
        return std::fs::create_dir_all(at).unwrap();
    }
    let contents = match (file.as_str(), text("base64"), text("repeat"), text("content")) {
        (Some(text), ..) | (.., Some(text)) => text.as_bytes().to_vec(),
        (_, Some(encoded), ..) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(),
        (_, _, Some(part), _) => {
            part.repeat(usize::try_from(file["count"].as_u64().unwrap()).unwrap()).into_bytes()
        }
        _ => panic!("no contents: {file}"),
    };
    std::fs::write(at, contents).unwrap();
    let mode = text("mode").map_or(0o644, |mode| u32::from_str_radix(mode, 8).unwrap());
    std::fs::set_permissions(at, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn read(base: &Path, at: &Path, found: &mut BTreeMap<String, (Value, u32)>) {
    use std::os::unix::fs::PermissionsExt;
    if !at.exists() {
        // No step has asked for anything of it.
        return;
    }
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(base).unwrap().to_str().unwrap().to_owned();
        let metadata = path.symlink_metadata().unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_symlink() {
            found.insert(name, (json!({"link": path.read_link().unwrap()}), 0));
        } else if metadata.is_dir() {
            if std::fs::read_dir(&path).unwrap().next().is_none() {
                found.insert(name, (json!({"dir": true}), 0));
            }
            read(base, &path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let value = match String::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => json!(text),
                Ok(text) => json!({"base64": encode(text.as_bytes())}),
                Err(e) => json!({"base64": encode(e.as_bytes())}),
            };
            found.insert(name, (value, mode));
        }
    }
}

fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// What a result is in the recordings' words.
pub fn told(result: &StepResult) -> Map<String, Value> {
    let (status, terminal, output) = match result {
        Ok(Outcome::Succeeded(output)) => ("Succeeded", false, Some(output)),
        Ok(Outcome::Skipped(_, output)) => ("Skipped", false, Some(output)),
        Ok(Outcome::Waiting { output, .. }) => ("Running", false, Some(output)),
        Err(StepError::Config(_) | StepError::Failed(_)) => ("Failed", true, None),
        Err(StepError::Refused(_)) => ("Failed", false, None),
        Err(StepError::Fatal(_)) => ("Errored", true, None),
        Err(StepError::Broken { output, .. }) => ("Errored", true, Some(&**output)),
        Err(StepError::Retryable(_)) => ("Errored", false, None),
    };
    let mut told =
        Map::from_iter([("status".to_owned(), json!(status)), ("terminal".to_owned(), json!(terminal))]);
    if let Some(values) = output.and_then(|o| o.values.clone()) {
        told.insert("output".to_owned(), Value::Object(values));
    }
    told
}

/// What the recordings say of a result, without what is only informative.
pub fn wanted(want: &Value, keys: &[&str]) -> Value {
    let mut wanted = Map::new();
    for key in keys {
        match want.get(*key) {
            Some(value) => wanted.insert((*key).to_owned(), value.clone()),
            None if *key == "terminal" => wanted.insert("terminal".to_owned(), json!(false)),
            None => None,
        };
    }
    Value::Object(wanted)
}
