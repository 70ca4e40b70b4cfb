//! Field selectors: `metadata.name=a,spec.phase!=b`. Which fields a resource knows is decided where it is served.

use std::fmt;

use super::Error;

/// A parsed field selector: all its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    requirements: Vec<FieldRequirement>,
}

/// One requirement of a field selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// The field as written, like `metadata.name`.
    pub field: String,
    /// The text it is compared with.
    pub value: String,
    /// Whether it must be equal; else it must differ.
    pub equal: bool,
}

impl Fields {
    /// Reads a selector; the empty one selects everything.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut requirements = Vec::new();
        for term in terms(text).into_iter().filter(|term| !term.is_empty()) {
            requirements.push(requirement(term, text)?);
        }
        Ok(Self { requirements })
    }

    /// The requirements, in the order of the text.
    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.requirements
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object is selected whose fields `get` tells; a field that is not there equals the empty text.
    pub fn matches(&self, get: impl Fn(&str) -> Option<String>) -> bool {
        self.requirements.iter().all(|requirement| {
            (get(&requirement.field).unwrap_or_default() == requirement.value) == requirement.equal
        })
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let operator = if requirement.equal { "=" } else { "!=" };
            let value = requirement.value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=");
            write!(f, "{comma}{}{operator}{value}", requirement.field)?;
        }
        Ok(())
    }
}

/// The text cut at its commas, but for those after a backslash.
fn terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                terms.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.extend(text.get(start..));
    terms
}

fn requirement(term: &str, selector: &str) -> Result<FieldRequirement, Error> {
    let no_operator = || Error::Term { selector: selector.to_owned(), term: term.to_owned() };
    let at = term
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| term.get(*at..).is_some_and(|rest| rest.starts_with("!=") || rest.starts_with('=')))
        .ok_or_else(no_operator)?;
    let (field, rest) = term.split_at(at);
    let (equal, value) = match rest.strip_prefix("!=") {
        Some(value) => (false, value),
        None => (true, rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')).unwrap_or_default()),
    };
    Ok(FieldRequirement { field: field.to_owned(), value: unescape(value)?, equal })
}

fn unescape(value: &str) -> Result<String, Error> {
    let refuse = |why| Err(Error::Escape { value: value.to_owned(), why });
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some(char @ ('\\' | ',' | '=')) => text.push(char),
                _ => return refuse("wrong escape"),
            },
            ',' | '=' => return refuse("unescaped character"),
            char => text.push(char),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn selected(selector: &str) -> bool {
        Fields::parse(selector).unwrap().matches(|field| match field {
            "metadata.name" => Some("ant".to_owned()),
            "spec.size" => Some("2".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn what_matches() {
        for selector in [
            "metadata.name=ant",
            "metadata.name==ant,spec.size!=3",
            "",
            ",",
            "spec.none=",
            "spec.none!=x",
            "spec.size=2,",
        ] {
            assert!(selected(selector), "{selector}");
        }
        for selector in ["metadata.name=a\\,b", "spec.size=02", "spec.none=x", "spec.none!="] {
            assert!(!selected(selector), "{selector}");
        }
    }

    #[test]
    fn what_is_refused() {
        for selector in [
            "metadata.name",
            "metadata.name in (a)",
            "metadata.name>a",
            "metadata.name=a=b",
            "a=\\x",
            "a=b\\",
        ] {
            assert!(Fields::parse(selector).is_err(), "{selector}");
        }
    }

    #[test]
    fn a_term_without_a_field_names_the_empty_field() {
        assert_eq!(Fields::parse("=x").unwrap().requirements()[0].field, "");
    }

    proptest! {
        #[test]
        fn reading_what_is_printed_gives_the_same(text in "([a-c.]{0,3}(=|==|!=)([a-c]|\\\\,|\\\\=){0,3},?){0,3}") {
            if let Ok(fields) = Fields::parse(&text) {
                prop_assert_eq!(Fields::parse(&fields.to_string()), Ok(fields));
            }
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            drop(Fields::parse(&text));
        }
    }
}
