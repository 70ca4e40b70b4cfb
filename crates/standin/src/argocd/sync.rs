//! What a sync does, object by object, and how it is told afterwards.

use serde_json::{Value, json};

use super::application::{has_sources, list, sources, text};
use super::operation::Outcome;
use super::resource::{Key, Resource, wave};

/// What the operation's `sync` asks for.
#[derive(Debug, Clone)]
pub struct Request {
    sync: Value,
}

impl Request {
    pub fn of(sync: &Value) -> Self {
        Self { sync: sync.clone() }
    }

    pub fn is_dry_run(&self) -> bool {
        self.flag("dryRun")
    }

    pub fn flag(&self, name: &str) -> bool {
        self.sync.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether `syncOptions` has `NAME=true`.
    pub fn has_option(&self, name: &str) -> bool {
        let wanted = format!("{name}=true");
        list(&self.sync, "/syncOptions").iter().any(|option| option.as_str() == Some(&wanted))
    }

    /// Whether only some resources are to be synced.
    pub fn is_partial(&self) -> bool {
        !list(&self.sync, "/resources").is_empty()
    }

    pub fn selects(&self, key: &Key) -> bool {
        let named = |entry: &Value| {
            text(entry, "/group") == key.group
                && text(entry, "/kind") == key.kind
                && text(entry, "/name") == key.name
                && matches!(text(entry, "/namespace"), "" | "*")
                    | (text(entry, "/namespace") == key.namespace)
        };
        !self.is_partial() || list(&self.sync, "/resources").iter().any(named)
    }

    /// The sources and revisions that the operation names in place of the spec's.
    pub fn sources(&self, app: &Value) -> Vec<Value> {
        let mut sources = match self.sync.get("source") {
            _ if !list(&self.sync, "/sources").is_empty() => list(&self.sync, "/sources").to_vec(),
            Some(source) if !source.is_null() => vec![source.clone()],
            _ => sources(app),
        };
        let revisions = list(&self.sync, "/revisions").iter().map(|r| r.as_str().unwrap_or_default());
        let one = text(&self.sync, "/revision");
        let named: Vec<&str> = if has_sources(app) { revisions.collect() } else { vec![one] };
        for (source, revision) in sources.iter_mut().zip(named).filter(|(_, revision)| !revision.is_empty()) {
            source["targetRevision"] = json!(revision);
        }
        sources
    }

    /// The same without the revisions: what the result and the history show.
    fn shown_sources(&self, app: &Value) -> Vec<Value> {
        match self.sync.get("source") {
            _ if !list(&self.sync, "/sources").is_empty() => list(&self.sync, "/sources").to_vec(),
            Some(source) if !source.is_null() => vec![source.clone()],
            _ => sources(app),
        }
    }

    /// `operationState.syncResult`; without revisions where Git gave none.
    pub fn result(&self, app: &Value, revisions: Option<&[String]>, entries: &[Value]) -> Value {
        let shown = self.shown_sources(app);
        let mut result = json!({"source": shown.first()});
        if has_sources(app) {
            result["revision"] = json!("");
            result["sources"] = json!(shown);
            if let Some(revisions) = revisions {
                result["revisions"] = json!(revisions);
            }
        } else {
            let asked = text(&self.sync, "/revision");
            result["revision"] =
                json!(revisions.and_then(|r| r.first().map(String::as_str)).unwrap_or(asked));
        }
        if !entries.is_empty() {
            result["resources"] = Value::from(entries);
        }
        result
    }
}

/// What is to be done with one object.
#[derive(Debug, Clone)]
pub enum Task {
    /// Make the namespace that everything else goes into.
    Prepare(Resource),
    /// Make it as Git wants it.
    Apply(Resource),
    /// Make it anew: it does something and comes to an end.
    Hook(Resource),
    /// Remove it: Git has it no longer.
    Prune(Key),
    /// It should be removed, but nobody said that this may be done.
    Keep(Key),
}

impl Task {
    pub fn key(&self) -> &Key {
        match self {
            Self::Prepare(resource) | Self::Apply(resource) | Self::Hook(resource) => &resource.key,
            Self::Prune(key) | Self::Keep(key) => key,
        }
    }
}

/// When something is done: what is in one stage must be well before the next begins. Of the sync (0) or of the hooks
/// before (-1) and after it (1), and which wave.
pub type Stage = (i8, i64);

impl Task {
    pub fn stage(&self) -> Stage {
        match self {
            // Before everything else.
            Self::Prepare(_) => (-2, 0),
            Self::Apply(resource) => (0, resource.target.as_ref().map_or(0, wave)),
            Self::Hook(resource) => {
                let place = match resource.hook() {
                    Some("PreSync") => -1,
                    Some("PostSync") => 1,
                    _ => 0,
                };
                (place, resource.target.as_ref().map_or(0, wave))
            }
            Self::Prune(_) | Self::Keep(_) => (0, 0),
        }
    }

