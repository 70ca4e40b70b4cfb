//! Doing a sync's tasks at the API server, and taking everything away again.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::application::{APPROVED, annotation, at, text, time};
use super::cluster::{Cluster, Error};
use super::observation;
use super::operation::Outcome;
use super::resource::{Key, Resource, owner_of};
use super::spec::{self, Stops, Wrong};
use super::sync::{self, Done, Request, Task};
use super::worker::Shared;

/// What came of an attempt.
pub enum Attempt {
    Ended(Outcome),
    /// Somebody has to confirm something first: this is said meanwhile.
    Waits(String),
}

/// One attempt at what the running operation asks for.
pub async fn attempt(cluster: &Cluster, shared: &Shared, app: &Value) -> Result<Attempt, Error> {
    if let Some(asked) = at(app, "/status/operationState/operation/sync")
        && let Some(what) = unconfirmed(cluster, shared, app, &Request::of(asked)).await?
    {
        return Ok(Attempt::Waits(format!("waiting for pruning confirmation of {what}")));
    }
    ended(cluster, shared, app).await.map(Attempt::Ended)
}

/// What would be removed and may be only once somebody has said so after the operation began.
async fn unconfirmed(
    cluster: &Cluster,
    shared: &Shared,
    app: &Value,
    request: &Request,
) -> Result<Option<String>, Error> {
    let approved = annotation(app, APPROVED).and_then(|text| text.parse::<Timestamp>().ok());
    let began = time(app, "/status/operationState/startedAt");
    if !request.flag("prune")
        || request.is_dry_run()
        || approved.zip(began).is_some_and(|(at, began)| at >= began)
    {
        return Ok(None);
    }
    let own_namespace = &shared.settings.namespace;
    let project = observation::project(cluster, app, own_namespace).await?;
    // What is wrong with the spec or the repository is for the attempt itself to say.
    let Ok(target) = shared.sources.target(&request.sources(app)).await else { return Ok(None) };
    let resources =
        observation::resources(cluster, app, Some(&target), project.as_ref(), own_namespace).await?;
    let waiting = resources.iter().filter(|resource| {
        resource.target.is_none() && request.selects(&resource.key) && resource.has_option("Prune=confirm")
    });
    let names: Vec<String> = waiting
        .map(|resource| format!("{}/{}/{}", resource.key.group, resource.key.kind, resource.key.name))
        .collect();
    Ok((!names.is_empty()).then(|| names.join(", ")))
}

async fn ended(cluster: &Cluster, shared: &Shared, app: &Value) -> Result<Outcome, Error> {
    let Some(asked) = at(app, "/status/operationState/operation/sync") else {
        return Ok(Outcome::error("Invalid operation request: no operation specified"));
    };
    let request = Request::of(asked);
    let own_namespace = &shared.settings.namespace;
    let project = observation::project(cluster, app, own_namespace).await?;
    let wrong = spec::invalid(app, project.as_ref());
    let told = |wrong: &Wrong| Outcome::error(format!("InvalidSpecError: {}", wrong.what));
    match &wrong {
        Some(wrong) if wrong.stops == Stops::Project => return Ok(told(wrong)),
        Some(wrong) if wrong.stops == Stops::Destination => {
            return Ok(Outcome { result: Some(request.result(app, None, &[])), ..told(wrong) });
        }
        _ => {}
    }
    let target = match shared.sources.target(&request.sources(app)).await {
        Ok(target) => target,
        Err(why) => {
            let result = Some(request.result(app, None, &[]));
            let message = format!("ComparisonError: Failed to load target state: {why}");
            return Ok(Outcome { result, ..Outcome::error(message) });
        }
    };
    if let Some(wrong) = &wrong {
        let result = Some(request.result(app, Some(&target.revisions), &[]));
        return Ok(Outcome { result, ..told(wrong) });
    }
    let resources =
        observation::resources(cluster, app, Some(&target), project.as_ref(), own_namespace).await?;
    let prepared = namespace_of(cluster, app, &request).await?.map(Task::Prepare);
    let tasks = prepared.into_iter().chain(sync::plan(&request, &resources)).collect();
    let (done, before) = perform(cluster, &request, tasks, text(app, "/spec/project")).await?;
    let result = request.result(app, Some(&target.revisions), &sync::entries(&request, &done));
    Ok(sync::outcome(&request, &done, result, before))
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

/// Does the tasks: first what can be known before, then for show, then in earnest. The flag says that nothing was changed.
async fn perform(
    cluster: &Cluster,
    request: &Request,
    tasks: Vec<Task>,
    project: &str,
) -> Result<(Vec<(Task, Done)>, bool), Error> {
    let mut invalid = Vec::new();
    for task in &tasks {
        let key = task.key();
        let done = match cluster.kind(key).await? {
            None => Done::UnknownKind,
            Some(_) if matches!(task, Task::Apply(resource) if !resource.is_permitted) => {
                Done::Forbidden(project.to_owned())
            }
            Some(_) => continue,
        };
        invalid.push((task.clone(), done));
    }
    if !invalid.is_empty() {
        return Ok((invalid, true));
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
    if !refused.is_empty() {
        return Ok((refused, true));
    }
    let mut done = Vec::new();
    for task in tasks {
        let outcome = one_task(cluster, &task, request.is_dry_run()).await?;
        done.push((task, outcome));
    }
    Ok((done, false))
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
        Task::Prune(key) if !dry_run => cluster.delete(key).await.map(|()| Done::Pruned),
        Task::Prune(_) => Ok(Done::Pruned),
        Task::Keep(_) => Ok(Done::Kept),
    };
    match answer {
        Err(Error::Refused(status)) => Ok(Done::Refused(status.message)),
        other => other,
    }
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
