//! Label selectors: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, `a>1`, joined by commas.

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value};

use super::{
    Error,
    lexer::{Lexer, Token},
};

/// A parsed label selector: all its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    requirements: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label it speaks of.
    pub key: String,
    /// How.
    pub operator: Operator,
    /// The values of the operator, sorted, each once.
    pub values: BTreeSet<String>,
}

/// What a requirement asks of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
    /// The label is there with one of the values.
    In,
    /// The label is not there or has another value.
    NotIn,
    /// The label is a number above the value.
    Greater,
    /// The label is a number below the value.
    Less,
}

impl Labels {
    /// Of a `LabelSelector` object; `None`: an operator that is not known.
    pub(crate) fn of_selector(selector: &Value) -> Option<Self> {
        let mut requirements = Vec::new();
        for (key, value) in selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            let values = BTreeSet::from([value.as_str()?.to_owned()]);
            requirements.push(Requirement { key: key.clone(), operator: Operator::In, values });
        }
        for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let operator = match expression.get("operator")?.as_str()? {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return None,
            };
            let values = expression.get("values").and_then(Value::as_array);
            let values = values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            let key = expression.get("key")?.as_str()?.to_owned();
            requirements.push(Requirement { key, operator, values });
        }
        Some(Self { requirements })
    }

    /// Reads a selector; the empty one selects everything.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut lexer = Lexer::new(text);
        let mut requirements = Vec::new();
        loop {
            match lexer.peek() {
                Token::Word(_) | Token::Not => requirements.push(requirement(&mut lexer)?),
                Token::End => break,
                other => return unexpected(other, "!, identifier, or 'end of string'"),
            }
            match lexer.next() {
                Token::End => break,
                Token::Comma => match lexer.peek() {
                    Token::Word(_) | Token::Not => {}
                    other => return unexpected(other, "identifier after ','"),
                },
                other => return unexpected(other, "',' or 'end of string'"),
            }
        }
        Ok(Self { requirements })
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.requirements.iter().all(|requirement| {
            requirement.holds(labels.and_then(|labels| labels.get(&requirement.key)).and_then(Value::as_str))
        })
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The requirements, in the order of the text.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

impl Requirement {
    fn holds(&self, label: Option<&str>) -> bool {
        let number = |text: &str| text.parse::<i64>().ok();
        let bound = || self.values.first().and_then(|value| number(value));
        match self.operator {
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::In => label.is_some_and(|label| self.values.contains(label)),
            Operator::NotIn => label.is_none_or(|label| !self.values.contains(label)),
            Operator::Greater => {
                label.and_then(number).zip(bound()).is_some_and(|(label, bound)| label > bound)
            }
            Operator::Less => label.and_then(number).zip(bound()).is_some_and(|(label, bound)| label < bound),
        }
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            requirement.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        match self.operator {
            Operator::Exists => f.write_str(&self.key),
            Operator::DoesNotExist => write!(f, "!{}", self.key),
            Operator::In => write!(f, "{} in ({values})", self.key),
            Operator::NotIn => write!(f, "{} notin ({values})", self.key),
            Operator::Greater => write!(f, "{}>{values}", self.key),
            Operator::Less => write!(f, "{}<{values}", self.key),
        }
    }
}

fn unexpected<T>(found: Token<'_>, expected: &'static str) -> Result<T, Error> {
    Err(Error::Unexpected { found: found.text().to_owned(), expected })
}

fn requirement(lexer: &mut Lexer<'_>) -> Result<Requirement, Error> {
    let absent = lexer.peek() == Token::Not;
    if absent {
        lexer.next();
    }
    let key = match lexer.next() {
        Token::Word(word) => check_key(word)?.to_owned(),
        other => return unexpected(other, "identifier"),
    };
    if absent {
        return Ok(Requirement { key, operator: Operator::DoesNotExist, values: BTreeSet::new() });
    }
    let operator = match lexer.peek() {
        Token::End | Token::Comma => {
            return Ok(Requirement { key, operator: Operator::Exists, values: BTreeSet::new() });
        }
        Token::Equals | Token::DoubleEquals | Token::Word("in") => Operator::In,
        Token::NotEquals | Token::Word("notin") => Operator::NotIn,
        Token::Greater => Operator::Greater,
        Token::Less => Operator::Less,
        other => return unexpected(other, "in, notin, =, ==, !=, gt, lt"),
    };
    let values = match lexer.next() {
        Token::Word(_) => several(lexer)?,
        _ => BTreeSet::from([one(lexer)?]),
    };
    check_values(operator, &values)?;
    Ok(Requirement { key, operator, values })
}

fn one(lexer: &mut Lexer<'_>) -> Result<String, Error> {
    match lexer.peek() {
        Token::End | Token::Comma => Ok(String::new()),
        Token::Word(word) => {
            lexer.next();
            Ok(word.to_owned())
        }
        other => unexpected(other, "identifier"),
    }
}

