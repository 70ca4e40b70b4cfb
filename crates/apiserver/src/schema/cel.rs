//! JSON values as CEL sees them through a schema: numbers of the schema's type, dates and durations as such, member
//! names escaped where CEL could not spell them.

use std::{collections::HashMap, sync::Arc};

use base64::Engine;
use kube_cel::cel::{
    Value as Cel,
    objects::{Key, Map},
};
use serde_json::Value;

use super::{
    format::Format,
    node::{Node, Type},
    number::Num,
    rules::{Conversion, convert},
};

const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// The member name as expressions write it.
pub(crate) fn escape(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    name.replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}

/// The CEL value of a JSON value with this schema (none: nothing is known of it).
pub(crate) fn value(node: Option<&Node>, json: &Value) -> Cel {
    match json {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        Value::Number(number) => match Num::of(number) {
            Num::Int(int) if !node.is_some_and(|node| node.is(Type::Number)) => Cel::Int(int),
            number if node.is_some_and(|node| node.is(Type::Integer)) => whole(number),
            number => Cel::Float(number.float()),
        },
        Value::String(text) => string(node, text),
        Value::Array(items) => {
            let element = node.and_then(|node| node.items.as_deref());
            Cel::List(Arc::new(items.iter().map(|item| value(element, item)).collect()))
        }
        Value::Object(members) => {
            let mut map = HashMap::with_capacity(members.len());
            for (name, member) in members {
                let is_entry = node
                    .is_some_and(|node| !node.properties.contains_key(name) && node.entry(name).is_some());
                let key = if is_entry { name.clone() } else { escape(name) };
                map.insert(Key::String(Arc::new(key)), value(node.and_then(|node| node.entry(name)), member));
            }
            Cel::Map(Map { map: Arc::new(map) })
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an integer by its schema")]
fn whole(number: Num) -> Cel {
    match number {
        Num::Int(int) => Cel::Int(int),
        Num::Float(float) => Cel::Int(float as i64),
    }
}

fn string(node: Option<&Node>, text: &str) -> Cel {
    let plain = || Cel::String(Arc::new(text.to_owned()));
    let Some(node) = node.filter(|node| node.is(Type::String)) else { return plain() };
    match node.format.as_ref().and_then(|(_, format)| *format) {
        Some(Format::DateTime) => convert(Conversion::Timestamp, plain()).unwrap_or_else(plain),
        Some(Format::Date) => {
            convert(Conversion::Timestamp, Cel::String(Arc::new(format!("{text}T00:00:00Z"))))
                .unwrap_or_else(plain)
        }
        Some(Format::Duration) => convert(Conversion::Duration, plain()).unwrap_or_else(plain),
        Some(Format::Byte) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_or_else(|_| plain(), |bytes| Cel::Bytes(Arc::new(bytes))),
        _ => plain(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_the_server_does() {
        for (name, want) in [
            ("a", "a"),
            ("a_b", "a_b"),
            ("a__b", "a__underscores__b"),
            ("a-b.c/d", "a__dash__b__dot__c__slash__d"),
            ("in", "__in__"),
        ] {
            assert_eq!(escape(name), want);
        }
    }
}
