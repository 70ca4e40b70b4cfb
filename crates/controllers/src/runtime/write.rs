//! Writes, each with a deadline; the answer goes into the index at once, so that the next pass sees what this did.

use ferry_engine::world::{Error, answered};
use ferry_failpoint::point;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Index;

fn what<K: Resource<DynamicType = ()>>(name: &str) -> String {
    format!("{} {name}", K::kind(&()))
}

/// Writes the status if nobody wrote the object since it was read.
pub async fn replace_status<K>(api: &Api<K>, index: &Index<K>, object: &K) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let name = object.name_any();
    point!("{}-status.replace", K::kind(&()));
    let stored =
        answered(&what::<K>(&name), api.replace_status(&name, &PostParams::default(), object)).await?;
    point!("{}-status.replaced", K::kind(&()));
    index.learn(stored);
    Ok(())
}

/// Merges a patch into the status.
pub async fn patch_status<K>(api: &Api<K>, index: &Index<K>, name: &str, patch: &Value) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let params = PatchParams::default();
    point!("{}-status.patch", K::kind(&()));
    let stored = answered(&what::<K>(name), api.patch_status(name, &params, &Patch::Merge(patch))).await?;
    point!("{}-status.patched", K::kind(&()));
    index.learn(stored);
    Ok(())
}

/// Merges a patch into the object.
pub async fn patch<K>(api: &Api<K>, index: &Index<K>, name: &str, patch: &Value) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let params = PatchParams::default();
    point!("{}.patch", K::kind(&()));
    let stored = answered(&what::<K>(name), api.patch(name, &params, &Patch::Merge(patch))).await?;
    point!("{}.patched", K::kind(&()));
    index.learn(stored);
    Ok(())
}
