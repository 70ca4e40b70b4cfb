//! Kubernetes label selectors, as objects carry them.

use std::collections::BTreeMap;

use ferry_api::LabelSelector;

/// A requirement that nothing can meet or miss: it is written wrongly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such operator.
    #[error("label {key:?}: {operator:?} is no operator; use In, NotIn, Exists or DoesNotExist")]
    Operator {
        /// The label.
        key: String,
        /// The word.
        operator: String,
    },
    /// `In` and `NotIn` compare with values.
    #[error("label {key:?}: {operator} needs at least one value")]
    NoValues {
        /// The label.
        key: String,
        /// The operator.
        operator: String,
    },
    /// `Exists` and `DoesNotExist` do not.
    #[error("label {key:?}: {operator} takes no values")]
    Values {
        /// The label.
        key: String,
        /// The operator.
        operator: String,
    },
}

/// Whether labels satisfy a selector; the empty one is satisfied by all.
pub fn matches(selector: &LabelSelector, labels: Option<&BTreeMap<String, String>>) -> Result<bool, Error> {
    let value = |key: &str| labels.and_then(|l| l.get(key));
    let mut all = selector.match_labels.iter().flatten().all(|(k, v)| value(k) == Some(v));
    for requirement in selector.match_expressions.iter().flatten() {
        let values: Vec<&String> = requirement.values.iter().flatten().collect();
        let (key, operator) = (requirement.key.clone(), requirement.operator.clone());
        let found = value(&key);
        let listed = found.is_some_and(|v| values.contains(&v));
        all &= match (operator.as_str(), values.is_empty()) {
            ("In", false) => listed,
            ("NotIn", false) => !listed,
            ("Exists", true) => found.is_some(),
            ("DoesNotExist", true) => found.is_none(),
            ("In" | "NotIn", true) => return Err(Error::NoValues { key, operator }),
            ("Exists" | "DoesNotExist", false) => return Err(Error::Values { key, operator }),
            _ => return Err(Error::Operator { key, operator }),
        };
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(operator: &str, values: &[&str]) -> Result<bool, Error> {
        let selector = serde_json::json!({
            "matchExpressions": [{"key": "tier", "operator": operator, "values": values}]
        });
        let labels = [("tier".to_owned(), "gold".to_owned())].into();
        matches(&serde_json::from_value(selector).unwrap(), Some(&labels))
    }

    #[test]
    fn operators_mean_what_they_say() {
        assert_eq!(ask("In", &["gold", "tin"]), Ok(true));
        assert_eq!(ask("NotIn", &["gold"]), Ok(false));
        assert_eq!(ask("Exists", &[]), Ok(true));
        assert_eq!(ask("DoesNotExist", &[]), Ok(false));
    }

    #[test]
    fn what_is_written_wrongly_is_an_error() {
        assert!(matches!(ask("In", &[]), Err(Error::NoValues { .. })));
        assert!(matches!(ask("Exists", &["gold"]), Err(Error::Values { .. })));
        assert!(matches!(ask("Like", &["gold"]), Err(Error::Operator { .. })));
    }
}
