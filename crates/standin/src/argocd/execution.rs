//! Doing a sync's tasks at the API server, and taking everything away again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::application::{APPROVED, annotation, at, list, text, time};
use super::cluster::{Cluster, Error};
use super::health;
use super::observation;
use super::operation::Outcome;
use super::resource::{Key, Resource, owner_of};
use super::spec::{self, Stops, Wrong};
use super::sync::{self, Done, Request, Stage, Task};
use super::worker::Shared;

/// What came of an attempt.
#[derive(Clone)]
pub enum Attempt {
    Ended(Outcome),
    /// Something has to happen first: this is said meanwhile, and what was done so far.
    Waits(String, Option<Value>),
}

/// One attempt at what the running operation asks for.
pub async fn attempt(cluster: &Cluster, shared: &Shared, app: &Value) -> Result<Attempt, Error> {
    match planned(cluster, shared, app).await? {
        Ok(Plan { unconfirmed: Some(what), .. }) => {
            Ok(Attempt::Waits(format!("waiting for pruning confirmation of {what}"), None))
        }
        Ok(plan) => staged(cluster, app, plan).await,
        Err(outcome) => Ok(Attempt::Ended(outcome)),
    }
}

/// What is to be done.
struct Plan {
    request: Request,
    revisions: Vec<String>,
    tasks: Vec<Task>,
    /// What would be removed and may be only once somebody has said so.
    unconfirmed: Option<String>,
}

