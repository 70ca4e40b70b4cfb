//! Gathering what a comparison or a sync looks at: the project, the manifests in Git, the objects in the cluster.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::application::{at, flag, list, name, namespace, text};
use super::cluster::{Cluster, Error};
use super::comparison::Target;
use super::repository::{self, Repositories};
use super::resource::{Key, Resource, TRACKING_ID, owner, owner_of};
use super::revision::{Found, find};
use super::{directory, merge, spec};

/// How long one question to a repository may take.
const DEADLINE: Duration = Duration::from_mins(2);

/// The AppProject that an Application names, where there is one.
pub async fn project(cluster: &Cluster, app: &Value, own_namespace: &str) -> Result<Option<Value>, Error> {
    let name = match text(app, "/spec/project") {
        "" => "default",
        name => name,
    };
    cluster.get(&cluster.argo("AppProject", own_namespace), name).await
}

/// What one source has at a commit.
#[derive(Clone)]
struct Rendered {
    kind: &'static str,
    manifests: Vec<Value>,
}

/// URL, commit, path, and whether directories below count.
type Place = (String, String, String, bool);

/// How many directories are remembered: a commit never changes.
const REMEMBERED: usize = 64;

/// Repositories, with the manifests of the directories that were asked for last.
pub struct Sources {
    repositories: Arc<dyn Repositories>,
    rendered: Mutex<VecDeque<(Place, Rendered)>>,
}

impl Sources {
    pub fn new(repositories: Arc<dyn Repositories>) -> Self {
        Self { repositories, rendered: Mutex::default() }
    }

    /// What Git has for these sources, or why that cannot be said.
    pub async fn target(&self, sources: &[Value]) -> Result<Target, String> {
        let mut target = Target { revisions: Vec::new(), types: Vec::new(), manifests: Vec::new() };
        for (number, source) in (1..).zip(sources) {
            let answer = tokio::time::timeout(DEADLINE, self.one(source)).await;
            let late =
                || Err(repository::Error(format!("{} did not answer in time", text(source, "/repoURL"))));
            let (revision, rendered) = answer.unwrap_or_else(|_| late()).map_err(|error| {
                format!("failed to generate manifest for source {number} of {}: {error}", sources.len())
            })?;
            target.revisions.push(revision);
            target.types.push(rendered.kind.to_owned());
            target.manifests.extend(rendered.manifests);
        }
        Ok(target)
    }

    async fn one(&self, source: &Value) -> Result<(String, Rendered), repository::Error> {
        let (url, path) = (text(source, "/repoURL"), text(source, "/path"));
        if at(source, "/chart").is_some() {
            let what = "the stand-in knows no charts: it applies plain manifests only";
            return Err(repository::Error(what.to_owned()));
        }
        let revision = text(source, "/targetRevision");
        let commit = match find(&self.repositories.refs(url).await?, revision) {
            Some(Found::Commit(commit)) => commit,
            Some(Found::Prefix(prefix)) => self.repositories.commit(url, &prefix).await?,
            None => {
                let what = format!("unable to resolve '{revision}' to a commit SHA: revision not found");
                return Err(repository::Error(what));
            }
        };
        if path.is_empty() {
            return Ok((commit, Rendered { kind: "", manifests: Vec::new() }));
        }
        let recurse = flag(source, "/directory/recurse");
        let place = (url.to_owned(), commit.clone(), path.to_owned(), recurse);
        let known =
            self.rendered.lock().iter().find(|(known, _)| *known == place).map(|(_, known)| known.clone());
        if let Some(known) = known {
            return Ok((commit, known));
        }
        let files = self.repositories.files(url, &commit, path, recurse).await?;
        let files = files.ok_or_else(|| repository::Error(format!("{path}: app path does not exist")))?;
        let manifests = directory::manifests(&files);
        let manifests = manifests.map_err(|error| repository::Error(format!("{path}: {error}")))?;
        let rendered = Rendered { kind: "Directory", manifests };
        let mut all = self.rendered.lock();
        all.push_back((place, rendered.clone()));
        if all.len() > REMEMBERED {
            all.pop_front();
        }
        Ok((commit, rendered))
    }
}

/// What should be there and what is: the manifests of the target, and whatever the Application had before.
pub async fn resources(
    cluster: &Cluster,
    app: &Value,
    target: Option<&Target>,
    project: Option<&Value>,
    own_namespace: &str,
) -> Result<Vec<Resource>, Error> {
    let owner = owner(namespace(app), name(app), own_namespace);
    let mut found: Vec<Resource> = Vec::new();
    for manifest in target.into_iter().flat_map(|target| &target.manifests) {
        let manifest = placed(cluster, manifest, text(app, "/spec/destination/namespace"), &owner).await?;
        let key = Key::of(&manifest);
        let live = cluster.live(&key).await?;
        // The same object twice: the last one counts.
        found.retain(|resource| !resource.key.same(&key));
        let namespaced = !key.namespace.is_empty();
        let is_permitted = spec::allows_kind(project, &key.group, &key.kind, namespaced);
        found.push(Resource { key, target: Some(manifest), live, is_permitted });
    }
    for key in known(app) {
        if found.iter().any(|resource| resource.key.same(&key)) {
            continue;
        }
        let live = cluster.live(&key).await?.filter(|live| owner_of(live) == Some(&owner));
        if live.is_some() {
            found.push(Resource { key, target: None, live, is_permitted: true });
        }
    }
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

/// What the Application is known to have had.
pub fn known(app: &Value) -> Vec<Key> {
    let lists = ["/status/resources", "/status/operationState/syncResult/resources"];
    let mut keys: Vec<Key> = lists.iter().flat_map(|pointer| list(app, pointer)).map(Key::of_entry).collect();
    keys.sort();
    keys.dedup_by(|a, b| a.same(b));
    keys
}

/// A manifest with its namespace and the note whose it is.
async fn placed(cluster: &Cluster, manifest: &Value, namespace: &str, owner: &str) -> Result<Value, Error> {
    let mut manifest = with_data(manifest);
    // A kind that is not served is taken for one inside of namespaces, as the real one does.
    let namespaced = cluster.kind(&Key::of(&manifest)).await?.is_none_or(|kind| kind.namespaced);
    if !namespaced {
        merge::remove(&mut manifest, &["metadata", "namespace"]);
    } else if text(&manifest, "/metadata/namespace").is_empty() {
        merge::set(&mut manifest, &["metadata", "namespace"], json!(namespace));
    }
    let id = Key::of(&manifest).tracking_id(owner);
    merge::set(&mut manifest, &["metadata", "annotations", TRACKING_ID], json!(id));
    Ok(manifest)
}

/// A Secret's `stringData` as the server keeps it.
fn with_data(manifest: &Value) -> Value {
    use base64::Engine as _;
    let mut manifest = manifest.clone();
    if text(&manifest, "/kind") != "Secret" || text(&manifest, "/apiVersion") != "v1" {
        return manifest;
    }
    let plain = manifest.get("stringData").and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, value) in plain {
        let encoded = base64::engine::general_purpose::STANDARD.encode(value.as_str().unwrap_or_default());
        merge::set(&mut manifest, &["data", &key], json!(encoded));
    }
    merge::remove(&mut manifest, &["stringData"]);
    manifest
}
