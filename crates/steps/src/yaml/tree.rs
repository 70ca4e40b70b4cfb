//! What a text says and where it says it: a tree of spans made from the parser's events.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::error::Error;
use super::{DEPTH, block};

/// The first document of a text.
#[derive(Debug)]
pub(super) struct Tree {
    pub root: Node,
    /// Where the comments are, in order.
    pub comments: Vec<Range<usize>>,
}

/// A value and where it is: from its first byte after anchor and tag to its last. A block list begins at its first
/// dash, a block map at its first key.
#[derive(Debug)]
pub(super) struct Node {
    pub span: Range<usize>,
    /// The parser's number of its anchor; none is 0.
    pub anchor: usize,
    /// Where its tag is.
    pub tag: Option<Range<usize>>,
    pub what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Scalar {
        text: String,
        place: Place,
    },
    Alias(usize),
    Map {
        flow: bool,
        pairs: Vec<(Node, Node)>,
    },
    List {
        flow: bool,
        items: Vec<Node>,
    },
    /// There is no document.
    Nothing,
}

/// Where a scalar is, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first byte, after anchor and tag. Of a block scalar: of its contents.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// How it is written.
    pub style: ScalarStyle,
    /// Its tag, if it has one.
    pub tag: Option<(usize, usize)>,
    /// Whether it has an anchor.
    pub anchored: bool,
    /// Whether it is inside `{}` or `[]`.
    pub flow: bool,
    /// The end of what comes before it: its key, or the node before.
    pub after: usize,
    /// Whether it is a map's value.
    pub of_map: bool,
}

impl Node {
    /// Whether it stands for "no value".
    pub fn is_null(&self) -> bool {
        match &self.what {
            What::Scalar { text, place } => {
                place.style == ScalarStyle::Plain && self.tag.is_none() && is_null(text)
            }
            What::Nothing => true,
            _ => false,
        }
    }

