//! Objects from YAML text, applied as `kubectl apply --server-side` does.

use anyhow::{Context as _, Result};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use kube::{Client, ResourceExt as _};
use serde_json::Value;

use crate::connect::words;

/// Applies every document of a YAML stream, in order.
pub async fn apply(client: &Client, yaml: &str) -> Result<()> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).context("cannot read the YAML")?;
    for document in documents.into_iter().filter(|document| !document.is_null()) {
        apply_one(client, document).await?;
    }
    Ok(())
}

async fn apply_one(client: &Client, document: Value) -> Result<()> {
    let object: DynamicObject = serde_json::from_value(document)?;
    let types = object.types.clone().unwrap_or_default();
    let name = object.name_any();
    let what = format!("{} {name}", types.kind);
    let kind = GroupVersionKind::try_from(&types).with_context(|| what.clone())?;
    let (resource, is_namespaced) = resource(client, &kind).await?;
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) if is_namespaced => Api::namespaced_with(client.clone(), &namespace, &resource),
        _ => Api::all_with(client.clone(), &resource),
    };
    let params = PatchParams::apply("ferry").force().validation_strict();
    let applied = api.patch(&name, &params, &Patch::Apply(&object)).await;
    applied.map(drop).map_err(|error| anyhow::anyhow!("{what}: {}", words(&error)))
}

async fn resource(client: &Client, kind: &GroupVersionKind) -> Result<(ApiResource, bool)> {
    let found = discovery::pinned_kind(client, kind).await;
    let (resource, capabilities) =
        found.map_err(|error| anyhow::anyhow!("{} is not served: {}", kind.kind, words(&error)))?;
    Ok((resource, capabilities.scope == Scope::Namespaced))
}
