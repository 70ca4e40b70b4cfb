//! Standard metadata as it is read: without `managedFields`, which may be more than all the rest (one entry a field, and
//! Freight in a thousand Stages has thousands) and which nothing here asks for. An update without them keeps them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use serde::{Deserialize, Deserializer};

use crate::ObjectMeta;

/// What there is of `ObjectMeta` besides the fields' owners.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Read {
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    generate_name: Option<String>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    name: Option<String>,
    namespace: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    resource_version: Option<String>,
    self_link: Option<String>,
    uid: Option<String>,
}

/// For `#[serde(deserialize_with)]`.
pub(crate) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectMeta, D::Error> {
    let Read {
        annotations,
        creation_timestamp,
        deletion_grace_period_seconds,
        deletion_timestamp,
        finalizers,
        generate_name,
        generation,
        labels,
        name,
        namespace,
        owner_references,
        resource_version,
        self_link,
        uid,
    } = Read::deserialize(from)?;
    Ok(ObjectMeta {
        annotations,
        creation_timestamp,
        deletion_grace_period_seconds,
        deletion_timestamp,
        finalizers,
        generate_name,
        generation,
        labels,
        managed_fields: None,
        name,
        namespace,
        owner_references,
        resource_version,
        self_link,
        uid,
    })
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
