//! CustomResourceDefinitions and namespaces that must be there: made, or brought up to date.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, ObjectMeta, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Client, ResourceExt as _};
use serde_json::Value;

use crate::connect::words;

/// How long the server may take to serve a new kind.
const DEADLINE: Duration = Duration::from_secs(30);

/// Makes or replaces definitions, and returns when all are served. One after the other: each takes megabytes.
pub(crate) async fn install(client: &Client, wanted: Vec<Value>) -> Result<()> {
    for definition in wanted {
        if !is_served(client, &definition).await? {
            install_one(client, definition).await?;
        }
    }
    Ok(())
}

/// Whether exactly this definition is there and served already: every start but the first finds it so.
async fn is_served(client: &Client, wanted: &Value) -> Result<bool> {
    let kind = ApiResource::erase::<CustomResourceDefinition>(&());
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
    let name = wanted.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let Some(found) = api.get_opt(name).await? else { return Ok(false) };
    let conditions = found.data.pointer("/status/conditions").and_then(Value::as_array);
    let is_established = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
    Ok(is_established && has(&found.data["spec"], &wanted["spec"]))
}

/// Whether an object has all that is wanted of it. What the server adds by itself may be there too, but not in lists.
fn has(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| found.get(name).is_some_and(|found| has(found, wanted)))
        }
        _ => found == wanted,
    }
}

async fn install_one(client: &Client, wanted: Value) -> Result<()> {
    let mut wanted: CustomResourceDefinition = serde_json::from_value(wanted)?;
    let name = wanted.name_any();
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PostParams::default();
    loop {
        let written = match api.get_opt(&name).await? {
            None => api.create(&params, &wanted).await,
            Some(found) if found.spec == wanted.spec => Ok(found),
            Some(found) => {
                wanted.metadata.resource_version = found.metadata.resource_version;
                api.replace(&name, &params, &wanted).await
            }
        };
        match written {
            Ok(_) => break,
            // Somebody else was quicker: look again.
            Err(kube::Error::Api(status)) if status.code == 409 => wanted.metadata.resource_version = None,
            Err(error) => return Err(anyhow!("definition {name}: {}", words(&error))),
        }
    }
    let served = await_condition(api, &name, conditions::is_crd_established());
    tokio::time::timeout(DEADLINE, served)
        .await
        .map_err(|_| anyhow!("definition {name} is not served after {DEADLINE:?}"))?
        .with_context(|| format!("definition {name}"))?;
    Ok(())
}

/// Makes a namespace that is not there.
pub(crate) async fn ensure_namespace(client: &Client, name: &str) -> Result<()> {
    let api: Api<Namespace> = Api::all(client.clone());
    if api.get_opt(name).await?.is_some() {
        return Ok(());
    }
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    match api.create(&PostParams::default(), &namespace).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        made => made.map(drop).with_context(|| format!("namespace {name}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::has;

    #[test]
    fn additions_of_the_server_make_no_difference_and_all_else_does() {
        let wanted =
            json!({"group": "g", "names": {"plural": "boats"}, "versions": [{"name": "v1", "schema": {}}]});
        let mut found = wanted.clone();
        found["conversion"] = json!({"strategy": "None"});
        found["names"]["listKind"] = json!("BoatList");
        assert!(has(&found, &wanted));
        let mut older = found.clone();
        older["versions"][0]["schema"] = json!({"type": "object"});
        assert!(!has(&older, &wanted), "what a version no longer says");
        older["versions"] = json!([]);
        assert!(!has(&older, &wanted));
        found["names"]["plural"] = json!("ships");
        assert!(!has(&found, &wanted));
    }
}
