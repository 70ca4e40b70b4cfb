//! What the API server checks of a field, said beside the field: attributes for the derived schemas, and the schemas
//! of Kubernetes' own types. Also the step from a derived schema to one that a CRD may hold.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::promotion::{PromotionStatus, PromotionStep};

/// A resource's name.
pub(crate) const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A variable's name.
pub(crate) const VARIABLE: &str = r"^[a-zA-Z_]\w*$";
/// A duration in Go's format, of seconds, minutes and hours.
pub(crate) const DURATION: &str = r"^([0-9]+(\.[0-9]+)?(s|m|h))+$";
/// A Git repository's URL.
pub(crate) const GIT_URL: &str = r"(?:^(ssh|https?)://(?:([\w-]+)(:(.+))?@)?([\w-]+(?:\.[\w-]+)*)(?::(\d{1,5}))?(/.*)$)|(?:^([\w-]+)@([\w+]+(?:\.[\w-]+)*):(/?.*))";
/// An image's tag.
pub(crate) const IMAGE_TAG: &str = r"^[\w.\-\_]+$";
/// An image's digest.
pub(crate) const DIGEST: &str = r"^[a-z0-9]+:[a-f0-9]+$";

/// The schema of a kind as a CRD holds it: no references, no null, no words of schemars.
pub(crate) fn structural<K: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft07();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.transforms.clear();
    let mut schema = settings.into_generator().into_root_schema_for::<K>().to_value();
    clean(&mut schema);
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|field| field != "metadata");
        if required.is_empty() {
            schema.as_object_mut().map(|map| map.remove("required"));
        }
    }
    // An API server refuses a root whose metadata says more than that it is an object.
    if let Some(metadata) = schema.pointer_mut("/properties/metadata") {
        *metadata = json!({"type": "object"});
    }
    schema
}

fn clean(schema: &mut Value) {
    if schema == &json!(true) {
        *schema = json!({});
    }
    let Some(map) = schema.as_object_mut() else { return };
    map.remove("title");
    map.remove("default");
    if let Some(default) = map.remove("x-default") {
        map.insert("default".into(), default);
    }
    without_null(map);
    words(map);
    if !map.contains_key("type") {
        map.insert("x-kubernetes-preserve-unknown-fields".into(), json!(true));
    }
    if let Some(required) = map.get_mut("required").and_then(Value::as_array_mut) {
        required.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(clean);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(inner) {
            clean(inner);
        }
    }
}

