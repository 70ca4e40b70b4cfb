//! The parser: precedence climbing over binary operators, recursive descent for the rest. Recursion is bounded.

use std::sync::Arc;

use super::ast::{Kind, NodeId, Tree};
use super::lexer;
use super::operator::{Binary, PIPE, Unary};
use super::token::{Token, TokenKind};
use crate::error::Fault;
use crate::limits::{MAX_DEPTH, MAX_SOURCE};
use crate::number;

pub(super) type Parsed = Result<NodeId, Fault>;

/// Parses a whole expression.
pub(crate) fn parse(source: &str) -> Result<(Tree, NodeId), Fault> {
    if source.len() > MAX_SOURCE {
        return Err(Fault::new(0, format!("the expression is longer than {MAX_SOURCE} bytes")));
    }
    let tokens = lexer::tokens(source)?;
    let mut parser = Parser { tokens, position: 0, tree: Tree::default(), depth: 0, predicates: 0 };
    let root = parser.sequence()?;
    if parser.current().kind != TokenKind::End {
        return Err(parser.unexpected());
    }
    Ok((parser.tree, root))
}

pub(super) struct Parser {
    tokens: Vec<Token>,
    pub(super) position: usize,
    pub(super) tree: Tree,
    depth: u16,
    pub(super) predicates: usize,
}

impl Parser {
    pub(super) fn current(&self) -> &Token {
        static END: Token = Token { kind: TokenKind::End, at: u32::MAX };
        self.tokens.get(self.position).or(self.tokens.last()).unwrap_or(&END)
    }

    pub(super) fn advance(&mut self) -> Token {
        let token = self.current().clone();
        self.position += 1;
        token
    }

    pub(super) fn unexpected(&self) -> Fault {
        let token = self.current();
        let hint = match &token.kind {
            TokenKind::Operator(operator) if operator == "=" => ", compare with `==`",
            _ => "",
        };
        Fault::new(token.at, format!("unexpected {token}{hint}"))
    }

    pub(super) fn at_operator(&self, text: &str) -> bool {
        self.current().is_operator(text)
    }

    pub(super) fn at_bracket(&self, bracket: char) -> bool {
        self.current().is_bracket(bracket)
    }

    pub(super) fn accept_operator(&mut self, text: &str) -> bool {
        let found = self.at_operator(text);
        self.position += usize::from(found);
        found
    }

    pub(super) fn accept_bracket(&mut self, bracket: char) -> bool {
        let found = self.at_bracket(bracket);
        self.position += usize::from(found);
        found
    }

