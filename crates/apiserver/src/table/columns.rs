//! The columns of one resource: their definitions, and the cells of an object.

use std::sync::OnceLock;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::{age, builtin, jsonpath::JsonPath};
use crate::openapi::documentation;

/// The columns of one version of a resource.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: Vec<Column>,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// The type of the cells, as clients are told.
    pub(super) kind: String,
    pub(super) format: String,
    pub(super) description: String,
    pub(super) priority: i64,
    pub(super) cell: Cell,
}

#[derive(Clone, Debug)]
pub(super) enum Cell {
    Path(JsonPath),
    Of(fn(&Value, Timestamp) -> Value),
}

impl Columns {
    /// The columns of a version of a custom resource definition: its name, and what the version asks for, or the age.
    /// Columns from the first whose path cannot be read are left out.
    pub fn from_crd_version(version: &Value) -> Self {
        let asked =
            version.get("additionalPrinterColumns").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut columns = vec![name()];
        if asked.is_empty() {
            columns.push(Column { kind: "date".to_owned(), ..age() });
        }
        columns.extend(asked.iter().map_while(custom));
        Self { columns }
    }

    /// The columns of a built-in kind.
    pub fn for_builtin(kind: &str) -> Self {
        Self { columns: builtin::columns(kind) }
    }

    /// `columnDefinitions` of a Table.
    pub fn definitions(&self) -> Value {
        let definitions = self.columns.iter().map(|column| {
            json!({
                "name": column.name, "type": column.kind, "format": column.format,
                "description": column.description, "priority": column.priority,
            })
        });
        Value::Array(definitions.collect())
    }

    /// `cells` of the row of an object.
    pub fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        self.columns.iter().map(|column| column.cell(object, now)).collect()
    }
}

impl Column {
    fn cell(&self, object: &Value, now: Timestamp) -> Value {
        let path = match &self.cell {
            Cell::Of(cell) => return cell(object, now),
            Cell::Path(path) => path,
        };
        let Some(found) = path.find(object).first().copied() else { return Value::Null };
        match (self.kind.as_str(), found) {
            (_, Value::Null) => Value::Null,
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) => found.clone(),
            ("string", other) => Value::String(other.to_string()),
            ("integer", Value::Number(number)) => match number.as_i64() {
                Some(int) => int.into(),
                None => number.as_f64().map_or(Value::Null, whole),
            },
            ("number", Value::Number(number)) => number.clone().into(),
            ("date", Value::String(_)) => age::since(Some(found), now).into(),
            _ => Value::Null,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a column of integers shows the whole part")]
fn whole(float: f64) -> Value {
    (float as i64).into()
}

fn custom(column: &Value) -> Option<Column> {
    let text = |name: &str| column.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let path = text("jsonPath");
    let description = match text("description") {
        empty if empty.is_empty() => {
            format!("Custom resource definition column (in JSONPath format): {path}")
        }
        given => given,
    };
    Some(Column {
        name: text("name"),
        kind: text("type"),
        format: text("format"),
        description,
        priority: column.get("priority").and_then(Value::as_i64).unwrap_or_default(),
        cell: Cell::Path(JsonPath::parse(&path)?),
    })
}

pub(super) fn name() -> Column {
    Column {
        format: "name".to_owned(),
        cell: Cell::Of(|object, _| object.pointer("/metadata/name").cloned().unwrap_or_default()),
        ..column("Name", metadata("name"), |_, _| Value::Null)
    }
}

pub(super) fn age() -> Column {
    column("Age", metadata("creationTimestamp"), |object, now| age::since(created(object), now).into())
}

/// The time of creation itself instead of an age.
pub(super) fn created_at() -> Column {
    Column {
        kind: "date".to_owned(),
        ..column("Created At", metadata("creationTimestamp"), |object, _| {
            created(object).cloned().unwrap_or_default()
        })
    }
}

fn created(object: &Value) -> Option<&Value> {
    object.pointer("/metadata/creationTimestamp")
}

pub(super) fn column(name: &str, description: String, cell: fn(&Value, Timestamp) -> Value) -> Column {
    Column {
        name: name.to_owned(),
        kind: "string".to_owned(),
        format: String::new(),
        description,
        priority: 0,
        cell: Cell::Of(cell),
    }
}

fn metadata(member: &'static str) -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    static CREATED: OnceLock<String> = OnceLock::new();
    let cell = if member == "name" { &NAME } else { &CREATED };
    cell.get_or_init(|| documentation::<ObjectMeta>(member)).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2020-01-02T00:03:04Z".parse().unwrap()
    }

    fn columns(asked: &Value) -> Columns {
        Columns::from_crd_version(&json!({"additionalPrinterColumns": asked}))
    }

    fn pallets() -> Columns {
        columns(&json!([
            {"name": "Goods", "type": "string", "jsonPath": ".spec.goods"},
            {"name": "Count", "type": "integer", "jsonPath": ".spec.replicas", "description": "how many"},
            {"name": "Load", "type": "number", "format": "double", "jsonPath": ".spec.load", "priority": 1},
            {"name": "Sealed", "type": "boolean", "jsonPath": ".spec.sealed"},
            {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
            {"name": "Parts", "type": "string", "jsonPath": ".spec.parts"},
            {"name": "First", "type": "string", "jsonPath": ".spec.parts[0]"},
            {"name": "Made", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ]))
    }

    #[test]
    fn cells_are_typed() {
        let metadata = json!({"name": "t", "creationTimestamp": "2020-01-02T00:00:00Z"});
        let full = json!({"metadata": metadata, "spec": {"goods": "tea", "replicas": 3, "load": 2.5, "sealed": true, "parts": ["p", "q"]}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!(
            Value::Array(pallets().row(&full, now())),
            json!(["t", "tea", 3, 2.5, true, "True", "[\"p\",\"q\"]", "p", "3m4s"])
        );
        let odd = json!({"metadata": {"name": "o"}, "spec": {"goods": 5, "replicas": "x", "sealed": "yes", "parts": []}});
        assert_eq!(
            Value::Array(pallets().row(&odd, now())),
            json!(["o", "5", null, null, null, null, "[]", null, null])
        );
    }

    #[test]
    fn definitions_say_where_a_column_comes_from() {
        let definitions = pallets().definitions();
        assert_eq!(
            definitions[1],
            json!({"name": "Goods", "type": "string", "format": "", "priority": 0, "description": "Custom resource definition column (in JSONPath format): .spec.goods"})
        );
        assert_eq!(definitions[2]["description"], "how many");
        assert_eq!(definitions[3]["format"], "double");
        assert!(definitions[0]["description"].as_str().unwrap().starts_with("Name must be unique"));
    }

    #[test]
    fn without_columns_of_its_own_a_resource_shows_its_age() {
        let columns = columns(&json!([]));
        assert_eq!(columns.definitions()[1]["name"], "Age");
        assert_eq!(columns.definitions()[1]["type"], "date");
        assert_eq!(columns.row(&json!({"metadata": {"name": "a"}}), now()), [json!("a"), json!("<unknown>")]);
    }

    #[test]
    fn a_path_that_cannot_be_read_ends_the_columns() {
        let columns = columns(
            &json!([{"name": "A", "type": "string", "jsonPath": ".a"}, {"name": "B", "type": "string", "jsonPath": ".spec[?("}]),
        );
        assert_eq!(
            columns.row(&json!({"metadata": {"name": "n"}, "a": "x"}), now()),
            [json!("n"), json!("x")]
        );
    }
}
