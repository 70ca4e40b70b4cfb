//! The queue policy of a Stage: which of its waiting Promotions are discarded for a newer one.

use std::collections::BTreeMap;

use ferry_api::promotion::PromotionPhase;
use ferry_api::queue::QueuePolicy;
use ferry_api::{Freight, FreightOrigin, Promotion, Stage};

/// Which Promotions of a Stage are to be discarded, and each for which newer one: under `latestOnly` all that wait and
/// are older than one that waits or runs and carries Freight of the same origin. The one that the Stage has let run is
/// never discarded, nor one whose Freight is not known.
pub fn superseded<'a>(
    stage: &Stage,
    queue: &[&'a Promotion],
    origin_of: &dyn Fn(&str) -> Option<FreightOrigin>,
) -> BTreeMap<&'a str, &'a str> {
    if stage.spec.queue_policy != Some(QueuePolicy::LatestOnly) {
        return BTreeMap::new();
    }
    let goes_on = |p: &&&Promotion| !p.is_terminal() && p.metadata.deletion_timestamp.is_none();
    let open = queue.iter().filter(goes_on).filter_map(|p| {
        let origin = origin_of(p.spec.freight.as_deref()?)?.to_string();
        Some((p.metadata.name.as_deref()?, origin, waits(stage, p)))
    });
    let open: Vec<(&str, String, bool)> = open.collect();
    let mut newest: BTreeMap<&str, &'a str> = BTreeMap::new();
    for (name, origin, _) in &open {
        let latest = newest.entry(origin.as_str()).or_insert(name);
        *latest = (*latest).max(name);
    }
    let newer = |(name, origin, waits): &(&'a str, String, bool)| {
        let latest = newest.get(origin.as_str()).copied()?;
        (*waits && *name < latest).then_some((*name, latest))
    };
    open.iter().filter_map(newer).collect()
}

/// Where Freight comes from, by its name.
pub fn origin_of(freight: &[&Freight], name: &str) -> Option<FreightOrigin> {
    freight.iter().find(|f| f.metadata.name.as_deref() == Some(name)).map(|f| f.origin.clone())
}

fn waits(stage: &Stage, promotion: &Promotion) -> bool {
    let current = stage.status.as_ref().and_then(|s| s.current_promotion.as_ref()).map(|p| p.name.as_str());
    matches!(promotion.phase(), None | Some(PromotionPhase::Pending))
        && promotion.metadata.deletion_timestamp.is_none()
        && current != promotion.metadata.name.as_deref()
}

#[cfg(test)]
mod tests {
    use ferry_api::promotion::PromotionStatus;
    use ferry_api::stage::PromotionReference;

    use super::*;

    fn promotion(name: &str, freight: &str, phase: Option<PromotionPhase>) -> Promotion {
        let mut promotion = Promotion::default();
        promotion.metadata.name = Some(name.into());
        promotion.spec.freight = Some(freight.into());
        promotion.status = Some(PromotionStatus { phase, ..PromotionStatus::default() });
        promotion
    }

    /// `a1`, `a2` of one Warehouse, `b1` of another.
    fn origin(freight: &str) -> Option<FreightOrigin> {
        (freight != "gone").then(|| FreightOrigin::warehouse(&freight[..1]))
    }

    #[test]
    fn of_each_origin_only_the_newest_stays() {
        let pending = Some(PromotionPhase::Pending);
        let all = [
            promotion("p1", "a1", Some(PromotionPhase::Running)),
            promotion("p2", "a1", pending),
            promotion("p3", "b1", pending),
            promotion("p4", "a2", None),
            promotion("p5", "gone", pending),
            promotion("p6", "a1", Some(PromotionPhase::Failed)),
        ];
        let queue: Vec<&Promotion> = all.iter().collect();
        let mut stage = Stage::default();
        let asked = |stage: &Stage| -> Vec<Option<String>> {
            let found = superseded(stage, &queue, &origin);
            let one = |p: &Promotion| found.get(p.metadata.name.as_deref().unwrap()).map(|n| (*n).to_owned());
            all.iter().map(one).collect()
        };
        assert_eq!(asked(&stage), vec![None::<String>; 6], "fifo discards nothing");
        stage.spec.queue_policy = Some(QueuePolicy::LatestOnly);
        let only_second = vec![None, Some("p4".to_owned()), None, None, None, None];
        assert_eq!(asked(&stage), only_second);
        let current = PromotionReference { name: "p2".into(), ..PromotionReference::default() };
        stage.status.get_or_insert_default().current_promotion = Some(current);
        assert_eq!(asked(&stage), vec![None::<String>; 6], "the one that may run stays");
        stage.status.as_mut().unwrap().current_promotion.as_mut().unwrap().name = "p4".into();
        assert_eq!(asked(&stage), only_second, "what runs is newer, too");
    }
}
