//! Keeps the Freight's own record of where it is in step with what the Stage has.

use super::{Action, Decision, Snapshot};

pub(super) fn sync(snapshot: &Snapshot<'_>, decision: &mut Decision) {
    let stage = snapshot.stage.metadata.name.as_deref().unwrap_or_default();
    let current = decision.status.freight_history.first();
    let has = |name: &str| current.is_some_and(|c| c.items.values().any(|item| item.name == name));
    for piece in snapshot.freight.iter().filter(|f| f.metadata.namespace == snapshot.stage.metadata.namespace)
    {
        let name = piece.metadata.name.as_deref().unwrap_or_default();
        match (piece.is_currently_in(stage), has(name)) {
            (true, false) => decision.actions.push(Action::UnmarkCurrent { freight: name.to_owned() }),
            (false, true) => decision.actions.push(Action::MarkCurrent { freight: name.to_owned() }),
            (true, true) | (false, false) => {}
        }
    }
    decision.status.freight_summary = Some(summary(snapshot, decision));
}

/// For the table: the one Freight's name, or how many requests are fulfilled.
fn summary(snapshot: &Snapshot<'_>, decision: &Decision) -> String {
    let requested = snapshot.stage.spec.requested_freight.len();
    let items = decision.status.freight_history.first().map(|c| &c.items);
    match (requested, items) {
        (1, Some(items)) if items.len() == 1 => {
            items.values().next().map(|item| item.name.clone()).unwrap_or_default()
        }
        (_, items) => format!("{}/{requested} Fulfilled", items.map_or(0, std::collections::BTreeMap::len)),
    }
}
