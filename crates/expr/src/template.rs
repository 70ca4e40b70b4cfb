//! Texts with expressions in them: `${{ … }}` and `${% … %}`.
//!
//! A text without an opening delimiter is what it is. Otherwise every expression is replaced by its text (strings as
//! they are, everything else as JSON), and the whole is read again: quoted, it is a string; else a number, a bool, JSON,
//! or a string. See [`crate::Text`] for the one thing that is not read again.

mod coerce;
mod functions;
mod yaml;

pub use functions::quote;

use crate::error::{Error, Place, Stop};
use crate::expression::{Expression, References};
use crate::host::Functions;
use crate::limits::MAX_TEMPLATE;
use crate::value::{Map, Text, Value, json};

/// Opening and closing delimiters.
const DELIMITERS: [(&str, &str); 2] = [("${{", "}}"), ("${%", "%}")];

/// A parsed template.
#[derive(Debug, Clone)]
pub struct Template {
    parts: Vec<Part>,
    is_plain: bool,
    /// An expression that is not one, or a delimiter that is not closed: an error once evaluation comes there.
    broken: Option<Error>,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    Expression(Expression),
}

/// One step through a template.
enum Found<'a> {
    /// Text, an expression, and what follows.
    Expression(&'a str, &'a str, &'a str),
    /// No expression any more.
    Rest,
    Unclosed(Error),
}

/// The first expression of `rest`, which is the end of `whole`.
fn next<'a>(whole: &str, rest: &'a str) -> Found<'a> {
    let first =
        DELIMITERS.iter().filter_map(|(open, close)| rest.find(open).map(|at| (at, *open, *close))).min();
    let Some((at, open, close)) = first else { return Found::Rest };
    let (before, opened) = rest.split_at(at);
    let inside = opened.get(open.len()..).unwrap_or_default();
    // The first closing delimiter ends the expression, wherever it stands.
    if let Some((expression, after)) = inside.split_once(close) {
        return Found::Expression(before, expression, after);
    }
    let place = Place::find(whole, whole.len() - rest.len() + at);
    Found::Unclosed(Error::Unclosed { open, close, line: place.line, column: place.column })
}

impl Template {
    /// Parses a template, and says what is wrong with any part of it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let template = Self::parse_lazily(text);
        match template.broken {
            Some(error) => Err(error),
            None => Ok(template),
        }
    }

    /// Parses up to the first thing that is wrong: the expressions before it are evaluated first.
    fn parse_lazily(text: &str) -> Self {
        let is_plain = !DELIMITERS.iter().any(|(open, _)| text.contains(open));
        let mut template = Self { parts: Vec::new(), is_plain, broken: None };
        if text.len() > MAX_TEMPLATE {
            template.broken =
                Some(Error::TooLarge(format!("the template is longer than {MAX_TEMPLATE} bytes")));
            return template;
        }
        let mut rest = text;
        loop {
            match next(text, rest) {
                Found::Expression(before, expression, after) => {
                    template.literal(before);
                    if expression.is_empty() {
                        // Nothing between the delimiters: evaluation ends here.
                        template.literal(after);
                        return template;
                    }
                    match Expression::parse(expression) {
                        Ok(expression) => template.parts.push(Part::Expression(expression)),
                        Err(error) => {
                            template.broken = Some(error);
                            return template;
                        }
                    }
                    rest = after;
                }
                Found::Rest => {
                    template.literal(rest);
                    return template;
                }
                Found::Unclosed(error) => {
                    template.broken = Some(error);
                    return template;
                }
            }
        }
    }

    fn literal(&mut self, text: &str) {
        if !text.is_empty() {
            self.parts.push(Part::Literal(text.to_owned()));
        }
    }

    /// Is there no expression in it?
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Finds what is wrong whatever the variables hold.
    pub fn check(&self, functions: &Functions) -> Result<(), Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let functions = functions::with_template_functions(functions);
        self.expressions().try_for_each(|expression| expression.check(&functions))
    }

    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expression(expression) => Some(expression),
            Part::Literal(_) => None,
        })
    }

    /// What its expressions speak of.
    pub fn references(&self) -> References {
        let mut references = References::default();
        self.expressions().for_each(|expression| expression.add_references(&mut references));
        references
    }

    /// Evaluates it to a string, number, bool, JSON value or nil.
    pub fn evaluate(&self, env: &Map, functions: &Functions) -> Result<Value, Stop> {
        self.evaluate_with(env, &functions::with_template_functions(functions))
    }

    /// The same, with the functions of templates in the table already.
    fn evaluate_with(&self, env: &Map, functions: &Functions) -> Result<Value, Stop> {
        let mut out: Vec<u8> = Vec::new();
        let mut exact = None;
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Part::Expression(expression) => match expression.evaluate(env, functions)? {
                    Value::String(text) => {
                        out.extend_from_slice(text.as_bytes());
                        exact = Some(text).filter(Text::is_exact);
                    }
                    other => {
                        let text = json::compact(&other).map_err(|message| Error::Output {
                            expression: expression.source().trim().to_owned(),
                            message,
                        })?;
                        out.extend_from_slice(text.as_bytes());
                    }
                },
            }
            if out.len() > MAX_TEMPLATE {
                let message = format!("the evaluated template is longer than {MAX_TEMPLATE} bytes");
                return Err(Error::TooLarge(message).into());
            }
        }
        if let Some(error) = &self.broken {
            return Err(error.clone().into());
        }
        if self.is_plain {
            return Ok(Value::String(out.into()));
        }
        // Nothing but one exact text, and maybe a line break.
        if let Some(text) = exact {
            let line = out.strip_suffix(b"\n").unwrap_or(&out);
            if out == text.as_bytes() || line == text.as_bytes() {
                return Ok(Value::String(text.with_bytes(out)));
            }
        }
        Ok(coerce::read(&out))
    }
}

