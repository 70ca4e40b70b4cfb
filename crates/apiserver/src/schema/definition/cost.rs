//! How long evaluating a rule may take: a coarse upper bound that only tells loops within loops over unbounded lists
//! from the rest.

use crate::schema::node::{Additional, Node, Type};

/// Bytes of the largest request, which bounds every list without a bound of its own.
const REQUEST: u64 = 3 * 1024 * 1024;
/// A hundred times what one rule may cost.
const LIMIT: u64 = 1_000_000_000;
const MAX_LEVELS: usize = 20;

/// Whether a rule of this cost at a place with so many instances is out of all proportion.
pub(super) fn is_too_much(cost: u64, instances: u64) -> bool {
    cost.saturating_mul(instances) > LIMIT
}

/// How many elements the list `node` can have.
pub(super) fn elements(node: &Node, element: &Node) -> u64 {
    node.bounds.max_items.unwrap_or_else(|| REQUEST / (smallest(element, MAX_LEVELS) + 1))
}

/// How many entries the map `node` can have.
pub(super) fn entries(node: &Node, entry: &Node) -> u64 {
    node.bounds.max_properties.unwrap_or_else(|| REQUEST / (smallest(entry, MAX_LEVELS) + 4))
}

/// How often `inner` can occur where its container occurs `outer` times with so many elements each.
pub(super) fn instances(outer: u64, elements: u64, inner: &Node) -> u64 {
    outer.saturating_mul(elements).min(REQUEST / (smallest(inner, MAX_LEVELS) + 1))
}

/// The bytes of the smallest value.
fn smallest(node: &Node, levels: usize) -> u64 {
    let Some(levels) = levels.checked_sub(1) else { return 2 };
    match node.types.as_slice() {
        [Type::Boolean] => 4,
        [Type::Object] if matches!(node.additional, Additional::Unknown) => node
            .required
            .iter()
            .filter_map(|name| {
                node.properties.get(name).map(|property| name.len() as u64 + 4 + smallest(property, levels))
            })
            .fold(2, u64::saturating_add),
        [Type::String | Type::Array | Type::Object] => 2,
        _ => 1,
    }
}
