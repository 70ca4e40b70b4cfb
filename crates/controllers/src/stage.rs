//! Stages: one pass observes, asks the planner, acts, and writes the status.

mod act;
mod health;
mod record;

use std::sync::Arc;

use ferry_api::names::FINALIZER;
use ferry_api::{Freight, Promotion, Stage};
use ferry_engine::world::{Error, answered};
use ferry_planner::stage::{self as rules, Snapshot};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::Controllers;
use crate::runtime::{Key, Pass, patch, replace_status};

pub(crate) use health::Observations;

pub(crate) async fn pass(c: &Controllers, key: &Key) -> Result<Pass, Error> {
    let Some(stage) = c.cache.stages.get(&key.namespace, &key.name) else {
        return Ok(Pass::Done(ferry_planner::decision::Requeue::OnChange));
    };
    let api = Api::<Stage>::namespaced(c.client.clone(), &key.namespace);
    if stage.metadata.deletion_timestamp.is_some() {
        return act::clean_up(c, &api, &stage).await;
    }
    if !stage.metadata.finalizers.iter().flatten().any(|f| f == FINALIZER) {
        let mut all = stage.metadata.finalizers.clone().unwrap_or_default();
        all.push(FINALIZER.to_owned());
        let version = stage.metadata.resource_version.clone();
        let change = json!({"metadata": {"finalizers": all, "resourceVersion": version}});
        patch(&api, &c.cache.stages, &key.name, &change).await?;
        return Ok(Pass::Stale);
    }
    let promotions = whole(c, &stage, c.cache.promotions.in_group(&key.namespace, &key.name)).await?;
    let freight = c.cache.freight.in_namespace(&key.namespace);
    let config = c.cache.configs.get(&key.namespace, &key.namespace);
    let mut decision = {
        let promotions: Vec<&Promotion> = promotions.iter().map(Arc::as_ref).collect();
        let freight: Vec<&Freight> = freight.iter().map(Arc::as_ref).collect();
        rules::decide(&Snapshot {
            stage: &stage,
            promotions: &promotions,
            freight: &freight,
            config: config.as_deref(),
            missing: &missing(c, &stage),
            health: health::check(c, &stage, &promotions),
            uuid: &act::uuid(),
            now: c.world.now(),
        })
    };
    for why in &decision.why {
        tracing::debug!(project = key.namespace, stage = key.name, why);
    }
    let refused = act::act(c, &stage, &decision.actions).await?;
    if let Some(why) = &refused {
        rules::refused(&stage, &mut decision.status, why, c.world.now());
    }
    if stage.status.as_ref() != Some(&decision.status) {
        let mut changed = (*stage).clone();
        changed.status = Some(decision.status);
        // An action may have changed the Stage's metadata.
        let latest = c.cache.stages.get(&key.namespace, &key.name);
        if let Some(latest) = latest.filter(|latest| latest.status == stage.status) {
            changed.metadata = latest.metadata.clone();
        }
        replace_status(&api, &c.cache.stages, &changed).await?;
    }
    Ok(refused.map_or(Pass::Done(decision.requeue), Pass::Failed))
}

/// The same Promotions, with all there is to know of those whose end the Stage has yet to take note of.
async fn whole(
    c: &Controllers,
    stage: &Stage,
    promotions: Vec<Arc<Promotion>>,
) -> Result<Vec<Arc<Promotion>>, Error> {
    let Some(status) = stage.status.as_ref().filter(|status| status.current_promotion.is_some()) else {
        return Ok(promotions);
    };
    let last = status.last_promotion.as_ref().map_or("", |last| last.name.as_str());
    let api = Api::<Promotion>::namespaced(c.client.clone(), &stage.namespace().unwrap_or_default());
    let mut all = Vec::with_capacity(promotions.len());
    for promotion in promotions {
        let name = promotion.name_any();
        if promotion.is_terminal() && name.as_str() > last {
            all.extend(answered(&name, api.get_opt(&name)).await?.map(Arc::new));
        } else {
            all.push(promotion);
        }
    }
    Ok(all)
}

/// What the Stage asks for Freight and that does not exist.
fn missing(c: &Controllers, stage: &Stage) -> Vec<String> {
    let namespace = stage.metadata.namespace.as_deref().unwrap_or_default();
    let mut missing = Vec::new();
    for request in &stage.spec.requested_freight {
        if c.cache.warehouses.get(namespace, &request.origin.name).is_none() {
            missing.push(format!("Warehouse {:?} does not exist", request.origin.name));
        }
        let upstream = request.sources.stages.iter().filter(|s| c.cache.stages.get(namespace, s).is_none());
        missing.extend(upstream.map(|s| format!("Stage {s:?} does not exist")));
    }
    missing
}
