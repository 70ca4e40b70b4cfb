//! The OpenAPI v2 document in protobuf (gnostic's `openapi.v2`), the only form in which kubectl asks for it: schemas
//! and what Kubernetes adds to them. Field numbers are those of its `Document` and `Schema` messages.

use serde_json::{Map, Value};

/// A message in the making.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(u8::try_from(number & 0x7f | 0x80).unwrap_or_default());
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap_or_default());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(u64::try_from(bytes.len()).unwrap_or_default());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u64, text: Option<&Value>) {
        if let Some(text) = text.and_then(Value::as_str).filter(|text| !text.is_empty()) {
            self.bytes(field, text.as_bytes());
        }
    }

    fn flag(&mut self, field: u64, flag: Option<&Value>) {
        if flag.and_then(Value::as_bool) == Some(true) {
            self.varint(field << 3);
            self.varint(1);
        }
    }

    fn count(&mut self, field: u64, number: Option<&Value>) {
        if let Some(number) = number.and_then(Value::as_u64) {
            self.varint(field << 3);
            self.varint(number);
        }
    }

    fn number(&mut self, field: u64, number: Option<&Value>) {
        if let Some(number) = number.and_then(Value::as_f64) {
            self.varint(field << 3 | 1);
            self.0.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }
}

/// The document as [`super::v2_document`] makes it.
pub fn v2_wire(document: &Value) -> Vec<u8> {
    let mut wire = Message::default();
    wire.text(1, document.get("swagger"));
    let mut info = Message::default();
    info.text(1, document.pointer("/info/title"));
    info.text(2, document.pointer("/info/version"));
    wire.message(2, &info);
    // Of the paths clients of this form need nothing: what they look for there is in version 3, too.
    wire.message(8, &Message::default());
    wire.message(9, &named_schemas(document.get("definitions")));
    wire.0
}

fn named_schemas(schemas: Option<&Value>) -> Message {
    let mut all = Message::default();
    for (name, inner) in members(schemas) {
        let mut named = Message::default();
        named.bytes(1, name.as_bytes());
        named.message(2, &schema(inner));
        all.message(1, &named);
    }
    all
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn schema(value: &Value) -> Message {
    let mut wire = Message::default();
    for (field, name) in [(1, "$ref"), (2, "format"), (3, "title"), (4, "description"), (13, "pattern")] {
        wire.text(field, value.get(name));
    }
    for (field, name) in [(6, "multipleOf"), (7, "maximum"), (9, "minimum")] {
        wire.number(field, value.get(name));
    }
    for (field, name) in [(8, "exclusiveMaximum"), (10, "exclusiveMinimum"), (16, "uniqueItems")] {
        wire.flag(field, value.get(name));
    }
    let counts = [
        (11, "maxLength"),
        (12, "minLength"),
        (14, "maxItems"),
        (15, "minItems"),
        (17, "maxProperties"),
        (18, "minProperties"),
    ];
    for (field, name) in counts {
        wire.count(field, value.get(name));
    }
    for required in value.get("required").and_then(Value::as_array).into_iter().flatten() {
        wire.text(19, Some(required));
    }
    for allowed in value.get("enum").and_then(Value::as_array).into_iter().flatten() {
        wire.message(20, &any(allowed));
    }
    match value.get("additionalProperties") {
        Some(Value::Bool(flag)) => {
            let mut item = Message::default();
            item.varint(2 << 3);
            item.varint(u64::from(*flag));
            wire.message(21, &item);
        }
        Some(inner @ Value::Object(_)) => {
            let mut item = Message::default();
            item.message(1, &schema(inner));
            wire.message(21, &item);
        }
        _ => {}
    }
    if let Some(kind) = value.get("type") {
        let mut item = Message::default();
        item.text(1, Some(kind));
        wire.message(22, &item);
    }
    if let Some(items) = value.get("items").filter(|items| items.is_object()) {
        let mut item = Message::default();
        item.message(1, &schema(items));
        wire.message(23, &item);
    }
    if value.get("properties").is_some() {
        wire.message(25, &named_schemas(value.get("properties")));
    }
    for (name, extension) in members(Some(value)).filter(|(name, _)| name.starts_with("x-")) {
        let mut named = Message::default();
        named.bytes(1, name.as_bytes());
        named.message(2, &any(extension));
        wire.message(31, &named);
    }
    wire
}

/// Any value, as YAML: JSON is that, too.
fn any(value: &Value) -> Message {
    let mut wire = Message::default();
    wire.bytes(2, value.to_string().as_bytes());
    wire
}
