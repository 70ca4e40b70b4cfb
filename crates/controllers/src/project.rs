//! Projects: their namespace and counts.

use std::sync::Arc;

use ferry_api::names::{FINALIZER, label};
use ferry_api::{ObjectMeta, Project, Stage, Warehouse};
use ferry_engine::world::{Error, answered};
use ferry_planner::decision::Requeue;
use ferry_planner::project::{self as rules, Action, Snapshot};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::Controllers;
use crate::runtime::{Key, Pass, patch, replace_status};

pub(crate) async fn pass(c: &Controllers, key: &Key) -> Result<Pass, Error> {
    let done = Ok(Pass::Done(Requeue::OnChange));
    let Some(project) = c.cache.projects.get("", &key.name) else { return done };
    let namespace = c.cache.namespaces.get("", &key.name);
    let warehouses = c.cache.warehouses.in_namespace(&key.name);
    let stages = c.cache.stages.in_namespace(&key.name);
    let decision = rules::decide(&Snapshot {
        project: &project,
        namespace: namespace.as_deref().map(|n| &n.metadata),
        warehouses: &warehouses.iter().map(Arc::as_ref).collect::<Vec<&Warehouse>>(),
        stages: &stages.iter().map(Arc::as_ref).collect::<Vec<&Stage>>(),
        now: c.world.now(),
    });
    for action in &decision.actions {
        match act(c, &project, namespace.as_deref(), action).await {
            Ok(()) | Err(Error::Gone(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if project.metadata.deletion_timestamp.is_none() && project.status.as_ref() != Some(&decision.status) {
        let mut changed = (*project).clone();
        if let Some(latest) = c.cache.projects.get("", &key.name) {
            changed.metadata = latest.metadata.clone();
        }
        changed.status = Some(decision.status);
        let api = Api::<Project>::all(c.client.clone());
        replace_status(&api, &c.cache.projects, &changed).await?;
    }
    done
}

async fn act(
    c: &Controllers,
    project: &Project,
    namespace: Option<&Namespace>,
    action: &Action,
) -> Result<(), Error> {
    let name = project.metadata.name.clone().unwrap_or_default();
    let projects = Api::<Project>::all(c.client.clone());
    let namespaces = Api::<Namespace>::all(c.client.clone());
    let without = |metadata: &ObjectMeta| {
        let all = metadata.finalizers.iter().flatten().filter(|f| *f != FINALIZER).cloned();
        json!({"metadata": {"finalizers": all.collect::<Vec<_>>(), "resourceVersion": metadata.resource_version}})
    };
    let with = |metadata: &ObjectMeta| {
        let mut all = metadata.finalizers.clone().unwrap_or_default();
        all.push(FINALIZER.to_owned());
        json!({"metadata": {"finalizers": all, "resourceVersion": metadata.resource_version}})
    };
    match action {
        Action::CreateNamespace => {
            let new = Namespace {
                metadata: ObjectMeta {
                    name: Some(name.clone()),
                    labels: Some([(label::PROJECT.to_owned(), "true".to_owned())].into()),
                    finalizers: Some(vec![FINALIZER.to_owned()]),
                    ..ObjectMeta::default()
                },
                ..Namespace::default()
            };
            ferry_failpoint::point!("namespace.create");
            let created = answered(&name, namespaces.create(&PostParams::default(), &new)).await?;
            ferry_failpoint::point!("namespace.created");
            c.cache.namespaces.learn(created);
            Ok(())
        }
        Action::DeleteNamespace => {
            answered(&name, namespaces.delete(&name, &DeleteParams::default())).await.map(|_| ())
        }
        Action::DeleteProject => {
            answered(&name, projects.delete(&name, &DeleteParams::default())).await.map(|_| ())
        }
        Action::ProtectProject => patch(&projects, &c.cache.projects, &name, &with(&project.metadata)).await,
        Action::ReleaseProject => {
            patch(&projects, &c.cache.projects, &name, &without(&project.metadata)).await
        }
        Action::ProtectNamespace => match namespace {
            Some(n) => patch(&namespaces, &c.cache.namespaces, &name, &with(&n.metadata)).await,
            None => Ok(()),
        },
        Action::ReleaseNamespace => {
            let latest = answered(&name, namespaces.get_opt(&name)).await?;
            match latest {
                Some(n) => patch(&namespaces, &c.cache.namespaces, &name, &without(&n.metadata)).await,
                None => Ok(()),
            }
        }
    }
}
