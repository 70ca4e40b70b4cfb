//! From what was observed to the status: sync, health, resources, conditions, and whether a sync starts by itself.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::application::{at, has_sources, list, name, namespace, sources, text, written};
use super::resource::{Resource, owner_of, wave};
use super::spec::Wrong;
use super::{health, merge};

/// What Git has for an Application.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The commit of each source.
    pub revisions: Vec<String>,
    /// What each source is: `Directory`, or nothing for one that is only referred to.
    pub types: Vec<String>,
    /// Its manifests, as they stand in Git.
    pub manifests: Vec<Value>,
}

/// What the Application is compared with.
#[derive(Debug, Clone)]
pub struct Observed {
    /// What is wrong with its spec.
    pub invalid: Option<Wrong>,
    /// What Git has, or why that cannot be said.
    pub target: Result<Target, String>,
    /// What should be there and what is.
    pub resources: Vec<Resource>,
    /// Whether the project's windows let a sync begin by itself.
    pub may_sync: bool,
}

/// The Application after a comparison. `full`: one that was asked for or is due, which moves `reconciledAt`.
pub fn compared(
    app: &Value,
    observed: &Observed,
    owner: &str,
    own_namespace: &str,
    full: bool,
    now: Timestamp,
) -> Value {
    let mut next = app.clone();
    if let Some(wrong) = &observed.invalid {
        set_health(&mut next, json!({"status": "Unknown"}), now);
        merge::set(&mut next, &["status", "sync"], json!({"status": "Unknown"}));
        set_conditions(&mut next, &[("InvalidSpecError", wrong.what.clone())], now);
        return next;
    }
    let mut conditions = Vec::new();
    if let Err(why) = &observed.target {
        conditions.push(("ComparisonError", format!("Failed to load target state: {why}")));
    }
    conditions.extend(shared(app, &observed.resources, owner));
    set_conditions(&mut next, &conditions, now);
    set_health(&mut next, health::of_application(&observed.resources), now);
    let (hooks, own): (Vec<&Resource>, Vec<&Resource>) =
        observed.resources.iter().partition(|resource| resource.hook().is_some());
    let hooks = hooks.into_iter().filter(|hook| hook.live.is_some()).map(hook_entry);
    let own = own.into_iter().map(|resource| entry(resource, observed.target.is_err()));
    let mut entries: Vec<Value> = own.chain(hooks).collect();
    let place =
        |entry: &Value| ["/group", "/kind", "/namespace", "/name"].map(|at| text(entry, at).to_owned());
    entries.sort_by_cached_key(|entry| place(entry).join("/"));
    if entries.is_empty() {
        merge::remove(&mut next, &["status", "resources"]);
    } else {
        merge::set(&mut next, &["status", "resources"], Value::from(entries));
    }
    set_types(&mut next, observed.target.as_ref().ok());
    let sync = sync(app, observed);
    merge::set(&mut next, &["status", "sync"], sync);
    merge::set(&mut next, &["status", "controllerNamespace"], json!(own_namespace));
    merge::set(&mut next, &["status", "resourceHealthSource"], json!("appTree"));
    let images = images(&observed.resources);
    if images.is_empty() {
        if at(&next, "/status/summary/images").is_some() {
            merge::set(&mut next, &["status", "summary"], json!({}));
        }
    } else {
        merge::set(&mut next, &["status", "summary"], json!({"images": images}));
    }
    if full || at(app, "/status/reconciledAt").is_none() {
        merge::set(&mut next, &["status", "reconciledAt"], json!(written(now)));
    }
    next
}

/// The two versions that the real controller often writes instead of one: the new time with the old findings, then the
/// findings.
pub fn stale_first(app: &Value, next: &Value) -> Option<Value> {
    let mut stale = app.clone();
    merge::set(&mut stale, &["status", "reconciledAt"], at(next, "/status/reconciledAt")?.clone());
    (stale != *app && stale != *next).then_some(stale)
}

fn sync(app: &Value, observed: &Observed) -> Value {
    let mut compared_to = Map::new();
    for member in ["destination", "ignoreDifferences"] {
        if let Some(value) = app.pointer("/spec").and_then(|spec| spec.get(member)) {
            compared_to.insert(member.to_owned(), value.clone());
        }
    }
    let several = has_sources(app);
    let member = if several { "sources" } else { "source" };
    if let Some(value) = app.pointer("/spec").and_then(|spec| spec.get(member)) {
        compared_to.insert(member.to_owned(), value.clone());
    }
    let named = || sources(app).iter().map(|source| text(source, "/targetRevision").to_owned()).collect();
    let (status, revisions): (_, Vec<String>) = match &observed.target {
        Err(_) => ("Unknown", named()),
        Ok(target)
            if observed.resources.iter().all(|r| r.is_synced() || !r.is_permitted || r.hook().is_some()) =>
        {
            ("Synced", target.revisions.clone())
        }
        Ok(target) => ("OutOfSync", target.revisions.clone()),
    };
    let mut sync = json!({"comparedTo": compared_to, "status": status});
    if several {
        sync["revisions"] = json!(revisions);
    } else if let Some(revision) = revisions.first() {
        sync["revision"] = json!(revision);
    }
    sync
}

