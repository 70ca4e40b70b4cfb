//! Promotions for which nothing runs: they wait, they are stopped, or they are run.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ferry_api::promotion::PromotionStatus;
use ferry_api::{Promotion, Stage};
use ferry_engine::world::{Error, Happening, PromotionKey};
use ferry_planner::decision::Requeue;
use ferry_planner::promotion::{self as rules, Decision};
use kube::Api;
use parking_lot::Mutex;

use crate::Controllers;
use crate::runtime::{Key, Pass, replace_status};

/// The pause before a run that was over too early is started again; it doubles with each one in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

pub(crate) async fn pass(c: &Controllers, key: &Key) -> Result<Pass, Error> {
    let done = Ok(Pass::Done(Requeue::OnChange));
    let Some(promotion) = c.cache.promotions.get(&key.namespace, &key.name) else { return done };
    let id = PromotionKey { project: key.namespace.clone(), name: key.name.clone() };
    if c.engine.is_live(&id) {
        command(c, &promotion, &id);
        return done;
    }
    if promotion.metadata.deletion_timestamp.is_some() || promotion.is_terminal() {
        forget(c, &promotion);
        return done;
    }
    let stage = c.cache.stages.get(&key.namespace, &promotion.spec.stage);
    let queue = c.cache.promotions.in_group(&key.namespace, &promotion.spec.stage);
    let queue: Vec<&Promotion> = queue.iter().map(|p| &**p).collect();
    let ahead = ferry_planner::stage::ahead(stage.as_deref(), &promotion, &queue);
    let discarded = stage.as_deref().map(|stage| superseded(c, stage, &queue)).unwrap_or_default();
    let newer = discarded.get(key.name.as_str()).copied();
    match rules::decide(&promotion, stage.as_deref(), &ahead, newer, c.world.now()) {
        Decision::Ended => {}
        Decision::Run => {
            c.engine.start(id);
        }
        Decision::Wait(status) => store(c, &promotion, *status).await?,
        Decision::Abort(status) => end(c, &promotion, *status, "PromotionAborted", true).await?,
        Decision::Discard(status) => end(c, &promotion, *status, "PromotionDiscarded", false).await?,
    }
    done
}

/// Stores an end that came before the beginning, and tells of it.
async fn end(
    c: &Controllers,
    promotion: &Promotion,
    status: PromotionStatus,
    reason: &'static str,
    warning: bool,
) -> Result<(), Error> {
    let message = status.message.clone();
    let key = Key::of(promotion);
    let whole = c.world.promotion(&PromotionKey { project: key.namespace, name: key.name }).await?;
    store(c, promotion, status).await?;
    forget(c, promotion);
    let actor = whole.as_ref().and_then(rules::actor).unwrap_or("controller:promotion-controller").to_owned();
    c.world.tell(promotion, Happening { reason, message, actor, warning }).await;
    Ok(())
}

fn superseded<'a>(c: &Controllers, stage: &Stage, queue: &[&'a Promotion]) -> BTreeMap<&'a str, &'a str> {
    let project = stage.metadata.namespace.as_deref().unwrap_or_default();
    let origin = |name: &str| c.cache.freight.get(project, name).map(|f| f.origin.clone());
    ferry_planner::stage::superseded(stage, queue, &origin)
}

async fn store(c: &Controllers, promotion: &Promotion, status: PromotionStatus) -> Result<(), Error> {
    if promotion.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let changed = Promotion { status: Some(status), ..promotion.clone() };
    let namespace = promotion.metadata.namespace.clone().unwrap_or_default();
    replace_status(&Api::namespaced(c.client.clone(), &namespace), &c.cache.promotions, &changed).await
}

/// Removes what is left of a Promotion for which nothing runs, nor will.
pub(crate) fn forget(c: &Controllers, promotion: &Promotion) {
    let Some(uid) = promotion.metadata.uid.clone() else { return };
    let engine = c.engine.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = engine.forget(&uid) {
            tracing::warn!(uid, %error, "work directory not removed");
        }
    });
}

/// A Promotion is gone, or another one bears its name: its run ends, and nothing is left of it.
pub(crate) fn gone(c: &Controllers, promotion: &Promotion) {
    let key = Key::of(promotion);
    let uid = promotion.metadata.uid.as_deref().unwrap_or_default();
    if !c.engine.gone(&PromotionKey { project: key.namespace, name: key.name }, uid) {
        forget(c, promotion);
    }
}

/// A run that is over although its Promotion has not ended is started again, after pauses that grow.
pub(crate) fn go_on_after_runs(c: &Controllers) {
    let (queues, stops) = (c.queues.clone(), Mutex::new(HashMap::<PromotionKey, u32>::new()));
    c.engine.when_over(move |key, has_ended| {
        let mut stops = stops.lock();
        let before = stops.remove(key).unwrap_or(0);
        if !has_ended {
            stops.insert(key.clone(), before.saturating_add(1));
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << before.min(16)).min(LONGEST_PAUSE);
        queues.promotions.add_after(Key::new(key.project.clone(), key.name.clone()), pause);
    });
}

/// What a live run must hear of: an end that was asked for, a refresh, its deletion.
fn command(c: &Controllers, promotion: &Promotion, id: &PromotionKey) {
    if let Some(actor) = rules::abort_request(promotion) {
        c.engine.abort(id, &actor);
    }
    let handled = promotion.status.as_ref().and_then(|s| s.last_handled_refresh.clone());
    let asked = rules::refresh_token(promotion);
    if asked.is_some() && asked != handled {
        c.engine.wake(id);
    }
    if promotion.metadata.deletion_timestamp.is_some() {
        c.engine.gone(id, promotion.metadata.uid.as_deref().unwrap_or_default());
    }
}