/// Evaluates a text with `${{ }}` in it.
pub fn evaluate_template(text: &str, env: &Map, functions: &Functions) -> Result<Value, Stop> {
    Template::parse_lazily(text).evaluate(env, functions)
}

/// Evaluates every string inside a JSON object (values, not keys).
pub fn evaluate_json_template(
    document: &serde_json::Value,
    env: &Map,
    functions: &Functions,
) -> Result<serde_json::Value, Stop> {
    if !document.is_object() {
        let got = match document {
            serde_json::Value::Array(_) => "a list",
            serde_json::Value::Null => "null",
            _ => "a single value",
        };
        return Err(Error::NotAnObject(got).into());
    }
    if let Some(name) = functions::NAMES.iter().find(|name| env.get(name).is_some()) {
        return Err(Error::Reserved((*name).to_owned()).into());
    }
    let functions = functions::with_template_functions(functions);
    let mut walk = Walk { env, functions: &functions, path: Vec::new() };
    walk.visit(document)
}

/// The same on the text of a document.
pub fn evaluate_json_text(text: &str, env: &Map, functions: &Functions) -> Result<serde_json::Value, Stop> {
    let document = serde_json::from_str(text).map_err(|error| Error::NotJson(error.to_string()))?;
    evaluate_json_template(&document, env, functions)
}

/// A walk through a document.
struct Walk<'a> {
    env: &'a Map,
    functions: &'a Functions,
    path: Vec<String>,
}

impl Walk<'_> {
    fn visit(&mut self, value: &serde_json::Value) -> Result<serde_json::Value, Stop> {
        match value {
            serde_json::Value::String(text) => self.text(text),
            serde_json::Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(index, item)| self.inside(format!("[{index}]"), item)).collect()
            }
            serde_json::Value::Object(fields) => {
                let mut out = serde_json::Map::new();
                for (name, field) in fields {
                    let segment = if self.path.is_empty() { name.clone() } else { format!(".{name}") };
                    out.insert(name.clone(), self.inside(segment, field)?);
                }
                Ok(serde_json::Value::Object(out))
            }
            other => Ok(other.clone()),
        }
    }

    fn inside(&mut self, segment: String, value: &serde_json::Value) -> Result<serde_json::Value, Stop> {
        self.path.push(segment);
        let result = self.visit(value);
        self.path.pop();
        result
    }

    fn text(&self, text: &str) -> Result<serde_json::Value, Stop> {
        let template = Template::parse_lazily(text);
        if template.is_plain && template.broken.is_none() {
            return Ok(text.into());
        }
        let failed =
            |cause: Error| Stop::Failed(Error::Field { path: self.path.concat(), cause: Box::new(cause) });
        let value = template.evaluate_with(self.env, self.functions).map_err(|stop| match stop {
            Stop::Failed(error) => failed(error),
            need @ Stop::Need(_) => need,
        })?;
        value.to_json().map_err(|message| {
            failed(Error::Output { expression: text.trim().chars().take(80).collect(), message })
        })
    }
}

#[cfg(test)]
mod tests;
