//! The watchdog: counts the Promotions that are older than work should be, and says of each once that it is.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ferry_api::Promotion;
use ferry_engine::world::Happening;
use ferry_planner::promotion as rules;
use tokio_util::sync::CancellationToken;

use crate::Controllers;
use crate::runtime::Key;

/// Of how many it tells at a time.
const TOLD_A_ROUND: usize = 100;
/// How often it looks, at most.
const SHORTEST_ROUND: Duration = Duration::from_millis(250);
/// How often it looks, at least.
const LONGEST_ROUND: Duration = Duration::from_secs(15);

/// Looks until `stop`. It reads the cache alone, so nothing that is stuck can stop it.
pub(crate) async fn watch_over(c: Controllers, stop: CancellationToken) {
    let limit = c.settings.overdue_after;
    let round = (limit / 10).clamp(SHORTEST_ROUND, LONGEST_ROUND);
    let mut told = HashSet::new();
    loop {
        tokio::select! {
            () = c.world.sleep(round) => {}
            () = stop.cancelled() => return,
        }
        look(&c, limit, &mut told);
    }
}

/// A piece of work that is told of once: a Promotion, by its uid, at a step.
type Work = (Option<String>, Option<i64>);

fn look(c: &Controllers, limit: Duration, told: &mut HashSet<Work>) {
    let now = c.world.now();
    let (mut oldest, mut open, mut count) = (Duration::ZERO, 0_u32, 0_u32);
    let (mut overdue, mut heads, mut news) = (HashSet::new(), HashMap::new(), Vec::new());
    for key in c.cache.promotions.keys() {
        let Some(promotion) = c.cache.promotions.get(&key.namespace, &key.name) else { continue };
        let Some(age) = rules::age(&promotion, now) else { continue };
        open += 1;
        oldest = oldest.max(age);
        if age <= limit {
            continue;
        }
        count += 1;
        let step = promotion.status.as_ref().map(|s| s.current_step);
        let work = (promotion.metadata.uid.clone(), step);
        if told.contains(&work) {
            overdue.insert(work);
            continue;
        }
        // Who waits for others of its Stage alone is not told of: the one they wait for is.
        let stage = Key::new(key.namespace.clone(), promotion.spec.stage.clone());
        let head = heads.entry(stage).or_insert_with_key(|stage| head(c, stage));
        if *head == Some(key.name) && news.len() < TOLD_A_ROUND {
            overdue.insert(work);
            news.push(promotion);
        }
    }
    metrics::gauge!("ferry_promotions_open").set(f64::from(open));
    metrics::gauge!("ferry_promotions_overdue").set(f64::from(count));
    metrics::gauge!("ferry_promotion_oldest_seconds").set(oldest.as_secs_f64());
    *told = overdue;
    let c = c.clone();
    // Beside the rounds: an API server that does not answer must not stop the counting.
    c.world.clone().spawn(Box::pin(async move {
        for promotion in news {
            tell(&c, &promotion, limit).await;
        }
    }));
}

/// Whose turn it is in a Stage.
fn head(c: &Controllers, stage: &Key) -> Option<String> {
    let all = c.cache.promotions.in_group(&stage.namespace, &stage.name);
    let all: Vec<&Promotion> = all.iter().map(|p| &**p).collect();
    let stage = c.cache.stages.get(&stage.namespace, &stage.name);
    ferry_planner::stage::turns(stage.as_deref(), &all).first().and_then(|p| p.metadata.name.clone())
}

async fn tell(c: &Controllers, promotion: &Promotion, limit: Duration) {
    let name = promotion.metadata.name.as_deref().unwrap_or_default();
    let project = promotion.metadata.namespace.as_deref().unwrap_or_default();
    let waiting = promotion.status.as_ref().and_then(|s| s.waiting.as_ref());
    let on = waiting.map_or("nothing that its status names", |w| w.reason.as_str());
    tracing::warn!(project, promotion = name, on, "Promotion is overdue");
    let limit = ferry_api::duration::format(limit);
    let message = format!(
        "not done after more than {limit}; it waits for: {on}. More: ferry explain promotion -p {project} {name}"
    );
    let actor = "controller:promotion-controller".to_owned();
    c.world.tell(promotion, Happening { reason: "PromotionOverdue", message, actor, warning: true }).await;
}
