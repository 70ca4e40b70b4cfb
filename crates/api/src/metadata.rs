//! Standard metadata as it is read: without `managedFields`, which may be more than all the rest (one entry a field, and
//! Freight in a thousand Stages has thousands) and which nothing here asks for. An update without them keeps them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference, Time};
use serde::Deserialize;

use crate::ObjectMeta;

/// The fields of `ObjectMeta`; its `deserialize` is for `#[serde(deserialize_with)]`.
#[derive(Deserialize)]
#[serde(remote = "ObjectMeta", rename_all = "camelCase")]
pub(crate) struct Metadata {
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    generate_name: Option<String>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    #[serde(skip)]
    managed_fields: Option<Vec<ManagedFieldsEntry>>,
    name: Option<String>,
    namespace: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    resource_version: Option<String>,
    self_link: Option<String>,
    uid: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{ObjectMeta, Project};

    #[test]
    fn everything_is_read_but_who_owns_which_field() {
        let mut whole = json!({
            "annotations": {"a": "1"}, "creationTimestamp": "2026-06-01T00:00:00Z", "deletionGracePeriodSeconds": 3,
            "deletionTimestamp": "2026-06-02T00:00:00Z", "finalizers": ["f"], "generateName": "g", "generation": 7,
            "labels": {"l": "2"}, "name": "n", "namespace": "ns",
            "ownerReferences": [{"apiVersion": "v1", "kind": "K", "name": "o", "uid": "u"}],
            "resourceVersion": "9", "selfLink": "/s", "uid": "u",
            "managedFields": [{"manager": "m", "operation": "Update", "fieldsV1": {"f:spec": {}}}],
        });
        let object = json!({"apiVersion": "kargo.akuity.io/v1alpha1", "kind": "Project", "metadata": whole});
        let read = serde_json::from_value::<Project>(object).unwrap().metadata;
        whole.as_object_mut().unwrap().remove("managedFields");
        assert_eq!(read, serde_json::from_value::<ObjectMeta>(whole).unwrap());
    }
}
