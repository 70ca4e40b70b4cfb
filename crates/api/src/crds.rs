//! The CRDs of every kind, derived from the structs: `ferry crds` prints them, and the embedded API server installs
//! them.

use k8s_openapi::{ClusterResourceScope, ListableResource, NamespaceResourceScope};
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::kind::{GROUP, VERSION};
use crate::{
    ClusterConfig, ClusterPromotionTask, Freight, Project, ProjectConfig, Promotion, PromotionRequest,
    PromotionTask, Stage, Target, Warehouse, schema,
};

/// A column of `kubectl get`: name, type, JSON path.
type Column = (&'static str, &'static str, &'static str);

const AGE: Column = ("Age", "date", ".metadata.creationTimestamp");
const READY: Column = ("Ready", "string", r#".status.conditions[?(@.type=="Ready")].status"#);
const STATUS: Column = ("Status", "string", r#".status.conditions[?(@.type=="Ready")].message"#);
const STAGE: Column = ("Stage", "string", ".spec.stage");
const FREIGHT: Column = ("Freight", "string", ".spec.freight");
const PHASE: Column = ("Phase", "string", ".status.phase");

/// The CustomResourceDefinitions, ordered by name.
pub fn crds() -> Vec<Value> {
    vec![
        crd::<ClusterConfig>(&["clusterconfig", "clusterconfigs"], &[READY, STATUS, AGE], true),
        crd::<ClusterPromotionTask>(&["clusterpromotask", "clusterpromotasks"], &[AGE], false),
        crd::<Freight>(
            &[],
            &[
                ("Alias", "string", r".metadata.labels.kargo\.akuity\.io/alias"),
                ("Origin (Kind)", "string", ".origin.kind"),
                ("Origin (Name)", "string", ".origin.name"),
                AGE,
            ],
            true,
        ),
        crd::<ProjectConfig>(&[], &[READY, STATUS, AGE], true),
        crd::<Project>(&[], &[READY, STATUS, AGE], true),
        crd::<PromotionRequest>(
            &["promotionrequest", "promotionrequests"],
            &[STAGE, FREIGHT, PHASE, AGE],
            true,
        ),
        crd::<Promotion>(
            &["promo", "promos"],
            &[("Shard", "string", r".metadata.labels.kargo\.akuity\.io/shard"), STAGE, FREIGHT, PHASE, AGE],
            true,
        ),
        crd::<PromotionTask>(&["promotask", "promotasks"], &[AGE], false),
        crd::<Stage>(
            &[],
            &[
                ("Shard", "string", ".spec.shard"),
                ("Current Freight", "string", ".status.freightSummary"),
                ("Health", "string", ".status.health.status"),
                READY,
                STATUS,
                AGE,
            ],
            true,
        ),
        crd::<Target>(&[], &[AGE], true),
        crd::<Warehouse>(&[], &[("Shard", "string", ".spec.shard"), AGE], true),
    ]
}

/// The CRDs as one YAML text of several documents.
pub fn yaml() -> Result<String, serde_saphyr::ser::Error> {
    let mut text = String::new();
    for crd in crds() {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&crd)?);
    }
    Ok(text)
}

/// The scopes, as a CRD writes them.
trait Scope {
    const NAME: &'static str;
}
impl Scope for NamespaceResourceScope {
    const NAME: &'static str = "Namespaced";
}
impl Scope for ClusterResourceScope {
    const NAME: &'static str = "Cluster";
}

fn crd<K>(short_names: &[&str], columns: &[Column], has_status: bool) -> Value
where
    K: ListableResource + JsonSchema,
    K::Scope: Scope,
{
    let plural = K::URL_PATH_SEGMENT;
    let mut names = json!({"kind": K::KIND, "listKind": K::LIST_KIND, "plural": plural, "singular": K::KIND.to_lowercase()});
    if !short_names.is_empty() {
        names["shortNames"] = json!(short_names);
    }
    let columns: Vec<Value> =
        columns.iter().map(|(n, t, path)| json!({"name": n, "type": t, "jsonPath": path})).collect();
    let subresources = if has_status { json!({"status": {}}) } else { json!({}) };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{GROUP}") },
        "spec": {
            "group": GROUP,
            "names": names,
            "scope": <K::Scope as Scope>::NAME,
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "additionalPrinterColumns": columns,
                "schema": { "openAPIV3Schema": schema::structural::<K>() },
                "subresources": subresources,
            }],
        },
    })
}
