//! The columns of built-in kinds.

use jiff::Timestamp;
use k8s_openapi::api::{
    coordination::v1::LeaseSpec,
    core::v1::{ConfigMap, ObjectReference, Secret},
    events::v1::Event,
    rbac::v1::RoleBinding,
};
use serde_json::Value;

use super::{
    age,
    columns::{self, Column, age as age_column, column, created_at, name},
};

use crate::openapi::documentation;

/// The columns of a built-in kind; of one without columns of its own, name and time of creation.
pub(super) fn columns(kind: &str) -> Vec<Column> {
    match kind {
        "Namespace" => vec![
            name(),
            column("Status", "The status of the namespace".to_owned(), |object, _| {
                text(object, "/status/phase")
            }),
            age_column(),
        ],
        "Secret" => vec![
            name(),
            column("Type", documentation::<Secret>("type"), |object, _| text(object, "/type")),
            column("Data", documentation::<Secret>("data"), |object, _| entries(object, &["/data"])),
            age_column(),
        ],
        "ConfigMap" => vec![
            name(),
            column("Data", documentation::<ConfigMap>("data"), |object, _| {
                entries(object, &["/data", "/binaryData"])
            }),
            age_column(),
        ],
        "ServiceAccount" => vec![name(), age_column()],
        "Lease" => vec![
            name(),
            column("Holder", documentation::<LeaseSpec>("holderIdentity"), |object, _| {
                text(object, "/spec/holderIdentity")
            }),
            age_column(),
        ],
        "RoleBinding" | "ClusterRoleBinding" => binding(kind),
        "Event" => event(),
        _ => vec![name(), created_at()],
    }
}

fn wide(column: Column) -> Column {
    Column { priority: 1, ..column }
}

fn binding(kind: &str) -> Vec<Column> {
    let of = |what: &str| {
        let mut letters = kind.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        format!("{what} in the {}{}", first.unwrap_or_default(), letters.as_str())
    };
    vec![
        name(),
        column("Role", role_documentation(), |object, _| {
            format!("{}/{}", plain(object, "/roleRef/kind"), plain(object, "/roleRef/name")).into()
        }),
        age_column(),
        wide(column("Users", of("Users"), |object, _| subjects(object, "User"))),
        wide(column("Groups", of("Groups"), |object, _| subjects(object, "Group"))),
        wide(column("ServiceAccounts", of("ServiceAccounts"), |object, _| {
            subjects(object, "ServiceAccount")
        })),
    ]
}

/// Servers describe this column with the words of an older version of the kind.
fn role_documentation() -> String {
    let text = documentation::<RoleBinding>("roleRef");
    let text = text.strip_suffix(" This field is immutable.").unwrap_or(&text);
    text.strip_prefix('r').map_or_else(|| text.to_owned(), |rest| format!("R{rest}"))
}

fn subjects(object: &Value, kind: &str) -> Value {
    let subjects = object.get("subjects").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names: Vec<String> = subjects
        .iter()
        .filter(|subject| plain(subject, "/kind") == kind)
        .map(|subject| match kind {
            "ServiceAccount" => format!("{}/{}", plain(subject, "/namespace"), plain(subject, "/name")),
            _ => plain(subject, "/name").to_owned(),
        })
        .collect();
    names.join(", ").into()
}

fn event() -> Vec<Column> {
    vec![
        column("Last Seen", documentation::<Event>("deprecatedLastTimestamp"), |event, now| {
            last_seen(event, now).into()
        }),
        column("Type", documentation::<Event>("type"), |event, _| text(event, "/type")),
        column("Reason", documentation::<Event>("reason"), |event, _| text(event, "/reason")),
        column("Object", documentation::<Event>("regarding"), |event, _| {
            let kind = plain(event, "/involvedObject/kind").to_lowercase();
            match plain(event, "/involvedObject/name") {
                "" => kind.into(),
                name => format!("{kind}/{name}").into(),
            }
        }),
        wide(column("Subobject", documentation::<ObjectReference>("fieldPath"), |event, _| {
            text(event, "/involvedObject/fieldPath")
        })),
        wide(column("Source", documentation::<Event>("deprecatedSource"), |event, _| source(event).into())),
        column("Message", documentation::<Event>("note"), |event, _| plain(event, "/message").trim().into()),
        wide(column("First Seen", documentation::<Event>("deprecatedFirstTimestamp"), |event, now| {
            first_seen(event, now).into()
        })),
        wide(column("Count", documentation::<Event>("deprecatedCount"), |event, _| count(event).into())),
        wide(Column { name: "Name".to_owned(), ..columns::name() }),
    ]
}

