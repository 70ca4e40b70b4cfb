//! Changing a text in place: pairs and elements taken away or added, values put in the place of others.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::block::is_block;
use super::piece::{Piece, Scalar, What};
use super::render::New;
use super::splice::{self, Edit};
use super::tree::{self, Node, Place, Tree};
use super::write::{self, Layout, Writer, column};

/// Something is written in a way that cannot be changed in place.
#[derive(Debug)]
pub(super) struct Unusual;

/// Where a value is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Root,
    /// After a key's colon, of which this is the end. The key is in that column.
    Pair {
        after: usize,
        indent: usize,
    },
    /// After a dash, of which this is the end. The dash is in that column.
    Item {
        after: usize,
        indent: usize,
    },
    /// In brackets.
    Flow,
}

/// One pair of a map or one element of a list: from its key or dash to the end of its value.
pub(super) type Member = Range<usize>;

/// A text, and what becomes of it.
pub(super) struct Edits<'a> {
    pub text: &'a str,
    pub tree: &'a Tree,
    pub layout: Layout,
    list: Vec<Edit>,
}

impl<'a> Edits<'a> {
    pub fn of(text: &'a str, tree: &'a Tree) -> Self {
        Self { text, tree, layout: Layout::of(text, tree), list: Vec::new() }
    }

    /// The text as it becomes.
    pub fn applied(self) -> String {
        splice::apply(self.text, self.list)
    }

    pub fn pair_slot(&self, flow: bool, key: &Node) -> Result<Slot, Unusual> {
        if flow {
            return Ok(Slot::Flow);
        }
        let after = self.colon(key).ok_or(Unusual)?;
        let beside = self.text.get(key.span.end..after).is_some_and(|between| !between.contains('\n'));
        Ok(if beside {
            Slot::Pair { after, indent: column(self.text, key.span.start) }
        } else {
            // Alone on its line, a colon is as a dash.
            Slot::Item { after, indent: column(self.text, after.saturating_sub(1)) }
        })
    }

    /// The end of a key's colon. After a key with a question mark it is on a line of its own.
    fn colon(&self, key: &Node) -> Option<usize> {
        let mut rest = self.text.get(key.span.end..)?.trim_start();
        while rest.starts_with('#') {
            rest = rest.get(rest.find('\n')?..)?.trim_start();
        }
        rest.starts_with(':').then_some(self.text.len() - rest.len() + 1)
    }

    /// Where a pair begins: at what is said of its key, its question mark, or at the key.
    fn pair_start(&self, key: &Node) -> usize {
        let mut at = key.span.start;
        let before = |at: usize| {
            let line = self.text.get(at - column(self.text, at)..at)?.trim_end_matches(' ');
            let start = line.rfind([' ', ',', '{', '[']).map_or(0, |at| at + 1);
            let word = line.get(start..)?;
            let of_key = word == "?" || word.starts_with(['&', '!']);
            of_key.then_some(at - column(self.text, at) + start)
        };
        while let Some(start) = before(at) {
            at = start;
        }
        at
    }

    pub fn pairs(&self, pairs: &[(Node, Node)]) -> Vec<Member> {
        let member = |(key, value): &(Node, Node)| {
            let colon = self.colon(key).unwrap_or(key.span.end);
            self.pair_start(key)..value.span.end.max(colon)
        };
        pairs.iter().map(member).collect()
    }

    /// The elements of a list. The dashes of one are all in the same column.
    pub fn items(&self, node: &Node, flow: bool, items: &[Node]) -> Result<Vec<Member>, Unusual> {
        let dashes = column(self.text, node.span.start);
        let mut members: Vec<Member> = Vec::new();
        for item in items {
            let start = match members.last() {
                _ if flow => item.span.start,
                None => node.span.start,
                Some(last) => self.dash(last.end, item.span.start, dashes).ok_or(Unusual)?,
            };
            members.push(start..item.span.end.max(start + 1));
        }
        Ok(members)
    }

    /// The dash in that column, between two places.
    fn dash(&self, from: usize, to: usize, dashes: usize) -> Option<usize> {
        let mut line = self.line_after(from);
        while line <= to {
            let rest = self.text.get(line..)?;
            let before = rest.get(..dashes)?;
            if before.bytes().all(|b| b == b' ') && rest.get(dashes..)?.starts_with('-') {
                return Some(line + dashes);
            }
            line = self.line_after(line + 1);
            if line >= self.text.len() {
                break;
            }
        }
        None
    }

    /// The beginning of the line after a place. A block scalar ends there already.
    fn line_after(&self, place: usize) -> usize {
        if self.text.get(..place).is_some_and(|before| before.ends_with('\n')) {
            return place;
        }
        let rest = self.text.get(place..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |at| place + at + 1)
    }

    /// The comment on the line of a place, after it.
    pub fn comment_after(&self, place: usize) -> Option<Range<usize>> {
        let at = self.tree.comments.partition_point(|comment| comment.start < place);
        let comment = self.tree.comments.get(at)?;
        let between = self.text.get(place..comment.start)?;
        let begins_line = self.text.get(..place)?.ends_with('\n');
        (!between.contains('\n') && !begins_line).then(|| comment.clone())
    }

