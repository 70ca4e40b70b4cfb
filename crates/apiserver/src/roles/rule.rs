//! One rule of a role: what it permits, and whether it covers another.

use serde_json::{Map, Value};

use crate::authorization::Attributes;

/// A rule as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) verbs: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) resources: Vec<String>,
    /// Empty: whatever the name.
    pub(crate) names: Vec<String>,
    /// Paths that are no resources; a last `*` stands for whatever follows.
    pub(crate) paths: Vec<String>,
}

const ALL: &str = "*";

impl Rule {
    pub(crate) fn read(rule: &Value) -> Self {
        let list = |field: &str| -> Vec<String> {
            let items = rule.get(field).and_then(Value::as_array);
            items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            verbs: list("verbs"),
            groups: list("apiGroups"),
            resources: list("resources"),
            names: list("resourceNames"),
            paths: list("nonResourceURLs"),
        }
    }

    /// The rules of a role.
    pub(crate) fn all(role: &Value) -> Vec<Self> {
        role.get("rules").and_then(Value::as_array).into_iter().flatten().map(Self::read).collect()
    }

    /// Whether it permits a request.
    pub(crate) fn permits(&self, wanted: &Attributes) -> bool {
        if !has(&self.verbs, &wanted.verb) {
            return false;
        }
        match &wanted.path {
            Some(path) => self.paths.iter().any(|pattern| path_fits(pattern, path)),
            None => {
                has(&self.groups, &wanted.group)
                    && self.covers_resource(&wanted.resource, &wanted.subresource)
                    && (self.names.is_empty() || self.names.contains(&wanted.name))
            }
        }
    }

    fn covers_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|own| {
            if own == ALL {
                return true;
            }
            match own.split_once('/') {
                _ if subresource.is_empty() => own == resource,
                Some((ALL, sub)) => sub == subresource,
                Some((name, sub)) => name == resource && sub == subresource,
                None => false,
            }
        })
    }

    /// The rule in parts of one verb, group and resource (or path) each, names kept apart too.
    pub(crate) fn parts(&self) -> Vec<Self> {
        let one = |text: &String| vec![text.clone()];
        let mut parts = Vec::new();
        for verb in &self.verbs {
            for group in &self.groups {
                for resource in &self.resources {
                    let part = Self {
                        verbs: one(verb),
                        groups: one(group),
                        resources: one(resource),
                        ..Self::default()
                    };
                    if self.names.is_empty() {
                        parts.push(part);
                    } else {
                        parts.extend(self.names.iter().map(|name| Self { names: one(name), ..part.clone() }));
                    }
                }
            }
            parts.extend(self.paths.iter().map(|path| Self {
                verbs: one(verb),
                paths: one(path),
                ..Self::default()
            }));
        }
        parts
    }

    /// Whether it permits everything that a part of another rule does.
    pub(crate) fn covers(&self, part: &Self) -> bool {
        let within = |own: &[String], theirs: &[String]| theirs.iter().all(|text| has(own, text));
        if !within(&self.verbs, &part.verbs) {
            return false;
        }
        if !part.paths.is_empty() {
            return part.paths.iter().all(|path| {
                self.paths.iter().any(|own| own == path || own.ends_with('*') && path_fits(own, path))
            });
        }
        let resources = part.resources.iter().all(|theirs| {
            let (resource, subresource) = theirs.split_once('/').unwrap_or((theirs, ""));
            self.resources.contains(theirs) || self.covers_resource(resource, subresource)
        });
        let names = self.names.is_empty()
            || !part.names.is_empty() && part.names.iter().all(|n| self.names.contains(n));
        within(&self.groups, &part.groups) && resources && names
    }

    /// As a rules review shows it.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = Map::new();
        let fields = [
            ("verbs", &self.verbs),
            ("apiGroups", &self.groups),
            ("resources", &self.resources),
            ("resourceNames", &self.names),
            ("nonResourceURLs", &self.paths),
        ];
        for (field, list) in fields {
            if !list.is_empty() {
                shown.insert(field.into(), list.clone().into());
            }
        }
        Value::Object(shown)
    }
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|own| own == ALL || own == wanted)
}

fn path_fits(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => pattern == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(verbs: &[&str], resources: &[&str], names: &[&str]) -> Rule {
        Rule::read(
            &json!({"verbs": verbs, "apiGroups": [""], "resources": resources, "resourceNames": names}),
        )
    }

    fn asks(verb: &str, resource: &str, subresource: &str, name: &str) -> Attributes {
        let text = str::to_owned;
        Attributes {
            verb: text(verb),
            resource: text(resource),
            subresource: text(subresource),
            name: text(name),
            ..Attributes::default()
        }
    }

    #[test]
    fn subresources_are_permitted_apart() {
        let pods = rule(&["get"], &["pods"], &[]);
        assert!(pods.permits(&asks("get", "pods", "", "a")));
        assert!(!pods.permits(&asks("get", "pods", "log", "a")));
        assert!(rule(&["get"], &["*/log"], &[]).permits(&asks("get", "pods", "log", "a")));
        assert!(!rule(&["get"], &["*/log"], &[]).permits(&asks("get", "pods", "", "a")));
        assert!(rule(&["*"], &["*"], &[]).permits(&asks("approve", "pods", "log", "")));
    }

    #[test]
    fn names_limit_and_a_list_has_none() {
        let one = rule(&["get", "list"], &["pods"], &["a"]);
        assert!(one.permits(&asks("get", "pods", "", "a")));
        assert!(!one.permits(&asks("get", "pods", "", "b")));
        assert!(!one.permits(&asks("list", "pods", "", "")));
    }

    #[test]
    fn a_part_is_covered_by_as_much_or_more() {
        let all = rule(&["*"], &["*"], &[]);
        let named = rule(&["get"], &["pods"], &["a"]);
        assert!(named.parts().iter().all(|part| all.covers(part)));
        assert!(all.parts().iter().all(|part| !named.covers(part)));
        assert!(rule(&["get"], &["pods"], &[]).parts().iter().all(|part| !named.covers(part)));
        let paths = |paths: &[&str]| Rule::read(&json!({"verbs": ["get"], "nonResourceURLs": paths}));
        assert!(paths(&["/api/*"]).covers(&paths(&["/api/v1"])));
        assert!(!paths(&["/api/v1"]).covers(&paths(&["/api/*"])));
    }
}
