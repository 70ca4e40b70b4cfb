//! Doing a sync's tasks at the API server, and taking everything away again.

use serde_json::{Value, json};

use super::application::{name, text};
use super::cluster::{Cluster, Error};
use super::resource::{Key, Resource, owner_of};
use super::sync::{Done, Request, Task};
use super::{observation, spec};

/// The namespace that the operation wants to be made where it is not there.
pub async fn namespace_of(
    cluster: &Cluster,
    app: &Value,
    request: &Request,
) -> Result<Option<Resource>, Error> {
    let name = text(app, "/spec/destination/namespace");
    if !request.has_option("CreateNamespace") || name.is_empty() {
        return Ok(None);
    }
    let target = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let key = Key::of(&target);
    let live = cluster.live(&key).await?;
    Ok(live.is_none().then_some(Resource { key, target: Some(target), live }))
}

/// Does the tasks: first what can be known before, then for show, then in earnest. The flag says that nothing was changed.
pub async fn perform(
    cluster: &Cluster,
    request: &Request,
    tasks: Vec<Task>,
    project: Option<&Value>,
) -> Result<(Vec<(Task, Done)>, bool), Error> {
    let mut invalid = Vec::new();
    for task in &tasks {
        let key = task.key();
        let done = match cluster.kind(key).await? {
            None => Done::UnknownKind,
            Some(kind) if !spec::allows_kind(project, &key.group, &key.kind, kind.namespaced) => {
                Done::Forbidden(project.map(|project| name(project).to_owned()).unwrap_or_default())
            }
            Some(_) => continue,
        };
        invalid.push((task.clone(), done));
    }
    if !invalid.is_empty() {
        return Ok((invalid, true));
    }
    // A namespace that is made by this very sync is not there yet for a trial.
    let makes_namespaces =
        tasks.iter().any(|task| task.key().kind == "Namespace" && task.key().group.is_empty());
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
        Task::Apply(resource) => match cluster.kind(&resource.key).await? {
            Some(kind) => cluster.apply(&kind, resource, dry_run).await.map(Done::Applied),
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
