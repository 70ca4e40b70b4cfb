//! Promotions for which nothing runs: they wait, they are stopped, or they are run.

use ferry_api::Promotion;
use ferry_engine::world::{Error, PromotionKey};
use ferry_planner::decision::Requeue;
use ferry_planner::promotion::{self as rules, Decision};
use kube::Api;

use crate::Controllers;
use crate::runtime::{Key, Pass, replace_status};

pub(crate) async fn pass(c: &Controllers, key: &Key) -> Result<Pass, Error> {
    let done = Ok(Pass::Done(Requeue::OnChange));
    let Some(promotion) = c.cache.promotions.get(&key.namespace, &key.name) else { return done };
    let id = PromotionKey { project: key.namespace.clone(), name: key.name.clone() };
    if c.engine.is_live(&id) {
        command(c, &promotion, &id);
        return done;
    }
    if promotion.metadata.deletion_timestamp.is_some() {
        return done;
    }
    let stage = c.cache.stages.get(&key.namespace, &promotion.spec.stage);
    let queue = c.cache.promotions.in_group(&key.namespace, &promotion.spec.stage);
    let waiting: Vec<&Promotion> = queue.iter().map(|p| &**p).filter(|p| !p.is_terminal()).collect();
    let order = ferry_planner::stage::queue_order(&waiting);
    let name = promotion.metadata.name.as_ref();
    let ahead: Vec<&Promotion> = order.into_iter().take_while(|p| p.metadata.name.as_ref() != name).collect();
    match rules::decide(&promotion, stage.as_deref(), &ahead, c.world.now()) {
        Decision::Ended => {}
        Decision::Run => {
            c.engine.start(id);
        }
        Decision::Wait(status) | Decision::Abort(status) => {
            if promotion.status.as_ref() != Some(&*status) {
                let changed = Promotion { status: Some(*status), ..(*promotion).clone() };
                let api = Api::namespaced(c.client.clone(), &key.namespace);
                replace_status(&api, &c.cache.promotions, &changed).await?;
            }
        }
    }
    done
}

/// What a live run must hear of: an end that was asked for, a refresh, its deletion.
fn command(c: &Controllers, promotion: &Promotion, id: &PromotionKey) {
    if let Some(actor) = rules::abort_request(promotion) {
        c.engine.abort(id, &actor);
    }
    let handled = promotion.status.as_ref().and_then(|s| s.last_handled_refresh.clone());
    let asked = rules::refresh_token(promotion);
    if (asked.is_some() && asked != handled) || promotion.metadata.deletion_timestamp.is_some() {
        c.engine.wake(id);
    }
}
