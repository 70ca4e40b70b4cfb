//! Label selectors: checked, matched, and written as the API's query parameter.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::Application;

/// Which Applications, by their labels. All parts must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("anyOf" = [
    {"required": ["matchLabels"], "properties": {"matchLabels": {"minProperties": 1}}},
    {"required": ["matchExpressions"], "properties": {"matchExpressions": {"minItems": 1}}},
]))]
pub struct Selector {
    /// Labels with exactly these values.
    #[serde(default)]
    pub match_labels: BTreeMap<String, String>,
    /// Further conditions.
    #[serde(default)]
    pub match_expressions: Vec<Requirement>,
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The label.
    #[schemars(length(min = 1))]
    pub key: String,
    /// How it relates to the values.
    pub operator: Operator,
    /// The values.
    #[serde(default)]
    pub values: Vec<String>,
}

/// How a label relates to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Operator {
    /// It has one of them.
    In,
    /// It has none of them, or is absent.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

/// Why a selector cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("label selector is invalid: {0}")]
pub struct Error(String);

impl Selector {
    /// Whether it can be used at all.
    pub fn check(&self) -> Result<(), Error> {
        if self.match_labels.is_empty() && self.match_expressions.is_empty() {
            return Err(Error("it must have at least one match criterion".to_owned()));
        }
        for (key, value) in &self.match_labels {
            check_key(key)?;
            check_value(key, value)?;
        }
        for Requirement { key, operator, values } in &self.match_expressions {
            check_key(key)?;
            match operator {
                Operator::In | Operator::NotIn if values.is_empty() => {
                    return Err(Error(format!("operator {operator:?} of label {key:?} needs values")));
                }
                Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                    return Err(Error(format!("operator {operator:?} of label {key:?} takes no values")));
                }
                _ => values.iter().try_for_each(|value| check_value(key, value))?,
            }
        }
        Ok(())
    }

    /// Whether the Application's labels fit.
    pub fn matches(&self, app: Application<'_>) -> bool {
        self.match_labels.iter().all(|(key, value)| app.label(key) == Some(value))
            && self.match_expressions.iter().all(|Requirement { key, operator, values }| {
                let label = app.label(key);
                let listed = label.is_some_and(|label| values.iter().any(|value| value == label));
                match operator {
                    Operator::In => listed,
                    Operator::NotIn => !listed,
                    Operator::Exists => label.is_some(),
                    Operator::DoesNotExist => label.is_none(),
                }
            })
    }

    /// The text of the API's `labelSelector` parameter.
    pub fn to_query(&self) -> String {
        let equal = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let others =
            self.match_expressions.iter().map(|Requirement { key, operator, values }| match operator {
                Operator::In => format!("{key} in ({})", values.join(",")),
                Operator::NotIn => format!("{key} notin ({})", values.join(",")),
                Operator::Exists => key.clone(),
                Operator::DoesNotExist => format!("!{key}"),
            });
        equal.chain(others).collect::<Vec<_>>().join(",")
    }
}

fn check_key(key: &str) -> Result<(), Error> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_subdomain = |text: &str| {
        text.len() <= 253
            && text.split('.').all(|part| {
                let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                !part.is_empty() && !part.starts_with('-') && !part.ends_with('-') && part.bytes().all(inside)
            })
    };
    if name.is_empty() || !is_label_text(name) || !prefix.is_none_or(is_subdomain) {
        return Err(Error(format!("{key:?} is no label key")));
    }
    Ok(())
}

fn check_value(key: &str, value: &str) -> Result<(), Error> {
    if value.is_empty() || is_label_text(value) {
        return Ok(());
    }
    Err(Error(format!("{value:?} is no value that label {key:?} can have")))
}

fn is_label_text(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= 63
        && edge(text.as_bytes().first())
        && edge(text.as_bytes().last())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selector(value: serde_json::Value) -> Selector {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn labels_and_expressions_must_all_hold() {
        let app = json!({"metadata": {"labels": {"team": "a", "tier": "web"}}});
        for (value, fits, query) in [
            (json!({"matchLabels": {"team": "a", "tier": "web"}}), true, "team=a,tier=web"),
            (json!({"matchLabels": {"team": "b"}}), false, "team=b"),
            (
                json!({"matchExpressions": [{"key": "team", "operator": "In", "values": ["b", "a"]}]}),
                true,
                "team in (b,a)",
            ),
            (
                json!({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["a"]}]}),
                true,
                "x notin (a)",
            ),
            (json!({"matchExpressions": [{"key": "x", "operator": "Exists"}]}), false, "x"),
            (json!({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}), true, "!x"),
        ] {
            let selector = selector(value);
            assert_eq!(selector.check(), Ok(()));
            assert_eq!(
                (selector.matches(Application::new(&app)), selector.to_query()),
                (fits, query.to_owned())
            );
        }
    }

    #[test]
    fn unusable_selectors_are_refused() {
        for value in [
            json!({}),
            json!({"matchLabels": {"team": "a b"}}),
            json!({"matchLabels": {"a/b/c": "x"}}),
            json!({"matchLabels": {"": "x"}}),
            json!({"matchExpressions": [{"key": "team", "operator": "In"}]}),
            json!({"matchExpressions": [{"key": "team", "operator": "Exists", "values": ["a"]}]}),
        ] {
            assert!(selector(value.clone()).check().is_err(), "{value}");
        }
    }
}