/// What would be removed and may be only once somebody has said so after the operation began.
fn unconfirmed(app: &Value, request: &Request, resources: &[Resource]) -> Option<String> {
    let approved = annotation(app, APPROVED).and_then(|text| text.parse::<Timestamp>().ok());
    let began = time(app, "/status/operationState/startedAt");
    let is_approved = approved.zip(began).is_some_and(|(at, began)| at >= began);
    if !request.flag("prune") || request.is_dry_run() || is_approved {
        return None;
    }
    let waiting = resources.iter().filter(|resource| {
        resource.target.is_none() && request.selects(&resource.key) && resource.has_option("Prune=confirm")
    });
    let names: Vec<String> = waiting
        .map(|resource| format!("{}/{}/{}", resource.key.group, resource.key.kind, resource.key.name))
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The tasks, or why there can be none.
async fn planned(cluster: &Cluster, shared: &Shared, app: &Value) -> Result<Result<Plan, Outcome>, Error> {
    let Some(asked) = at(app, "/status/operationState/operation/sync") else {
        return Ok(Err(Outcome::error("Invalid operation request: no operation specified")));
    };
    let request = Request::of(asked);
    let own_namespace = &shared.settings.namespace;
    let project = observation::project(cluster, app, own_namespace).await?;
    let wrong = spec::invalid(app, project.as_ref());
    let told = |wrong: &Wrong| Outcome::error(format!("InvalidSpecError: {}", wrong.what));
    match &wrong {
        Some(wrong) if wrong.stops == Stops::Project => return Ok(Err(told(wrong))),
        Some(wrong) if wrong.stops == Stops::Destination => {
            return Ok(Err(Outcome { result: Some(request.result(app, None, &[])), ..told(wrong) }));
        }
        _ => {}
    }
    let target = match shared.sources.target(&pinned(app, request.sources(app))).await {
        Ok(target) => target,
        Err(why) => {
            let result = Some(request.result(app, None, &[]));
            let message = format!("ComparisonError: Failed to load target state: {why}");
            return Ok(Err(Outcome { result, ..Outcome::error(message) }));
        }
    };
    if let Some(wrong) = &wrong {
        let result = Some(request.result(app, Some(&target.revisions), &[]));
        return Ok(Err(Outcome { result, ..told(wrong) }));
    }
    let resources =
        observation::resources(cluster, app, Some(&target), project.as_ref(), own_namespace).await?;
    let prepared = namespace_of(cluster, app, &request).await?.map(Task::Prepare);
    let tasks: Vec<Task> = prepared.into_iter().chain(sync::plan(&request, &resources)).collect();
    let unconfirmed = unconfirmed(app, &request, &resources);
    if so_far(app).is_empty() {
        let refused = refused(cluster, &tasks, text(app, "/spec/project")).await?;
        if !refused.is_empty() {
            let result = request.result(app, Some(&target.revisions), &sync::entries(&request, &refused));
            return Ok(Err(sync::failed(&refused, result, true)));
        }
    }
    Ok(Ok(Plan { request, revisions: target.revisions, tasks, unconfirmed }))
}

/// What the running operation has done so far.
fn so_far(app: &Value) -> &[Value] {
    list(app, "/status/operationState/syncResult/resources")
}

/// An operation that has begun to do something stays at its revision, whatever the branch does meanwhile.
fn pinned(app: &Value, mut sources: Vec<Value>) -> Vec<Value> {
    if so_far(app).is_empty() {
        return sources;
    }
    let several = list(app, "/status/operationState/syncResult/revisions");
    let one = at(app, "/status/operationState/syncResult/revision").filter(|_| several.is_empty());
    for (source, revision) in sources.iter_mut().zip(several.iter().chain(one)) {
        source["targetRevision"] = revision.clone();
    }
    sources
}

/// Does what is to be done, stage by stage, as far as that is possible now.
async fn staged(cluster: &Cluster, app: &Value, plan: Plan) -> Result<Attempt, Error> {
    let Plan { request, revisions, tasks, .. } = plan;
    let mut entries = so_far(app).to_vec();
    let result = |entries: &[Value]| request.result(app, Some(&revisions), entries);
    let stages: BTreeSet<Stage> = tasks.iter().map(Task::stage).collect();
    let mut ran = false;
    for stage in &stages {
        let own: Vec<&Task> = tasks.iter().filter(|task| task.stage() == *stage).collect();
        let mut done = Vec::new();
        for task in &own {
            let was_done = so_far(app).iter().any(|entry| Key::of_entry(entry).same(task.key()));
            if !was_done {
                done.push(((*task).clone(), one_task(cluster, task, request.is_dry_run()).await?));
            }
        }
        entries.extend(sync::entries(&request, &done));
        ran |= !done.is_empty();
        if done.iter().any(|(_, done)| !done.is_good()) {
            return Ok(Attempt::Ended(sync::failed(&done, result(&entries), false)));
        }
        if request.is_dry_run() {
            continue;
        }
        let is_last = stages.last() == Some(stage);
        match settled(cluster, &own, is_last, &mut entries).await? {
            Settled::Well => {}
            Settled::Waits(message) => return Ok(Attempt::Waits(message, Some(result(&entries)))),
            Settled::Failed(message) => {
                let outcome =
                    Outcome { result: Some(result(&entries)), phase: "Failed", ..Outcome::error(message) };
                return Ok(Attempt::Ended(outcome));
            }
        }
    }
    Ok(Attempt::Ended(sync::succeeded(&request, !ran, result(&entries))))
}

/// How a stage stands after everything in it was done.
enum Settled {
    Well,
    Waits(String),
    Failed(String),
}

/// Hooks must come to their end, always; objects must be well before the next stage.
async fn settled(
    cluster: &Cluster,
    tasks: &[&Task],
    is_last: bool,
    entries: &mut [Value],
) -> Result<Settled, Error> {
    let (mut waits, mut failed) = (None, None);
    for task in tasks {
        let (resource, is_hook) = match task {
            Task::Hook(resource) => (resource, true),
            Task::Apply(resource) if !is_last => (resource, false),
            _ => continue,
        };
        let key = &resource.key;
        let name = format!("{}/{}/{}", key.group, key.kind, key.name);
        // One that was removed after its end has ended.
        let Some(live) = cluster.live(key).await? else { continue };
        let phase = match health::of(&live) {
            Some("Progressing") if is_hook => {
                waits.get_or_insert(format!("waiting for completion of hook {name}"));
                "Running"
            }
            Some("Progressing") => {
                waits.get_or_insert(format!("waiting for healthy state of {name}"));
                "Running"
            }
            Some("Degraded") => {
                let message =
                    format!("one or more synchronization tasks completed unsuccessfully, reason: {name}");
                failed.get_or_insert(message);
                "Failed"
            }
            _ => "Succeeded",
        };
        if let Some(entry) = entries.iter_mut().find(|entry| Key::of_entry(entry).same(key)) {
            entry["hookPhase"] = json!(phase);
            if let Some(why) = health::reason(&live).filter(|_| phase == "Failed") {
                entry["message"] = json!(why);
            }
        }
        let over = (phase == "Succeeded" && resource.goes("HookSucceeded"))
            || (phase == "Failed" && resource.goes("HookFailed"));
        if is_hook && over {
            cluster.delete(key).await?;
        }
    }
    Ok(match (failed, waits) {
        (Some(message), _) => Settled::Failed(message),
        (None, Some(message)) => Settled::Waits(message),
        (None, None) => Settled::Well,
    })
}

/// The namespace that the operation wants to be made where it is not there.
async fn namespace_of(cluster: &Cluster, app: &Value, request: &Request) -> Result<Option<Resource>, Error> {
    let name = text(app, "/spec/destination/namespace");
    if !request.has_option("CreateNamespace") || name.is_empty() {
        return Ok(None);
    }
    let target = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let key = Key::of(&target);
    let live = cluster.live(&key).await?;
    Ok(live.is_none().then_some(Resource { key, target: Some(target), live, is_permitted: true }))
}

/// What can be known before anything is done: kinds that are not there or not allowed, and what the server refuses.
async fn refused(cluster: &Cluster, tasks: &[Task], project: &str) -> Result<Vec<(Task, Done)>, Error> {
    let mut invalid = Vec::new();
    for task in tasks {
        let key = task.key();
        let done = match cluster.kind(key).await? {
            None => Done::UnknownKind,
            Some(_) if matches!(task, Task::Apply(resource) | Task::Hook(resource) if !resource.is_permitted) => {
                Done::Forbidden(project.to_owned())
            }
            Some(_) => continue,
        };
        invalid.push((task.clone(), done));
    }
    if !invalid.is_empty() {
        return Ok(invalid);
    }
    // A namespace that is made by this very sync is not there yet for a trial.
    let is_namespace = |key: &Key| key.kind == "Namespace" && key.group.is_empty();
    let makes_namespaces = tasks.iter().any(|task| is_namespace(task.key()));
    let mut refused = Vec::new();
    for task in tasks.iter().filter(|_| !makes_namespaces) {
        if let Task::Apply(resource) = task
            && let Some(kind) = cluster.kind(task.key()).await?
            && let Err(error) = cluster.apply(&kind, resource, true).await
        {
            match error {
                error if error.is_invalid() => {}
                Error::Refused(status) => refused.push((task.clone(), Done::Refused(status.message))),
                error => return Err(error),
            }
        }
    }
    Ok(refused)
}

async fn one_task(cluster: &Cluster, task: &Task, dry_run: bool) -> Result<Done, Error> {
    let answer = match task {
        Task::Prepare(resource) | Task::Apply(resource) => match cluster.kind(&resource.key).await? {
            Some(kind) => cluster.apply(&kind, resource, dry_run).await.map(|how| {
                let adopted = how == "configured" && !resource.was_applied();
                if adopted { Done::Adopted(kind.resource.plural) } else { Done::Applied(how) }
            }),
            None => Ok(Done::UnknownKind),
        },
        Task::Hook(_) if dry_run => Ok(Done::Applied("created")),
        Task::Hook(resource) => hook(cluster, resource).await,
        Task::Prune(key) if !dry_run => cluster.delete(key).await.map(|()| Done::Pruned),
        Task::Prune(_) => Ok(Done::Pruned),
        Task::Keep(_) => Ok(Done::Kept),
    };
    match answer {
        Err(Error::Refused(status)) => Ok(Done::Refused(status.message)),
        other => other,
    }
}

/// Makes a hook anew, unless one that stays is there.
async fn hook(cluster: &Cluster, resource: &Resource) -> Result<Done, Error> {
    let Some(kind) = cluster.kind(&resource.key).await? else { return Ok(Done::UnknownKind) };
    if resource.live.is_some() && resource.goes("BeforeHookCreation") {
        cluster.delete(&resource.key).await?;
        let anew = Resource { live: None, ..resource.clone() };
        return cluster.apply(&kind, &anew, false).await.map(Done::Applied);
    }
    cluster.apply(&kind, resource, false).await.map(Done::Applied)
}

/// Removes what an Application manages and says it belongs to it.
pub async fn remove_all(cluster: &Cluster, app: &Value, owner: &str) -> Result<(), Error> {
    for key in observation::known(app) {
        if cluster.live(&key).await?.as_ref().and_then(owner_of) == Some(owner) {
            cluster.delete(&key).await?;
        }
    }
    Ok(())
}
