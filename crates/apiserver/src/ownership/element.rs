//! One step of a path in an object, as `fieldsV1` writes it: `f:name`, `k:{"key":"value"}`, `v:"value"`, `i:0`.

use serde_json::{Map, Value};

use super::shape::{Keys, Shape};

/// A step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element {
    /// A member of an object.
    Field(String),
    /// An element of a list, by the values of its keys (a JSON object in canonical form).
    Key(String),
    /// An element of a set, by its value (JSON in canonical form).
    Value(String),
    /// An element by its place.
    Index(i64),
}

impl Element {
    /// Reads what `fieldsV1` calls it. `None`: a form that is not known.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (form, rest) = text.split_once(':')?;
        Some(match form {
            "f" => Self::Field(rest.to_owned()),
            "k" => Self::Key(canonical(&serde_json::from_str::<Map<String, Value>>(rest).ok()?.into())),
            "v" => Self::Value(canonical(&serde_json::from_str(rest).ok()?)),
            "i" => Self::Index(rest.parse().ok()?),
            _ => return None,
        })
    }

    /// As `fieldsV1` writes it.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// As messages write it: `.name`, `[key="value"]`, `[="value"]`, `[0]`.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Field(name) => format!(".{name}"),
            Self::Key(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let mut pairs: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                pairs.sort();
                format!("[{}]", pairs.join(","))
            }
            Self::Value(value) => format!("[={value}]"),
            Self::Index(index) => format!("[{index}]"),
        }
    }

    /// What an element of a list is found by. An error says why it cannot be.
    pub(crate) fn of(item: &Value, keys: &Keys<'_>, items: Shape<'_>) -> Result<Self, String> {
        match keys {
            Keys::Position => Err("elements of this list have no identity".to_owned()),
            Keys::Itself if item.is_object() || item.is_array() || item.is_null() => {
                Err(format!("an element of a set must be a plain value, not {item}"))
            }
            Keys::Itself => Ok(Self::Value(canonical(item))),
            Keys::Named(names) => {
                let Some(item) = item.as_object() else {
                    return Err(format!("an element must be an object with {names:?}, not {item}"));
                };
                let mut found = Map::new();
                for name in *names {
                    match item.get(name).or_else(|| items.default_of(name)) {
                        Some(value) => found.insert(name.clone(), value.clone()),
                        None => return Err(format!("an element lacks {name:?}, which identifies it")),
                    };
                }
                Ok(Self::Key(canonical(&Value::Object(found))))
            }
        }
    }
}

/// JSON with the members of objects in order of their names.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut members: Vec<(&String, &Value)> = map.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members: Vec<String> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