/// An optional field is absent, never null.
fn without_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(choices)) = map.remove("anyOf") {
        let chosen = choices.into_iter().find(|choice| choice["type"] != "null");
        if let Some(Value::Object(chosen)) = chosen {
            for (key, value) in chosen {
                map.entry(key).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(types)) = map.get("type") {
        let kept = types.iter().find(|word| *word != "null").cloned();
        map.insert("type".into(), kept.unwrap_or_default());
    }
    if let Some(Value::Array(words)) = map.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
}

/// Words that are documented one by one become one list.
fn words(map: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = map.remove("oneOf") else { return };
    let mut all = Vec::new();
    for choice in &choices {
        match (choice.get("const"), choice.get("enum")) {
            (Some(word), _) => all.push(word.clone()),
            (None, Some(Value::Array(words))) => all.extend(words.iter().cloned()),
            _ => {}
        }
    }
    map.insert("type".into(), json!("string"));
    map.insert("enum".into(), Value::Array(all));
}

/// A text that is not empty.
pub(crate) fn non_empty(schema: &mut Schema) {
    schema.insert("minLength".into(), json!(1));
}

/// A resource's name.
pub(crate) fn name(schema: &mut Schema) {
    non_empty(schema);
    schema.insert("maxLength".into(), json!(253));
    schema.insert("pattern".into(), json!(NAME));
}

/// A list that is set as a whole.
pub(crate) fn atomic_list(schema: &mut Schema) {
    schema.insert("x-kubernetes-list-type".into(), json!("atomic"));
}

/// An object that is set as a whole.
pub(crate) fn atomic_map(schema: &mut Schema) {
    schema.insert("x-kubernetes-map-type".into(), json!("atomic"));
}

/// Words that we know, in a status where a newer writer may know more.
pub(crate) fn open_word(schema: &mut Schema) {
    *schema = json_schema!({"type": "string"});
}

/// A CEL rule.
pub(crate) fn rule(text: &'static str, message: &'static str) -> impl FnMut(&mut Schema) {
    move |schema| add_rule(schema, json!({"rule": text, "message": message}))
}

/// A field that an update must not change.
pub(crate) fn constant(schema: &mut Schema) {
    add_rule(schema, json!({"rule": "self == oldSelf", "message": "cannot be changed"}));
}

fn add_rule(schema: &mut Schema, rule: Value) {
    let mut rules = schema.remove("x-kubernetes-validations").unwrap_or_else(|| json!([]));
    if let Some(rules) = rules.as_array_mut() {
        rules.push(rule);
    }
    schema.insert("x-kubernetes-validations".into(), rules);
}

/// Any JSON.
pub(crate) fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

/// Object metadata, which the API server knows by itself.
pub(crate) fn metadata(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object"})
}

/// Steps that stand for themselves.
pub(crate) fn task_steps(generator: &mut SchemaGenerator) -> Schema {
    steps(generator, &[("has(self.uses) && !has(self.task)", "set uses; a task cannot stand here")])
}

/// Steps that may also stand for a task.
pub(crate) fn template_steps(generator: &mut SchemaGenerator) -> Schema {
    let rules = [
        ("(has(self.uses) ? !has(self.task) : has(self.task))", "set either uses or task"),
        ("!has(self.task) || !has(self.continueOnError)", "continueOnError belongs to the steps of the task"),
        ("!has(self.task) || !has(self.retry)", "retry belongs to the steps of the task"),
    ];
    steps(generator, &rules)
}

fn steps(generator: &mut SchemaGenerator, rules: &[(&'static str, &'static str)]) -> Schema {
    let mut step = generator.subschema_for::<PromotionStep>();
    for (text, message) in rules {
        rule(text, message)(&mut step);
    }
    json_schema!({"type": "array", "minItems": 1, "items": step})
}

/// A Promotion's status as its Stage remembers it: without the ledger, which serves the run alone.
pub(crate) fn remembered_status(generator: &mut SchemaGenerator) -> Schema {
    let mut status = generator.subschema_for::<PromotionStatus>();
    if let Some(properties) = status.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("ledger");
        properties.remove("supersededBy");
        properties.remove("waiting");
    }
    status
}

/// A list of phases that start something: two at most, each one of two words.
pub(crate) fn two_of(first: &'static str, second: &'static str) -> impl FnMut(&mut Schema) {
    move |schema| {
        schema.insert("maxItems".into(), json!(2));
        schema.insert("x-kubernetes-list-type".into(), json!("set"));
        for (index, more_than) in [(0, "== 0"), (1, "<= 1")] {
            let text = format!(
                "self.size() {more_than} || self[{index}] == '{first}' || self[{index}] == '{second}'"
            );
            add_rule(
                schema,
                json!({"rule": text, "message": format!("only {first} and {second} are known")}),
            );
        }
    }
}

/// Kubernetes' conditions, keyed by type.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of the state.",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {
                    "type": "string",
                    "description": "The aspect.",
                    "maxLength": 316,
                    "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                },
                "status": {
                    "type": "string",
                    "description": "Whether it holds.",
                    "enum": ["True", "False", "Unknown"],
                },
                "observedGeneration": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                    "description": "Which generation this speaks of.",
                },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When the status last changed.",
                },
                "reason": {
                    "type": "string",
                    "description": "Why, in one word for programs.",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": { "type": "string", "description": "Why, for people.", "maxLength": 32768 },
            },
        },
    })
}

/// Kubernetes' label selector.
pub(crate) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": {
                "type": "object",
                "description": "Labels and their values; all must be there.",
                "additionalProperties": { "type": "string" },
            },
            "matchExpressions": {
                "type": "array",
                "x-kubernetes-list-type": "atomic",
                "description": "Requirements; all must hold.",
                "items": {
                    "type": "object",
                    "description": "A requirement.",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": { "type": "string", "description": "The label." },
                        "operator": { "type": "string", "description": "In, NotIn, Exists or DoesNotExist." },
                        "values": {
                            "type": "array",
                            "x-kubernetes-list-type": "atomic",
                            "description": "The values, for In and NotIn.",
                            "items": { "type": "string" },
                        },
                    },
                },
            },
        },
    })
}

/// Several label selectors.
pub(crate) fn label_selectors(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "x-kubernetes-list-type": "atomic", "items": label_selector(generator)})
}
