//! Values that are set one by one, as `--set` takes them, without showing them to everybody: what a program is started
//! with can be seen on the whole machine, so texts go through files.
//!
//! `key=value` is `a.b[0].c=text`; values are divided by commas, so one may set several keys; `{x,y}` is a list; a
//! backslash takes the meaning from the character after it.

use crate::way::{Ways, way};

/// How many values there may be, and how long a key may be.
const VALUES: usize = 10_000;
const KEY: usize = 1024;

/// A value to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetValue {
    /// Which one.
    pub key: String,
    /// What it will be.
    pub value: String,
    /// Whether the value is a text as a whole, whatever is in it.
    pub literal: bool,
}

/// A value that cannot be set. Its text does not show the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A key without a value.
    #[error("setValues: {0:?} has a key without a value; write a comma in a value as \\,")]
    NoValue(String),
    /// A list that does not end.
    #[error("setValues: the list of {0:?} has no }} at its end")]
    EndlessList(String),
    /// Too much is set.
    #[error(
        "setValues: there are more than {VALUES} values, or a key has more than {KEY} bytes; use a file in valuesFiles"
    )]
    Large,
}

/// What helm is given for a number of values. Keys are as `--set` takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    /// For `--set`, in their order: the values, with [`STANDS_FOR`] for each text. They alone say which maps and lists
    /// there will be, and what is wrong with them.
    pub set: Vec<String>,
    /// Keys and texts that take the places of what stands for them.
    pub texts: Vec<(String, String)>,
}

/// What helm is shown in the place of a text.
const STANDS_FOR: char = 'x';

/// A value of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leaf {
    key: String,
    part: Part,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// A number, a boolean, null, or no text at all, as it was written.
    Plain(String),
    /// A text.
    Text(String),
    /// A list, whose elements follow.
    List,
}

impl Given {
    /// What helm is given for these values. Those that are texts as a whole come last, as helm has it.
    pub fn of(values: &[SetValue]) -> Result<Self, Invalid> {
        let (mut set, mut leaves) = (Vec::new(), Vec::new());
        for value in values.iter().filter(|value| !value.literal) {
            set.push(plain(value, &mut leaves)?);
        }
        for value in values.iter().filter(|value| value.literal) {
            set.push(literal(value, &mut leaves)?);
        }
        // A text goes where a later value is set above it or below it, and where a list takes the place of a map, if
        // helm allows that at all.
        let (mut texts, mut later) = (Vec::new(), Ways::default());
        for Leaf { key, part } in leaves.into_iter().rev() {
            let way = way(&key);
            match part {
                Part::Text(text) if !later.cross(&way) => texts.push((key, text)),
                _ => {}
            }
            later.add(way);
        }
        texts.reverse();
        Ok(Self { set, texts })
    }
}

/// The texts that values come to; what is shown to people should not hold them.
pub fn texts(values: &[SetValue]) -> Vec<String> {
    let mut leaves = Vec::new();
    for value in values.iter().filter(|value| !value.literal) {
        // What cannot be read is not given to helm.
        let _unreadable = plain(value, &mut leaves);
    }
    let parts = leaves.into_iter().filter_map(|leaf| match leaf.part {
        Part::Plain(text) | Part::Text(text) => Some(text),
        Part::List => None,
    });
    let mut all: Vec<String> = values.iter().map(|value| value.value.clone()).chain(parts).collect();
    // The longest first: one may be part of another.
    all.sort_by_key(|text| std::cmp::Reverse(text.len()));
    all
}

fn add(leaves: &mut Vec<Leaf>, key: String, part: Part) -> Result<(), Invalid> {
    if leaves.len() == VALUES || key.len() > KEY {
        return Err(Invalid::Large);
    }
    leaves.push(Leaf { key, part });
    Ok(())
}

