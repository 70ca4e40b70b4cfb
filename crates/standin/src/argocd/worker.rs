//! One Application's task: wakes, asks [`step::next`], does it, writes the versions one by one, until it may rest.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::api::DynamicObject;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::application::{REFRESH, RESOURCES_FINALIZER, at, flag, list, name, namespace, sources};
use super::cluster::{Cluster, Error};
use super::comparison::{self, Observed, Target};
use super::execution::Attempt;
use super::observation::Sources;
use super::operation::{self, Outcome};
use super::resource::{Key, owner};
use super::step::{self, Due, Memory, Step};
use super::unwritten::Unwritten;
use super::{Settings, execution, merge, observation, spec, windows};

/// How long it waits after something went wrong.
const PAUSE: Duration = Duration::from_secs(1);
/// When an operation that waits for a window is looked at again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// Steps without a rest; more means that two parties undo each other's work.
const MOST_STEPS: usize = 50;

/// What all Applications share.
pub struct Shared {
    pub client: Client,
    pub sources: Sources,
    pub settings: Settings,
    /// Told of every object that an Application manages.
    pub managed: tokio::sync::mpsc::UnboundedSender<Managed>,
}

/// An object that an Application manages.
pub struct Managed {
    pub kind: kube::core::ApiResource,
    pub key: Key,
    /// The Application's namespace and name.
    pub by: (String, String),
}

/// What may happen to an Application while its task rests.
#[derive(Default)]
pub struct Mailbox {
    bell: Notify,
    due: Mutex<Due>,
}

impl Mailbox {
    /// The object changed.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// A comparison is due.
    pub fn owe(&self, due: Due) {
        let mut known = self.due.lock();
        *known = known.max(due);
        drop(known);
        self.ring();
    }
}

/// The task of one Application; it outlives the object, which may be made again.
pub struct Worker {
    pub shared: Arc<Shared>,
    pub mailbox: Arc<Mailbox>,
    pub namespace: String,
    pub name: String,
    pub shutdown: CancellationToken,
}

impl Worker {
    pub async fn run(self) {
        let mut run =
            Run { worker: &self, memory: Memory::default(), target: None, unwritten: Unwritten::default() };
        loop {
            let rest = run.pass().await;
            if matches!(rest, Rest::Gone) {
                run = Run {
                    worker: &self,
                    memory: Memory::default(),
                    target: None,
                    unwritten: Unwritten::default(),
                };
            }
            let sleep = async {
                match rest {
                    Rest::Until(Some(time)) => tokio::time::sleep(until(time)).await,
                    // One that is gone may be made again under its name.
                    Rest::Gone | Rest::Until(None) => std::future::pending().await,
                    Rest::Failed => tokio::time::sleep(PAUSE).await,
                }
            };
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                // Perhaps what an operation waits for has come.
                () = self.mailbox.bell.notified() => run.memory.blocked_until = None,
                () = sleep => {}
            }
        }
    }
}

fn until(time: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or_default()
}

/// Why a pass ended.
#[derive(Clone, Copy)]
enum Rest {
    Gone,
    Until(Option<Timestamp>),
    Failed,
}

struct Run<'a> {
    worker: &'a Worker,
    memory: Memory,
    /// What Git had for the spec when it was asked last.
    target: Option<(Vec<Value>, Target)>,
    unwritten: Unwritten,
}

