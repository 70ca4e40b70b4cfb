//! `configMap`, `secret` and their shared kin, `freightMetadata`, `freightStatus`, `stageMetadata`.

use std::sync::Arc;

use ferry_expr::{Call, Functions, Interrupt, Kind, Lookup, Value};
use serde_json::Value as Json;

use super::artifacts::function;
use super::{Known, Scope, kind};

pub(super) fn add(functions: &mut Functions, scope: &Scope<'_>) {
    let known = Arc::new(scope.known.clone());
    let data = [
        ("configMap", kind::CONFIG_MAP),
        ("secret", kind::SECRET),
        ("sharedConfigMap", kind::SHARED_CONFIG_MAP),
        ("sharedSecret", kind::SHARED_SECRET),
    ];
    for (name, what) in data {
        let known = known.clone();
        let body = move |call: &Call<'_>| Ok(data_map(&find(&known, call, what)?));
        functions.insert(name, function(&[&[Kind::String]], Kind::Any, body));
    }
    let parts: [(&str, &str, &[&str]); 3] = [
        ("freightMetadata", kind::FREIGHT, &["status", "metadata"]),
        ("freightStatus", kind::FREIGHT, &["status"]),
        ("stageMetadata", kind::STAGE, &["status", "metadata"]),
    ];
    for (name, what, path) in parts {
        let known = known.clone();
        let body = move |call: &Call<'_>| {
            if call.str(0)?.is_empty() {
                return Err(Interrupt::from(format!("the name of a {what} must not be empty")));
            }
            let object = find(&known, call, what)?;
            let part = path.iter().try_fold(&object, |part, key| part.get(key));
            Ok(part.filter(|p| p.is_object()).map_or(Value::Nil, Value::from_json))
        };
        functions.insert(name, function(&[&[Kind::String]], Kind::Any, body));
    }
}

fn find(known: &Known, call: &Call<'_>, what: &str) -> Result<Json, Interrupt> {
    let lookup = Lookup::new(what, call.str(0)?);
    known.get(&lookup).cloned().ok_or(Interrupt::Need(lookup))
}

/// The data of a ConfigMap or Secret; null is one that holds none. A key that is missing gives the empty text, as one that is empty does.
fn data_map(data: &Json) -> Value {
    let Some(entries) = data.as_object() else {
        return Value::from(ferry_expr::Map::no_texts());
    };
    Value::from(ferry_expr::Map::of_texts(
        entries.iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap_or_default())),
    ))
}
