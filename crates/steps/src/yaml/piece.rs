//! A value that is to be written somewhere else: its data, how it was written, and its comments. Aliases are what they
//! stand for.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::ScalarStyle;

use super::error::Error;
use super::render::{self, Style};
use super::tree::{self, Node, Tree};
use super::{VALUE, WEIGHT};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Comments on lines of their own before it.
    pub head: Vec<String>,
    /// The comment on its line.
    pub trail: Option<String>,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Scalar(Scalar),
    Map(Map),
    List { flow: bool, items: Vec<Piece> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    pub text: String,
    pub style: ScalarStyle,
    pub tag: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    pub flow: bool,
    pub pairs: Vec<(Scalar, Piece)>,
}

impl From<What> for Piece {
    fn from(what: What) -> Self {
        Self { head: Vec::new(), trail: None, what }
    }
}

impl Piece {
    /// A text, quoted where it could be taken for something else.
    pub fn text(text: &str) -> Self {
        What::Scalar(Scalar::text(text)).into()
    }

    /// Whether it stands for "no value".
    pub fn is_null(&self) -> bool {
        match &self.what {
            What::Scalar(scalar) => scalar.is_null(),
            _ => false,
        }
    }

    /// The value of a map's key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.what {
            What::Map(map) => map.pairs.iter().rfind(|(k, _)| k.text == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&str> {
        match &self.what {
            What::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }
}

impl Scalar {
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), style: ScalarStyle::DoubleQuoted, tag: None }.unquoted()
    }

    pub fn is_null(&self) -> bool {
        self.style == ScalarStyle::Plain && self.tag.is_none() && tree::is_null(&self.text)
    }

    /// Without the quotes that it does not need.
    fn unquoted(mut self) -> Self {
        if render::string(&self.text, Style::Plain, false) == self.text {
            self.style = ScalarStyle::Plain;
        }
        self
    }

    /// On one line, in a place written in that style.
    pub(super) fn inline(&self, style: Style, flow: bool) -> String {
        let text = match (style, self.style) {
            (Style::Plain, ScalarStyle::Plain) if self.text.is_empty() => "null".to_owned(),
            (Style::Plain, ScalarStyle::Plain) if render::plain_is_safe(&self.text, flow) => {
                self.text.clone()
            }
            _ => render::string(&self.text, style, flow),
        };
        match &self.tag {
            Some(tag) => format!("{tag} {text}"),
            None => text,
        }
    }

    /// On one line, as it was written.
    pub fn as_written(&self, flow: bool) -> String {
        let style = match self.style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            _ => Style::Double,
        };
        self.inline(style, flow)
    }
}

/// Reads values of a document as pieces.
pub(super) struct Pieces<'a> {
    text: &'a str,
    comments: &'a [Range<usize>],
    anchors: HashMap<usize, (Piece, usize)>,
    /// How much there may still be.
    left: usize,
}

impl<'a> Pieces<'a> {
    /// Reads a whole document. What is asked for afterwards may refer to its anchors.
    pub fn of(text: &'a str, tree: &'a Tree) -> Result<(Self, Piece), Error> {
        let mut pieces = Self { text, comments: &tree.comments, anchors: HashMap::new(), left: WEIGHT };
        let root = pieces.piece(&tree.root)?;
        Ok((pieces, root))
    }

    /// A value of the document.
    pub fn piece(&mut self, node: &Node) -> Result<Piece, Error> {
        let before = self.left;
        self.count(VALUE + node.text().map_or(0, str::len))?;
        let what = match &node.what {
            tree::What::Scalar { text, place } => What::Scalar(self.scalar(node, text, place.style)),
            tree::What::Alias(anchor) => {
                let (target, weight) = self.anchors.get(anchor).cloned().ok_or(Error::Large)?;
                self.count(weight)?;
                target.what
            }
            tree::What::Map { flow, pairs } => What::Map(self.map(*flow, pairs)?),
            tree::What::List { flow, items } => {
                let mut list = Vec::new();
                for item in items {
                    let head = self.comments_before(item.span.start);
                    let piece = self.piece(item)?;
                    // What stands behind a bracket is not said of what is inside.
                    let piece = if *flow { piece } else { self.with_comments(piece, head, item.span.end) };
                    list.push(piece);
                }
                What::List { flow: *flow, items: list }
            }
            tree::What::Nothing => {
                What::Scalar(Scalar { text: String::new(), style: ScalarStyle::Plain, tag: None })
            }
        };
        let piece = Piece::from(what);
        if node.anchor != 0 {
            self.anchors.insert(node.anchor, (piece.clone(), before - self.left));
        }
        Ok(piece)
    }

