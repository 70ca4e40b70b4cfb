//! Merging one document into another: the other's bytes stay, but for what is addressed.

mod directive;
mod keyed;
mod list;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use granit_parser::ScalarStyle;

use super::edits::{Edits, Slot, Unusual};
use super::error::Error;
use super::piece::{Map, Piece, Pieces, Scalar, What};
use super::tree::{self, Node, Tree};
use super::write::{self, Writer, column};
use directive::Directive;
use keyed::{Keyed, Kind};

/// How often elements of two lists may be compared.
const COMPARISONS: usize = 10_000_000;

/// The first document of `base` with the first document of `patch` merged into it.
///
/// Maps are merged key by key, and null removes a key. Other values, lists too, take the place of what was there;
/// only lists that Kubernetes merges by a key are merged by it, in objects whose `apiVersion` and `kind` say that they
/// are of Kubernetes. `$patch: replace` and `$patch: delete` in a map, or alone in an element of such a list, do as they
/// say. Comments, order, quotes, anchors, line ends and further documents of `base` stay; an alias that is merged into
/// becomes a value of its own.
pub fn merge(base: &str, patch: &str) -> Result<String, Error> {
    let (base, patch) = (without_mark(base), without_mark(patch));
    let (tree, other) = (tree::document(base)?, tree::document(patch)?);
    if other.root.is_null() && other.root.span.is_empty() {
        return Ok(base.to_owned());
    }
    if tree.root.is_null() {
        return Ok(patch.to_owned());
    }
    let (_, patch) = Pieces::of(patch, &other)?;
    let kind = Kind::of(&tree.root).or_else(|| Kind::of(&other.root));
    let merged = merge_into(base, &tree, kind, Vec::new(), patch)?;
    // What went may be what an alias stands for.
    if base.contains('*')
        && let Err(Error::Syntax(why)) = tree::document(&merged)
    {
        return Err(Error::Orphan(why));
    }
    Ok(merged)
}

/// The first document of `base` with another value for a key of its map.
pub(super) fn put(base: &str, key: &str, value: Piece) -> Result<String, Error> {
    let base = without_mark(base);
    let tree = tree::document(base)?;
    if tree.root.is_null() {
        return Err(Error::Nothing);
    }
    let map = What::Map(Map { flow: false, pairs: vec![(Scalar::text(key), value)] });
    merge_into(base, &tree, None, Vec::new(), map.into())
}

/// The mark of byte order that some editors put before a text.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn merge_into(
    text: &str,
    tree: &Tree,
    kind: Option<Kind>,
    keys: Vec<String>,
    patch: Piece,
) -> Result<String, Error> {
    let mut merger = Merger { edits: Edits::of(text, tree), kind, path: keys, pieces: None };
    if merger.deletes(&patch)? {
        let [before, after] = [text.get(..tree.root.span.start), text.get(tree.root.span.end..)];
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        // Other documents stay; alone, nothing is left.
        let is_last = !after.lines().any(|line| line == "---" || line.starts_with("--- "));
        return Ok(if is_last { String::new() } else { format!("{before}{after}") });
    }
    merger.value(&Slot::Root, &tree.root, patch)?;
    Ok(merger.edits.applied())
}

struct Merger<'a> {
    edits: Edits<'a>,
    kind: Option<Kind>,
    /// The keys that lead to where we are.
    path: Vec<String>,
    /// What aliases stand for, read when the first is merged into.
    pieces: Option<Pieces<'a>>,
}

impl<'a> Merger<'a> {
    fn value(&mut self, slot: &Slot, node: &'a Node, patch: Piece) -> Result<(), Error> {
        if node.is_null() {
            return self.replace(slot, node, patch);
        }
        let alike = matches!(
            (&node.what, &patch.what),
            (tree::What::Map { .. }, What::Map(_)) | (tree::What::List { .. }, What::List { .. })
        );
        if alike && self.directive(&patch)? == Directive::Replace {
            return self.replace(slot, node, patch);
        }
        match (&node.what, patch.what) {
            (tree::What::Alias(_), what) => {
                let target = self.piece(node)?;
                let merged = self.detached(&target, Piece { what, ..patch })?;
                self.put(slot, node, merged)
            }
            (tree::What::Scalar { place, .. }, What::Scalar(scalar)) => {
                let done = self.edits.scalar(slot, node, place, scalar, patch.trail);
                done.map_err(|Unusual| self.unusual())
            }
            (tree::What::Map { flow, pairs }, What::Map(map)) => {
                self.map(slot, node, *flow, pairs, map, patch.trail)
            }
            (tree::What::List { flow, items }, What::List { flow: new_flow, items: new }) => {
                if let Some(keyed) = self.keyed() {
                    return self.list(slot, node, *flow, items, new, keyed);
                }
                // Written as the list was that was there, if there was something in it.
                let flow = if items.is_empty() { new_flow } else { *flow };
                self.put(slot, node, Piece { what: What::List { flow, items: new }, ..patch })
            }
            (old, new) => {
                let old = match old {
                    tree::What::Map { .. } => "a map",
                    tree::What::List { .. } => "a list",
                    _ => "a single value",
                };
                let new = match new {
                    What::Map(_) => "a map",
                    What::List { .. } => "a list",
                    What::Scalar(_) => "a single value",
                };
                Err(Error::Kinds { place: self.place(), old, new })
            }
        }
    }

