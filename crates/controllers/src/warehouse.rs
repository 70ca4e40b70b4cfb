//! Warehouses: look when it is time, make Freight of what is new.

mod discover;
mod git;
mod places;

use ferry_api::warehouse::WarehouseStatus;
use ferry_api::{Freight, Warehouse};
use ferry_engine::world::{Error, Happening, answered, events};
use ferry_planner::decision::Requeue;
use ferry_planner::warehouse::{self as rules, Look};
use kube::Api;
use kube::api::PostParams;

use crate::Controllers;
use crate::runtime::{Key, Pass, replace_status};

pub(crate) use places::Places;

/// How often one status is written in spite of changes to the metadata.
const CONFLICTS: usize = 5;

pub(crate) async fn pass(c: &Controllers, key: &Key) -> Result<Pass, Error> {
    let Some(warehouse) = c.cache.warehouses.get(&key.namespace, &key.name) else {
        return Ok(Pass::Done(Requeue::OnChange));
    };
    if warehouse.metadata.deletion_timestamp.is_some() {
        return Ok(Pass::Done(Requeue::OnChange));
    }
    let shortest = c.settings.shortest_interval;
    match rules::look(&warehouse, shortest, c.world.now()) {
        Look::After(pause) => return Ok(Pass::Done(Requeue::After(pause))),
        Look::Now(why) => tracing::debug!(project = key.namespace, warehouse = key.name, why, "looking"),
    }
    let looking = rules::looking(&warehouse, c.world.now());
    let warehouse = store(c, &warehouse, looking).await?;
    let found = discover::discover(c, &warehouse).await;
    let failed = matches!(&found, rules::Found::Failed(_));
    let decision = rules::decide(&warehouse, found, shortest, c.world.now());
    let mut status = decision.status;
    if let Some(freight) = decision.freight {
        let name = freight.metadata.name.clone().unwrap_or_default();
        let outcome = create(c, &key.namespace, &freight).await;
        status = rules::created(&warehouse, status, &name, &outcome, c.world.now());
        if let Err(why) = outcome {
            store(c, &warehouse, status).await?;
            return Ok(Pass::Failed(why));
        }
    }
    let message = ferry_api::conditions::get(&status.conditions, ferry_api::conditions::ConditionType::Ready)
        .map(|c| c.message.clone());
    store(c, &warehouse, status).await?;
    if failed { Ok(Pass::Failed(message.unwrap_or_default())) } else { Ok(Pass::Done(decision.requeue)) }
}

async fn store(c: &Controllers, warehouse: &Warehouse, status: WarehouseStatus) -> Result<Warehouse, Error> {
    let namespace = warehouse.metadata.namespace.clone().unwrap_or_default();
    let name = warehouse.metadata.name.clone().unwrap_or_default();
    let mut changed = Warehouse { status: Some(status), ..warehouse.clone() };
    if changed.status == warehouse.status {
        return Ok(changed);
    }
    let api = Api::<Warehouse>::namespaced(c.client.clone(), &namespace);
    for _ in 0..CONFLICTS {
        match replace_status(&api, &c.cache.warehouses, &changed).await {
            Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => {
                if let Some(latest) = c.cache.warehouses.get(&namespace, &name) {
                    changed.metadata = latest.metadata.clone();
                }
                return Ok(changed);
            }
        }
        // Somebody asked for a refresh, perhaps: what was found meanwhile stands, if the status is still ours.
        let fresh = answered(&format!("Warehouse {name}"), api.get_opt(&name)).await?;
        let is_ours = |fresh: &Warehouse| {
            fresh.metadata.uid == warehouse.metadata.uid && form(fresh) == form(warehouse)
        };
        let Some(fresh) = fresh.filter(is_ours) else { break };
        changed.metadata = fresh.metadata;
    }
    Err(Error::Conflict(format!("Warehouse {name}")))
}

/// The status in its JSON form, in which times have the precision that is stored.
fn form(warehouse: &Warehouse) -> serde_json::Value {
    serde_json::to_value(&warehouse.status).unwrap_or_default()
}

/// Creates Freight. False where it exists: its name is its content.
async fn create(c: &Controllers, namespace: &str, freight: &Freight) -> Result<bool, String> {
    let api = Api::<Freight>::namespaced(c.client.clone(), namespace);
    let name = freight.metadata.name.clone().unwrap_or_default();
    if c.cache.freight.get(namespace, &name).is_some() {
        return Ok(false);
    }
    ferry_failpoint::point!("freight.create");
    let created = answered(&format!("Freight {name}"), api.create(&PostParams::default(), freight)).await;
    ferry_failpoint::point!("freight.created");
    match created {
        Ok(created) => {
            tracing::info!(project = namespace, freight = name, "new Freight");
            let message = format!("Freight created from Warehouse {:?}", created.origin.name);
            let actor = "controller:warehouse-controller".to_owned();
            let happening = Happening { reason: "FreightCreated", message, actor, warning: false };
            events::record(&c.client, events::of_freight(&created, None, &happening, c.world.now())).await;
            c.cache.freight.learn(created);
            Ok(true)
        }
        Err(Error::Conflict(_)) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}