impl Run<'_> {
    async fn pass(&mut self) -> Rest {
        for _ in 0..MOST_STEPS {
            if self.worker.shutdown.is_cancelled() {
                return Rest::Until(None);
            }
            match self.one().await {
                Ok(None) => {}
                Ok(Some(rest)) => return rest,
                // Somebody else wrote in between: look again.
                Err(error) if error.is_conflict() => {}
                Err(error) => {
                    let worker = self.worker;
                    tracing::warn!(namespace = worker.namespace, name = worker.name, %error, "application");
                    return Rest::Failed;
                }
            }
        }
        tracing::warn!(name = self.worker.name, "an application does not come to rest");
        Rest::Failed
    }

    async fn one(&mut self) -> Result<Option<Rest>, Error> {
        let cluster = Cluster::new(self.worker.shared.client.clone());
        let api = cluster.argo("Application", &self.worker.namespace);
        let Some(app) = cluster.get(&api, &self.worker.name).await? else { return Ok(Some(Rest::Gone)) };
        let owed = std::mem::take(&mut *self.worker.mailbox.due.lock());
        self.memory.due = self.memory.due.max(owed);
        let mut writer = Writer { cluster: &cluster, api, app };
        let app = writer.app.clone();
        let shared = &self.worker.shared;
        match step::next(&app, &self.memory, Timestamp::now()) {
            Step::Rest(until) => return Ok(Some(Rest::Until(until))),
            Step::Begin => {
                (self.memory.blocked_until, self.memory.is_whole) = (None, true);
                writer.write(&operation::begin(&app, Timestamp::now())).await?;
            }
            Step::Retry => {
                self.memory.is_whole = true;
                writer.write(&operation::retry(&app)).await?;
            }
            Step::Terminate => {
                let outcome = Outcome {
                    phase: "Failed",
                    message: "Operation terminated".to_owned(),
                    result: at(&app, "/status/operationState/syncResult").cloned(),
                    remembered: false,
                };
                self.end(&mut writer, &outcome).await?;
            }
            Step::Operate if self.is_blocked(&cluster, &app).await? => {
                writer.write(&operation::blocked(&app)).await?;
                self.memory.blocked_until = Timestamp::now().checked_add(LOOK_AGAIN).ok();
            }
            Step::Operate => {
                let begin = async |app| execution::attempt(&cluster, shared, &app).await;
                match self.unwritten.or(&app, begin).await? {
                    Attempt::Ended(outcome) => self.end(&mut writer, &outcome).await?,
                    Attempt::Waits(why, result) => {
                        writer.write(&operation::waiting(&app, &why, result)).await?;
                        self.memory.blocked_until = Timestamp::now().checked_add(LOOK_AGAIN).ok();
                    }
                }
                self.unwritten.forget();
            }
            Step::Compare { due, annotated } => self.compare(&mut writer, due, annotated).await?,
            Step::Delete => self.delete(&mut writer).await?,
        }
        Ok(None)
    }

    /// Whether the project's windows let the running operation wait.
    async fn is_blocked(&self, cluster: &Cluster, app: &Value) -> Result<bool, Error> {
        let project = observation::project(cluster, app, &self.worker.shared.settings.namespace).await?;
        let by_hand = !flag(app, "/status/operationState/operation/initiatedBy/automated");
        Ok(!windows::permit(project.as_ref(), app, by_hand, Timestamp::now()))
    }

    async fn end(&mut self, writer: &mut Writer<'_>, outcome: &Outcome) -> Result<(), Error> {
        let again = !std::mem::take(&mut self.memory.is_whole);
        for version in operation::end(&writer.app, outcome, again, Timestamp::now()) {
            writer.write(&version).await?;
        }
        if operation::wants_comparison(&writer.app) {
            self.memory.due = Due::Operation;
        }
        Ok(())
    }

    async fn compare(&mut self, writer: &mut Writer<'_>, due: Due, annotated: bool) -> Result<(), Error> {
        let shared = &self.worker.shared;
        let app = writer.app.clone();
        let observed = self.observe(writer.cluster, &app, due).await?;
        let owner = self.owner();
        let full = due > Due::Resources;
        let now = Timestamp::now();
        let own_namespace = &shared.settings.namespace;
        let findings = |app: &Value| comparison::compared(app, &observed, &owner, own_namespace, full, now);
        let next = findings(&app);
        if let Ok(target) = &observed.target
            && observed.may_sync
            && let Some(asked) = operation::automatic(&next, target, now)
        {
            writer.write(&with_operation(&writer.app, asked)).await?;
        }
        if due == Due::Operation
            && !shared.settings.stale.is_zero()
            && let Some(stale) = comparison::stale_first(&writer.app, &findings(&writer.app))
        {
            writer.write(&stale).await?;
            tokio::time::sleep(shared.settings.stale).await;
        }
        writer.write(&findings(&writer.app)).await?;
        if annotated {
            let mut version = writer.app.clone();
            merge::remove(&mut version, &["metadata", "annotations", REFRESH]);
            writer.write(&version).await?;
        }
        self.memory.compared = app.get("spec").cloned();
        self.memory.due = Due::Nothing;
        if full {
            let interval =
                SignedDuration::try_from(shared.settings.refresh_interval).unwrap_or(SignedDuration::MAX);
            self.memory.refresh_at = Timestamp::now().checked_add(interval).ok();
        }
        Ok(())
    }

    /// Removes what the Application manages, then the finalizer that asked for it.
    async fn delete(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        execution::remove_all(writer.cluster, &writer.app, &self.owner()).await?;
        let mut version = writer.app.clone();
        let asks =
            |finalizer: &&Value| finalizer.as_str().is_some_and(|name| name.starts_with(RESOURCES_FINALIZER));
        let kept =
            list(&version, "/metadata/finalizers").iter().filter(|finalizer| !asks(finalizer)).cloned();
        let kept: Vec<Value> = kept.collect();
        merge::set(&mut version, &["metadata", "finalizers"], Value::from(kept));
        writer.write(&version).await
    }

    /// The name that the Application has in the notes of its objects.
    fn owner(&self) -> String {
        owner(&self.worker.namespace, &self.worker.name, &self.worker.shared.settings.namespace)
    }

    async fn observe(&mut self, cluster: &Cluster, app: &Value, due: Due) -> Result<Observed, Error> {
        let shared = &self.worker.shared;
        let project = observation::project(cluster, app, &shared.settings.namespace).await?;
        let sources = sources(app);
        let invalid = spec::invalid(app, project.as_ref());
        let kept = self.target.take().filter(|(of, _)| due <= Due::Resources && *of == sources);
        let target = match kept {
            _ if invalid.is_some() => Err("the spec is not valid".to_owned()),
            Some((_, target)) => Ok(target),
            None => shared.sources.target(&sources).await,
        };
        self.target = target.as_ref().ok().map(|target| (sources, target.clone()));
        let namespace = &shared.settings.namespace;
        let resources =
            observation::resources(cluster, app, target.as_ref().ok(), project.as_ref(), namespace).await?;
        for resource in &resources {
            if let Some(kind) = cluster.kind(&resource.key).await? {
                let by = (self.worker.namespace.clone(), self.worker.name.clone());
                let _ = shared.managed.send(Managed { kind: kind.resource, key: resource.key.clone(), by });
            }
        }
        let may_sync = windows::permit(project.as_ref(), app, false, Timestamp::now());
        Ok(Observed { invalid, target, resources, may_sync })
    }
}

