//! Bodies in protobuf, which `kubectl create namespace` and its likes send: read by tables of the few kinds they make.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use self::Type::{Bool, Bytes, Int, Message, MicroTime, Text, TextToBytes, TextToText, Time};

/// What a field holds.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Int,
    Bool,
    Bytes,
    Time,
    /// A time with six digits of fraction.
    MicroTime,
    TextToText,
    TextToBytes,
    Message(&'static [Field]),
}

/// Number, name, type, whether it is a list.
type Field = (u64, &'static str, Type, bool);

const REFERENCE: &[Field] = &[
    (1, "kind", Text, false),
    (3, "name", Text, false),
    (4, "uid", Text, false),
    (5, "apiVersion", Text, false),
    (6, "controller", Bool, false),
    (7, "blockOwnerDeletion", Bool, false),
];
const METADATA: &[Field] = &[
    (1, "name", Text, false),
    (2, "generateName", Text, false),
    (3, "namespace", Text, false),
    (5, "uid", Text, false),
    (6, "resourceVersion", Text, false),
    (7, "generation", Int, false),
    (8, "creationTimestamp", Time, false),
    (11, "labels", TextToText, false),
    (12, "annotations", TextToText, false),
    (13, "ownerReferences", Message(REFERENCE), true),
    (14, "finalizers", Text, true),
];
const META: Field = (1, "metadata", Message(METADATA), false);
const NAMESPACE: &[Field] = &[META, (2, "spec", Message(&[(1, "finalizers", Text, true)]), false)];
const CONFIG_MAP: &[Field] = &[
    META,
    (2, "data", TextToText, false),
    (3, "binaryData", TextToBytes, false),
    (4, "immutable", Bool, false),
];
const SECRET: &[Field] = &[
    META,
    (2, "data", TextToBytes, false),
    (3, "type", Text, false),
    (4, "stringData", TextToText, false),
    (5, "immutable", Bool, false),
];
const SERVICE_ACCOUNT: &[Field] = &[
    META,
    (3, "imagePullSecrets", Message(&[(1, "name", Text, false)]), true),
    (4, "automountServiceAccountToken", Bool, false),
];
const RULE: &[Field] = &[
    (1, "verbs", Text, true),
    (2, "apiGroups", Text, true),
    (3, "resources", Text, true),
    (4, "resourceNames", Text, true),
    (5, "nonResourceURLs", Text, true),
];
const ROLE: &[Field] = &[META, (2, "rules", Message(RULE), true)];
const SUBJECT: &[Field] = &[
    (1, "kind", Text, false),
    (2, "apiGroup", Text, false),
    (3, "name", Text, false),
    (4, "namespace", Text, false),
];
const ROLE_REF: &[Field] =
    &[(1, "apiGroup", Text, false), (2, "kind", Text, false), (3, "name", Text, false)];
const BINDING: &[Field] =
    &[META, (2, "subjects", Message(SUBJECT), true), (3, "roleRef", Message(ROLE_REF), false)];
const RESOURCE_ATTRIBUTES: &[Field] = &[
    (1, "namespace", Text, false),
    (2, "verb", Text, false),
    (3, "group", Text, false),
    (4, "version", Text, false),
    (5, "resource", Text, false),
    (6, "subresource", Text, false),
    (7, "name", Text, false),
];
const PATH_ATTRIBUTES: &[Field] = &[(1, "path", Text, false), (2, "verb", Text, false)];
const ACCESS: &[Field] = &[
    (1, "resourceAttributes", Message(RESOURCE_ATTRIBUTES), false),
    (2, "nonResourceAttributes", Message(PATH_ATTRIBUTES), false),
];
const TOKEN_REQUEST: &[Field] = &[
    META,
    (
        2,
        "spec",
        Message(&[
            (1, "audiences", Text, true),
            (3, "boundObjectRef", Message(BOUND), false),
            (4, "expirationSeconds", Int, false),
        ]),
        false,
    ),
];
const BOUND: &[Field] = &[
    (1, "kind", Text, false),
    (2, "apiVersion", Text, false),
    (3, "name", Text, false),
    (4, "uid", Text, false),
];
const LEASE: &[Field] = &[
    META,
    (
        2,
        "spec",
        Message(&[
            (1, "holderIdentity", Text, false),
            (2, "leaseDurationSeconds", Int, false),
            (3, "acquireTime", MicroTime, false),
            (4, "renewTime", MicroTime, false),
            (5, "leaseTransitions", Int, false),
            (6, "strategy", Text, false),
            (7, "preferredHolder", Text, false),
        ]),
        false,
    ),
];
const ACCESS_REVIEW: &[Field] = &[META, (2, "spec", Message(ACCESS), false)];

fn table(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "Namespace" => NAMESPACE,
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "Role" | "ClusterRole" => ROLE,
        "RoleBinding" | "ClusterRoleBinding" => BINDING,
        "SelfSubjectAccessReview" => ACCESS_REVIEW,
        "SelfSubjectReview" => &[META],
        "SelfSubjectRulesReview" => {
            const RULES_REVIEW: &[Field] =
                &[META, (2, "spec", Message(&[(1, "namespace", Text, false)]), false)];
            RULES_REVIEW
        }
        "TokenRequest" => TOKEN_REQUEST,
        "Lease" => LEASE,
        _ => return None,
    })
}

