//! Schemas of the built-in kinds, from the types of the API itself.

use k8s_openapi::{
    api::{
        authentication::v1::{SelfSubjectReview, TokenRequest, TokenReview},
        authorization::v1::{
            LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
        },
        coordination::v1::Lease,
        core::v1::{ConfigMap, Event, Namespace, Secret, ServiceAccount},
        events::v1::Event as NewEvent,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::{DeleteOptions, ListMeta, ObjectMeta, Patch, Status},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// Where references point to.
pub(super) const SCHEMAS: &str = "#/components/schemas/";

type Schemas = Map<String, Value>;

/// A generator, and what it was asked for.
pub(super) struct Generator {
    inner: SchemaGenerator,
}

impl Generator {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::openapi3().with(|settings| {
            settings.transforms.clear();
            settings.meta_schema = None;
        });
        Self { inner: settings.into_generator() }
    }

    /// Asks for `T` and returns its name.
    pub(super) fn ask<T: JsonSchema>(&mut self) -> String {
        self.inner.subschema_for::<T>();
        T::schema_name().into_owned()
    }

    /// Asks for what every document refers to.
    pub(super) fn ask_for_common(&mut self) {
        self.ask::<ObjectMeta>();
        self.ask::<ListMeta>();
        self.ask::<DeleteOptions>();
        self.ask::<Patch>();
        self.ask::<Status>();
    }

    /// Asks for a built-in kind; `None` if it is not known here.
    pub(super) fn ask_for(&mut self, group: &str, kind: &str) -> Option<String> {
        Some(match (group, kind) {
            ("", "ConfigMap") => self.ask::<ConfigMap>(),
            ("", "Event") => self.ask::<Event>(),
            ("", "Namespace") => self.ask::<Namespace>(),
            ("", "Secret") => self.ask::<Secret>(),
            ("", "ServiceAccount") => self.ask::<ServiceAccount>(),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => self.ask::<CustomResourceDefinition>(),
            ("authentication.k8s.io", "SelfSubjectReview") => self.ask::<SelfSubjectReview>(),
            ("authentication.k8s.io", "TokenRequest") => self.ask::<TokenRequest>(),
            ("authentication.k8s.io", "TokenReview") => self.ask::<TokenReview>(),
            ("authorization.k8s.io", "LocalSubjectAccessReview") => self.ask::<LocalSubjectAccessReview>(),
            ("authorization.k8s.io", "SelfSubjectAccessReview") => self.ask::<SelfSubjectAccessReview>(),
            ("authorization.k8s.io", "SelfSubjectRulesReview") => self.ask::<SelfSubjectRulesReview>(),
            ("authorization.k8s.io", "SubjectAccessReview") => self.ask::<SubjectAccessReview>(),
            ("coordination.k8s.io", "Lease") => self.ask::<Lease>(),
            ("events.k8s.io", "Event") => self.ask::<NewEvent>(),
            ("rbac.authorization.k8s.io", "ClusterRole") => self.ask::<ClusterRole>(),
            ("rbac.authorization.k8s.io", "ClusterRoleBinding") => self.ask::<ClusterRoleBinding>(),
            ("rbac.authorization.k8s.io", "Role") => self.ask::<Role>(),
            ("rbac.authorization.k8s.io", "RoleBinding") => self.ask::<RoleBinding>(),
            _ => return None,
        })
    }

    /// The schemas asked for and all they refer to.
    pub(super) fn schemas(mut self) -> Schemas {
        let mut schemas: Schemas = self.inner.take_definitions(false);
        schemas.values_mut().for_each(references_in_all_of);
        patch_keys(&mut schemas);
        for name in ATOMIC {
            if let Some(Value::Object(schema)) = schemas.get_mut(*name) {
                schema.insert("x-kubernetes-map-type".to_owned(), "atomic".into());
            }
        }
        schemas
    }
}

/// What the API's own documentation says of a member of `T`.
pub(crate) fn documentation<T: JsonSchema>(member: &str) -> String {
    let schema = T::json_schema(&mut SchemaGenerator::default());
    let text = schema.pointer(&format!("/properties/{member}/description")).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// A reference with a description beside it is written as `allOf`, as OpenAPI asks.
fn references_in_all_of(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            // A member may be called `$ref`, too: then it is no text.
            if members.len() > 1
                && members.get("$ref").is_some_and(Value::is_string)
                && let Some(reference) = members.remove("$ref")
            {
                members.insert("allOf".to_owned(), json!([{"$ref": reference}]));
            }
            members.values_mut().for_each(references_in_all_of);
        }
        Value::Array(items) => items.iter_mut().for_each(references_in_all_of),
        _ => {}
    }
}

/// Objects that are one value: their members have no owners of their own.
const ATOMIC: &[&str] = &[
    "io.k8s.api.core.v1.LocalObjectReference",
    "io.k8s.api.core.v1.ObjectReference",
    "io.k8s.api.rbac.v1.RoleRef",
    "io.k8s.api.rbac.v1.Subject",
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
];

/// How clients that compute strategic merge patches merge the lists that do not simply replace each other.
fn patch_keys(schemas: &mut Schemas) {
    let lists = [
        ("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "ownerReferences", Some("uid")),
        ("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers", None),
        ("io.k8s.api.core.v1.ServiceAccount", "secrets", Some("name")),
        ("io.k8s.api.core.v1.NamespaceStatus", "conditions", Some("type")),
    ];
    for (schema, list, key) in lists {
        let Some(Value::Object(list)) =
            schemas.get_mut(schema).and_then(|schema| schema.pointer_mut(&format!("/properties/{list}")))
        else {
            continue;
        };
        list.insert("x-kubernetes-patch-strategy".to_owned(), "merge".into());
        list.insert("x-kubernetes-list-type".to_owned(), if key.is_some() { "map" } else { "set" }.into());
        if let Some(key) = key {
            list.insert("x-kubernetes-patch-merge-key".to_owned(), key.into());
            list.insert("x-kubernetes-list-map-keys".to_owned(), json!([key]));
        }
    }
}

/// The schema of a built-in kind without references, so that it can be compiled like that of a definition; where it
/// contains itself, anything may stand.
pub fn inlined(group: &str, kind: &str) -> Option<Value> {
    let mut generator = Generator::new();
    let name = generator.ask_for(group, kind)?;
    let schemas = generator.schemas();
    let mut schema = schemas.get(&name)?.clone();
    inline(&mut schema, &schemas, &mut vec![name]);
    Some(schema)
}

fn inline(schema: &mut Value, schemas: &Schemas, within: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            let only = members
                .get("allOf")
                .and_then(Value::as_array)
                .filter(|all| all.len() == 1)
                .and_then(|all| all.first());
            let reference = members.get("$ref").or_else(|| only?.get("$ref")).and_then(Value::as_str);
            let Some(name) =
                reference.and_then(|reference| reference.strip_prefix(SCHEMAS)).map(str::to_owned)
            else {
                members.values_mut().for_each(|inner| inline(inner, schemas, within));
                return;
            };
            let known = schemas.get(&name).filter(|_| !within.contains(&name));
            *schema = known.cloned().unwrap_or_else(|| json!({"x-kubernetes-preserve-unknown-fields": true}));
            within.push(name);
            inline(schema, schemas, within);
            within.pop();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| inline(item, schemas, within)),
        _ => {}
    }
}
