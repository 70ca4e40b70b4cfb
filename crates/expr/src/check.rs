//! What can be known to be wrong before anything is evaluated: `1 + 'a'` is an error also in a branch that is never
//! taken, a wrong number of arguments too. Names of the environment can hold anything.

mod call;
pub(crate) mod nature;
mod operator;

use std::sync::Arc;

use nature::{Nature, Slice};

use crate::error::Fault;
use crate::host::Functions;
use crate::syntax::ast::{Kind, NodeId, Tree};
use crate::syntax::operator::Binary;
use crate::time;

type Checked = Result<Nature, Fault>;

/// Checks a whole expression.
pub(crate) fn check(tree: &Tree, root: NodeId, functions: &Functions) -> Result<(), Fault> {
    let mut checker = Checker { tree, functions, variables: Vec::new(), scopes: Vec::new() };
    checker.visit(root).map(|_| ())
}

struct Checker<'a> {
    tree: &'a Tree,
    functions: &'a Functions,
    variables: Vec<(Arc<str>, Nature)>,
    scopes: Vec<Scope>,
}

/// What a predicate works on.
struct Scope {
    element: Nature,
    has_index: bool,
    has_accumulator: bool,
}

impl Checker<'_> {
    fn fault<T>(&self, node: NodeId, message: impl Into<String>) -> Result<T, Fault> {
        Err(Fault::new(self.tree.node(node).at, message))
    }

    fn visit(&mut self, id: NodeId) -> Checked {
        match self.tree.kind(id) {
            Kind::Nil => Ok(Nature::Nil),
            Kind::Bool(_) => Ok(Nature::Bool),
            Kind::Int(_) => Ok(Nature::Int),
            Kind::Float(_) => Ok(Nature::Float),
            Kind::String(_) => Ok(Nature::String),
            Kind::Bytes(_) => Ok(Nature::Bytes),
            Kind::Name(name) => Ok(self.name(name)),
            Kind::Pointer(name) => self.pointer(id, name),
            Kind::Unary(operator, operand) => {
                let nature = self.visit(*operand)?;
                operator::unary(*operator, &nature).or_else(|message| self.fault(id, message))
            }
            Kind::Binary(..) => self.spine(id),
            Kind::Chain(inner) | Kind::Predicate(inner) => self.visit(*inner),
            Kind::Member { base, property, .. } => self.member(id, *base, *property, false),
            Kind::Slice { base, from, to } => self.slice(id, *base, *from, *to),
            Kind::Call { name, arguments, builtin } => self.call(id, name, arguments, *builtin),
            Kind::Method { member, arguments } => self.method(*member, arguments),
            Kind::Let { name, value, body } => self.declaration(id, name, *value, *body),
            Kind::Sequence(nodes) => nodes.iter().try_fold(Nature::Unknown, |_, node| self.visit(*node)),
            Kind::Conditional(condition, yes, no) => self.conditional(*condition, *yes, *no),
            Kind::Array(nodes) => self.array(nodes),
            Kind::Map(pairs) => {
                for (key, value) in pairs {
                    self.visit(*key)?;
                    self.visit(*value)?;
                }
                Ok(Nature::map())
            }
        }
    }

    fn name(&self, name: &str) -> Nature {
        let variable = self.variables.iter().rev().find(|(variable, _)| &**variable == name);
        variable.map_or(Nature::Unknown, |(_, nature)| nature.clone())
    }

    fn pointer(&self, id: NodeId, name: &str) -> Checked {
        let Some(scope) = self.scopes.last() else {
            return self.fault(id, "`#` is only possible inside a predicate");
        };
        match name {
            "" => Ok(scope.element.clone()),
            "index" if scope.has_index => Ok(Nature::Int),
            "acc" if scope.has_accumulator => Ok(Nature::Unknown),
            _ => self.fault(id, format!("there is no `#{name}` here")),
        }
    }

    /// Binary operators, along the left side in a loop.
    fn spine(&mut self, id: NodeId) -> Checked {
        let mut spine = Vec::new();
        let mut left = id;
        while let Kind::Binary(operator, inner, right) = self.tree.kind(left) {
            spine.push((left, *operator, *inner, *right));
            left = *inner;
        }
        let mut nature = self.visit(left)?;
        for (node, operator, left, right) in spine.into_iter().rev() {
            let right_nature = self.visit(right)?;
            self.literals(node, operator, left, right)?;
            nature = operator::binary(operator, &nature, &right_nature)
                .or_else(|message| self.fault(node, message))?;
        }
        Ok(nature)
    }

    /// What two literals already say: a broken regular expression, a division by zero.
    fn literals(&self, node: NodeId, operator: Binary, left: NodeId, right: NodeId) -> Result<(), Fault> {
        match (operator, self.tree.kind(left), self.tree.kind(right)) {
            (Binary::Matches, _, Kind::String(pattern)) => {
                crate::regexp::compile(pattern).map(|_| ()).or_else(|message| self.fault(node, message))
            }
            (Binary::Modulo, Kind::Int(_), Kind::Int(0)) => self.fault(node, "division by zero"),
            _ => Ok(()),
        }
    }

    fn member(&mut self, id: NodeId, base: NodeId, property: NodeId, is_call: bool) -> Checked {
        if matches!(self.tree.kind(base), Kind::Name(name) if &**name == "$env") {
            if !matches!(self.tree.kind(property), Kind::String(_)) {
                self.visit(property)?;
            }
            return Ok(Nature::Unknown);
        }
        let base_nature = self.visit(base)?;
        let property_nature = self.visit(property)?;
        let name = match self.tree.kind(property) {
            Kind::String(name) => Some(name.to_str()),
            _ => None,
        };
        match (&base_nature, name) {
            (Nature::Unknown | Nature::Object(_), _) => Ok(Nature::Unknown),
            (Nature::Nil, _) => self.fault(id, "nil has no fields"),
            (Nature::Time, Some(name)) if time::has_time_method(&name) => Ok(nature::of_time_method(&name)),
            (Nature::Duration, Some(name)) if time::has_duration_method(&name) => {
                Ok(nature::of_duration_method(&name))
            }
            (Nature::Zone, Some(name)) if name == "String" => Ok(Nature::String),
            (Nature::Named(_), Some(name)) if name == "String" => Ok(Nature::String),
            (Nature::Map(keys, element), _) => {
                if property_nature.is_unknown() || keys.accepts(&property_nature) {
                    return Ok((**element).clone());
                }
                self.fault(property, format!("{property_nature} can not be a key of {base_nature}"))
            }
            (Nature::Array(..) | Nature::Bytes, _) => {
                if property_nature.is_unknown() || property_nature.is_integer() {
                    return Ok(base_nature.element());
                }
                self.fault(
                    property,
                    format!("elements of an array are selected by a number, not {property_nature}"),
                )
            }
            (_, Some(name)) => {
                let what = if is_call { "method" } else { "field" };
                self.fault(id, format!("{base_nature} has no {what} {name}"))
            }
            _ => self.fault(id, format!("{base_nature} can not be indexed: take a slice like x[0:1]")),
        }
    }

    fn slice(&mut self, id: NodeId, base: NodeId, from: Option<NodeId>, to: Option<NodeId>) -> Checked {
        let nature = self.visit(base)?;
        match nature {
            Nature::Unknown => return Ok(nature),
            Nature::String | Nature::Bytes | Nature::Array(..) => {}
            _ => return self.fault(id, format!("{nature} can not be sliced")),
        }
        for bound in [from, to].into_iter().flatten() {
            let bound_nature = self.visit(bound)?;
            if !bound_nature.is_unknown() && !bound_nature.is_integer() {
                return self.fault(bound, format!("a slice goes from number to number, not {bound_nature}"));
            }
        }
        Ok(nature)
    }

    fn declaration(&mut self, id: NodeId, name: &Arc<str>, value: NodeId, body: NodeId) -> Checked {
        if self.functions.get(name).is_some() || crate::builtin::exists(name) {
            return self.fault(id, format!("`{name}` is the name of a function: choose another one"));
        }
        if self.variables.iter().any(|(variable, _)| variable == name) {
            return self.fault(id, format!("`{name}` is declared already: choose another name"));
        }
        let nature = self.visit(value)?;
        self.variables.push((Arc::clone(name), nature));
        let result = self.visit(body);
        self.variables.pop();
        result
    }

    fn conditional(&mut self, condition: NodeId, yes: NodeId, no: NodeId) -> Checked {
        let nature = self.visit(condition)?;
        if !matches!(nature, Nature::Bool | Nature::Unknown) {
            return self.fault(condition, format!("a condition is true or false, not {nature}"));
        }
        let (yes, no) = (self.visit(yes)?, self.visit(no)?);
        Ok(match (yes, no) {
            (Nature::Nil, other) | (other, Nature::Nil) => other,
            (yes, no) if yes == no => yes,
            (Nature::Array(a, _), Nature::Array(b, _)) if a == b => {
                Nature::Array(a, Arc::new(Nature::Unknown))
            }
            _ => Nature::Unknown,
        })
    }

    fn array(&mut self, nodes: &[NodeId]) -> Checked {
        let mut last: Option<Nature> = None;
        let mut same = true;
        for node in nodes {
            let nature = self.visit(*node)?;
            same &= last.as_ref().is_none_or(|last| last.kind() == nature.kind());
            last = Some(nature);
        }
        let element = last.filter(|_| same).unwrap_or(Nature::Unknown);
        Ok(Nature::Array(Slice::Any, Arc::new(element)))
    }
}
