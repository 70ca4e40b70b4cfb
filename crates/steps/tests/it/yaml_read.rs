//! A reading of YAML for the tests: what a document says, as YAML 1.2 has it, and on which lines it says what.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{Range, RangeInclusive};

use ferry_steps::yaml;
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};
use serde_json::{Map, Value, json};

/// Before what is a value of its own kind, which is no text.
const MARK: char = '\0';

/// The keys and indices that lead to a value.
pub type Path = Vec<String>;

/// The first document of a text.
#[derive(Default)]
pub struct Read {
    pub value: Value,
    /// The lines of each pair and element.
    places: BTreeMap<Path, Vec<RangeInclusive<usize>>>,
    /// What is in brackets, or an alias.
    flow: BTreeSet<Path>,
    pub comments: Vec<String>,
    /// Whether a map has a key twice.
    pub twice: bool,
    /// Whether a key is empty, or no scalar.
    pub odd_keys: bool,
    /// The line where the block scalar begins that the text ends with, without a newline.
    open_end: Option<usize>,
}

impl Read {
    /// None where it is no YAML.
    pub fn of(text: &str) -> Option<Self> {
        Self::with(text, false)
    }

    /// What a text says with its aliases as they are.
    pub fn unresolved(text: &str) -> Option<Value> {
        Self::with(text, true).map(|read| read.value)
    }

    fn with(text: &str, unresolved: bool) -> Option<Self> {
        let mut reader = Reader {
            text,
            events: Parser::new_from_str(text),
            anchors: HashMap::new(),
            path: Vec::new(),
            unresolved,
            read: Self::default(),
        };
        while let Some((event, _)) = reader.next()? {
            if matches!(event, Event::DocumentStart(..)) {
                let (event, span) = reader.next()??;
                if event != Event::DocumentEnd {
                    (reader.read.value, _) = reader.node(event, span)?;
                    reader.next()?;
                }
                break;
            }
        }
        Some(reader.read)
    }

    /// The lines that change where a value does: its own, or those of the brackets that it is put into.
    pub fn lines_of(&self, path: &[String]) -> Vec<RangeInclusive<usize>> {
        if let Some(lines) = self.places.get(path) {
            return lines.clone();
        }
        let holder = (0..path.len()).rev().map(|n| &path[..n]).find(|at| self.places.contains_key(*at));
        let is_line = |at: &&[String]| {
            let value = at.iter().try_fold(&self.value, |value, part| match value {
                Value::Array(items) => items.get(part.parse::<usize>().ok()?),
                other => other.get(part),
            });
            let block = value.is_some_and(|v| {
                v.as_object().is_some_and(|v| !v.is_empty()) || v.as_array().is_some_and(|v| !v.is_empty())
            });
            !block || self.flow.contains(*at)
        };
        holder.filter(is_line).map_or_else(Vec::new, |at| self.places[at].clone())
    }

    /// The line of a block scalar's sign that must say that the text ended without a newline.
    pub fn open_end(&self) -> Option<usize> {
        self.open_end
    }
}

struct Reader<'a, P> {
    text: &'a str,
    events: P,
    anchors: HashMap<usize, Value>,
    path: Path,
    unresolved: bool,
    read: Read,
}

