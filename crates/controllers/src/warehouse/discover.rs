//! Looks at every subscription of a Warehouse, in order.

use ferry_api::warehouse::DiscoveredArtifacts;
use ferry_api::{Time, Warehouse};
use ferry_planner::warehouse::Found;
use serde_json::Value;

use super::git;
use crate::Controllers;

/// What is there. The first subscription that fails ends it.
pub(super) async fn discover(c: &Controllers, warehouse: &Warehouse) -> Found {
    let project = warehouse.metadata.namespace.clone().unwrap_or_default();
    let before = previous(warehouse);
    let mut found = DiscoveredArtifacts { discovered_at: Some(Time(c.world.now())), ..Default::default() };
    for (index, subscription) in warehouse.spec.subscriptions.iter().enumerate() {
        let result = match parse(subscription) {
            Err(why) => Err(why),
            Ok(("git", name, config)) => {
                let known = before.and_then(|b| b.git.get(found.git.len()));
                git::discover(c, &project, name, config, known).await.map(|result| found.git.push(result))
            }
            Ok((kind @ ("image" | "chart"), ..)) => {
                Err(format!("subscriptions of type {kind:?} are not supported by this version"))
            }
            Ok((kind, ..)) => Err(format!("there is no subscription type {kind:?}; there is: git")),
        };
        if let Err(why) = result {
            return Found::Failed(format!("subscription {index}: {why}"));
        }
    }
    Found::Artifacts(found)
}

/// What the last look found, if the Warehouse was the same then.
fn previous(warehouse: &Warehouse) -> Option<&DiscoveredArtifacts> {
    let status = warehouse.status.as_ref()?;
    let is_same = status.observed_generation == warehouse.metadata.generation;
    status.discovered_artifacts.as_ref().filter(|_| is_same)
}

/// A subscription's type, name and config.
fn parse(subscription: &Value) -> Result<(&str, &str, &Value), String> {
    let fields = subscription.as_object();
    let name = subscription.get("name").and_then(Value::as_str).unwrap_or_default();
    let kinds = fields.into_iter().flatten();
    let mut kinds = kinds.filter(|(key, value)| *key != "name" || value.is_object());
    match (kinds.next(), kinds.next()) {
        (Some((kind, config)), None) => Ok((kind, name, config)),
        _ => Err("must have exactly one field that names its type, besides the optional name".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_subscription_has_one_type() {
        let git = json!({"git": {"repoURL": "https://a.test/b"}, "name": "app"});
        let (kind, name, config) = parse(&git).unwrap();
        assert_eq!((kind, name, &config["repoURL"]), ("git", "app", &json!("https://a.test/b")));
        for bad in [json!({}), json!({"git": {}, "image": {}}), json!("git"), json!({"name": "x"})] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }
}
