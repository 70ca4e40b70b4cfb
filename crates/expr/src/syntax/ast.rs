//! The tree of an expression, kept in one vector: dropping a deep tree needs no stack.

use std::sync::Arc;

use super::operator::{Binary, Unary};
use crate::error::Fault;
use crate::limits::{MAX_DEPTH, MAX_NODES};
use crate::value::Text;

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Offset in the source that an error in this node points to.
    pub(crate) at: u32,
    depth: u16,
    constant: Option<bool>,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Text),
    Bytes(Text),
    Name(Arc<str>),
    /// `#`, `#acc`, `#index`: what a predicate works on.
    Pointer(Arc<str>),
    Unary(Unary, NodeId),
    Binary(Binary, NodeId, NodeId),
    /// Where `?.` jumps to the end of, when it meets nil.
    Chain(NodeId),
    Member {
        base: NodeId,
        property: NodeId,
        optional: bool,
    },
    Slice {
        base: NodeId,
        from: Option<NodeId>,
        to: Option<NodeId>,
    },
    /// A call by name: a host function, a built-in, or a function in a variable.
    Call {
        name: Arc<str>,
        arguments: Vec<NodeId>,
        /// `::name()`: the built-in, even where the host has a function of that name.
        builtin: bool,
    },
    /// A call of what a [`Kind::Member`] gives.
    Method {
        member: NodeId,
        arguments: Vec<NodeId>,
    },
    /// An argument evaluated for every element.
    Predicate(NodeId),
    Let {
        name: Arc<str>,
        value: NodeId,
        body: NodeId,
    },
    Sequence(Vec<NodeId>),
    Conditional(NodeId, NodeId, NodeId),
    Array(Vec<NodeId>),
    Map(Vec<(NodeId, NodeId)>),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        // Ids are only made by `add`, so this is in range for every tree that came out of the parser.
        static NONE: Node = Node { kind: Kind::Nil, at: 0, depth: 0, constant: None };
        self.nodes.get(id.0 as usize).unwrap_or(&NONE)
    }

    pub(crate) fn kind(&self, id: NodeId) -> &Kind {
        &self.node(id).kind
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn add(&mut self, at: u32, kind: Kind) -> Result<NodeId, Fault> {
        if self.nodes.len() >= MAX_NODES {
            return Err(Fault::new(at, format!("the expression has more than {MAX_NODES} parts")));
        }
        let depth = self.depth_of(&kind);
        if depth > MAX_DEPTH {
            return Err(Fault::new(
                at,
                format!("the expression is nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let constant = self.constant_of(&kind);
        self.nodes.push(Node { kind, at, depth, constant });
        Ok(id)
    }

    /// What a condition is, whatever the variables hold: `x or true` is true even where `x` would be an error.
    pub(crate) fn constant(&self, id: NodeId) -> Option<bool> {
        self.node(id).constant
    }

    fn constant_of(&self, kind: &Kind) -> Option<bool> {
        match kind {
            Kind::Bool(value) => Some(*value),
            Kind::Unary(Unary::Not, operand) => self.constant(*operand).map(|value| !value),
            Kind::Binary(operator @ (Binary::And | Binary::Or), left, right) => {
                let (left, right) = (self.constant(*left), self.constant(*right));
                let decides = Some(*operator == Binary::Or);
                if left == decides || right == decides { decides } else { left.and(right) }
            }
            Kind::Binary(Binary::Equal, left, right) => match (self.kind(*left), self.kind(*right)) {
                (Kind::Int(a), Kind::Int(b)) => Some(a == b),
                (Kind::String(a), Kind::String(b)) => Some(a == b),
                _ => self.constant(*left).zip(self.constant(*right)).map(|(left, right)| left == right),
            },
            _ => None,
        }
    }

    fn depth_of(&self, kind: &Kind) -> u16 {
        let below = match kind {
            // A chain of binary operators is walked along its left side in a loop.
            Kind::Binary(_, left, right) => {
                let left_depth = self.node(*left).depth;
                let spine = matches!(self.kind(*left), Kind::Binary(..));
                return (left_depth + u16::from(!spine)).max(self.node(*right).depth + 1);
            }
            // A call with a predicate takes twice the stack of other nodes.
            Kind::Call { arguments, .. }
                if arguments.iter().any(|id| matches!(self.kind(*id), Kind::Predicate(_))) =>
            {
                arguments.iter().map(|id| self.node(*id).depth).max().unwrap_or(0) + 1
            }
            kind => kind.children().into_iter().map(|id| self.node(id).depth).max().unwrap_or(0),
        };
        below + 1
    }
}

impl Kind {
    pub(crate) fn children(&self) -> Vec<NodeId> {
        match self {
            Self::Unary(_, a) | Self::Chain(a) | Self::Predicate(a) => vec![*a],
            Self::Binary(_, a, b) | Self::Member { base: a, property: b, .. } => vec![*a, *b],
            Self::Let { value, body, .. } => vec![*value, *body],
            Self::Conditional(a, b, c) => vec![*a, *b, *c],
            Self::Slice { base, from, to } => [Some(*base), *from, *to].into_iter().flatten().collect(),
            Self::Call { arguments, .. } => arguments.clone(),
            Self::Method { member, arguments } => {
                std::iter::once(*member).chain(arguments.iter().copied()).collect()
            }
            Self::Sequence(nodes) | Self::Array(nodes) => nodes.clone(),
            Self::Map(pairs) => pairs.iter().flat_map(|(key, value)| [*key, *value]).collect(),
            _ => Vec::new(),
        }
    }
}