/// The entry of a hook that is there: it is neither compared nor counts for the health.
fn hook_entry(hook: &Resource) -> Value {
    let mut entry = entry(hook, false);
    if let Some(members) = entry.as_object_mut() {
        members.remove("status");
        members.insert("hook".to_owned(), json!(true));
        // Git is asked for hooks only when something is synced.
        members.insert("requiresPruning".to_owned(), json!(true));
    }
    entry
}

/// An entry of `status.resources`.
fn entry(resource: &Resource, unknown: bool) -> Value {
    let key = &resource.key;
    let status = match () {
        () if unknown || !resource.is_permitted => "Unknown",
        () if resource.is_synced() => "Synced",
        () => "OutOfSync",
    };
    let mut entry = json!({"kind": key.kind, "name": key.name, "status": status, "version": key.version});
    for (member, value) in [("group", &key.group), ("namespace", &key.namespace)] {
        if !value.is_empty() {
            entry[member] = json!(value);
        }
    }
    let wave = resource.target.as_ref().or(resource.live.as_ref()).map_or(0, wave);
    if wave != 0 {
        entry["syncWave"] = json!(wave);
    }
    if resource.target.is_none() {
        entry["requiresPruning"] = json!(true);
    }
    if resource.has_option("Prune=confirm") || resource.has_option("Delete=confirm") {
        entry["requiresDeletionConfirmation"] = json!(true);
    }
    entry
}

/// A warning for each object that another Application says is its own.
fn shared(app: &Value, resources: &[Resource], owner: &str) -> Vec<(&'static str, String)> {
    let other = |resource: &Resource| {
        let other = owner_of(resource.live.as_ref()?).filter(|other| *other != owner)?;
        let (kind, name, app, namespace) =
            (&resource.key.kind, &resource.key.name, name(app), namespace(app));
        Some((
            "SharedResourceWarning",
            format!("{kind}/{name} is part of applications {namespace}/{app} and {other}"),
        ))
    };
    resources.iter().filter_map(other).collect()
}

fn set_types(app: &mut Value, target: Option<&Target>) {
    let several = has_sources(app);
    merge::remove(app, &["status", "sourceType"]);
    merge::remove(app, &["status", "sourceTypes"]);
    match target {
        Some(target) if several => merge::set(app, &["status", "sourceTypes"], json!(target.types)),
        Some(target) => {
            if let Some(kind) = target.types.first().filter(|kind| !kind.is_empty()) {
                merge::set(app, &["status", "sourceType"], json!(kind));
            }
        }
        None => {}
    }
}

/// Writes the health; its time moves only with its status.
/// What runs in the Pods.
fn images(resources: &[Resource]) -> BTreeSet<String> {
    let pods =
        resources.iter().filter(|resource| resource.key.kind == "Pod" && resource.key.group.is_empty());
    let containers = pods.filter_map(|pod| pod.live.as_ref()).flat_map(|live| {
        ["/spec/initContainers", "/spec/containers"].into_iter().flat_map(|member| list(live, member))
    });
    containers
        .map(|container| text(container, "/image").to_owned())
        .filter(|image| !image.is_empty())
        .collect()
}

fn set_health(app: &mut Value, mut health: Value, now: Timestamp) {
    // Whoever brought it into this state stays named.
    if at(app, "/status/health/status") == health.get("status") {
        return;
    }
    health["lastTransitionTime"] = json!(written(now));
    merge::set(app, &["status", "health"], health);
}

/// Writes the conditions; one that stays keeps its time.
fn set_conditions(app: &mut Value, conditions: &[(&str, String)], now: Timestamp) {
    let old = list(app, "/status/conditions").to_vec();
    let since = |kind: &str, message: &str| {
        let same = old.iter().find(|c| text(c, "/type") == kind && text(c, "/message") == message);
        same.map_or_else(|| written(now), |condition| text(condition, "/lastTransitionTime").to_owned())
    };
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(kind, message)| json!({"type": kind, "message": message, "lastTransitionTime": since(kind, message)}))
        .collect();
    if conditions.is_empty() {
        merge::remove(app, &["status", "conditions"]);
    } else {
        merge::set(app, &["status", "conditions"], Value::from(conditions));
    }
}