    /// The scalar that it ends with.
    pub fn last_scalar(&self) -> Option<&Place> {
        match &self.what {
            What::Scalar { place, .. } => Some(place),
            What::Map { pairs, .. } => pairs.last()?.1.last_scalar(),
            What::List { items, .. } => items.last()?.last_scalar(),
            What::Alias(_) | What::Nothing => None,
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.what {
            What::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Whether a plain scalar says null.
pub(super) fn is_null(plain: &str) -> bool {
    matches!(plain, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads the first document.
pub(super) fn document(text: &str) -> Result<Tree, Error> {
    let mut reader = Reader { text, events: Parser::new_from_str(text), after: 0, comments: Vec::new() };
    let mut root = Node { span: 0..0, anchor: 0, tag: None, what: What::Nothing };
    while let Some((event, _)) = reader.next()? {
        if matches!(event, Event::DocumentStart(..)) {
            root = reader.node(false, false, 0)?;
            // What comments there are after it, to the document's end.
            reader.next()?;
            break;
        }
    }
    Ok(Tree { root, comments: reader.comments })
}

struct Reader<'a, P> {
    text: &'a str,
    events: P,
    /// The end of the last thing that is no comment.
    after: usize,
    comments: Vec<Range<usize>>,
}

impl<'a, P: Iterator<Item = Result<(Event<'a>, Span), granit_parser::ScanError>>> Reader<'a, P> {
    /// The next event that is no comment.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Error> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..), span))) => self.comments.push(range(span)),
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(e)) => return Err(Error::Syntax(e.to_string())),
                None => return Ok(None),
            }
        }
    }

    fn node(&mut self, flow: bool, of_map: bool, depth: usize) -> Result<Node, Error> {
        match self.next()? {
            Some((event, span)) => self.node_of(event, span, flow, of_map, depth),
            None => Ok(Node { span: self.after..self.after, anchor: 0, tag: None, what: What::Nothing }),
        }
    }

    fn node_of(
        &mut self,
        event: Event<'a>,
        span: Span,
        flow: bool,
        of_map: bool,
        depth: usize,
    ) -> Result<Node, Error> {
        if depth > DEPTH {
            return Err(Error::Deep(DEPTH));
        }
        let after = self.after;
        let mut place = range(span);
        let missing = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, ..)) && place.is_empty();
        if missing && !self.text.get(place.start..).unwrap_or_default().trim_start().starts_with(':') {
            let at = self.before_comments(place.start);
            place = at..at;
        }
        self.after = place.end.max(after);
        let inside = |style: StructureStyle| flow || style == StructureStyle::Flow;
        let tag = span.tag_span().map(range);
        let anchor = event.anchor_id().unwrap_or(0);
        let what = match event {
            Event::Scalar(text, style, ..) => {
                self.refuse_line_separators(style, span)?;
                let tag = tag.as_ref().map(|tag| (tag.start, tag.end));
                let said = block::text(self.text, place.end, style, &text);
                if block::is_block(style) && said.len() == text.len() {
                    place.end = self.line_begin(place.end);
                }
                let (start, end) = (place.start, place.end);
                // What is not written is not what it stands for.
                let missing = start == end && style == ScalarStyle::Plain;
                let text = if missing { String::new() } else { said.to_owned() };
                let anchored = anchor != 0;
                What::Scalar { text, place: Place { start, end, style, tag, anchored, flow, after, of_map } }
            }
            Event::Alias(anchor) => What::Alias(anchor),
            Event::UnresolvedAlias(_) => {
                return Err(Error::Syntax(format!("line {}: an alias of nothing", span.start.line())));
            }
            Event::SequenceStart(style, ..) => {
                if of_map && !flow && style == StructureStyle::Block {
                    place.start = self.first_dash(after, place.start);
                    self.after = place.start.max(after);
                }
                let mut items = Vec::new();
                while let Some((event, span)) = self.next()? {
                    if event == Event::SequenceEnd {
                        place.end = self.end(style, span, items.last());
                        break;
                    }
                    items.push(self.node_of(event, span, inside(style), false, depth + 1)?);
                }
                What::List { flow: style == StructureStyle::Flow, items }
            }
            Event::MappingStart(style, ..) => {
                let mut pairs = Vec::new();
                while let Some((event, span)) = self.next()? {
                    if event == Event::MappingEnd {
                        place.end = self.end(style, span, pairs.last().map(|(_, value)| value));
                        break;
                    }
                    let key = self.node_of(event, span, inside(style), false, depth + 1)?;
                    let mut value = self.node(inside(style), true, depth + 1)?;
                    self.behind_colon(&key, &mut value);
                    pairs.push((key, value));
                }
                What::Map { flow: style == StructureStyle::Flow, pairs }
            }
            _ => What::Nothing,
        };
        Ok(Node { span: place, anchor, tag, what })
    }

    /// Where a value that is not written has its place. The parser has it behind the comments that follow it.
    fn before_comments(&self, place: usize) -> usize {
        let mut at = place;
        for comment in self.comments.iter().rev() {
            let between = self.text.get(comment.end..at).unwrap_or("-");
            if comment.start < self.after || !between.chars().all(char::is_whitespace) {
                break;
            }
            at = self.text.get(..comment.start).unwrap_or_default().trim_end().len();
        }
        at
    }

    /// Where a line begins that has only spaces before a place; the parser counts those of the line after a block scalar.
    fn line_begin(&self, place: usize) -> usize {
        let before = self.text.get(..place).unwrap_or_default().trim_end_matches(' ');
        if before.ends_with('\n') { before.len() } else { place }
    }

    /// The first dash of a list that is a map's value. The parser gives what is behind it, where the dash is no
    /// further to the right than the key.
    fn first_dash(&self, key_end: usize, start: usize) -> usize {
        let mut at = key_end;
        for line in self.text.get(key_end..=start).unwrap_or_default().split_inclusive('\n') {
            let dash = line.trim_start();
            if dash.starts_with('-') {
                return at + line.len() - dash.len();
            }
            at += line.len();
        }
        start
    }

    /// A value that is not written is behind its key's colon. The parser has it before.
    fn behind_colon(&self, key: &Node, value: &mut Node) {
        let rest = self.text.get(key.span.end..).unwrap_or_default();
        let space = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let colon = key.span.end + space;
        if value.span.is_empty()
            && value.span.end <= colon
            && self.text.get(colon..).is_some_and(|t| t.starts_with(':'))
        {
            value.span = colon + 1..colon + 1;
        }
    }

    /// Where a collection ends: at its bracket, or with its last value.
    fn end(&mut self, style: StructureStyle, span: Span, last: Option<&Node>) -> usize {
        let bracket = range(span).end;
        if style == StructureStyle::Flow {
            self.after = self.after.max(bracket);
            return bracket;
        }
        last.map_or(self.after, |node| node.span.end.max(node.tag.as_ref().map_or(0, |tag| tag.end)))
    }

    /// Where an unquoted scalar holds such a character, readers do not agree on what the text says.
    fn refuse_line_separators(&self, style: ScalarStyle, span: Span) -> Result<(), Error> {
        let source = self.text.get(range(span)).unwrap_or_default();
        if style == ScalarStyle::Plain && source.contains(['\u{2028}', '\u{2029}', '\u{85}']) {
            return Err(Error::LineSeparator(span.start.line()));
        }
        Ok(())
    }
}

/// A parser over a text always knows its byte offsets.
pub(super) fn range(span: Span) -> Range<usize> {
    let offset = |marker: granit_parser::Marker| marker.byte_offset().unwrap_or_else(|| marker.index());
    offset(span.start)..offset(span.end)
}