    /// Takes members away. Some stay.
    pub fn remove(&mut self, flow: bool, members: &[Member], mut gone: Vec<usize>) -> Result<(), Unusual> {
        gone.sort_unstable();
        // For each member the next that stays, and the last before it.
        let stays = |n: &usize| gone.binary_search(n).is_err();
        let nearest = |seen: &mut Option<usize>, n: usize| {
            let before = *seen;
            *seen = Some(n).filter(stays).or(before);
            Some(before)
        };
        let preceding: Vec<_> = (0..members.len()).scan(None, nearest).collect();
        let mut following: Vec<_> = (0..members.len()).rev().scan(None, nearest).collect();
        following.reverse();
        for &n in &gone {
            let member = &members[n];
            let (next, before) = (following[n], preceding[n]);
            let range = match (flow, next, before) {
                (true, Some(next), _) => member.start..members[next].start,
                (true, None, Some(before)) => members[before].end..member.end,
                (true, None, None) => continue,
                (false, next, _) => {
                    let line = member.start - column(self.text, member.start);
                    let before = self.text.get(line..member.start).unwrap_or_default();
                    if before.chars().all(|c| c == ' ') {
                        let floor = n.checked_sub(1).map_or(0, |n| self.line_after(members[n].end));
                        self.comments_above(line, floor)..self.line_after(member.end)
                    } else if let Some(next) = next.filter(|_| n == 0) {
                        // It shares its line with the dash before it: what comes next takes its place.
                        member.start..members[next].start
                    } else if n > 0 && gone.first() == Some(&0) && !before.contains(['?', '&', '!']) {
                        // Taken away with the first.
                        continue;
                    } else {
                        return Err(Unusual);
                    }
                }
            };
            self.list.push((range, String::new()));
        }
        Ok(())
    }

    /// The line of a comment that is alone on it.
    fn line_of(&self, comment: &Range<usize>) -> Option<usize> {
        let line = comment.start - column(self.text, comment.start);
        self.text.get(line..comment.start)?.chars().all(|c| c == ' ').then_some(line)
    }

    /// Where the comments begin that stand right above a line.
    fn comments_above(&self, mut line: usize, floor: usize) -> usize {
        let mut at = self.tree.comments.partition_point(|comment| comment.start < line);
        while let Some(comment) = at.checked_sub(1).and_then(|at| self.tree.comments.get(at)) {
            let start = match self.line_of(comment) {
                Some(start) if start >= floor && self.line_after(comment.end) == line => start,
                _ => break,
            };
            line = start;
            at -= 1;
        }
        line
    }

