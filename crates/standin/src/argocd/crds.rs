//! Our own minimal definitions of Application and AppProject: every field is kept, none is checked.

use serde_json::{Value, json};

/// The CustomResourceDefinitions that the stand-in needs where Argo CD is not installed.
pub fn crds() -> Vec<Value> {
    let column = |name: &str, path: &str| json!({"name": name, "type": "string", "jsonPath": path});
    vec![
        definition(
            ("Application", "applications", &["app", "apps"]),
            &[
                column("Sync Status", ".status.sync.status"),
                column("Health Status", ".status.health.status"),
                json!({"name": "Revision", "type": "string", "jsonPath": ".status.sync.revision", "priority": 10}),
                json!({"name": "Project", "type": "string", "jsonPath": ".spec.project", "priority": 10}),
            ],
        ),
        definition(("AppProject", "appprojects", &["appproj", "appprojs"]), &[]),
    ]
}

fn definition((kind, plural, short): (&str, &str, &[&str]), columns: &[Value]) -> Value {
    let kept = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let mut version = json!({
        "name": "v1alpha1",
        "served": true,
        "storage": true,
        "schema": {"openAPIV3Schema": {
            "type": "object",
            "required": ["spec"],
            "properties": {
                "operation": kept,
                "spec": kept,
                "status": kept,
            },
        }},
    });
    if !columns.is_empty() {
        version["additionalPrinterColumns"] = Value::from(columns);
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.argoproj.io")},
        "spec": {
            "group": "argoproj.io",
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": kind.to_lowercase(),
                "shortNames": short,
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::crds;
    use crate::argocd::application::{list, text};

    #[test]
    fn both_kinds_are_defined_without_a_status_subresource() {
        let names: Vec<_> = crds().iter().map(|crd| text(crd, "/metadata/name").to_owned()).collect();
        assert_eq!(names, ["applications.argoproj.io", "appprojects.argoproj.io"]);
        // Patches of `operation` and `status` go to the main resource, as with the real definition.
        assert!(
            crds()
                .iter()
                .all(|crd| list(crd, "/spec/versions").iter().all(|v| v.get("subresources").is_none()))
        );
    }
}
