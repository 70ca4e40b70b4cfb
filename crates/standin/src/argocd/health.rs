//! How well a resource is, by its kind, and how well an Application is, by its resources.

use serde_json::{Value, json};

use super::application::{at, list, text};
use super::resource::Resource;

/// From best to worst.
const ORDER: &[&str] = &["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"];

/// `status.health` of an Application, without the time.
pub fn of_application(resources: &[Resource]) -> Value {
    let resources: Vec<&Resource> = resources.iter().filter(|resource| resource.hook().is_none()).collect();
    if !resources.is_empty() && resources.iter().all(|resource| resource.live.is_none()) {
        return json!({"status": "Missing"});
    }
    let mut worst = (0, None);
    for resource in resources {
        let Some(status) = resource.live.as_ref().and_then(of) else { continue };
        let rank = ORDER.iter().position(|known| *known == status).unwrap_or(ORDER.len() - 1);
        if rank > worst.0 {
            worst = (rank, Some(&resource.key));
        }
    }
    match worst {
        (rank, Some(key)) => {
            let slash = if key.group.is_empty() { "" } else { "/" };
            let cause = format!("Caused by {}{slash}{}:{}/{}", key.group, key.kind, key.namespace, key.name);
            json!({"status": ORDER.get(rank).copied().unwrap_or("Unknown"), "message": cause})
        }
        _ => json!({"status": "Healthy"}),
    }
}

/// How well a live object is; `None` where its kind says nothing about that.
pub fn of(live: &Value) -> Option<&'static str> {
    if at(live, "/metadata/deletionTimestamp").is_some() {
        return Some("Progressing");
    }
    match (text(live, "/apiVersion"), text(live, "/kind")) {
        ("apps/v1", "Deployment") => Some(deployment(live)),
        ("apps/v1", "StatefulSet") => Some(replicas(live, "readyReplicas", "updatedReplicas")),
        ("apps/v1", "ReplicaSet") => Some(replicas(live, "availableReplicas", "replicas")),
        ("apps/v1", "DaemonSet") => Some(daemon_set(live)),
        ("batch/v1", "Job") => Some(job(live)),
        ("v1", "Pod") => Some(pod(live)),
        ("v1", "PersistentVolumeClaim") => Some(match text(live, "/status/phase") {
            "Bound" => "Healthy",
            "Lost" => "Degraded",
            _ => "Progressing",
        }),
        _ => None,
    }
}

fn number(object: &Value, pointer: &str, otherwise: i64) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(otherwise)
}

/// Whether the object's own controller has seen its newest generation.
fn is_observed(live: &Value) -> bool {
    number(live, "/status/observedGeneration", 0) >= number(live, "/metadata/generation", 0)
}

fn condition<'a>(live: &'a Value, kind: &str) -> Option<&'a Value> {
    list(live, "/status/conditions").iter().find(|condition| text(condition, "/type") == kind)
}

fn deployment(live: &Value) -> &'static str {
    if live.pointer("/spec/paused").and_then(Value::as_bool) == Some(true) {
        return "Suspended";
    }
    let late =
        condition(live, "Progressing").is_some_and(|c| text(c, "/reason") == "ProgressDeadlineExceeded");
    if is_observed(live) && late {
        return "Degraded";
    }
    let old_ones = number(live, "/status/replicas", 0) > number(live, "/status/updatedReplicas", 0);
    if old_ones { "Progressing" } else { replicas(live, "availableReplicas", "updatedReplicas") }
}

fn replicas(live: &Value, ready: &str, updated: &str) -> &'static str {
    let wanted = number(live, "/spec/replicas", 1);
    let enough = |member: &str| number(live, &format!("/status/{member}"), 0) >= wanted;
    if is_observed(live) && enough(ready) && enough(updated) { "Healthy" } else { "Progressing" }
}

fn daemon_set(live: &Value) -> &'static str {
    let wanted = number(live, "/status/desiredNumberScheduled", 0);
    let enough = |member: &str| number(live, &format!("/status/{member}"), 0) >= wanted;
    let all = is_observed(live) && enough("updatedNumberScheduled") && enough("numberAvailable");
    if all { "Healthy" } else { "Progressing" }
}

fn job(live: &Value) -> &'static str {
    let holds = |kind: &str| condition(live, kind).is_some_and(|c| text(c, "/status") == "True");
    match () {
        () if holds("Failed") => "Degraded",
        () if holds("Complete") => "Healthy",
        () if holds("Suspended") => "Suspended",
        () => "Progressing",
    }
}

fn pod(live: &Value) -> &'static str {
    let ready = condition(live, "Ready").is_some_and(|c| text(c, "/status") == "True");
    match text(live, "/status/phase") {
        "Succeeded" => "Healthy",
        "Running" if ready => "Healthy",
        "Failed" => "Degraded",
        "Running" if is_stuck(live) => "Degraded",
        _ => "Progressing",
    }
}

/// Whether a container of a Pod that is to run for ever waits because of an error.
fn is_stuck(pod: &Value) -> bool {
    let for_ever = matches!(text(pod, "/spec/restartPolicy"), "" | "Always");
    let waits = |container: &Value| {
        let reason = text(container, "/state/waiting/reason");
        reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff")
    };
    for_ever && list(pod, "/status/containerStatuses").iter().any(waits)
}

/// Why an object is Degraded, where its kind says it.
pub fn reason(live: &Value) -> Option<String> {
    match (text(live, "/apiVersion"), text(live, "/kind")) {
        ("apps/v1", "Deployment") => {
            Some(format!("Deployment {:?} exceeded its progress deadline", text(live, "/metadata/name")))
        }
        ("batch/v1", "Job") => {
            condition(live, "Failed").map(|condition| text(condition, "/message").to_owned())
        }
        ("v1", "Pod") => Some(text(live, "/status/message").to_owned()).filter(|why| !why.is_empty()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{of, of_application};
    use crate::argocd::resource::{Key, Resource};
    use serde_json::{Value, json};

    fn resource(object: Value, live: bool) -> Resource {
        let key = Key::of(&object);
        Resource { key, target: Some(object.clone()), live: live.then_some(object), is_permitted: true }
    }

    fn menu() -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "menu", "namespace": "tea"}})
    }

    fn web(status: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "tea", "generation": 2},
            "spec": {"replicas": 1}, "status": status,
        })
    }

    #[test]
    fn an_application_is_missing_only_when_everything_is() {
        let status = |resources: &[Resource]| of_application(resources)["status"].clone();
        assert_eq!(status(&[]), "Healthy");
        assert_eq!(status(&[resource(menu(), false)]), "Missing");
        assert_eq!(status(&[resource(menu(), true)]), "Healthy");
        assert_eq!(status(&[resource(menu(), true), resource(web(&json!({})), false)]), "Healthy");
    }

    #[test]
    fn the_worst_resource_is_named() {
        let health = of_application(&[resource(menu(), true), resource(web(&json!({})), true)]);
        assert_eq!(health, json!({"status": "Progressing", "message": "Caused by apps/Deployment:tea/web"}));
    }

    #[test]
    fn a_deployment_walks_to_healthy_or_degraded() {
        let good =
            json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
        let late = json!({"observedGeneration": 2, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]});
        let stale =
            json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
        assert_eq!(of(&web(&good)), Some("Healthy"));
        assert_eq!(of(&web(&late)), Some("Degraded"));
        assert_eq!(of(&web(&stale)), Some("Progressing"));
        assert_eq!(of(&menu()), None);
    }
}