    /// As it is told.
    fn phase(&self) -> &'static str {
        match self.stage().0 {
            ..0 => "PreSync",
            0 => "Sync",
            1.. => "PostSync",
        }
    }
}

/// The tasks of a sync, in the order in which they are done.
pub fn plan(request: &Request, resources: &[Resource]) -> Vec<Task> {
    let chosen = resources.iter().filter(|resource| request.selects(&resource.key));
    let mut tasks: Vec<(Stage, usize, Task)> = chosen
        .filter_map(|resource| {
            let hook = resource.hook();
            if hook.is_some() && (resource.target.is_none() || request.is_partial()) {
                return None;
            }
            let task = match &resource.target {
                Some(_) if matches!(hook, Some("PreSync" | "Sync" | "PostSync")) => {
                    Task::Hook(resource.clone())
                }
                // One for failures, or for nothing.
                Some(_) if hook.is_some() => return None,
                Some(_) if request.has_option("ApplyOutOfSyncOnly") && resource.is_synced() => return None,
                Some(_) => Task::Apply(resource.clone()),
                None if request.flag("prune") => Task::Prune(resource.key.clone()),
                None => Task::Keep(resource.key.clone()),
            };
            Some((task.stage(), rank(&resource.key.kind), task))
        })
        .collect();
    tasks.sort_by(|a, b| (a.0, a.1, a.2.key()).cmp(&(b.0, b.1, b.2.key())));
    tasks.into_iter().map(|(_, _, task)| task).collect()
}

/// Kinds that others need come first.
const FIRST: &[&str] = &[
    "Namespace",
    "ResourceQuota",
    "LimitRange",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
];

fn rank(kind: &str) -> usize {
    FIRST.iter().position(|first| *first == kind).unwrap_or(FIRST.len())
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Applied; the word says how: `created`, `configured`, `unchanged`.
    Applied(&'static str),
    /// Applied over an object that somebody else had made; with the plural of its kind.
    Adopted(String),
    Pruned,
    Kept,
    /// The server does not serve the kind.
    UnknownKind,
    /// The project does not allow the kind.
    Forbidden(String),
    /// The server refused it.
    Refused(String),
}

impl Done {
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Applied(_) | Self::Adopted(_) | Self::Pruned | Self::Kept)
    }

    fn message(&self, key: &Key, dry_run: bool) -> String {
        let dry = if dry_run { " (dry run)" } else { "" };
        match self {
            Self::Applied(how) => format!("{} {how}{dry}", key.told()),
            // Word for word: it is compared with the recordings.
            Self::Adopted(plural) => format!(
                "{} configured{dry}. Warning: resource {plural}/{} is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by  apply.  apply should only be used on resources created declaratively by either  create --save-config or  apply. The missing annotation will be patched automatically.",
                key.told(),
                key.name
            ),
            Self::Pruned => format!("pruned{dry}"),
            Self::Kept => "ignored (requires pruning)".to_owned(),
            Self::UnknownKind => format!(
                "The Kubernetes API could not find {}/{} for requested resource {}/{}. Make sure the \"{}\" CRD is installed on the destination cluster.",
                key.group, key.kind, key.namespace, key.name, key.kind
            ),
            Self::Forbidden(project) => {
                format!("resource {}:{} is not permitted in project {project}", key.group, key.kind)
            }
            Self::Refused(why) => why.clone(),
        }
    }
}

