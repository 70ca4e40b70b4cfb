//! Finding a scalar by its key: a small tree of spans made from the parser's events.

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use crate::key_path;

/// Why a text was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not YAML.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// A character that readers of YAML 1.1 take for the end of a line.
    #[error(
        "line {0}: an unquoted value holds U+2028, U+2029 or U+0085, which many readers take for a new line"
    )]
    LineSeparator(usize),
    /// It is nested too deeply.
    #[error("nested deeper than {0} levels")]
    Deep(usize),
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] key_path::Error),
    /// The key leads nowhere.
    #[error("key {key:?} not found: {part:?} does not exist{among}")]
    NotFound {
        /// The key as given.
        key: String,
        /// The part that is not there.
        part: String,
        /// Where it was looked for.
        among: String,
    },
    /// A part of the key is no index of its list.
    #[error("key {key:?}: {part:?} is no index of a list of {len}; the first is 0")]
    Index {
        /// The key as given.
        key: String,
        /// The part.
        part: String,
        /// The list's length.
        len: usize,
    },
    /// The key leads to a map, a list or an alias.
    #[error("key {key:?} addresses {what}, not a single value")]
    NotScalar {
        /// The key as given.
        key: String,
        /// What is there.
        what: &'static str,
    },
    /// The value is written in a way that leaves no room for another.
    #[error("key {0:?} has no value and no place for one; write one by hand first")]
    NoPlace(String),
}

const DEPTH: usize = 200;

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

#[derive(Debug)]
pub(super) enum Node {
    Scalar { text: String, place: Place },
    Alias,
    Map(Vec<(Node, Node)>),
    List(Vec<Node>),
    Nothing,
}

impl Node {
    /// The scalar that a key leads to.
    pub fn find(&self, path: &[String], key: &str) -> Result<Place, Error> {
        let mut node = self;
        for (depth, part) in path.iter().enumerate() {
            node = node.child(part, key, path.get(..depth).unwrap_or_default())?;
        }
        let what = match node {
            Self::Scalar { place, .. } => return Ok(place.clone()),
            Self::Alias => "an alias (name the anchor's own place instead)",
            Self::Map(_) => "a map",
            Self::List(_) => "a list",
            Self::Nothing => "nothing",
        };
        Err(Error::NotScalar { key: key.to_owned(), what })
    }

    fn child(&self, part: &str, key: &str, above: &[String]) -> Result<&Self, Error> {
        let not_found = || Error::NotFound {
            key: key.to_owned(),
            part: part.to_owned(),
            among: if above.is_empty() { String::new() } else { format!(" in {:?}", above.join(".")) },
        };
        match self {
            Self::Map(pairs) => {
                let named = |k: &Self| matches!(k, Self::Scalar { text, .. } if text == part);
                pairs.iter().find(|(k, _)| named(k)).map(|(_, v)| v).ok_or_else(not_found)
            }
            Self::List(items) => part
                .parse::<usize>()
                .ok()
                .and_then(|i| items.get(i))
                .ok_or_else(|| Error::Index { key: key.to_owned(), part: part.to_owned(), len: items.len() }),
            _ => Err(not_found()),
        }
    }
}

/// Reads the first document.
pub(super) fn document(text: &str) -> Result<Node, Error> {
    let mut reader = Reader { text, events: Parser::new_from_str(text), after: 0 };
    loop {
        match reader.next()? {
            Some((Event::DocumentStart(..), _)) => return reader.node(false, false, 0),
            Some(_) => {}
            None => return Ok(Node::Nothing),
        }
    }
}

struct Reader<'a, P> {
    text: &'a str,
    events: P,
    /// The end of the last thing that is no comment.
    after: usize,
}

impl<'a, P: Iterator<Item = Result<(Event<'a>, Span), granit_parser::ScanError>>> Reader<'a, P> {
    /// The next event that is no comment.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Error> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(e)) => return Err(Error::Syntax(e.to_string())),
                None => return Ok(None),
            }
        }
    }

    fn node(&mut self, flow: bool, of_map: bool, depth: usize) -> Result<Node, Error> {
        match self.next()? {
            Some((event, span)) => self.node_of(event, span, flow, of_map, depth),
            None => Ok(Node::Nothing),
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
        let (start, end) = (offset(span.start), offset(span.end));
        self.after = end.max(after);
        let inside = |style: StructureStyle| flow || style == StructureStyle::Flow;
        match event {
            Event::Scalar(text, style, anchor, _) => {
                self.refuse_line_separators(style, span)?;
                let tag = span.tag_span().map(|t| (offset(t.start), offset(t.end)));
                let place = Place { start, end, style, tag, anchored: anchor != 0, flow, after, of_map };
                Ok(Node::Scalar { text: text.into_owned(), place })
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => Ok(Node::Alias),
            Event::SequenceStart(style, ..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Some((Event::SequenceEnd, span)) => {
                            self.after = self.after.max(offset(span.end));
                            return Ok(Node::List(items));
                        }
                        Some((event, span)) => {
                            items.push(self.node_of(event, span, inside(style), false, depth + 1)?);
                        }
                        None => return Ok(Node::List(items)),
                    }
                }
            }
            Event::MappingStart(style, ..) => {
                let mut pairs = Vec::new();
                loop {
                    let key = match self.next()? {
                        Some((Event::MappingEnd, span)) => {
                            self.after = self.after.max(offset(span.end));
                            return Ok(Node::Map(pairs));
                        }
                        Some((event, span)) => self.node_of(event, span, inside(style), false, depth + 1)?,
                        None => return Ok(Node::Map(pairs)),
                    };
                    pairs.push((key, self.node(inside(style), true, depth + 1)?));
                }
            }
            _ => Ok(Node::Nothing),
        }
    }

    /// Where an unquoted scalar holds such a character, readers do not agree on what the text says.
    fn refuse_line_separators(&self, style: ScalarStyle, span: Span) -> Result<(), Error> {
        let source = self.text.get(offset(span.start)..offset(span.end)).unwrap_or_default();
        if style == ScalarStyle::Plain && source.contains(['\u{2028}', '\u{2029}', '\u{85}']) {
            return Err(Error::LineSeparator(span.start.line()));
        }
        Ok(())
    }
}

/// A parser over a text always knows its byte offsets.
fn offset(marker: granit_parser::Marker) -> usize {
    marker.byte_offset().unwrap_or_else(|| marker.index())
}
