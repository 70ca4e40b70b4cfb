//! What stands between brackets: arguments, predicates, arrays, maps.

use std::sync::Arc;

use super::ast::{Kind, NodeId};
use super::parser::{Parsed, Parser};
use super::token::TokenKind;
use crate::error::Fault;

/// Arguments of the built-ins that take a predicate: how many follow it, and whether it may be left out.
struct Shape {
    predicate_optional: bool,
    trailing: bool,
}

fn predicate_shape(name: &str) -> Option<Shape> {
    let (predicate_optional, trailing) = match name {
        "all" | "none" | "any" | "one" | "filter" | "map" | "find" | "findIndex" | "findLast"
        | "findLastIndex" | "groupBy" => (false, false),
        "count" | "sum" => (true, false),
        "sortBy" | "reduce" => (false, true),
        _ => return None,
    };
    Some(Shape { predicate_optional, trailing })
}

/// Is this a built-in whose second argument is evaluated for every element?
pub(crate) fn takes_predicate(name: &str) -> bool {
    predicate_shape(name).is_some()
}

impl Parser {
    /// A call by name. `arguments` holds what a pipe puts first.
    pub(super) fn call(&mut self, name: &str, at: u32, mut arguments: Vec<NodeId>, builtin: bool) -> Parsed {
        match predicate_shape(name) {
            Some(shape) => self.predicate_arguments(&shape, &mut arguments)?,
            None => self.arguments(&mut arguments)?,
        }
        self.tree.add(at, Kind::Call { name: Arc::from(name), arguments, builtin })
    }

    pub(super) fn arguments(&mut self, arguments: &mut Vec<NodeId>) -> Result<(), Fault> {
        self.expect_bracket('(')?;
        let before = arguments.len();
        while !self.at_bracket(')') {
            if arguments.len() > before {
                self.expect_operator(",")?;
            }
            if self.at_bracket(')') {
                break;
            }
            let argument = self.expression(0)?;
            arguments.push(argument);
        }
        self.expect_bracket(')')
    }

    fn predicate_arguments(&mut self, shape: &Shape, arguments: &mut Vec<NodeId>) -> Result<(), Fault> {
        self.expect_bracket('(')?;
        let piped = !arguments.is_empty();
        if !piped {
            if self.at_bracket(')') {
                return Err(Fault::new(self.current().at, "the list to work on is missing"));
            }
            let list = self.expression(0)?;
            arguments.push(list);
        }
        if !self.at_bracket(')') {
            if !piped {
                self.expect_operator(",")?;
            }
            if !self.at_bracket(')') || !shape.predicate_optional {
                let predicate = self.predicate()?;
                arguments.push(predicate);
            }
            if shape.trailing && !self.at_bracket(')') {
                self.expect_operator(",")?;
                if !self.at_bracket(')') {
                    let last = self.expression(0)?;
                    arguments.push(last);
                }
            }
        } else if !shape.predicate_optional {
            let message = "an expression for each element is missing, like `# > 1` or `.name`";
            return Err(Fault::new(self.current().at, message));
        }
        self.accept_operator(",");
        self.expect_bracket(')')
    }

    fn predicate(&mut self) -> Parsed {
        let at = self.current().at;
        let braced = self.accept_bracket('{');
        self.predicates += 1;
        let body = if braced { self.sequence() } else { self.expression(0) };
        self.predicates -= 1;
        let body = body?;
        if braced {
            self.expect_bracket('}')?;
        } else if self.at_operator(";") {
            return Err(Fault::new(self.current().at, "wrap a predicate of several parts in `{` and `}`"));
        }
        self.tree.add(at, Kind::Predicate(body))
    }

    pub(super) fn array(&mut self) -> Parsed {
        let at = self.current().at;
        self.expect_bracket('[')?;
        let mut nodes = Vec::new();
        while !self.at_bracket(']') {
            if !nodes.is_empty() {
                self.expect_operator(",")?;
                if self.at_bracket(']') {
                    break;
                }
            }
            nodes.push(self.expression(0)?);
        }
        self.expect_bracket(']')?;
        let node = self.tree.add(at, Kind::Array(nodes))?;
        self.postfix(node)
    }

    pub(super) fn map(&mut self) -> Parsed {
        let at = self.current().at;
        self.expect_bracket('{')?;
        let mut pairs = Vec::new();
        while !self.at_bracket('}') {
            if !pairs.is_empty() {
                self.expect_operator(",")?;
                if self.at_bracket('}') {
                    break;
                }
            }
            let key = self.key()?;
            self.expect_operator(":")?;
            let value = self.expression(0)?;
            pairs.push((key, value));
        }
        self.expect_bracket('}')?;
        let node = self.tree.add(at, Kind::Map(pairs))?;
        self.postfix(node)
    }

    /// A name, a string, a number, or an expression in parentheses.
    fn key(&mut self) -> Parsed {
        let token = self.current().clone();
        let text = match &token.kind {
            TokenKind::Name(text) | TokenKind::Number(text) => text.as_str().into(),
            TokenKind::String(text) => text.clone(),
            TokenKind::Bracket('(') => return self.expression(0),
            _ => {
                let message = format!(
                    "unexpected {token}: a key is a name, a string, a number, or an expression in parentheses"
                );
                return Err(Fault::new(token.at, message));
            }
        };
        self.position += 1;
        self.tree.add(token.at, Kind::String(text))
    }
}
