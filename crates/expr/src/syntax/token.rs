//! Tokens of the language.

use std::fmt;

use crate::value::Text;

/// One token and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) at: u32,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    Name(String),
    Number(String),
    String(Text),
    Bytes(Text),
    /// An operator, also the words `and`, `not`, `let`, …
    Operator(String),
    Bracket(char),
    End,
}

impl Token {
    pub(crate) fn is_operator(&self, text: &str) -> bool {
        matches!(&self.kind, TokenKind::Operator(operator) if operator == text)
    }

    pub(crate) fn is_bracket(&self, bracket: char) -> bool {
        self.kind == TokenKind::Bracket(bracket)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TokenKind::Name(name) => write!(f, "name `{name}`"),
            TokenKind::Number(number) => write!(f, "number `{number}`"),
            TokenKind::String(_) => f.write_str("a string"),
            TokenKind::Bytes(_) => f.write_str("a byte string"),
            TokenKind::Operator(operator) => write!(f, "`{operator}`"),
            TokenKind::Bracket(bracket) => write!(f, "`{bracket}`"),
            TokenKind::End => f.write_str("end of the expression"),
        }
    }
}