/// A list in parentheses; nothing between commas is the empty value.
fn several(lexer: &mut Lexer<'_>) -> Result<BTreeSet<String>, Error> {
    match lexer.next() {
        Token::Open => {}
        other => return unexpected(other, "'('"),
    }
    let mut values = BTreeSet::new();
    loop {
        let value = match lexer.peek() {
            Token::Word(word) => {
                lexer.next();
                word
            }
            Token::Comma | Token::Close => "",
            other => return unexpected(other, "',', ')' or identifier"),
        };
        values.insert(value.to_owned());
        match lexer.next() {
            Token::Comma => {}
            Token::Close => return Ok(values),
            other => return unexpected(other, "',' or ')'"),
        }
    }
}

fn check_values(operator: Operator, values: &BTreeSet<String>) -> Result<(), Error> {
    for value in values {
        let invalid = |why| Err(Error::Invalid { what: "value", text: value.clone(), why });
        if value.len() > 63 {
            return invalid("a label value has at most 63 characters");
        }
        if !value.is_empty() && !is_name(value) {
            return invalid(
                "a label value consists of letters, digits, '-', '_' and '.', and begins and ends with a letter or digit",
            );
        }
        if matches!(operator, Operator::Greater | Operator::Less) && value.parse::<i64>().is_err() {
            return invalid("it is compared with < or >, so it must be a whole number");
        }
    }
    Ok(())
}

/// A label key: a name, perhaps after a DNS prefix and a slash.
fn check_key(key: &str) -> Result<&str, Error> {
    let invalid = |why| Err(Error::Invalid { what: "key", text: key.to_owned(), why });
    let name = match key.split_once('/') {
        Some((prefix, name)) => {
            if prefix.is_empty() || prefix.len() > 253 || !prefix.split('.').all(is_dns_label) {
                return invalid("what stands before its slash must be a DNS name in lower case");
            }
            name
        }
        None => key,
    };
    if name.is_empty() || name.len() > 63 || !is_name(name) {
        return invalid(
            "its name has 1 to 63 letters, digits, '-', '_' and '.', and begins and ends with a letter or digit",
        );
    }
    Ok(key)
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn selected(selector: &str, labels: &Value) -> bool {
        Labels::parse(selector).unwrap().matches(labels.as_object())
    }

    #[test]
    fn what_matches() {
        let gold = json!({"tier": "gold", "zone": "a", "n": "7"});
        let bare = json!({});
        let cases = [
            ("tier=gold", true, false),
            ("tier==gold", true, false),
            ("tier!=gold", false, true),
            ("tier", true, false),
            ("!tier", false, true),
            ("tier=", false, false),
            ("", true, true),
            ("zone=a,tier=gold", true, false),
            ("tier=gold,tier=tin", false, false),
            ("tier in (gold, ,tin)", true, false),
            ("tier  in  ( gold )", true, false),
            ("tier notin (gold)", false, true),
            ("tier notin ()", true, true),
            ("tier in ()", false, false),
            ("n>6", true, false),
            ("n<6", false, false),
            ("in in (in)", false, false),
            ("!kargo.akuity.io/x", true, true),
        ];
        for (selector, on_gold, on_bare) in cases {
            assert_eq!(selected(selector, &gold), on_gold, "{selector} on {gold}");
            assert_eq!(selected(selector, &bare), on_bare, "{selector} on nothing");
        }
        assert!(!Labels::parse("tier").unwrap().matches(None));
    }

    #[test]
    fn the_empty_value_is_a_value() {
        assert!(selected("tier=", &json!({"tier": ""})));
        assert!(selected("tier in (,)", &json!({"tier": ""})));
    }

    #[test]
    fn what_is_refused() {
        for selector in [
            "tier NOTIN (gold)",
            "tier&x=y",
            "=x",
            ",",
            "a,",
            "a b",
            "a in gold",
            "a in (b",
            "a in (b c)",
            "!a=b",
            "a=(b)",
            "a=b=c",
            "-a",
            "a=-b",
            "UP.x/a",
            "x/",
            "/x",
            "a>b",
            "a in (b)c",
            "!",
        ] {
            assert!(Labels::parse(selector).is_err(), "{selector}");
        }
        assert!(Labels::parse(&format!("a={}", "x".repeat(64))).is_err());
    }

    proptest! {
        #[test]
        fn reading_what_is_printed_gives_the_same(text in "(!?[a-c](=|!=| in \\(| notin \\()?[a-c,]{0,3}\\)?,?){0,3}") {
            if let Ok(labels) = Labels::parse(&text) {
                prop_assert_eq!(Labels::parse(&labels.to_string()), Ok(labels));
            }
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            drop(Labels::parse(&text));
        }
    }
}
