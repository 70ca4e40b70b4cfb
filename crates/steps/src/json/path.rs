//! The keys of `json-update`: parts with dots between them.
//!
//! A backslash takes the character after it as it is. A colon before a part says that a number is a name. `-1` appends
//! to a list. With `*`, `?` (any characters, one character), `#` (all elements) or `#(name=="x")` (the first element of
//! which that holds, all of them with a `#` after it) a key only finds what is there and makes nothing.

use super::condition::{self, Condition};
use super::scan::{Kind, Node};

/// How deep conditions may be within conditions.
const NESTED: usize = 20;

/// A key.
#[derive(Debug, PartialEq)]
pub enum Path {
    /// Names and indexes only: what is not there is made.
    Plain(Vec<Part>),
    /// What is to be found; nothing is made.
    Search(Vec<Find>),
}

/// A part of a plain key.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// The name, or the index in digits.
    pub name: String,
    /// Whether it is a name although it is a number.
    pub forced: bool,
    /// Whether a backslash is in it. Such a number leads to no element; where one is made, it says which.
    pub escaped: bool,
}

impl Part {
    /// The index, where the part is one. No digits at all are the index 0.
    pub fn index(&self) -> Option<usize> {
        if self.forced || !self.name.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        Some(self.name.parse().unwrap_or(if self.name.is_empty() { 0 } else { usize::MAX }))
    }

    /// Whether it appends.
    pub fn appends(&self) -> bool {
        !self.forced && self.name == "-1"
    }

    /// What it leads to.
    pub fn child<'a>(&self, node: &'a Node) -> Option<&'a Node> {
        match &node.kind {
            Kind::Object(pairs) => pairs.iter().find(|(key, _)| *key == self.name).map(|(_, child)| child),
            Kind::List(items) => element(items, &self.name, self.escaped),
            Kind::Scalar => None,
        }
    }
}

/// The element of an index in digits.
pub fn element<'a>(items: &'a [Node], name: &str, escaped: bool) -> Option<&'a Node> {
    let is_index = !escaped && name.bytes().all(|digit| digit.is_ascii_digit());
    is_index.then(|| items.get(name.parse::<usize>().ok()?)).flatten()
}

/// A part of a key that searches.
#[derive(Debug, PartialEq)]
pub enum Find {
    /// A name, or an index in digits; and whether a backslash is in it.
    Name(String, bool),
    /// Names like this, as characters with whether they are meant as they are.
    Like(Vec<(char, bool)>),
    /// All elements of a list.
    All,
    /// The elements of a list that a condition holds of: all of them, or the first.
    Where(Condition, bool),
    /// What this tool has no meaning for: it finds nothing.
    Nothing,
}

/// Reads a key. There is none that cannot be read.
pub fn read(key: &str) -> Path {
    let words = split(key);
    let searches = |word: &Word| {
        word.condition.is_some() || word.chars.iter().any(|(c, escaped)| !escaped && "|#@*?".contains(*c))
    };
    if words.iter().any(searches) {
        return Path::Search(words.into_iter().map(|word| find(word, NESTED)).collect());
    }
    Path::Plain(words.into_iter().map(plain).collect())
}

/// What stands between two dots.
#[derive(Default)]
struct Word<'a> {
    /// The characters, each with whether a backslash was before it.
    chars: Vec<(char, bool)>,
    escaped: bool,
    /// What is in the brackets after a `#`; nothing is special there.
    condition: Option<&'a str>,
}

fn split(key: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut word = Word::default();
    let mut chars = key.chars();
    while let Some(c) = chars.next() {
        match c {
            '.' => words.push(std::mem::take(&mut word)),
            '\\' => {
                word.escaped = true;
                word.chars.extend(chars.next().map(|next| (next, true)));
            }
            '(' | '[' if word.condition.is_none() && word.chars == [('#', false)] => {
                let (inner, rest) = condition::enclosed(chars.as_str());
                word.condition = Some(inner);
                chars = rest.chars();
            }
            c => word.chars.push((c, false)),
        }
    }
    words.push(word);
    words
}

fn text(part: &[(char, bool)]) -> String {
    part.iter().map(|(c, _)| c).collect()
}

fn plain(mut word: Word) -> Part {
    let forced = word.chars.first() == Some(&(':', false));
    if forced {
        word.chars.remove(0);
    }
    Part { name: text(&word.chars), forced, escaped: word.escaped }
}

/// `nested` is how deep conditions may still be.
fn find(word: Word, nested: usize) -> Find {
    let has = |special: char| word.chars.contains(&(special, false));
    if has('|') {
        return Find::Nothing;
    }
    if let Some(inner) = word.condition {
        let Some(nested) = nested.checked_sub(1) else { return Find::Nothing };
        let all = word.chars.get(1) == Some(&('#', false));
        return Find::Where(Condition::read(inner, |path| below(path, nested)), all);
    }
    match &word.chars[..] {
        [('#', false)] => Find::All,
        _ if has('*') || has('?') => Find::Like(word.chars),
        _ => Find::Name(text(&word.chars), word.escaped),
    }
}

/// The parts of a key that is in a condition.
fn below(path: &str, nested: usize) -> Vec<Find> {
    split(path).into_iter().map(|word| find(word, nested)).collect()
}
