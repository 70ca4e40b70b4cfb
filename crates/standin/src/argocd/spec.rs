//! Whether an Application asks for something that it may have: its destination, its project, the project's limits.

use serde_json::Value;

use super::application::{list, sources, text};

const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
const IN_CLUSTER_NAME: &str = "in-cluster";
/// Allows everything where nobody made it.
const DEFAULT_PROJECT: &str = "default";

/// What is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// In words.
    pub what: String,
    /// How far an operation comes with it.
    pub stops: Stops,
}

/// Where an operation stops, which its result shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stops {
    /// Before anything, at the project that is not there.
    Project,
    /// Before Git is asked, at the destination that is not there.
    Destination,
    /// After Git was asked, at the limits of the project.
    Limits,
}

/// What is wrong with the spec, `None` where nothing is. `project` is the AppProject that it names, where there is one.
pub fn invalid(app: &Value, project: Option<&Value>) -> Option<Wrong> {
    let wrong = |stops| move |what| Wrong { what, stops };
    let name = text(app, "/spec/project");
    if project.is_none() && !matches!(name, "" | DEFAULT_PROJECT) {
        return Some(format!("Application referencing project {name} which does not exist"))
            .map(wrong(Stops::Project));
    }
    destination(app)
        .map(wrong(Stops::Destination))
        .or_else(|| project.and_then(|project| limits(app, project)).map(wrong(Stops::Limits)))
}

fn destination(app: &Value) -> Option<String> {
    let server = text(app, "/spec/destination/server");
    let cluster = text(app, "/spec/destination/name");
    if !server.is_empty() && !cluster.is_empty() {
        return Some(format!(
            "the destination has both the name {cluster} and the server {server}: give one"
        ));
    }
    if !matches!(cluster, "" | IN_CLUSTER_NAME) {
        return Some(format!("there are no clusters with this name: {cluster}"));
    }
    if server.is_empty() && cluster.is_empty() || !matches!(server, "" | IN_CLUSTER_SERVER) {
        return Some(format!(
            "the stand-in has no cluster {server:?}: it applies to {IN_CLUSTER_SERVER} only"
        ));
    }
    let sources = sources(app);
    if sources.is_empty() || sources.iter().any(|source| text(source, "/repoURL").is_empty()) {
        return Some("spec.source.repoURL is missing".to_owned());
    }
    None
}

fn limits(app: &Value, project: &Value) -> Option<String> {
    let name = text(app, "/spec/project");
    let server = text(app, "/spec/destination/server");
    let cluster = text(app, "/spec/destination/name");
    let sources = sources(app);
    let repo = sources.iter().map(|source| text(source, "/repoURL")).find(|url| !allows_repo(project, url));
    if let Some(url) = repo {
        return Some(format!("application repo {url} is not permitted in project '{name}'"));
    }
    let namespace = text(app, "/spec/destination/namespace");
    (!allows_destination(project, server, cluster, namespace)).then(|| {
        format!("application destination {server}{cluster} and namespace '{namespace}' do not match any of the allowed destinations in project '{name}'")
    })
}

fn allows_repo(project: &Value, url: &str) -> bool {
    list(project, "/spec/sourceRepos").iter().filter_map(Value::as_str).any(|pattern| fits(pattern, url))
}

fn allows_destination(project: &Value, server: &str, cluster: &str, namespace: &str) -> bool {
    list(project, "/spec/destinations").iter().any(|allowed| {
        let by_server =
            fits(text(allowed, "/server"), if server.is_empty() { IN_CLUSTER_SERVER } else { server });
        let by_name =
            fits(text(allowed, "/name"), if cluster.is_empty() { IN_CLUSTER_NAME } else { cluster });
        (by_server || by_name) && fits(text(allowed, "/namespace"), namespace)
    })
}

/// Whether a kind may be applied: the project's lists of kinds outside of and inside namespaces.
pub fn allows_kind(project: Option<&Value>, group: &str, kind: &str, namespaced: bool) -> bool {
    let Some(project) = project else { return true };
    let named = |pointer: &str| {
        list(project, pointer)
            .iter()
            .any(|entry| fits(text(entry, "/group"), group) && fits(text(entry, "/kind"), kind))
    };
    if namespaced {
        let only = project.pointer("/spec/namespaceResourceWhitelist").is_some_and(Value::is_array);
        (!only || named("/spec/namespaceResourceWhitelist")) && !named("/spec/namespaceResourceBlacklist")
    } else {
        named("/spec/clusterResourceWhitelist") && !named("/spec/clusterResourceBlacklist")
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{allows_kind, fits, invalid};
    use serde_json::{Value, json};

    fn app(project: &str, destination: &Value) -> Value {
        json!({"spec": {"project": project, "destination": destination, "source": {"repoURL": "https://git.test/a.git", "path": "app"}}})
    }

    #[test]
    fn destinations_and_projects() {
        let here = || json!({"server": "https://kubernetes.default.svc", "namespace": "tea"});
        let project = json!({"spec": {
            "sourceRepos": ["https://git.test/*"],
            "destinations": [{"server": "*", "namespace": "tea-*"}],
        }});
        assert_eq!(invalid(&app("default", &here()), None), None);
        assert_eq!(invalid(&app("default", &json!({"name": "in-cluster", "namespace": "tea"})), None), None);
        for (app, project, part) in [
            (app("default", &json!({"name": "moonbase"})), None, "no clusters with this name: moonbase"),
            (app("default", &json!({"name": "a", "server": "b"})), None, "both"),
            (app("nobody", &here()), None, "project nobody which does not exist"),
            (app("strict", &here()), Some(&project), "do not match any of the allowed destinations"),
            (
                app("strict", &here()),
                Some(&json!({"spec": {"sourceRepos": []}})),
                "is not permitted in project 'strict'",
            ),
        ] {
            let told = invalid(&app, project).map(|wrong| wrong.what).unwrap_or_default();
            assert!(told.contains(part), "{told:?} should say {part:?}");
        }
    }

    #[test]
    fn kinds_outside_of_namespaces_must_be_allowed() {
        let closed = json!({"spec": {"namespaceResourceBlacklist": [{"group": "", "kind": "ConfigMap"}]}});
        assert!(allows_kind(None, "", "Namespace", false));
        assert!(!allows_kind(Some(&closed), "", "Namespace", false));
        assert!(!allows_kind(Some(&closed), "", "ConfigMap", true));
        assert!(allows_kind(Some(&closed), "", "Secret", true));
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c*e", "abcde", true),
            ("a*d", "abc", false),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, text), want, "{pattern} {text}");
        }
    }
}