/// The object in the envelope; `None`: it cannot be read, or is of a kind that is not read here.
pub(super) fn decode(bytes: &[u8]) -> Option<Value> {
    const TYPE: &[Field] = &[(1, "apiVersion", Text, false), (2, "kind", Text, false)];
    const ENVELOPE: &[Field] = &[(1, "type", Message(TYPE), false), (2, "raw", Bytes, false)];
    let envelope = message(bytes.strip_prefix(b"k8s\0")?, ENVELOPE)?;
    let kind = envelope.get("type")?.clone();
    let raw = STANDARD.decode(envelope.get("raw").and_then(Value::as_str).unwrap_or_default()).ok()?;
    let mut object = message(&raw, table(kind.get("kind")?.as_str()?)?)?;
    for field in ["apiVersion", "kind"] {
        object.insert(field.into(), kind.get(field)?.clone());
    }
    Some(Value::Object(object))
}

/// What stands on the wire: a number or bytes.
enum Raw<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn message(mut bytes: &[u8], fields: &[Field]) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let raw = match tag & 7 {
            0 => Raw::Number(varint(&mut bytes)?),
            1 => Raw::Bytes(take(&mut bytes, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                Raw::Bytes(take(&mut bytes, length)?)
            }
            5 => Raw::Bytes(take(&mut bytes, 4)?),
            _ => return None,
        };
        if let Some((_, name, kind, list)) = fields.iter().find(|f| f.0 == tag >> 3) {
            put(&mut object, name, *kind, *list, &raw)?;
        }
    }
    Some(object)
}

fn put(object: &mut Map<String, Value>, name: &str, kind: Type, list: bool, raw: &Raw<'_>) -> Option<()> {
    if let (TextToText | TextToBytes, Raw::Bytes(bytes)) = (kind, raw) {
        let value = if matches!(kind, TextToText) { Text } else { Bytes };
        let entry = message(bytes, &[(1, "key", Text, false), (2, "value", value, false)])?;
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        let map = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
        map.as_object_mut()?.insert(text("key").to_owned(), text("value").into());
        return Some(());
    }
    let value = single(kind, raw)?;
    if list {
        let values = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        values.as_array_mut()?.push(value);
    } else if value != "" && value != 0 && !value.is_null() {
        // Unset fields are written as empty ones.
        object.insert(name.to_owned(), value);
    }
    Some(())
}

fn single(kind: Type, raw: &Raw<'_>) -> Option<Value> {
    Some(match (kind, raw) {
        (Text, Raw::Bytes(bytes)) => std::str::from_utf8(bytes).ok()?.into(),
        (Bytes, Raw::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Int, Raw::Number(number)) => number.cast_signed().into(),
        (Bool, Raw::Number(number)) => (*number != 0).into(),
        (Time, Raw::Bytes(bytes)) => {
            let time = message(bytes, &[(1, "seconds", Int, false)])?;
            let seconds = time.get("seconds").and_then(Value::as_i64);
            seconds.and_then(|s| jiff::Timestamp::from_second(s).ok()).map(|t| t.to_string()).into()
        }
        (MicroTime, Raw::Bytes(bytes)) => {
            let time = message(bytes, &[(1, "seconds", Int, false), (2, "nanos", Int, false)])?;
            let part = |field: &str| time.get(field).and_then(Value::as_i64).unwrap_or_default();
            let at = jiff::Timestamp::new(part("seconds"), i32::try_from(part("nanos")).ok()?).ok()?;
            at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string().into()
        }
        (Message(fields), Raw::Bytes(bytes)) => Value::Object(message(bytes, fields)?),
        _ => return None,
    })
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?.first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn envelope(kind: &str, raw: &[u8]) -> Vec<u8> {
        let kinds = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), field(1, &kinds), field(2, raw), field(3, b""), field(4, b"")].concat()
    }

    #[test]
    fn a_config_map_is_read() {
        let label = [field(1, b"k"), field(2, b"v")].concat();
        let metadata = [field(1, b"m"), field(2, b""), field(8, b""), field(11, &label)].concat();
        let entry = [field(1, b"a"), field(2, b"")].concat();
        let raw = [field(1, &metadata), field(2, &entry), vec![4 << 3, 1]].concat();
        assert_eq!(
            decode(&envelope("ConfigMap", &raw)),
            Some(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "labels": {"k": "v"}},
                "data": {"a": ""}, "immutable": true,
            }))
        );
        assert_eq!(decode(&envelope("Pod", &raw)), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&envelope("Secret", bytes.get(..bytes.len().min(120)).unwrap_or_default()));
            let _ = decode(&[b"k8s\0", bytes.as_slice()].concat());
        }
    }
}
