//! From text to a tree: tokens, escapes, operators, the parser.

pub(crate) mod ast;
mod escape;
mod group;
mod lexer;
pub(crate) mod operator;
mod parser;
mod postfix;
mod token;

pub(crate) use group::takes_predicate;
pub(crate) use parser::parse;
