//! Writing values on lines, laid out as the file around them is.

use granit_parser::ScalarStyle;

use super::piece::{Map, Piece, Scalar, What};
use super::render;
use super::tree::{self, Node, Tree};

/// How a file is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How far the keys of a map are to the right of the key that holds them.
    step: usize,
    /// How far the dashes of a list are to the right of the key that holds them.
    pub dash: usize,
    pub newline: &'static str,
}

impl Layout {
    /// As most files are.
    pub const USUAL: Self = Self { step: 2, dash: 0, newline: "\n" };

    /// As the first map in a map and the first list in a map have it.
    pub fn of(text: &str, tree: &Tree) -> Self {
        let newline =
            if text.split('\n').next().is_some_and(|line| line.ends_with('\r')) { "\r\n" } else { "\n" };
        let mut seen = Seen { step: None, dash: None };
        seen.look(text, &tree.root);
        Self { step: seen.step.unwrap_or(2), dash: seen.dash.unwrap_or(0), newline }
    }
}

struct Seen {
    step: Option<usize>,
    dash: Option<usize>,
}

impl Seen {
    fn look(&mut self, text: &str, node: &Node) {
        if self.step.is_some() && self.dash.is_some() {
            return;
        }
        match &node.what {
            tree::What::Map { flow: false, pairs } => {
                for (key, value) in pairs {
                    let deeper = column(text, value.span.start).checked_sub(column(text, key.span.start));
                    // Behind a question mark a key is as far to the right as its value.
                    let step = deeper.filter(|step| *step > 0);
                    let own_line = text.get(key.span.end..value.span.start).is_some_and(|t| t.contains('\n'));
                    match &value.what {
                        tree::What::Map { flow: false, .. } if own_line => self.step = self.step.or(step),
                        tree::What::List { flow: false, .. } if own_line => self.dash = self.dash.or(deeper),
                        _ => {}
                    }
                    self.look(text, value);
                }
            }
            tree::What::List { flow: false, items } => items.iter().for_each(|item| self.look(text, item)),
            _ => {}
        }
    }
}

/// How many bytes there are on its line before a place.
pub fn column(text: &str, place: usize) -> usize {
    let before = text.get(..place).unwrap_or_default();
    before.len() - before.rfind('\n').map_or(0, |at| at + 1)
}

/// Whether a line without text comes first, and ends.
pub fn begins_with_empty_line(rest: &str) -> bool {
    rest.split_once('\n').is_some_and(|(line, _)| line.trim().is_empty())
}

/// Writes lines; none of what it writes ends with a newline.
pub struct Writer<'a> {
    pub layout: &'a Layout,
    pub out: String,
    /// Whether an empty line comes after what is written. It would belong to a text that keeps those at its end.
    before_empty_line: bool,
}

impl<'a> Writer<'a> {
    pub fn new(layout: &'a Layout) -> Self {
        Self { layout, out: String::new(), before_empty_line: false }
    }

    /// Writes before the rest of a text.
    pub fn before(layout: &'a Layout, rest: &str) -> Self {
        Self { before_empty_line: begins_with_empty_line(rest), ..Self::new(layout) }
    }

    /// A document.
    pub fn document(&mut self, piece: &Piece) {
        let before = self.out.len();
        match &piece.what {
            What::Map(map) if !map.flow && !map.pairs.is_empty() => self.pairs(map, 0, false),
            What::List { flow: false, items } if !items.is_empty() => self.items(items, 0, false),
            _ => self.value(piece, 0),
        }
        let first = self.out.get(before..).unwrap_or_default();
        let space = first.len() - first.trim_start_matches([' ', '\r', '\n']).len();
        self.out.replace_range(before..before + space, "");
    }

    /// What comes after a key's colon; the key is in that column.
    pub fn value(&mut self, piece: &Piece, indent: usize) {
        self.value_with_dashes(piece, indent, indent + self.layout.dash);
    }

    /// As [`Writer::value`], with the dashes of a list in a column of their own.
    pub fn value_with_dashes(&mut self, piece: &Piece, indent: usize, dashes: usize) {
        match &piece.what {
            What::Map(map) if !map.flow && !map.pairs.is_empty() => {
                self.trail(piece);
                self.pairs(map, indent + self.layout.step, false);
            }
            What::List { flow: false, items } if !items.is_empty() => {
                self.trail(piece);
                self.items(items, dashes, false);
            }
            _ => self.line(piece, indent + self.layout.step, self.layout.step),
        }
    }