fn first_seen(event: &Value, now: Timestamp) -> String {
    age::since(time(event, "/firstTimestamp").or_else(|| time(event, "/eventTime")), now)
}

fn last_seen(event: &Value, now: Timestamp) -> String {
    match time(event, "/series/lastObservedTime").or_else(|| time(event, "/lastTimestamp")) {
        Some(last) => age::since(Some(last), now),
        None => first_seen(event, now),
    }
}

fn time<'v>(event: &'v Value, pointer: &str) -> Option<&'v Value> {
    event.pointer(pointer).filter(|time| !time.is_null())
}

fn count(event: &Value) -> i64 {
    let number = |pointer: &str| event.pointer(pointer).and_then(Value::as_i64);
    number("/series/count").or_else(|| number("/count")).filter(|count| *count > 0).unwrap_or(1)
}

fn source(event: &Value) -> String {
    let first = |pointers: [&str; 2]| {
        pointers
            .into_iter()
            .map(|pointer| plain(event, pointer))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let component = first(["/source/component", "/reportingComponent"]);
    match first(["/source/host", "/reportingInstance"]) {
        host if host.is_empty() => component,
        host => format!("{component}, {host}"),
    }
}

fn plain<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn text(object: &Value, pointer: &str) -> Value {
    plain(object, pointer).into()
}

fn entries(object: &Value, pointers: &[&str]) -> Value {
    pointers
        .iter()
        .filter_map(|pointer| object.pointer(pointer)?.as_object())
        .map(serde_json::Map::len)
        .sum::<usize>()
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::table::Columns;

    fn row(kind: &str, object: &serde_json::Value) -> serde_json::Value {
        let now = "2020-01-02T00:01:00Z".parse().unwrap();
        Columns::for_builtin(kind).row(object, now).into()
    }

    #[test]
    fn rows_of_built_in_kinds() {
        let metadata = json!({"name": "n", "creationTimestamp": "2020-01-02T00:00:00Z"});
        let cases = [
            ("Namespace", json!({"status": {"phase": "Active"}}), json!(["n", "Active", "60s"])),
            ("Secret", json!({"type": "t", "data": {"a": ""}}), json!(["n", "t", 1, "60s"])),
            ("ConfigMap", json!({"data": {"a": ""}, "binaryData": {"b": ""}}), json!(["n", 2, "60s"])),
            ("ServiceAccount", json!({}), json!(["n", "60s"])),
            ("Lease", json!({"spec": {"holderIdentity": "me"}}), json!(["n", "me", "60s"])),
            ("Role", json!({}), json!(["n", "2020-01-02T00:00:00Z"])),
            (
                "RoleBinding",
                json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}, {"kind": "User", "name": "v"}, {"kind": "ServiceAccount", "namespace": "x", "name": "sa"}]}),
                json!(["n", "Role/r", "60s", "u, v", "", "x/sa"]),
            ),
        ];
        for (kind, mut object, want) in cases {
            object["metadata"] = metadata.clone();
            assert_eq!(row(kind, &object), want, "{kind}");
        }
    }

    #[test]
    fn events_old_and_new() {
        let old = json!({"metadata": {"name": "e"}, "type": "Normal", "reason": "Moved", "message": " it moved\n", "count": 3,
            "firstTimestamp": "2020-01-02T00:00:00Z", "lastTimestamp": "2020-01-02T00:00:30Z", "source": {"component": "mover"},
            "involvedObject": {"kind": "Crate", "name": "a"}});
        assert_eq!(
            row("Event", &old),
            json!(["30s", "Normal", "Moved", "crate/a", "", "mover", "it moved", "60s", 3, "e"])
        );
        let new = json!({"metadata": {"name": "e"}, "eventTime": "2020-01-02T00:00:59.123456Z", "firstTimestamp": null, "lastTimestamp": null,
            "reportingComponent": "x/ctl", "reportingInstance": "i", "involvedObject": {"kind": "Crate"}});
        assert_eq!(row("Event", &new), json!(["1s", "", "", "crate", "", "x/ctl, i", "", "1s", 1, "e"]));
    }
}
