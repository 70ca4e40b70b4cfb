//! What may follow a value: `.name`, `?.name`, `[index]`, `[from:to]`, `.method()`.

use super::ast::{Kind, NodeId};
use super::parser::{Parsed, Parser};
use super::token::TokenKind;
use crate::error::Fault;
use crate::value::Text;

impl Parser {
    pub(super) fn postfix(&mut self, node: NodeId) -> Parsed {
        let mut node = node;
        loop {
            if self.at_operator(".") {
                self.advance();
                node = self.member(node, false)?;
            } else if self.at_operator("?.") {
                self.advance();
                node = if self.at_bracket('[') { self.index(node, true)? } else { self.member(node, true)? };
            } else if self.at_bracket('[') {
                node = self.index(node, false)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn member(&mut self, base: NodeId, optional: bool) -> Parsed {
        let token = self.advance();
        let name = match &token.kind {
            TokenKind::Name(name) => name,
            // Words like `not` and `in` are names here.
            TokenKind::Operator(word) if word.starts_with(|c: char| c.is_alphabetic()) => word,
            _ => return Err(Fault::new(token.at, format!("a field name is expected here, not {token}"))),
        };
        let property = self.tree.add(token.at, Kind::String(Text::from(name.as_str())))?;
        let (inner, in_chain) = match self.tree.kind(base) {
            Kind::Chain(inner) => (*inner, true),
            _ => (base, false),
        };
        let mut node = self.tree.add(token.at, Kind::Member { base: inner, property, optional })?;
        if self.at_bracket('(') {
            let mut arguments = Vec::new();
            self.arguments(&mut arguments)?;
            node = self.tree.add(token.at, Kind::Method { member: node, arguments })?;
        }
        if in_chain || optional { self.tree.add(token.at, Kind::Chain(node)) } else { Ok(node) }
    }

    fn index(&mut self, base: NodeId, optional: bool) -> Parsed {
        let at = self.advance().at;
        let from = if self.at_operator(":") { None } else { Some(self.expression(0)?) };
        let node = if self.accept_operator(":") {
            let to = if self.at_bracket(']') { None } else { Some(self.expression(0)?) };
            self.tree.add(at, Kind::Slice { base, from, to })?
        } else if let Some(property) = from {
            let node = self.tree.add(at, Kind::Member { base, property, optional })?;
            if optional { self.tree.add(at, Kind::Chain(node))? } else { node }
        } else {
            return Err(self.unexpected());
        };
        self.expect_bracket(']')?;
        Ok(node)
    }
}
