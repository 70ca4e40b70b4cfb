//! Stops a Promotion: says so on the object, the engine does it.

use anyhow::{Result, bail};
use ferry_api::names::annotation;
use ferry_api::{Promotion, PromotionPhase};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::failure::told;
use crate::print;
use crate::project::missing;

pub(super) async fn run(client: &Client, project: &str, name: &str) -> Result<()> {
    let api: Api<Promotion> = Api::namespaced(client.clone(), project);
    let phase = |promotion: &Promotion| promotion.status.as_ref().and_then(|status| status.phase);
    let Some(promotion) = api.get_opt(name).await.map_err(told)? else {
        let all = api.list(&ListParams::default()).await.map_err(told)?;
        let live = all.items.iter().filter(|p| !phase(p).is_some_and(PromotionPhase::is_terminal));
        let place = format!(" in Project {project}");
        bail!(
            "{} (of those that can be stopped)",
            missing("Promotion", name, &place, live.map(ResourceExt::name_any))
        );
    };
    if let Some(ended) = phase(&promotion).filter(|phase| phase.is_terminal()) {
        return print::say(&format!(
            "promotion.kargo.akuity.io/{name} had ended already ({})\n",
            ended.as_str()
        ));
    }
    let asked = json!({"action": "terminate"}).to_string();
    let patch = json!({"metadata": {"annotations": {annotation::ABORT: asked}}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.map_err(told)?;
    print::say(&format!("promotion.kargo.akuity.io/{name} abort requested\n"))
}