/// `syncResult.resources`.
pub fn entries(request: &Request, done: &[(Task, Done)]) -> Vec<Value> {
    // A sync that goes on is over before its objects were looked at again; one that fails has seen the others through.
    let is_seen = request.is_dry_run() || done.iter().any(|(_, done)| !done.is_good());
    done.iter().map(|(task, done)| entry(task, done, is_seen, request.is_dry_run())).collect()
}

fn entry(task: &Task, done: &Done, is_seen: bool, dry_run: bool) -> Value {
    let key = task.key();
    let (status, phase) = match done {
        Done::Applied(_) | Done::Adopted(_) => {
            ("Synced", Some(if is_seen { "Succeeded" } else { "Running" }))
        }
        Done::Pruned => ("Pruned", Some("Succeeded")),
        Done::Kept => ("PruneSkipped", Some("Succeeded")),
        Done::UnknownKind | Done::Forbidden(_) => ("SyncFailed", None),
        Done::Refused(_) => ("SyncFailed", Some("Failed")),
    };
    let mut entry = json!({
        "group": key.group, "kind": key.kind, "name": key.name, "namespace": key.namespace, "version": key.version,
        "status": status, "syncPhase": task.phase(), "message": done.message(key, dry_run),
    });
    if let Some(phase) = phase {
        entry["hookPhase"] = json!(phase);
    }
    if let Task::Hook(resource) = task {
        entry["hookType"] = json!(resource.hook());
    }
    if let Task::Apply(Resource { target: Some(target), .. })
    | Task::Hook(Resource { target: Some(target), .. }) = task
    {
        let images = images(target);
        if !images.is_empty() {
            entry["images"] = json!(images);
        }
    }
    entry
}

/// The images of a Pod or of what makes Pods.
fn images(object: &Value) -> Vec<String> {
    let specs = ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    let lists =
        specs.iter().flat_map(|spec| ["initContainers", "containers"].map(|list| format!("{spec}/{list}")));
    let containers = lists.flat_map(|pointer| list(object, &pointer).to_vec());
    containers
        .map(|container| text(&container, "/image").to_owned())
        .filter(|image| !image.is_empty())
        .collect()
}

/// How an attempt ended that did all it was asked for.
pub fn succeeded(request: &Request, nothing: bool, result: Value) -> Outcome {
    let message = if nothing || request.is_dry_run() {
        "successfully synced (no more tasks)"
    } else {
        "successfully synced (all tasks run)"
    };
    let remembered = !request.is_dry_run() && !request.is_partial();
    Outcome { phase: "Succeeded", message: message.to_owned(), result: Some(result), remembered }
}

/// How an attempt ended in which something could not be done. `before`: it was found out before anything was applied.
pub fn failed(done: &[(Task, Done)], result: Value, before: bool) -> Outcome {
    let Some((task, first)) = done.iter().find(|(_, done)| !done.is_good()) else {
        return Outcome { result: Some(result), ..Outcome::error("nothing failed") };
    };
    let key = task.key();
    let message = match first {
        Done::UnknownKind => format!(
            "one or more synchronization tasks are not valid: failed to discover server resources for group version {}: the server could not find the requested resource",
            key.api_version()
        ),
        Done::Forbidden(_) => {
            format!("one or more synchronization tasks are not valid: {}", first.message(key, false))
        }
        _ if before => format!("one or more objects failed to apply, reason: {}", first.message(key, false)),
        _ => {
            let reason = first.message(key, false);
            format!("one or more synchronization tasks completed unsuccessfully, reason: {reason}")
        }
    };
    Outcome { phase: "Failed", message, result: Some(result), remembered: false }
}