    /// Where we are, as messages show it.
    fn place(&self) -> String {
        if self.path.is_empty() { "the document".to_owned() } else { format!("{:?}", self.path.join(".")) }
    }

    /// How the list is merged where we are; none where it is replaced.
    fn keyed(&self) -> Option<Keyed> {
        self.kind.and_then(|kind| kind.list(&self.path))
    }

    /// Puts what a value says in the place of whatever was there.
    fn replace(&mut self, slot: &Slot, node: &Node, patch: Piece) -> Result<(), Error> {
        match self.settled(patch)? {
            Some(piece) => self.put(slot, node, piece),
            None => Ok(()),
        }
    }

    fn put(&mut self, slot: &Slot, node: &Node, piece: Piece) -> Result<(), Error> {
        self.edits.put(slot, node, piece).map_err(|Unusual| self.unusual())
    }

    fn unusual(&self) -> Error {
        Error::Unusual(self.place())
    }

    fn map(
        &mut self,
        slot: &Slot,
        node: &Node,
        flow: bool,
        pairs: &'a [(Node, Node)],
        patch: Map,
        trail: Option<String>,
    ) -> Result<(), Error> {
        let mut index: HashMap<&str, Vec<usize>> = HashMap::new();
        for (n, (key, _)) in pairs.iter().enumerate() {
            if let Some(text) = key.text() {
                index.entry(text).or_default().push(n);
            }
        }
        let members = self.edits.pairs(pairs);
        let inherited = self.inherited(pairs)?;
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for (key, piece) in patch.pairs {
            if directive::asks(&key.text) {
                continue;
            }
            self.path.push(key.text.clone());
            match index.get(key.text.as_str()).map(Vec::as_slice) {
                Some(same) if self.deletes(&piece)? => gone.extend(same),
                // Where a key is given twice, readers take the last.
                Some([.., n]) => {
                    let (key, value) = &pairs[*n];
                    let slot = self.edits.pair_slot(flow, key).map_err(|Unusual| self.unusual())?;
                    self.value(&slot, value, piece)?;
                }
                Some([]) | None => {
                    if let Some(piece) = self.added(&inherited, &key.text, piece)? {
                        new.push((key, piece));
                    }
                }
            }
            self.path.pop();
        }
        if gone.len() == pairs.len() {
            if !(gone.is_empty() && new.is_empty()) {
                let flow = new.is_empty() || flow && !gone.is_empty() || patch.flow && gone.is_empty();
                let map = What::Map(Map { flow, pairs: new });
                self.put(slot, node, Piece { trail, ..map.into() })?;
            }
            return Ok(());
        }
        self.edits.remove(flow, &members, gone).map_err(|Unusual| self.unusual())?;
        let new = Map { flow: false, pairs: new };
        if flow {
            let texts = new
                .pairs
                .iter()
                .map(|(key, value)| format!("{}: {}", key.as_written(true), write::flow(value, true)));
            self.edits.append_flow(&members, &texts.collect::<Vec<_>>());
        } else if !new.pairs.is_empty() {
            let indent = column(self.edits.text, node.span.start);
            self.edits.append(&members, indent, |writer| writer.pairs(&new, indent, false));
        }
        Ok(())
    }

    /// What a map has by `<<`; what is written first counts.
    fn inherited(&mut self, pairs: &'a [(Node, Node)]) -> Result<HashMap<String, Piece>, Error> {
        let brings = |(key, _): &&(Node, Node)| {
            matches!(&key.what, tree::What::Scalar { text, place }
                if text == "<<" && place.style == ScalarStyle::Plain)
        };
        let mut all = HashMap::new();
        for (_, value) in pairs.iter().filter(brings) {
            let value = self.piece(value)?;
            let maps = match value.what {
                What::List { items, .. } => items,
                _ => vec![value],
            };
            for map in maps {
                let What::Map(map) = map.what else { continue };
                for (key, value) in map.pairs {
                    all.entry(key.text).or_insert(value);
                }
            }
        }
        Ok(all)
    }

    /// What a key becomes that the map does not have itself.
    fn added(
        &mut self,
        inherited: &HashMap<String, Piece>,
        key: &str,
        piece: Piece,
    ) -> Result<Option<Piece>, Error> {
        match inherited.get(key) {
            Some(_) if self.deletes(&piece)? => Err(Error::Inherited(self.place())),
            Some(inherited) if !inherited.is_null() => self.detached(inherited, piece).map(Some),
            _ => self.settled(piece),
        }
    }

    /// What an alias or `<<` stands for, with the patch merged into it.
    fn detached(&mut self, target: &Piece, patch: Piece) -> Result<Piece, Error> {
        let mut writer = Writer::new(&self.edits.layout);
        writer.document(target);
        let text = writer.out;
        let tree = tree::document(&text)?;
        let merged = merge_into(&text, &tree, self.kind, self.path.clone(), patch)?;
        let tree = tree::document(&merged)?;
        Ok(Pieces::of(&merged, &tree)?.1)
    }

    fn piece(&mut self, node: &'a Node) -> Result<Piece, Error> {
        if self.pieces.is_none() {
            self.pieces = Some(Pieces::of(self.edits.text, self.edits.tree)?.0);
        }
        match &mut self.pieces {
            Some(pieces) => pieces.piece(node),
            None => Err(Error::Large),
        }
    }
}