    fn count(&mut self, weight: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(weight).ok_or(Error::Large)?;
        Ok(())
    }

    fn scalar(&self, node: &Node, text: &str, style: ScalarStyle) -> Scalar {
        let tag = node.tag.clone().and_then(|tag| self.text.get(tag)).map(str::to_owned);
        Scalar { text: text.to_owned(), style, tag }
    }

    fn map(&mut self, flow: bool, pairs: &[(Node, Node)]) -> Result<Map, Error> {
        let mut map = Map { flow, pairs: Vec::new() };
        let mut inherited = Inherited::default();
        let mut at = HashMap::new();
        for (key, value) in pairs {
            let head = self.comments_before(key.span.start);
            let tree::What::Scalar { text, place } = &key.what else {
                return Err(Error::NoKey(self.line(key)));
            };
            if text.len() >= 1000 {
                return Err(Error::NoKey(self.line(key)));
            }
            let written = self.scalar(key, text, place.style);
            self.count(VALUE + text.len())?;
            let beside_key = self.comment_on_line(key.span.end, value.span.start);
            let piece = self.piece(value)?;
            let mut piece = if flow { piece } else { self.with_comments(piece, head, value.span.end) };
            piece.trail = piece.trail.or(beside_key);
            match text.as_str() {
                "<<" if place.style == ScalarStyle::Plain => {
                    inherited.add(piece).ok_or_else(|| Error::MergeKey(self.line(key)))?;
                }
                _ => {
                    if let Some(first) = at.insert(text, map.pairs.len()) {
                        // As readers do it: where a key is given twice, the last counts.
                        at.insert(text, first);
                        map.pairs[first].1 = piece;
                    } else {
                        map.pairs.push((written, piece));
                    }
                }
            }
        }
        for (key, value) in inherited.pairs {
            if !at.contains_key(&key.text) {
                map.pairs.push((key, value));
            }
        }
        Ok(map)
    }

    fn line(&self, node: &Node) -> usize {
        self.text.get(..node.span.start).unwrap_or_default().matches('\n').count() + 1
    }

    /// The comments that were not seen yet, before a place.
    fn comments_before(&mut self, place: usize) -> Vec<String> {
        let mut head = Vec::new();
        while let Some((comment, rest)) = self.comments.split_first().filter(|(c, _)| c.start < place) {
            head.push(self.text.get(comment.clone()).unwrap_or_default().trim_end().to_owned());
            self.comments = rest;
        }
        head
    }

    /// The next comment, where it is on the same line as a place, and before another.
    fn comment_on_line(&mut self, place: usize, before: usize) -> Option<String> {
        let (comment, rest) = self.comments.split_first()?;
        let on_line = !self.text.get(place..comment.start)?.contains('\n');
        // A block scalar ends where the next line begins.
        if !on_line || comment.start >= before || self.text.get(..place)?.ends_with('\n') {
            return None;
        }
        self.comments = rest;
        Some(self.text.get(comment.clone())?.trim_end().to_owned())
    }

    fn with_comments(&mut self, mut piece: Piece, head: Vec<String>, end: usize) -> Piece {
        piece.head = head;
        // Comments inside of brackets have no place on the one line that becomes of them.
        while self.comments.first().is_some_and(|comment| comment.start < end) {
            self.comments = self.comments.get(1..).unwrap_or_default();
        }
        piece.trail = self.comment_on_line(end, usize::MAX).or(piece.trail);
        piece
    }
}

/// What `<<` brings; the first to say something counts.
#[derive(Default)]
struct Inherited {
    pairs: Vec<(Scalar, Piece)>,
    seen: HashSet<String>,
}

impl Inherited {
    /// None for what is neither a map nor a list of maps.
    fn add(&mut self, value: Piece) -> Option<()> {
        match value.what {
            What::Map(map) => {
                for (key, value) in map.pairs {
                    if self.seen.insert(key.text.clone()) {
                        self.pairs.push((key, value));
                    }
                }
                Some(())
            }
            What::List { items, .. } => items.into_iter().try_for_each(|item| match item.what {
                What::Map(_) => self.add(item),
                What::Scalar(_) | What::List { .. } => None,
            }),
            What::Scalar(_) => None,
        }
    }
}
