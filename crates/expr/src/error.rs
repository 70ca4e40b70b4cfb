//! What can go wrong with an expression or a template, told with the place and in the author's words.
//! Inside the crate a [`Fault`] carries only an offset; the source is attached at the edge.

use std::fmt;

use crate::host::Lookup;

/// The longest part of a line shown around the place of an error.
const EXCERPT: usize = 80;

/// Why an expression or a template gives no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not an expression.
    #[error("{message} {place}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where in the expression.
        place: Place,
    },
    /// The expression can not be right, whatever its variables hold.
    #[error("{message} {place}")]
    Type {
        /// What is wrong.
        message: String,
        /// Where in the expression.
        place: Place,
    },
    /// Evaluation failed with these variables.
    #[error("{message} {place}")]
    Run {
        /// What is wrong.
        message: String,
        /// Where in the expression.
        place: Place,
    },
    /// The result has no textual form.
    #[error("the result of `{expression}` can not be written as text: {message}")]
    Output {
        /// The expression.
        expression: String,
        /// Why.
        message: String,
    },
    /// An opening delimiter without its closing one.
    #[error("unclosed expression: `{open}` at {line}:{column} has no `{close}` after it")]
    Unclosed {
        /// The opening delimiter.
        open: &'static str,
        /// The closing delimiter that is missing.
        close: &'static str,
        /// Line of the opening delimiter, from 1.
        line: usize,
        /// Column of the opening delimiter in characters, from 1.
        column: usize,
    },
    /// A variable that hides a function of templates.
    #[error("variable `{0}` is reserved: it is the name of a template function, choose another name")]
    Reserved(String),
    /// A template of a whole document that is not a JSON object.
    #[error("expected an object with fields, got {0}")]
    NotAnObject(&'static str),
    /// Text that should have been JSON.
    #[error("not valid JSON (are all expressions enclosed in quotes?): {0}")]
    NotJson(String),
    /// An error inside a field of a document.
    #[error("field {path}: {cause}")]
    Field {
        /// The path of the field, like `a.b[2]`.
        path: String,
        /// What is wrong in it.
        cause: Box<Error>,
    },
    /// A template or a value is larger than we evaluate.
    #[error("{0}")]
    TooLarge(String),
}

impl Error {
    /// The place inside the expression, where the error has one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Syntax { place, .. } | Self::Type { place, .. } | Self::Run { place, .. } => Some(place),
            Self::Field { cause, .. } => cause.place(),
            _ => None,
        }
    }
}

/// A place in an expression. Shown as `(line:column)`, the line, and a caret under the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Offset in bytes from the start of the expression.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The part of the line that is shown.
    pub excerpt: String,
    /// How many characters of the excerpt stand before the place.
    pub indent: usize,
}

impl Place {
    pub(crate) fn find(source: &str, offset: usize) -> Self {
        let mut offset = offset.min(source.len());
        while !source.is_char_boundary(offset) {
            offset -= 1;
        }
        let (before, after) = source.split_at(offset);
        let line = before.matches('\n').count() + 1;
        let head = before.rsplit('\n').next().unwrap_or_default();
        let tail = after.split('\n').next().unwrap_or_default();
        let column = head.chars().count() + 1;
        let hidden = (column - 1).saturating_sub(EXCERPT / 2);
        let shown: String = head.chars().chain(tail.chars()).skip(hidden).take(EXCERPT).collect();
        let excerpt = shown.trim_end_matches('\r').to_owned();
        Self { offset, line, column, excerpt, indent: column - 1 - hidden }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dots = ".".repeat(self.indent);
        write!(f, "({}:{})\n | {}\n | {dots}^", self.line, self.column, self.excerpt)
    }
}

/// An error inside one expression, before the source is attached.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) at: u32,
}

impl Fault {
    pub(crate) fn new(at: u32, message: impl Into<String>) -> Self {
        Self { message: message.into(), at }
    }

    pub(crate) fn place(&self, source: &str) -> Place {
        Place::find(source, self.at as usize)
    }
}

/// How an evaluation ends without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It failed.
    Failed(Error),
    /// It needs something from outside: fetch it, add it to what the functions know, evaluate again.
    Need(Lookup),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Need(lookup) => write!(f, "needs {lookup}"),
        }
    }
}

impl std::error::Error for Stop {}