/// A value as `--set-literal` takes it, for `--set`: all after the first `=` is the text, and nothing takes the meaning
/// from a character.
fn literal(value: &SetValue, leaves: &mut Vec<Leaf>) -> Result<String, Invalid> {
    let whole = format!("{}={}", value.key, value.value);
    let (key, text) = whole.split_once('=').unwrap_or((&whole, ""));
    let key = key.replace('\\', "\\\\").replace(',', "\\,");
    let part = if text.is_empty() { Part::Plain(String::new()) } else { Part::Text(text.to_owned()) };
    // With a comma after it helm takes an empty text everywhere.
    let shown = if text.is_empty() { format!("{key}=,") } else { format!("{key}={STANDS_FOR}") };
    add(leaves, key, part)?;
    Ok(shown)
}

/// A value as `--set` takes it, without its texts.
fn plain(value: &SetValue, leaves: &mut Vec<Leaf>) -> Result<String, Invalid> {
    let text = format!("{}={}", value.key, value.value);
    let mut shown = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (key, after) = until(rest, &['=', ',']);
        let after = after.strip_prefix('=').ok_or_else(|| Invalid::NoValue(value.key.clone()))?;
        shown.extend([key, "="]);
        if let Some(list) = after.strip_prefix('{') {
            let end = listed(key, list, &mut shown, leaves)?;
            rest = end.ok_or_else(|| Invalid::EndlessList(value.key.clone()))?;
        } else {
            let (raw, after) = until(after, &[',']);
            typed(key.to_owned(), raw, &mut shown, leaves)?;
            rest = after;
        }
        if let Some(more) = rest.strip_prefix(',') {
            shown.push(',');
            rest = more;
        }
    }
    Ok(shown)
}

/// The elements of a list; what comes after it, where it ends.
fn listed<'a>(
    key: &str,
    mut rest: &'a str,
    shown: &mut String,
    leaves: &mut Vec<Leaf>,
) -> Result<Option<&'a str>, Invalid> {
    shown.push('{');
    add(leaves, key.to_owned(), Part::List)?;
    for n in 0.. {
        let (raw, after) = until(rest, &[',', '}']);
        typed(format!("{key}[{n}]"), raw, shown, leaves)?;
        if let Some(end) = after.strip_prefix('}') {
            shown.push('}');
            return Ok(Some(end));
        }
        shown.push(',');
        let Some(more) = after.strip_prefix(',') else { break };
        rest = more;
    }
    Ok(None)
}

/// A value of one key: what is shown of it.
fn typed(key: String, raw: &str, shown: &mut String, leaves: &mut Vec<Leaf>) -> Result<(), Invalid> {
    let text = unescaped(raw);
    let word = ["true", "false", "null"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let number = text == "0" || !text.starts_with('0') && text.parse::<i64>().is_ok();
    let part = if word || number || text.is_empty() {
        shown.push_str(raw);
        Part::Plain(raw.to_owned())
    } else {
        shown.push(STANDS_FOR);
        Part::Text(text)
    };
    add(leaves, key, part)
}

/// The text up to a character that nothing takes the meaning from, and the rest, which begins with it.
pub(crate) fn until<'a>(text: &'a str, stops: &[char]) -> (&'a str, &'a str) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if stops.contains(&c) {
            return text.split_at(at);
        }
    }
    (text, "")
}