/// The version in which an operation that starts by itself appears.
fn with_operation(app: &Value, asked: Value) -> Value {
    let mut version = app.clone();
    merge::set(&mut version, &["operation"], asked);
    if at(app, "/status").is_none() {
        // The whole type is written once, with its members that are empty; two of them stay.
        let compared_to = json!({"destination": {}, "source": {"repoURL": ""}});
        let sync = json!({"comparedTo": compared_to, "status": ""});
        let empty = json!({"health": {}, "sourceHydrator": {}, "summary": {}, "sync": sync});
        merge::set(&mut version, &["status"], empty);
    }
    merge::remove(&mut version, &["status", "operationState"]);
    version
}

/// Writes versions of one Application, each on top of the one before.
struct Writer<'a> {
    cluster: &'a Cluster,
    api: kube::Api<DynamicObject>,
    app: Value,
}

impl Writer<'_> {
    /// Sends what changed, if anything did; a conflict where somebody else wrote in between.
    async fn write(&mut self, version: &Value) -> Result<(), Error> {
        let Some(mut patch) = merge::between(&self.app, version) else { return Ok(()) };
        let seen = at(&self.app, "/metadata/resourceVersion").cloned().unwrap_or_default();
        merge::set(&mut patch, &["metadata", "resourceVersion"], seen);
        tracing::debug!(namespace = namespace(&self.app), name = name(&self.app), %patch, "application");
        self.app = self.cluster.patch(&self.api, name(&self.app), patch).await?;
        Ok(())
    }
}