impl<'a, P: Iterator<Item = Result<(Event<'a>, Span), granit_parser::ScanError>>> Reader<'a, P> {
    #[expect(clippy::option_option, reason = "no YAML, and no more of it")]
    fn next(&mut self) -> Option<Option<(Event<'a>, Span)>> {
        loop {
            match self.events.next().transpose().ok()? {
                Some((Event::Comment(..), span)) => {
                    self.read.comments.push(self.text[bytes(span)].trim_end().to_owned());
                }
                other => return Some(other),
            }
        }
    }

    /// A value, and where it is.
    fn node(&mut self, event: Event<'a>, span: Span) -> Option<(Value, Range<usize>)> {
        let mut at = bytes(span);
        let anchor = event.anchor_id().unwrap_or(0);
        let value = match event {
            Event::Scalar(text, style, _, tag) => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let open = block && at.end == self.text.len() && !self.text.ends_with('\n');
                if !block {
                    at.end = at.start.max(self.text[..at.end].trim_end().len());
                } else if !open {
                    // With the empty lines after it, which can be part of what it says.
                    at.end = at.start.max(at.end.saturating_sub(1));
                }
                let text = if open { text.strip_suffix('\n').unwrap_or(&text) } else { &text };
                if open {
                    self.read.open_end = Some(self.line(at.start).saturating_sub(1));
                }
                scalar(text, style, tag.as_deref())
            }
            Event::Alias(id) => {
                self.bracket(StructureStyle::Flow);
                let target = self.anchors.get(&id)?;
                if self.unresolved { json!(format!("{MARK}{id}")) } else { target.clone() }
            }
            Event::SequenceStart(style, ..) => {
                self.bracket(style);
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()??;
                    if event == Event::SequenceEnd {
                        at.end = at.end.max(if style == StructureStyle::Flow { bytes(span).end } else { 0 });
                        break Value::Array(items);
                    }
                    self.path.push(items.len().to_string());
                    let (item, place) = self.node(event, span)?;
                    self.placed(&place);
                    self.path.pop();
                    at.end = at.end.max(place.end);
                    items.push(item);
                }
            }
            Event::MappingStart(style, ..) => {
                self.bracket(style);
                let mut map = Map::new();
                loop {
                    let (event, span) = self.next()??;
                    if event == Event::MappingEnd {
                        at.end = at.end.max(if style == StructureStyle::Flow { bytes(span).end } else { 0 });
                        break Value::Object(map);
                    }
                    let place = self.pair(&mut map, event, span)?;
                    at.end = at.end.max(place.end);
                }
            }
            _ => Value::Null,
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        if self.path.is_empty() {
            self.placed(&at);
        }
        Some((value, at))
    }

    fn pair(&mut self, map: &mut Map<String, Value>, event: Event<'a>, span: Span) -> Option<Range<usize>> {
        let text = match &event {
            Event::Scalar(text, ..) => Some(text.to_string()),
            _ => None,
        };
        self.read.odd_keys |= text.as_ref().is_none_or(String::is_empty);
        self.path.push("?".to_owned());
        let (key, key_at) = self.node(event, span)?;
        self.path.pop();
        let key = text.unwrap_or_else(|| key.to_string());
        self.path.push(key.clone());
        let (event, span) = self.next()??;
        let (value, at) = self.node(event, span)?;
        // What is not written is at the colon.
        let colon = self.text[key_at.end..].find(':').map(|colon| key_at.end + colon);
        let end = if at.is_empty() { colon.filter(|colon| *colon <= at.end) } else { Some(at.end) };
        let place = key_at.start..end.unwrap_or(key_at.end);
        self.placed(&place);
        self.path.pop();
        self.read.twice |= map.insert(key, value).is_some();
        Some(place)
    }

    fn bracket(&mut self, style: StructureStyle) {
        if style == StructureStyle::Flow {
            self.read.flow.insert(self.path.clone());
        }
    }

    fn placed(&mut self, place: &Range<usize>) {
        let lines = self.line(place.start)..=self.line(place.end);
        self.read.places.entry(self.path.clone()).or_default().push(lines);
    }

    fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count()
    }
}

fn bytes(span: Span) -> Range<usize> {
    let offset = |marker: granit_parser::Marker| marker.byte_offset().unwrap_or_else(|| marker.index());
    offset(span.start)..offset(span.end)
}

/// What a scalar says: a text, or what an unquoted one stands for. Words of YAML 1.1 are texts.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    const WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];
    let plain = || {
        let is_time = text.len() > 4 && text.is_char_boundary(4) && {
            let (year, rest) = text.split_at(4);
            year.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with('-')
        };
        match yaml::read(text) {
            _ if WORDS.contains(&text.to_lowercase().as_str()) => json!(text),
            _ if is_time => json!(format!("{MARK}{text}")),
            Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => value,
            _ => json!(text),
        }
    };
    match tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix())) {
        None if style == ScalarStyle::Plain => plain(),
        None => json!(text),
        Some(tag) => match tag.strip_prefix("tag:yaml.org,2002:") {
            Some("str") => json!(text),
            Some("int" | "float" | "bool" | "null" | "timestamp") => plain(),
            _ => json!(format!("{MARK}{tag} {text}")),
        },
    }
}