    pub(super) fn expect_operator(&mut self, text: &str) -> Result<(), Fault> {
        if self.accept_operator(text) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn expect_bracket(&mut self, bracket: char) -> Result<(), Fault> {
        if self.accept_bracket(bracket) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn expect_name(&mut self) -> Result<(Arc<str>, u32), Fault> {
        let TokenKind::Name(name) = &self.current().kind else { return Err(self.unexpected()) };
        let found = (Arc::from(name.as_str()), self.current().at);
        self.position += 1;
        Ok(found)
    }

    /// `a; b; c`
    pub(super) fn sequence(&mut self) -> Parsed {
        let at = self.current().at;
        let first = self.expression(0)?;
        let mut nodes = vec![first];
        while self.accept_operator(";") {
            if self.current().kind == TokenKind::End {
                break;
            }
            nodes.push(self.expression(0)?);
        }
        if nodes.len() == 1 { Ok(first) } else { self.tree.add(at, Kind::Sequence(nodes)) }
    }

    /// An expression of operators that bind at least as strongly as `precedence`.
    pub(super) fn expression(&mut self, precedence: u16) -> Parsed {
        if self.depth > MAX_DEPTH {
            let message = format!("the expression is nested more than {MAX_DEPTH} levels deep");
            return Err(Fault::new(self.current().at, message));
        }
        self.depth += 1;
        let parsed = self.expression_inside(precedence);
        self.depth -= 1;
        parsed
    }

    fn expression_inside(&mut self, precedence: u16) -> Parsed {
        if precedence == 0 && self.at_operator("let") {
            return self.declaration();
        }
        if precedence == 0 && self.at_operator("if") {
            return self.if_else();
        }
        let mut left = self.primary()?;
        let mut coalesced = false;
        while let Some(negated) = self.operator_ahead(precedence)? {
            self.position += usize::from(negated);
            let token = self.advance();
            let TokenKind::Operator(text) = &token.kind else { break };
            if text == "|" {
                let (name, at) = self.expect_name()?;
                left = self.call(&name, at, vec![left], false)?;
                coalesced = false;
                continue;
            }
            let Some(operator) = Binary::parse(text) else { break };
            if coalesced && operator != Binary::Coalesce {
                let message = format!("`{text}` and `??` can not be mixed: put one of them in parentheses");
                return Err(Fault::new(token.at, message));
            }
            coalesced = operator == Binary::Coalesce;
            if operator.is_comparison() {
                left = self.comparison(left, operator, token.at)?;
                continue;
            }
            let stronger = u16::from(!operator.is_right_associative());
            let right = self.expression(operator.precedence() + stronger)?;
            left = self.tree.add(token.at, Kind::Binary(operator, left, right))?;
            if negated {
                left = self.tree.add(token.at, Kind::Unary(Unary::Not, left))?;
            }
        }
        if precedence == 0 { self.conditional(left) } else { Ok(left) }
    }

    /// Is a binary operator of at least this precedence next? The answer says whether `not` stands before it.
    fn operator_ahead(&self, precedence: u16) -> Result<Option<bool>, Fault> {
        let TokenKind::Operator(text) = &self.current().kind else { return Ok(None) };
        if text == "|" {
            return Ok((precedence == PIPE).then_some(false));
        }
        if text != "not" {
            let found = Binary::parse(text).filter(|operator| operator.precedence() >= precedence);
            return Ok(found.map(|_| false));
        }
        let next = self.tokens.get(self.position + 1);
        let operator = next.and_then(|token| match &token.kind {
            TokenKind::Operator(text) => Binary::parse(text).filter(|operator| operator.is_negatable()),
            _ => None,
        });
        match operator {
            Some(operator) => Ok((operator.precedence() >= precedence).then_some(true)),
            None => Err(self.unexpected()),
        }
    }

    /// `a < b <= c` means `a < b && b <= c`.
    fn comparison(&mut self, left: NodeId, operator: Binary, at: u32) -> Parsed {
        let (mut left, mut operator, mut at) = (left, operator, at);
        let mut root = None;
        loop {
            let right = self.expression(operator.precedence() + 1)?;
            let node = self.tree.add(at, Kind::Binary(operator, left, right))?;
            let whole = match root {
                None => node,
                Some(before) => self.tree.add(at, Kind::Binary(Binary::And, before, node))?,
            };
            root = Some(whole);
            let token = self.current();
            let next = match &token.kind {
                TokenKind::Operator(text) => Binary::parse(text).filter(|operator| operator.is_comparison()),
                _ => None,
            };
            let Some(next) = next else { return Ok(whole) };
            (left, operator, at) = (right, next, token.at);
            self.position += 1;
        }
    }

    fn declaration(&mut self) -> Parsed {
        self.expect_operator("let")?;
        let (name, at) = self.expect_name()?;
        self.expect_operator("=")?;
        let value = self.expression(0)?;
        self.expect_operator(";")?;
        let body = self.sequence()?;
        self.tree.add(at, Kind::Let { name, value, body })
    }

    /// `if a { b } else { c }`, also `else if`.
    fn if_else(&mut self) -> Parsed {
        let at = self.current().at;
        self.expect_operator("if")?;
        let condition = self.expression(0)?;
        let yes = self.block()?;
        self.expect_operator("else")?;
        let no = if self.at_operator("if") { self.expression(0)? } else { self.block()? };
        self.tree.add(at, Kind::Conditional(condition, yes, no))
    }

    fn block(&mut self) -> Parsed {
        self.expect_bracket('{')?;
        let body = self.sequence()?;
        self.expect_bracket('}')?;
        Ok(body)
    }

    /// `a ? b : c` and `a ?: c`.
    fn conditional(&mut self, condition: NodeId) -> Parsed {
        let mut node = condition;
        while self.at_operator("?") {
            let at = self.advance().at;
            let yes = if self.at_operator(":") { node } else { self.expression(0)? };
            self.expect_operator(":")?;
            let no = self.expression(0)?;
            node = self.tree.add(at, Kind::Conditional(node, yes, no))?;
        }
        Ok(node)
    }

    fn primary(&mut self) -> Parsed {
        let token = self.current().clone();
        match &token.kind {
            TokenKind::Operator(text) => {
                if let Some((operator, precedence)) = Unary::parse(text) {
                    self.position += 1;
                    let operand = self.expression(precedence)?;
                    let node = self.tree.add(token.at, Kind::Unary(operator, operand))?;
                    return self.postfix(node);
                }
                if self.predicates > 0 && (text == "#" || text == ".") {
                    return self.pointer();
                }
                if text == "::" {
                    self.position += 1;
                    let (name, at) = self.expect_name()?;
                    let call = self.call(&name, at, Vec::new(), true)?;
                    return self.postfix(call);
                }
                let mut fault = self.unexpected();
                if text == "#" || text == "." {
                    fault.message += ", it is only possible inside a predicate like `filter(list, # > 1)`";
                }
                Err(fault)
            }
            TokenKind::Bracket('(') => {
                self.position += 1;
                let node = self.sequence()?;
                self.expect_bracket(')')?;
                self.postfix(node)
            }
            TokenKind::Name(name) => self.name(name, token.at),
            TokenKind::Number(text) => {
                self.position += 1;
                let kind = number::parse_literal(text).map_err(|message| Fault::new(token.at, message))?;
                self.tree.add(token.at, kind)
            }
            TokenKind::String(text) => self.literal(token.at, Kind::String(text.clone())),
            TokenKind::Bytes(text) => self.literal(token.at, Kind::Bytes(text.clone())),
            TokenKind::Bracket('[') => self.array(),
            TokenKind::Bracket('{') => self.map(),
            _ => Err(self.unexpected()),
        }
    }

    fn literal(&mut self, at: u32, kind: Kind) -> Parsed {
        self.position += 1;
        let node = self.tree.add(at, kind)?;
        self.postfix(node)
    }

    fn name(&mut self, name: &str, at: u32) -> Parsed {
        self.position += 1;
        match name {
            "true" => self.tree.add(at, Kind::Bool(true)),
            "false" => self.tree.add(at, Kind::Bool(false)),
            "nil" => self.tree.add(at, Kind::Nil),
            name => {
                let node = if self.at_bracket('(') {
                    self.call(name, at, Vec::new(), false)?
                } else {
                    self.tree.add(at, Kind::Name(Arc::from(name)))?
                };
                self.postfix(node)
            }
        }
    }

    /// `#`, `#index`, or the `.` of `.field`, which stands for `#.field`.
    fn pointer(&mut self) -> Parsed {
        let at = self.current().at;
        let mut name = Arc::from("");
        if self.accept_operator("#")
            && let TokenKind::Name(text) = &self.current().kind
        {
            name = Arc::from(text.as_str());
            self.position += 1;
        }
        let node = self.tree.add(at, Kind::Pointer(name))?;
        self.postfix(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(source: &str) -> String {
        parse(source).map(|_| ()).unwrap_err().message
    }

    #[test]
    fn accepts_the_whole_grammar() {
        for source in [
            "a?.b?.[0]?.c",
            "let x = 1; let y = x; x + y",
            "if a { b } else if c { d } else { e }",
            "filter(xs, .a > 1 and any(.b, # == 2))",
            "xs | map(.a) | sort() | join(',')",
            "{a: 1, 'b c': 2, 3: 4, (x + 'y'): 5,}",
            "xs[1:] == xs[:-1]",
            "a not in b and not (c contains d)",
            "1 < x <= 5",
            "(1; 2)",
            "::len('a')",
            "b'\\x00' == b\"a\"",
        ] {
            assert!(parse(source).is_ok(), "{source}: {}", refusal(source));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(refusal("a = 1"), "unexpected `=`, compare with `==`");
        assert_eq!(refusal("1 +"), "unexpected end of the expression");
        assert_eq!(refusal("1 ?? 2 + 3"), "`+` and `??` can not be mixed: put one of them in parentheses");
        assert_eq!(refusal("map(a, 1; 2)"), "wrap a predicate of several parts in `{` and `}`");
        assert!(refusal(".a").starts_with("unexpected `.`, it is only possible inside a predicate"));
    }

    #[test]
    fn bounds_nesting() {
        for (open, middle, close) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("not ", "a", ""),
            ("-", "1", ""),
            ("a?b:", "1", ""),
            ("f(", "", ")"),
        ] {
            let deep = format!("{}{middle}{}", open.repeat(5_000), close.repeat(5_000));
            assert!(refusal(&deep).contains("nested"), "{open}");
        }
        assert!(refusal(&format!("a{}", ".b".repeat(5_000))).contains("nested"));
        assert!(parse(&format!("1{}", "+1".repeat(4_000))).is_ok());
        assert!(refusal(&format!("1{}", "+1".repeat(40_000))).contains("parts"));
    }
}
