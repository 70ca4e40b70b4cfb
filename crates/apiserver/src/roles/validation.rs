//! What is wrong with a role or binding.

use serde_json::Value;

use super::GROUP;
use crate::schema::{Cause, CauseReason};

fn cause(reason: CauseReason, field: String, message: &str) -> Cause {
    Cause { reason, field, message: message.to_owned() }
}

fn required(field: String, what: &str) -> Cause {
    cause(CauseReason::Required, field, &format!("Required value: {what}"))
}

/// Judges by the object's kind.
pub(crate) fn check(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    if kind.ends_with("Binding") {
        return binding(object, old, kind == "RoleBinding");
    }
    let mut causes = Vec::new();
    for (i, rule) in list(object, "rules").iter().enumerate() {
        causes.extend(self::rule(rule, &format!("rules[{i}]"), kind == "Role"));
    }
    if let Some(aggregation) = object.get("aggregationRule").filter(|rule| !rule.is_null())
        && list(aggregation, "clusterRoleSelectors").is_empty()
    {
        let field = "aggregationRule.clusterRoleSelectors".to_owned();
        causes
            .push(required(field, "at least one clusterRoleSelector required if aggregationRule is non-nil"));
    }
    causes
}

fn list<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    object.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn rule(rule: &Value, at: &str, namespaced: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    if list(rule, "verbs").is_empty() {
        causes.push(required(format!("{at}.verbs"), "verbs must contain at least one value"));
    }
    if !list(rule, "nonResourceURLs").is_empty() {
        let field = format!("{at}.nonResourceURLs");
        if namespaced {
            let why = "namespaced rules cannot apply to non-resource URLs";
            causes.push(cause(CauseReason::Invalid, field, why));
        } else if ["apiGroups", "resources", "resourceNames"].iter().any(|f| !list(rule, f).is_empty()) {
            let why = "rules cannot apply to both regular resources and non-resource URLs";
            causes.push(cause(CauseReason::Invalid, field, why));
        }
        return causes;
    }
    if list(rule, "apiGroups").is_empty() {
        causes.push(required(format!("{at}.apiGroups"), "resource rules must supply at least one api group"));
    }
    if list(rule, "resources").is_empty() {
        causes.push(required(format!("{at}.resources"), "resource rules must supply at least one resource"));
    }
    causes
}

fn binding(object: &Value, old: Option<&Value>, namespaced: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let reference = object.get("roleRef").unwrap_or(&Value::Null);
    let of =
        |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let unsupported = |field: &str, value: &str, supported: &str| {
        let text = format!("Unsupported value: \"{value}\": supported values: {supported}");
        cause(CauseReason::NotSupported, field.to_owned(), &text)
    };
    let group = of(reference, "apiGroup");
    if !group.is_empty() && group != GROUP {
        causes.push(unsupported("roleRef.apiGroup", &group, &format!("\"{GROUP}\"")));
    }
    match (of(reference, "kind").as_str(), namespaced) {
        ("ClusterRole", _) | ("Role", true) => {}
        (other, true) => causes.push(unsupported("roleRef.kind", other, "\"ClusterRole\", \"Role\"")),
        (other, false) => causes.push(unsupported("roleRef.kind", other, "\"ClusterRole\"")),
    }
    if of(reference, "name").is_empty() {
        causes.push(required("roleRef.name".to_owned(), ""));
    }
    if old.is_some_and(|old| old.get("roleRef") != object.get("roleRef")) {
        causes.push(cause(
            CauseReason::Invalid,
            "roleRef".to_owned(),
            "Invalid value: cannot change roleRef",
        ));
    }
    for (i, subject) in list(object, "subjects").iter().enumerate() {
        let at = |field: &str| format!("subjects[{i}].{field}");
        if of(subject, "name").is_empty() {
            causes.push(required(at("name"), ""));
        }
        let group = of(subject, "apiGroup");
        match of(subject, "kind").as_str() {
            "ServiceAccount" => {
                if !group.is_empty() {
                    causes.push(unsupported(&at("apiGroup"), &group, "\"\""));
                }
                if !namespaced && of(subject, "namespace").is_empty() {
                    causes.push(required(at("namespace"), ""));
                }
            }
            "User" | "Group" => {
                if group != GROUP {
                    causes.push(unsupported(&at("apiGroup"), &group, &format!("\"{GROUP}\"")));
                }
            }
            other => {
                let kinds = "\"ServiceAccount\", \"User\", \"Group\"";
                causes.push(unsupported(&at("kind"), other, kinds));
            }
        }
    }
    causes
}
