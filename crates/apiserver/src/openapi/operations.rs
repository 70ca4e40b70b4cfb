//! The paths of a resource and what can be done there.

use serde_json::{Map, Value, json};

use super::{Resource, builtin::SCHEMAS};

/// A resource of a group version, with the names of its schemas.
pub(super) struct Place<'a> {
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    pub(super) resource: &'a Resource,
    pub(super) schema: &'a str,
    pub(super) list: &'a str,
}

const MACHINERY: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
/// Query parameters: name, type, what it does.
const LISTING: [(&str, &str, &str); 6] = [
    ("continue", "string", "where to go on with a list that was cut"),
    ("fieldSelector", "string", "only objects with these fields"),
    ("labelSelector", "string", "only objects with these labels"),
    ("limit", "integer", "at most so many objects"),
    ("resourceVersion", "string", "not older than this version"),
    ("watch", "boolean", "follow the changes"),
];
const WRITING: [(&str, &str, &str); 3] = [
    ("dryRun", "string", "All: check everything and store nothing"),
    ("fieldManager", "string", "the name of who writes"),
    ("fieldValidation", "string", "what becomes of unknown fields: Ignore, Warn or Strict"),
];
const FORCING: [(&str, &str, &str); 1] =
    [("force", "boolean", "take fields over from other managers (apply only)")];

impl Place<'_> {
    /// All paths with their operations.
    pub(super) fn paths(&self) -> Vec<(String, Value)> {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        let plural = &self.resource.plural;
        let collection = if self.resource.namespaced {
            format!("{root}/namespaces/{{namespace}}/{plural}")
        } else {
            format!("{root}/{plural}")
        };
        let one = format!("{collection}/{{name}}");
        let mut paths = vec![
            (collection, self.item(&["get", "post", "delete"], self.list)),
            (one.clone(), self.item(&["get", "put", "patch", "delete"], self.schema)),
        ];
        if self.resource.namespaced {
            paths.push((format!("{root}/{plural}"), self.item(&["get"], self.list)));
        }
        for subresource in self.resource.subresources.iter().filter(|name| *name == "status") {
            paths.push((format!("{one}/{subresource}"), self.item(&["get", "put", "patch"], self.schema)));
        }
        paths
    }

    fn item(&self, methods: &[&str], answer: &str) -> Value {
        let operations = methods.iter().map(|method| ((*method).to_owned(), self.operation(method, answer)));
        Value::Object(operations.collect::<Map<_, _>>())
    }

    fn operation(&self, method: &str, answer: &str) -> Value {
        let listing = answer == self.list;
        let (action, answer) = match (method, listing) {
            ("get", true) => ("list", answer.to_owned()),
            ("get", false) => ("get", answer.to_owned()),
            ("post", _) => ("post", self.schema.to_owned()),
            ("delete", true) => ("deletecollection", format!("{MACHINERY}.Status")),
            ("delete", false) => ("delete", format!("{MACHINERY}.Status")),
            (other, _) => (other, answer.to_owned()),
        };
        let mut operation = json!({
            "tags": [self.tag()],
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {"group": self.group, "version": self.version, "kind": self.resource.kind},
            "parameters": parameters(action),
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": reference(&answer)}}}},
        });
        if let (Some(body), Value::Object(members)) = (self.body(action), &mut operation) {
            members.insert("requestBody".to_owned(), body);
        }
        operation
    }

    fn body(&self, action: &str) -> Option<Value> {
        let content = match action {
            "post" | "put" => json!({"application/json": {"schema": reference(self.schema)}}),
            "delete" => {
                json!({"application/json": {"schema": reference(&format!("{MACHINERY}.DeleteOptions"))}})
            }
            "patch" => {
                let strategic =
                    self.resource.schema.is_none().then_some("application/strategic-merge-patch+json");
                let types = [
                    "application/apply-patch+yaml",
                    "application/json-patch+json",
                    "application/merge-patch+json",
                ];
                let patch = reference(&format!("{MACHINERY}.Patch"));
                types
                    .into_iter()
                    .chain(strategic)
                    .map(|media| (media.to_owned(), json!({"schema": patch})))
                    .collect::<Map<_, _>>()
                    .into()
            }
            _ => return None,
        };
        Some(json!({"content": content}))
    }

    fn tag(&self) -> String {
        let group = self.group.trim_end_matches(".k8s.io").replace(['.', '-'], "");
        format!("{}_{}", if group.is_empty() { "core" } else { &group }, self.version)
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("{SCHEMAS}{name}")})
}

fn parameters(action: &str) -> Value {
    let named: Vec<&(&str, &str, &str)> = match action {
        "list" | "deletecollection" => LISTING.iter().collect(),
        "post" | "put" => WRITING.iter().collect(),
        "patch" => WRITING.iter().chain(&FORCING).collect(),
        "delete" => WRITING.iter().take(1).collect(),
        _ => Vec::new(),
    };
    named
        .into_iter()
        .map(|(name, kind, description)| json!({"name": name, "in": "query", "description": description, "schema": {"type": kind, "uniqueItems": true}}))
        .collect()
}