pub(crate) fn unescaped(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            text.extend(chars.next());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, value: &str) -> SetValue {
        SetValue { key: key.to_owned(), value: value.to_owned(), literal: false }
    }

    fn literally(key: &str, value: &str) -> SetValue {
        SetValue { literal: true, ..set(key, value) }
    }

    /// What is set, and the texts.
    fn shown(values: &[SetValue]) -> (String, Vec<(String, String)>) {
        let Given { set, texts } = Given::of(values).unwrap();
        (set.join(" "), texts)
    }

    #[test]
    fn what_values_come_to() {
        for (key, value, wanted, texts) in [
            ("a", "5", "a=5", vec![]),
            ("a", "-5", "a=-5", vec![]),
            ("a", "0", "a=0", vec![]),
            ("a", "05", "a=x", vec![("a", "05")]),
            ("a", "1.5", "a=x", vec![("a", "1.5")]),
            ("a", "True", "a=True", vec![]),
            ("a", "null", "a=null", vec![]),
            ("a", "", "a=", vec![]),
            ("a", "text,", "a=x,", vec![("a", "text")]),
            ("a.b[0].c", "y=z", "a.b[0].c=x", vec![("a.b[0].c", "y=z")]),
            ("name", "y,rep=8", "name=x,rep=8", vec![("name", "y")]),
            ("a", r"x\,y\\z", "a=x", vec![("a", r"x,y\z")]),
            (r"a\.b\=c", "y", r"a\.b\=c=x", vec![(r"a\.b\=c", "y")]),
            ("a", "{y,1,},b=2", "a={x,1,},b=2", vec![("a[0]", "y")]),
            ("a", "{}", "a={}", vec![]),
            ("a", "{y}b=z", "a={x}b=x", vec![("a[0]", "y"), ("b", "z")]),
        ] {
            let texts = texts.iter().map(|(key, text)| (key.to_string(), text.to_string())).collect();
            assert_eq!(shown(&[set(key, value)]), (wanted.to_owned(), texts), "{key}={value}");
        }
        for (key, value) in [("a", "x,y"), ("a", "x,,b=1"), ("a,b", "x")] {
            assert_eq!(Given::of(&[set(key, value)]), Err(Invalid::NoValue(key.to_owned())), "{key}={value}");
        }
        assert_eq!(Given::of(&[set("a", "{x")]), Err(Invalid::EndlessList("a".to_owned())));
    }

    #[test]
    fn what_stays_of_several() {
        let text = |key: &str, text: &str| (key.to_owned(), text.to_owned());
        for (values, wanted) in [
            (vec![set("a", "5"), literally("a", r"1,b={\")], vec![text("a", r"1,b={\")]),
            (vec![literally("a", "one"), set("a", "two")], vec![text("a", "one")]),
            (vec![literally(r"a\.b,c=d", "e")], vec![text(r"a\\.b\,c", "d=e")]),
            (vec![set("i.tag", "v1"), set("i", "null")], vec![]),
            (vec![set("i", "v1"), set("i.tag", "v2")], vec![text("i.tag", "v2")]),
            (vec![set("i.tag", "v1"), set("i.name", "1")], vec![text("i.tag", "v1")]),
            (vec![set("a[0].b", "v1"), set("a[1]", "1")], vec![text("a[0].b", "v1")]),
            (vec![set("a[0].b", "v1"), set("a[00]", "1")], vec![]),
            (vec![set("a[0][1]", "v1"), set("a[0].b", "1")], vec![]),
            (vec![set("a", "{v1,v2}"), set("a[0]", "1")], vec![text("a[1]", "v2")]),
            (vec![set("a[1]", "v1"), set("a", "{v2}")], vec![text("a[0]", "v2")]),
        ] {
            assert_eq!(shown(&values).1, wanted, "{values:?}");
        }
        assert_eq!(shown(&[literally("a[0].b", "")]), ("a[0].b=,".to_owned(), vec![]));
    }

    #[test]
    fn there_is_an_end_to_what_is_set() {
        let many = format!("{{{}}}", "y,".repeat(VALUES));
        let deep = "a.".repeat(KEY / 2 - 20);
        for (key, value) in [("a", many.as_str()), (&format!("{deep}{deep}"), "y"), (&deep, &many)] {
            assert_eq!(Given::of(&[set(key, value)]), Err(Invalid::Large));
        }
        let most = format!("{{{}}}", "y,".repeat(VALUES - 2));
        assert_eq!(shown(&[set("a", &most)]).1.len(), VALUES - 2);
    }
}
