//! Lists whose elements are merged with those of the same name.

use std::collections::HashSet;

use super::super::edits::{Slot, Unusual};
use super::super::error::Error;
use super::super::piece::{Piece, What};
use super::super::tree::Node;
use super::super::write::{self, column};
use super::directive::of_list_only;
use super::keyed::Keyed;
use super::{COMPARISONS, Merger};

/// What an element is told apart by: for each key of the list what it has there.
type Name = Vec<Option<String>>;

/// What becomes of a list.
#[derive(Default)]
struct Plan {
    /// Elements that are changed.
    changed: Vec<(usize, Piece)>,
    /// Elements that go.
    gone: Vec<usize>,
    /// Elements that come.
    new: Vec<Piece>,
}

impl<'a> Merger<'a> {
    /// Merges the elements of a list into the list at `node`.
    pub(super) fn list(
        &mut self,
        slot: &Slot,
        node: &Node,
        flow: bool,
        items: &'a [Node],
        patch: Vec<Piece>,
        keyed: Keyed,
    ) -> Result<(), Error> {
        let Plan { changed, mut gone, new } = self.plan(items, patch, keyed)?;
        let members = self.edits.items(node, flow, items).map_err(|Unusual| self.unusual())?;
        for (n, piece) in changed {
            let slot = if flow {
                Slot::Flow
            } else {
                let at = members[n].start;
                Slot::Item { after: at + 1, indent: column(self.edits.text, at) }
            };
            self.value(&slot, &items[n], piece)?;
        }
        gone.sort_unstable();
        gone.dedup();
        if gone.len() == items.len() {
            if !(gone.is_empty() && new.is_empty()) {
                let flow = new.is_empty() || flow && !gone.is_empty();
                self.put(slot, node, What::List { flow, items: new }.into())?;
            }
            return Ok(());
        }
        self.edits.remove(flow, &members, gone).map_err(|Unusual| self.unusual())?;
        if flow {
            self.edits
                .append_flow(&members, &new.iter().map(|item| write::flow(item, true)).collect::<Vec<_>>());
        } else if !new.is_empty() {
            let indent = column(self.edits.text, node.span.start);
            self.edits.append(&members, indent, |writer| writer.items(&new, indent, false));
        }
        Ok(())
    }

    fn plan(&mut self, items: &[Node], patch: Vec<Piece>, keyed: Keyed) -> Result<Plan, Error> {
        if items.len().saturating_mul(patch.len()) > COMPARISONS {
            return Err(Error::Large);
        }
        let known: Vec<Name> = items.iter().map(|item| keyed.of_node(item)).collect();
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        for piece in patch {
            if of_list_only(&piece) {
                continue;
            }
            let Some(name) = keyed.of_piece(&piece) else {
                return Err(Error::Unnamed { place: self.place(), key: keyed.name() });
            };
            // Of several of a name the first counts.
            if seen.insert(name.clone()) {
                wanted.push((name, piece));
            }
        }
        let names: Vec<Name> = wanted.iter().map(|(name, _)| name.clone()).collect();
        let mut plan = Plan::default();
        for (name, piece) in wanted {
            let same = same(&known, &names, &name);
            if same.is_empty() {
                plan.new.extend(self.settled(piece)?);
            } else if self.deletes(&piece)? {
                plan.gone.extend(same);
            } else {
                plan.changed.extend(same.into_iter().map(|n| (n, piece.clone())));
            }
        }
        Ok(plan)
    }
}

/// The elements that a name means: those of that very name; or else the first that only one of them says less of, where
/// no other of the names could mean it.
fn same(known: &[Name], names: &[Name], name: &Name) -> Vec<usize> {
    let exactly: Vec<usize> =
        known.iter().enumerate().filter(|(_, has)| *has == name).map(|(n, _)| n).collect();
    if !exactly.is_empty() || name.len() < 2 {
        return exactly;
    }
    let fits =
        |has: &&Name| alike(has, name) && names.iter().filter(|other| alike(has, other)).nth(1).is_none();
    known.iter().position(|has| fits(&has)).into_iter().collect()
}

/// Whether nothing sets two names apart. A key that only one of them gives does not.
fn alike(a: &Name, b: &Name) -> bool {
    a.iter().any(Option::is_some) && a.iter().zip(b).all(|(a, b)| a.is_none() || b.is_none() || a == b)
}
