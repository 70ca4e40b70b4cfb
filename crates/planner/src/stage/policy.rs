//! The queue policy of a Stage: which of its waiting Promotions are discarded for a newer one.

use ferry_api::promotion::PromotionPhase;
use ferry_api::queue::QueuePolicy;
use ferry_api::{Freight, FreightOrigin, Promotion, Stage};

/// The newer Promotion for which one that waits is to be discarded: under `latestOnly` the newest that waits or runs
/// and carries Freight of the same origin. The one that the Stage has let run is never discarded.
pub fn superseded_by<'a>(
    stage: &Stage,
    promotion: &Promotion,
    queue: &[&'a Promotion],
    freight: &dyn Fn(&str) -> Option<FreightOrigin>,
) -> Option<&'a str> {
    if stage.spec.queue_policy != Some(QueuePolicy::LatestOnly) || !waits(stage, promotion) {
        return None;
    }
    let origin = |p: &Promotion| p.spec.freight.as_deref().and_then(freight);
    let own = origin(promotion)?;
    let name = promotion.metadata.name.as_deref()?;
    let goes_on = |p: &&&Promotion| !p.is_terminal() && p.metadata.deletion_timestamp.is_none();
    let newer = queue.iter().filter(goes_on).filter_map(|p| Some((p.metadata.name.as_deref()?, p)));
    newer.filter(|(n, p)| *n > name && origin(p).as_ref() == Some(&own)).map(|(n, _)| n).max()
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
            let one = |p: &Promotion| superseded_by(stage, p, &queue, &origin).map(ToOwned::to_owned);
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
