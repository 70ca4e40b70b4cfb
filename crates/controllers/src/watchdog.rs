//! The watchdog: counts the Promotions that are older than work should be, and says of each once that it is.

use std::collections::HashSet;
use std::time::Duration;

use ferry_api::Promotion;
use ferry_engine::world::Happening;
use ferry_planner::promotion as rules;
use tokio_util::sync::CancellationToken;

use crate::Controllers;

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
        look(&c, limit, &mut told).await;
    }
}

async fn look(c: &Controllers, limit: Duration, told: &mut HashSet<String>) {
    let now = c.world.now();
    let (mut oldest, mut open, mut count) = (Duration::ZERO, 0_u32, 0_u32);
    let mut overdue = HashSet::new();
    let mut news = Vec::new();
    for key in c.cache.promotions.keys() {
        let Some(promotion) = c.cache.promotions.get(&key.namespace, &key.name) else { continue };
        let Some(age) = rules::age(&promotion, now) else { continue };
        open += 1;
        oldest = oldest.max(age);
        if age <= limit {
            continue;
        }
        let work =
            format!("{:?} {:?}", promotion.metadata.uid, promotion.status.as_ref().map(|s| s.current_step));
        count += 1;
        if told.contains(&work) {
            overdue.insert(work);
        } else if is_first(c, &promotion) && news.len() < TOLD_A_ROUND {
            overdue.insert(work);
            news.push(promotion);
        }
    }
    metrics::gauge!("ferry_promotions_open").set(f64::from(open));
    metrics::gauge!("ferry_promotions_overdue").set(f64::from(count));
    metrics::gauge!("ferry_promotion_oldest_seconds").set(oldest.as_secs_f64());
    for promotion in news {
        tell(c, &promotion, limit).await;
    }
    *told = overdue;
}

/// Whether it waits for more than other Promotions of its Stage.
fn is_first(c: &Controllers, promotion: &Promotion) -> bool {
    let project = promotion.metadata.namespace.as_deref().unwrap_or_default();
    let stage = c.cache.stages.get(project, &promotion.spec.stage);
    let current = stage.as_ref().and_then(|s| s.status.as_ref()).and_then(|s| s.current_promotion.as_ref());
    current.is_none_or(|current| Some(&current.name) == promotion.metadata.name.as_ref())
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