    /// What comes after a dash; the dash is in that column.
    pub fn item(&mut self, piece: &Piece, indent: usize) {
        match &piece.what {
            What::Map(map) if !map.flow && !map.pairs.is_empty() => self.pairs(map, indent + 2, true),
            What::List { flow: false, items } if !items.is_empty() => self.items(items, indent + 2, true),
            _ => self.line(piece, indent + 2, 2),
        }
    }

    /// Pairs, each on a line of its own; the first goes on with the line where `inline`.
    pub fn pairs(&mut self, map: &Map, indent: usize, inline: bool) {
        for (n, (key, value)) in map.pairs.iter().enumerate() {
            if inline && n == 0 {
                self.out.push(' ');
            } else {
                self.head(&value.head, indent);
                self.newline(indent);
            }
            self.out.push_str(&key.as_written(false));
            self.out.push(':');
            self.value(value, indent);
        }
    }

    /// Elements, each with a dash on a line of its own; the first goes on with the line where `inline`.
    pub fn items(&mut self, items: &[Piece], indent: usize, inline: bool) {
        for (n, item) in items.iter().enumerate() {
            if inline && n == 0 {
                self.out.push(' ');
            } else {
                self.head(&item.head, indent);
                self.head(first_head(item), indent);
                // A block inside has no line for what is said beside the dash.
                if item.is_block() {
                    self.head(item.trail.as_slice(), indent);
                }
                self.newline(indent);
            }
            self.out.push('-');
            self.item(item, indent);
        }
    }

    /// A scalar, or what is in brackets.
    fn line(&mut self, piece: &Piece, indent: usize, step: usize) {
        let lines = match &piece.what {
            What::Scalar(scalar) => self.block(scalar, indent, step),
            _ => None,
        };
        self.out.push(' ');
        let Some((header, lines)) = lines else {
            self.out.push_str(&flow(piece, false));
            return self.trail(piece);
        };
        self.out.push_str(&header);
        self.trail(piece);
        self.out.push_str(self.layout.newline);
        self.out.push_str(lines.strip_suffix(self.layout.newline).unwrap_or(&lines));
    }

    fn block(&self, scalar: &Scalar, indent: usize, step: usize) -> Option<(String, String)> {
        let folded = match scalar.style {
            ScalarStyle::Folded => true,
            ScalarStyle::Literal => false,
            _ => return None,
        };
        if self.before_empty_line && scalar.text.ends_with("\n\n") {
            return None;
        }
        let as_lines =
            |folded| render::block(&scalar.text, folded, &" ".repeat(indent), step, self.layout.newline);
        let (header, lines) =
            if folded { as_lines(true).or_else(|| as_lines(false)) } else { as_lines(false) }?;
        let tag = scalar.tag.as_ref().map(|tag| format!("{tag} ")).unwrap_or_default();
        Some((format!("{tag}{header}"), lines))
    }

    fn trail(&mut self, piece: &Piece) {
        if let Some(comment) = &piece.trail {
            self.out.push(' ');
            self.out.push_str(comment);
        }
    }

    fn head(&mut self, comments: &[String], indent: usize) {
        for comment in comments {
            self.newline(indent);
            self.out.push_str(comment);
        }
    }

    fn newline(&mut self, indent: usize) {
        self.out.push_str(self.layout.newline);
        self.out.extend(std::iter::repeat_n(' ', indent));
    }
}

impl Piece {
    /// Whether it takes lines of its own.
    pub fn is_block(&self) -> bool {
        match &self.what {
            What::Scalar(scalar) => matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded),
            What::Map(map) => !map.flow && !map.pairs.is_empty(),
            What::List { flow, items } => !flow && !items.is_empty(),
        }
    }
}

/// The comments before the first thing inside an element, which begins on the element's line.
fn first_head(item: &Piece) -> &[String] {
    match &item.what {
        What::Map(map) if !map.flow => map.pairs.first().map_or(&[], |(_, value)| &value.head),
        What::List { flow: false, items } => items.first().map_or(&[], |item| &item.head),
        _ => &[],
    }
}

/// A value on one line.
pub fn flow(piece: &Piece, inside: bool) -> String {
    match &piece.what {
        What::Scalar(scalar) => scalar.as_written(inside),
        What::Map(map) => {
            let pair =
                |(key, value): &(Scalar, Piece)| format!("{}: {}", key.as_written(true), flow(value, true));
            format!("{{{}}}", map.pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        What::List { items, .. } => {
            format!("[{}]", items.iter().map(|item| flow(item, true)).collect::<Vec<_>>().join(", "))
        }
    }
}
