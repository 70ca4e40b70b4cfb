//! The kinds that can be got: how they are asked for, and their columns.

use ferry_api::names::label;
use jiff::Timestamp;
use kube::api::ApiResource;
use kube::core::GroupVersionKind;
use serde_json::Value;

use crate::age;

/// A kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Project,
    ProjectConfig,
    Warehouse,
    Stage,
    Freight,
    Promotion,
}

type Column = (&'static str, fn(&Value) -> String);

const NAME: Column = ("NAME", |o| at(o, "/metadata/name"));
const SHARD: Column = ("SHARD", |o| at(o, "/spec/shard"));
const READY: Column = ("READY", |o| condition(o, "status"));
const STATUS: Column = ("STATUS", |o| condition(o, "message"));

impl Kind {
    pub(super) fn resource(self) -> ApiResource {
        let (kind, plural) = match self {
            Self::Project => ("Project", "projects"),
            Self::ProjectConfig => ("ProjectConfig", "projectconfigs"),
            Self::Warehouse => ("Warehouse", "warehouses"),
            Self::Stage => ("Stage", "stages"),
            Self::Freight => ("Freight", "freights"),
            Self::Promotion => ("Promotion", "promotions"),
        };
        let kind = GroupVersionKind::gvk(ferry_api::GROUP, ferry_api::VERSION, kind);
        ApiResource::from_gvk_with_plural(&kind, plural)
    }

    /// The columns before the age, and those for `-o wide` after it.
    fn columns(self) -> (&'static [Column], &'static [Column]) {
        match self {
            Self::Project => (&[NAME, READY, STATUS], &[]),
            Self::ProjectConfig => (&[NAME], &[("READY", |o| condition(o, "status"))]),
            Self::Warehouse => (&[NAME, SHARD], &[READY, STATUS]),
            Self::Stage => (
                &[
                    NAME,
                    SHARD,
                    ("CURRENT FREIGHT", |o| at(o, "/status/freightSummary")),
                    ("HEALTH", |o| at(o, "/status/health/status")),
                    READY,
                    STATUS,
                ],
                &[("LAST PROMOTION", |o| at(o, "/status/lastPromotion/name"))],
            ),
            Self::Freight => (
                &[NAME, ("ALIAS", |o| alias(o).to_owned()), ("ORIGIN", origin)],
                &[("VERIFIED IN", verified_in)],
            ),
            Self::Promotion => (
                &[
                    NAME,
                    SHARD_LABEL,
                    ("STAGE", |o| at(o, "/spec/stage")),
                    ("FREIGHT", |o| at(o, "/spec/freight")),
                    ("PHASE", |o| at(o, "/status/phase")),
                ],
                &[("MESSAGE", |o| at(o, "/status/message"))],
            ),
        }
    }

    pub(super) fn headers(self, wide: bool) -> Vec<&'static str> {
        let (first, last) = self.columns();
        let last = if wide { last } else { &[] };
        let names = |columns: &[Column]| columns.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        [names(first), vec!["AGE"], names(last)].concat()
    }

    pub(super) fn row(self, object: &Value, wide: bool, now: Timestamp) -> Vec<String> {
        let (first, last) = self.columns();
        let last = if wide { last } else { &[] };
        let age = age::since(object.pointer("/metadata/creationTimestamp").and_then(Value::as_str), now);
        let cells = |columns: &[Column]| columns.iter().map(|(_, cell)| cell(object)).collect::<Vec<_>>();
        [cells(first), vec![age], cells(last)].concat()
    }
}

const SHARD_LABEL: Column = ("SHARD", |o| {
    o["metadata"]["labels"].get(label::SHARD).and_then(Value::as_str).unwrap_or_default().to_owned()
});

fn at(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn condition(object: &Value, field: &str) -> String {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    ready.and_then(|ready| ready.get(field)?.as_str()).unwrap_or_default().to_owned()
}

fn origin(freight: &Value) -> String {
    format!("{}/{}", at(freight, "/origin/kind"), at(freight, "/origin/name"))
}

fn verified_in(freight: &Value) -> String {
    let stages = freight.pointer("/status/verifiedIn").and_then(Value::as_object);
    stages.into_iter().flatten().map(|(stage, _)| stage.as_str()).collect::<Vec<_>>().join(",")
}

/// The alias of Freight.
pub(super) fn alias(freight: &Value) -> &str {
    freight.get("alias").and_then(Value::as_str).unwrap_or_default()
}

/// Freight as errors name it: by alias and id.
pub(super) fn freight_name(freight: &Value) -> String {
    format!("{} ({})", alias(freight), at(freight, "/metadata/name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stage_s_row_has_the_columns_of_its_definition() {
        let stage = json!({
            "metadata": {"name": "test", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {},
            "status": {"freightSummary": "abc", "health": {"status": "Healthy"},
                "conditions": [{"type": "Ready", "status": "True", "message": "fine"}]}
        });
        let now = "2026-01-01T00:00:09Z".parse().unwrap();
        assert_eq!(
            Kind::Stage.headers(false),
            ["NAME", "SHARD", "CURRENT FREIGHT", "HEALTH", "READY", "STATUS", "AGE"]
        );
        assert_eq!(Kind::Stage.row(&stage, false, now), ["test", "", "abc", "Healthy", "True", "fine", "9s"]);
        assert_eq!(Kind::Stage.row(&stage, true, now).len(), Kind::Stage.headers(true).len());
    }
}
