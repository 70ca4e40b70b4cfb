//! ProjectConfigs: whether their policies can be read.

use ferry_api::conditions::{self, ConditionStatus, ConditionType};
use ferry_api::names::annotation;
use ferry_api::{ProjectConfig, Time};
use ferry_engine::world::Error;
use ferry_planner::decision::Requeue;
use kube::Api;

use crate::Controllers;
use crate::runtime::{Key, Pass, replace_status};

pub(crate) async fn pass(c: &Controllers, key: &Key) -> Result<Pass, Error> {
    let done = Ok(Pass::Done(Requeue::OnChange));
    let Some(config) = c.cache.configs.get(&key.namespace, &key.name) else { return done };
    let mut changed = (*config).clone();
    let status = changed.status.get_or_insert_default();
    status.observed_generation = config.metadata.generation;
    let token = config.metadata.annotations.as_ref().and_then(|a| a.get(annotation::REFRESH)).cloned();
    status.last_handled_refresh = token.or(status.last_handled_refresh.take());
    conditions::remove(&mut status.conditions, ConditionType::Reconciling);
    conditions::set(
        &mut status.conditions,
        ConditionType::Ready,
        ConditionStatus::True,
        "Synced",
        "ProjectConfig is synced and ready for use",
        config.metadata.generation,
        &Time(c.world.now()),
    );
    if changed.status != config.status {
        let api = Api::<ProjectConfig>::namespaced(c.client.clone(), &key.namespace);
        replace_status(&api, &c.cache.configs, &changed).await?;
    }
    done
}
