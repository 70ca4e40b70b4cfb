//! Values that are set one by one, as `--set` takes them, without showing them to everybody: what a program is started
//! with can be seen on the whole machine, so texts go through files.
//!
//! `key=value` is `a.b[0].c=text`; values are divided by commas, so one may set several keys; `{x,y}` is a list; a
//! backslash takes the meaning from the character after it.

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
}

/// What becomes of a key. Keys are as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Assignment {
    /// A number, a boolean or null, as it was written.
    Plain(String, String),
    /// A text.
    Text(String, String),
    /// An empty list.
    Empty(String),
}

impl Assignment {
    pub fn key(&self) -> &str {
        match self {
            Self::Plain(key, _) | Self::Text(key, _) | Self::Empty(key) => key,
        }
    }
}

/// What a number of values come to; where a key is set twice, the last counts.
pub(crate) fn assignments(values: &[SetValue]) -> Result<Vec<Assignment>, Invalid> {
    let mut all: Vec<Assignment> = Vec::new();
    for value in values {
        for assignment in of(value)? {
            all.retain(|earlier| earlier.key() != assignment.key());
            all.push(assignment);
        }
    }
    Ok(all)
}

/// The texts that values come to; what is shown to people should not hold them.
pub fn texts(values: &[SetValue]) -> Vec<String> {
    let whole = values.iter().map(|value| value.value.clone());
    // What cannot be read is not given to helm.
    let parts =
        assignments(values).unwrap_or_default().into_iter().filter_map(|assignment| match assignment {
            Assignment::Plain(_, text) | Assignment::Text(_, text) => Some(text),
            Assignment::Empty(_) => None,
        });
    let mut all: Vec<String> = whole.chain(parts).collect();
    // The longest first: one may be part of another.
    all.sort_by_key(|text| std::cmp::Reverse(text.len()));
    all
}

fn of(value: &SetValue) -> Result<Vec<Assignment>, Invalid> {
    if value.literal {
        return Ok(vec![Assignment::Text(value.key.replace(',', "\\,"), value.value.clone())]);
    }
    let text = format!("{}={}", value.key, value.value);
    let no_value = || Invalid::NoValue(value.key.clone());
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (key, after) = until(rest, &['=', ',']);
        let Some(after) = after.strip_prefix('=') else { return Err(no_value()) };
        if key.is_empty() {
            return Err(no_value());
        }
        if let Some(list) = after.strip_prefix('{') {
            rest = listed(key, list, &mut found).ok_or_else(|| Invalid::EndlessList(value.key.clone()))?;
        } else {
            let (raw, after) = until(after, &[',']);
            found.push(typed(key.to_owned(), raw));
            rest = after;
        }
        rest = match rest.strip_prefix(',') {
            Some("") => return Err(no_value()),
            Some(more) => more,
            None => rest,
        };
    }
    Ok(found)
}

/// The elements of a list; what comes after it.
fn listed<'a>(key: &str, mut rest: &'a str, found: &mut Vec<Assignment>) -> Option<&'a str> {
    found.push(Assignment::Empty(key.to_owned()));
    for n in 0.. {
        let (raw, after) = until(rest, &[',', '}']);
        if !(n == 0 && raw.is_empty() && after.starts_with('}')) {
            found.push(typed(format!("{key}[{n}]"), raw));
        }
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return after.strip_prefix('}'),
        }
    }
    None
}

/// The text up to a character that nothing takes the meaning from, and the rest, which begins with it.
fn until<'a>(text: &'a str, stops: &[char]) -> (&'a str, &'a str) {
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

fn typed(key: String, raw: &str) -> Assignment {
    let text = unescaped(raw);
    let word = ["true", "false", "null"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let number = text == "0" || !text.starts_with('0') && !text.is_empty() && text.parse::<i64>().is_ok();
    if word || number { Assignment::Plain(key, raw.to_owned()) } else { Assignment::Text(key, text) }
}

fn unescaped(raw: &str) -> String {
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

    fn plain(key: &str, value: &str) -> Assignment {
        Assignment::Plain(key.to_owned(), value.to_owned())
    }

    fn text(key: &str, value: &str) -> Assignment {
        Assignment::Text(key.to_owned(), value.to_owned())
    }

    #[test]
    fn what_values_come_to() {
        for (key, value, wanted) in [
            ("a", "5", vec![plain("a", "5")]),
            ("a", "-5", vec![plain("a", "-5")]),
            ("a", "0", vec![plain("a", "0")]),
            ("a", "05", vec![text("a", "05")]),
            ("a", "1.5", vec![text("a", "1.5")]),
            ("a", "True", vec![plain("a", "True")]),
            ("a", "null", vec![plain("a", "null")]),
            ("a", "", vec![text("a", "")]),
            ("a.b[0].c", "x=y", vec![text("a.b[0].c", "x=y")]),
            ("name", "x,rep=8", vec![text("name", "x"), plain("rep", "8")]),
            ("a", r"x\,y\\z", vec![text("a", r"x,y\z")]),
            (r"a\.b\=c", "x", vec![text(r"a\.b\=c", "x")]),
            (
                "a",
                "{x,1},b=2",
                vec![
                    Assignment::Empty("a".to_owned()),
                    text("a[0]", "x"),
                    plain("a[1]", "1"),
                    plain("b", "2"),
                ],
            ),
            ("a", "{}", vec![Assignment::Empty("a".to_owned())]),
        ] {
            assert_eq!(assignments(&[set(key, value)]), Ok(wanted), "{key}={value}");
        }
        let literal = SetValue { literal: true, ..set("a", r"1,b={\") };
        assert_eq!(assignments(&[set("a", "5"), literal]), Ok(vec![text("a", r"1,b={\")]));
        for (key, value) in [("a", "x,y"), ("a", "x,"), ("", "x"), ("a", "x,=y"), ("a,b", "x")] {
            assert_eq!(
                assignments(&[set(key, value)]),
                Err(Invalid::NoValue(key.to_owned())),
                "{key}={value}"
            );
        }
        assert_eq!(assignments(&[set("a", "{x")]), Err(Invalid::EndlessList("a".to_owned())));
    }
}