    /// Adds lines after the last member, and after comments right below it that are as far to the right.
    pub fn append(&mut self, members: &[Member], indent: usize, write: impl FnOnce(&mut Writer<'_>)) {
        let Some(last) = members.last() else { return };
        let mut at = self.line_after(last.end);
        let first = self.tree.comments.partition_point(|comment| comment.start < at);
        for comment in self.tree.comments.get(first..).unwrap_or_default() {
            if column(self.text, comment.start) < indent || self.line_of(comment) != Some(at) {
                break;
            }
            at = self.line_after(comment.end);
        }
        if at == self.text.len() {
            self.end_last_line();
        }
        let mut writer = Writer::before(&self.layout, self.text.get(at..).unwrap_or_default());
        write(&mut writer);
        let newline = self.layout.newline;
        // What was written begins with a newline and ends without one.
        let lines = match writer.out.strip_prefix(newline) {
            Some(lines) if at < self.text.len() || self.ends_with_newline() => lines,
            _ => &writer.out,
        };
        let text = format!("{lines}{newline}");
        self.list.push((at..at, text));
    }

    /// Whether the text ends with a newline, as it has become.
    fn ends_with_newline(&self) -> bool {
        let at_end = self.list.iter().filter(|(range, _)| range.end == self.text.len());
        let last = at_end.clone().rev().find(|(_, new)| !new.is_empty());
        let before = at_end.map(|(range, _)| range.start).min().unwrap_or(self.text.len());
        match last {
            Some((_, new)) => new.ends_with('\n'),
            None => self.text.get(..before).unwrap_or_default().ends_with('\n'),
        }
    }

    /// A block scalar that ends with the file, without a newline, says that it has none before lines come after it.
    fn end_last_line(&mut self) {
        let last = self.tree.root.last_scalar().filter(|place| is_block(place.style));
        let Some(place) = last.filter(|place| place.end == self.text.len() && !self.text.ends_with('\n'))
        else {
            return;
        };
        let Some(header) = splice::header(self.text, place) else { return };
        let changed = |(range, _): &Edit| range.start <= header.start && header.start < range.end;
        if self.list.iter().any(changed) {
            return;
        }
        let signs = self.text.get(header.clone()).unwrap_or_default().replace(['+', '-'], "");
        self.list.push((header, format!("{signs}-")));
    }

    pub fn append_flow(&mut self, members: &[Member], texts: &[String]) {
        let Some(last) = members.last().filter(|_| !texts.is_empty()) else { return };
        let rest = self.text.get(last.end..).unwrap_or_default().trim_start();
        let texts = texts.join(", ");
        if rest.starts_with(',') {
            let comma = self.text.len() - rest.len() + 1;
            self.list.push((comma..comma, format!(" {texts}")));
        } else {
            self.list.push((last.end..last.end, format!(", {texts}")));
        }
    }

    /// Puts a scalar in the place of another.
    pub fn scalar(
        &mut self,
        slot: &Slot,
        node: &Node,
        place: &Place,
        scalar: Scalar,
        trail: Option<String>,
    ) -> Result<(), Unusual> {
        let in_block = !matches!(slot, Slot::Flow);
        if in_block && place.style == ScalarStyle::Plain && scalar.text.contains('\n') {
            // Text of several lines is lines.
            let style = ScalarStyle::Literal;
            return self.put(slot, node, What::Scalar(Scalar { style, ..scalar }).into());
        }
        let edits = splice::edits(self.text, place, New::Scalar(&scalar)).ok_or(Unusual)?;
        self.list.extend(edits);
        if let Some(comment) = trail.filter(|_| in_block && !is_block(place.style)) {
            // What is said of the new value.
            match self.comment_after(node.span.end) {
                Some(old) => self.list.push((old, comment)),
                None => self.list.push((node.span.end..node.span.end, format!(" {comment}"))),
            }
        }
        Ok(())
    }

    /// Puts a value in the place of another of any kind.
    pub fn put(&mut self, slot: &Slot, node: &Node, mut piece: Piece) -> Result<(), Unusual> {
        let (after, indent) = match slot {
            Slot::Pair { after, indent } | Slot::Item { after, indent } => (*after, *indent),
            Slot::Flow => {
                let text = write::flow(&piece, true);
                match &node.what {
                    tree::What::Scalar { place, .. } => {
                        let edits = splice::edits(self.text, place, New::Verbatim(&text));
                        self.list.extend(edits.ok_or(Unusual)?);
                    }
                    _ => self.list.push((node.span.clone(), text)),
                }
                return Ok(());
            }
            Slot::Root => {
                let end = self.without_newlines(node.span.end.max(node.span.start));
                let mut writer = Writer::before(&self.layout, self.below(end));
                writer.document(&piece);
                self.list.push((node.span.start..end.max(node.span.start), writer.out));
                return Ok(());
            }
        };
        let mut end = self.without_newlines(node.span.end).max(after);
        // Between the colon or dash and the value: an anchor, a comment.
        let header = self.text.get(after..node.span.start.max(after)).unwrap_or_default();
        let header = header.split('\n').next().unwrap_or_default();
        let beside_key = self.comment_after(after).filter(|comment| comment.start < after + header.len());
        let named = match &beside_key {
            Some(comment) => self.text.get(after..comment.start).unwrap_or_default(),
            None => header,
        };
        let anchor = named.split_whitespace().find(|word| word.starts_with('&'));
        let spread = self.text.get(after..end).is_some_and(|text| text.contains('\n'));
        let mut comment = beside_key;
        if let Some(trailing) = self.comment_after(end) {
            // Beside one line it speaks of the value as a whole.
            if piece.is_block() || spread || piece.trail.is_some() {
                end = trailing.end;
            }
            if piece.is_block() && !spread && piece.trail.is_none() {
                comment = Some(trailing);
            }
        }
        if let Some(comment) = comment {
            piece.trail = self.text.get(comment).map(|text| text.trim_end().to_owned());
        }
        let mut writer = Writer::before(&self.layout, self.below(end));
        if let Some(anchor) = anchor {
            writer.out.push(' ');
            writer.out.push_str(anchor);
        }
        match slot {
            Slot::Item { .. } if anchor.is_none() && !(piece.is_block() && piece.trail.is_some()) => {
                writer.item(&piece, indent);
            }
            _ => {
                let block_list = matches!(&node.what, tree::What::List { flow: false, .. }) && spread;
                let dashes = if block_list {
                    column(self.text, node.span.start)
                } else {
                    indent + self.layout.dash.max(usize::from(matches!(slot, Slot::Item { .. })) * 2)
                };
                writer.value_with_dashes(&piece, indent, dashes);
            }
        }
        self.list.push((after..end, writer.out));
        Ok(())
    }

    /// What comes after the line of a place.
    fn below(&self, place: usize) -> &'a str {
        self.text.get(place..).and_then(|rest| rest.split_once('\n')).map_or("", |(_, below)| below)
    }

    /// The end of what is written before a place, without the empty lines that a block scalar has after it.
    fn without_newlines(&self, place: usize) -> usize {
        self.text.get(..place).unwrap_or_default().trim_end_matches(['\n', '\r', ' ']).len()
    }
}
