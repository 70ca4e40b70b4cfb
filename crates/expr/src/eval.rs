//! Evaluation: a walk over the tree. Recursion is bounded by the depth the parser allows; long chains of operators are
//! walked in a loop.

mod access;
mod arithmetic;
mod order;
mod predicate;

pub(crate) use access::fetch;
pub(crate) use arithmetic::{float, index};
pub(crate) use order::{compare, sort};

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use regex::bytes::Regex;

use crate::builtin;
use crate::error::Fault;
use crate::host::{Call, Function, Functions, Interrupt, Lookup};
use crate::limits::{Budget, MAX_REGEXES, MAX_VALUE_DEPTH, MAX_VALUE_WEIGHT};
use crate::regexp;
use crate::syntax::ast::{Kind, NodeId, Tree};
use crate::syntax::operator::{Binary, Unary};
use crate::value::{List, Map, Text, Value};

/// How the evaluation of a node ends without a value.
#[derive(Debug)]
pub(crate) enum Halt {
    Fault(Fault),
    Need(Lookup),
    /// A `?.` met nil: the whole chain is nil.
    Chain,
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

pub(super) type Evaluated = Result<Value, Halt>;

/// What names lead to.
#[derive(Clone, Copy)]
pub(crate) enum Environment<'a> {
    /// There are no variables, naming one is an error.
    Nothing,
    /// Variables.
    Variables(&'a Map),
    /// Something without names in it, which is found as `$env` alone.
    Whole(&'a Value),
}

pub(crate) fn evaluate(tree: &Tree, root: NodeId, env: Environment, functions: &Functions) -> Evaluated {
    let mut evaluator = Evaluator {
        tree,
        env,
        functions,
        variables: Vec::new(),
        scopes: Vec::new(),
        budget: Budget::default(),
        regexes: BTreeMap::new(),
        ranges: HashMap::new(),
    };
    evaluator.visit(root)
}

struct Evaluator<'a> {
    tree: &'a Tree,
    env: Environment<'a>,
    functions: &'a Functions,
    variables: Vec<(Arc<str>, Value)>,
    scopes: Vec<Scope>,
    budget: Budget,
    regexes: BTreeMap<Text, Regex>,
    /// Ranges between literals, made once.
    ranges: HashMap<(i64, i64), List>,
}

/// What a predicate works on at this moment.
struct Scope {
    element: Value,
    index: i64,
    accumulator: Value,
}

impl Evaluator<'_> {
    fn fault<T>(&self, node: NodeId, message: impl Into<String>) -> Result<T, Halt> {
        Err(Halt::Fault(Fault::new(self.tree.node(node).at, message)))
    }

    /// Gives an error without a place the place of a node.
    fn at<T>(&self, node: NodeId, result: Result<T, String>) -> Result<T, Halt> {
        result.or_else(|message| self.fault(node, message))
    }

    fn visit(&mut self, id: NodeId) -> Evaluated {
        let step = self.budget.step();
        self.at(id, step)?;
        let tree = self.tree;
        if let Some(value) = tree.constant(id) {
            return Ok(Value::Bool(value));
        }
        match tree.kind(id) {
            Kind::Nil => Ok(Value::Nil),
            Kind::Bool(value) => Ok(Value::Bool(*value)),
            Kind::Int(value) => Ok(Value::Int(*value)),
            Kind::Float(value) => Ok(Value::Float(*value)),
            Kind::String(text) => Ok(Value::String(text.clone())),
            Kind::Bytes(text) => Ok(Value::Bytes(text.clone())),
            Kind::Name(name) => self.name(id, name),
            Kind::Pointer(name) => self.pointer(id, name),
            Kind::Unary(operator, operand) => self.unary(id, *operator, *operand),
            Kind::Binary(..) => self.spine(id),
            Kind::Chain(inner) => match self.visit(*inner) {
                Err(Halt::Chain) => Ok(Value::Nil),
                other => other,
            },
            Kind::Predicate(inner) => self.visit(*inner),
            Kind::Member { base, property, optional } => self.member(id, *base, *property, *optional),
            Kind::Slice { base, from, to } => self.slice(id, *base, *from, *to),
            Kind::Call { name, arguments, builtin } => self.call(id, name, arguments, *builtin),
            Kind::Method { member, arguments } => self.method(*member, arguments),
            Kind::Let { name, value, body } => {
                let value = self.visit(*value)?;
                self.variables.push((Arc::clone(name), value));
                let result = self.visit(*body);
                self.variables.pop();
                result
            }
            Kind::Sequence(nodes) => nodes.iter().try_fold(Value::Nil, |_, node| self.visit(*node)),
            Kind::Conditional(condition, yes, no) => {
                let holds = self.condition(*condition)?;
                self.visit(if holds { *yes } else { *no })
            }
            Kind::Array(nodes) => self.array(id, nodes),
            Kind::Map(pairs) => self.map(id, pairs),
        }
    }

    fn name(&self, id: NodeId, name: &str) -> Evaluated {
        if let Some((_, value)) = self.variables.iter().rev().find(|(variable, _)| &**variable == name) {
            return Ok(value.clone());
        }
        match self.env {
            Environment::Variables(env) if name == "$env" => Ok(Value::from(env.clone())),
            Environment::Variables(env) => Ok(env.get(name).cloned().unwrap_or(Value::Nil)),
            Environment::Whole(env) if name == "$env" => Ok(env.clone()),
            Environment::Whole(_) => Ok(Value::Nil),
            Environment::Nothing if name == "$env" => Ok(Value::Nil),
            Environment::Nothing => {
                self.fault(id, format!("there is no `{name}` here: there are no variables"))
            }
        }
    }

    fn pointer(&self, id: NodeId, name: &str) -> Evaluated {
        match (self.scopes.last(), name) {
            (Some(scope), "") => Ok(scope.element.clone()),
            (Some(scope), "index") => Ok(Value::Int(scope.index)),
            (Some(scope), "acc") => Ok(scope.accumulator.clone()),
            _ => self.fault(id, format!("there is no `#{name}` here")),
        }
    }

    fn truth(&self, node: NodeId, value: &Value) -> Result<bool, Halt> {
        match value {
            Value::Bool(value) => Ok(*value),
            other => self.fault(node, format!("true or false is expected here, not {}", other.type_name())),
        }
    }

    fn condition(&mut self, id: NodeId) -> Result<bool, Halt> {
        let value = self.visit(id)?;
        self.truth(id, &value)
    }

    fn unary(&mut self, id: NodeId, operator: Unary, operand: NodeId) -> Evaluated {
        let value = self.visit(operand)?;
        match (operator, value) {
            (Unary::Not, value) => Ok(Value::Bool(!self.truth(id, &value)?)),
            (Unary::Plus, value) => Ok(value),
            (Unary::Minus, Value::Int(value)) => Ok(Value::Int(value.wrapping_neg())),
            (Unary::Minus, Value::Uint(value)) => Ok(Value::Uint(value.wrapping_neg())),
            (Unary::Minus, Value::Float(value)) => Ok(Value::Float(-value)),
            (Unary::Minus, other) => self.fault(id, format!("`-` does not take {}", other.type_name())),
        }
    }

    /// Binary operators, along the left side in a loop.
    fn spine(&mut self, id: NodeId) -> Evaluated {
        let tree = self.tree;
        let mut spine = Vec::new();
        let mut left = id;
        while let (Kind::Binary(operator, inner, right), None) = (tree.kind(left), tree.constant(left)) {
            spine.push((left, *operator, *inner, *right));
            left = *inner;
        }
        let mut value = self.visit(left)?;
        while let Some((node, operator, left, right)) = spine.pop() {
            let step = self.budget.step();
            self.at(node, step)?;
            value = self.binary(node, operator, (left, value), right)?;
        }
        Ok(value)
    }

    fn binary(&mut self, id: NodeId, operator: Binary, left: (NodeId, Value), right: NodeId) -> Evaluated {
        let (left_node, left) = left;
        match operator {
            // `x and true` is x, whatever it is; so is `x or false`.
            Binary::And if self.tree.constant(right) == Some(true) => return Ok(left),
            Binary::Or if self.tree.constant(right) == Some(false) => return Ok(left),
            Binary::Or if self.truth(id, &left)? => return Ok(left),
            Binary::And if !self.truth(id, &left)? => return Ok(left),
            Binary::Coalesce if !left.is_nil() => return Ok(left),
            Binary::Or | Binary::And | Binary::Coalesce => return self.visit(right),
            Binary::Range => return self.range(id, (left_node, &left), right),
            Binary::In => return self.membership(id, &left, right),
            _ => {}
        }
        let right = self.visit(right)?;
        let work = self.budget.work(left.extent().weight.min(right.extent().weight));
        self.at(id, work)?;
        match operator {
            Binary::Equal => Ok(Value::Bool(left.equals(&right))),
            Binary::NotEqual => Ok(Value::Bool(!left.equals(&right))),
            Binary::Less | Binary::Greater | Binary::LessOrEqual | Binary::GreaterOrEqual => {
                let order = self.at(id, order::compare(operator.text(), &left, &right))?;
                Ok(Value::Bool(order.is_some_and(|order| match operator {
                    Binary::Less => order.is_lt(),
                    Binary::Greater => order.is_gt(),
                    Binary::LessOrEqual => order.is_le(),
                    _ => order.is_ge(),
                })))
            }
            Binary::Contains | Binary::StartsWith | Binary::EndsWith => {
                self.text_operator(id, operator, &left, &right)
            }
            Binary::Matches => self.matches(id, &left, &right),
            _ => {
                if let (Value::String(a), Value::String(b)) = (&left, &right) {
                    let grown = self.budget.bytes(a.as_bytes().len() + b.as_bytes().len());
                    self.at(id, grown)?;
                }
                self.at(id, arithmetic::arithmetic(operator, &left, &right))
            }
        }
    }

    fn text_operator(&self, id: NodeId, operator: Binary, left: &Value, right: &Value) -> Evaluated {
        if left.is_nil() || right.is_nil() {
            return Ok(Value::Bool(false));
        }
        let (Value::String(text), Value::String(part)) = (left, right) else {
            let (word, left, right) = (operator.text(), left.type_name(), right.type_name());
            return self.fault(id, format!("`{word}` takes two strings, not {left} and {right}"));
        };
        let (text, part) = (text.as_bytes(), part.as_bytes());
        Ok(Value::Bool(match operator {
            Binary::Contains => builtin::find_bytes(text, part).is_some(),
            Binary::StartsWith => text.starts_with(part),
            _ => text.ends_with(part),
        }))
    }

    fn matches(&mut self, id: NodeId, left: &Value, right: &Value) -> Evaluated {
        if left.is_nil() || right.is_nil() {
            return Ok(Value::Bool(false));
        }
        let (Value::String(text) | Value::Bytes(text), Value::String(pattern)) = (left, right) else {
            let (left, right) = (left.type_name(), right.type_name());
            return self.fault(id, format!("`matches` takes a string and a pattern, not {left} and {right}"));
        };
        if !self.regexes.contains_key(pattern) {
            if self.regexes.len() >= MAX_REGEXES {
                return self
                    .fault(id, format!("more than {MAX_REGEXES} different patterns: match against fewer"));
            }
            let regex = self.at(id, regexp::compile(pattern))?;
            self.regexes.insert(pattern.clone(), regex);
        }
        let work = self.budget.work(text.as_bytes().len());
        self.at(id, work)?;
        Ok(Value::Bool(self.regexes.get(pattern).is_some_and(|regex| regex.is_match(text.as_bytes()))))
    }

    fn range(&mut self, id: NodeId, (left_node, left): (NodeId, &Value), right_node: NodeId) -> Evaluated {
        let right = self.visit(right_node)?;
        let from = self.at(id, arithmetic::index(left))?;
        let to = self.at(id, arithmetic::index(&right))?;
        if let Some(list) = self.ranges.get(&(from, to)) {
            return Ok(Value::List(list.clone()));
        }
        let size = usize::try_from(i128::from(to) - i128::from(from) + 1).unwrap_or(0);
        let literal =
            matches!((self.tree.kind(left_node), self.tree.kind(right_node)), (Kind::Int(_), Kind::Int(_)));
        // A range between literals is not counted each time, it is made once.
        let counted = if literal { Budget::default().elements(size) } else { self.budget.elements(size) };
        self.at(id, counted)?;
        let grown = self.budget.bytes(size.saturating_mul(size_of::<Value>()));
        self.at(id, grown)?;
        let list = List::new((from..=to).map(Value::Int).collect());
        if literal {
            self.ranges.insert((from, to), list.clone());
        }
        Ok(Value::List(list))
    }

    fn membership(&mut self, id: NodeId, needle: &Value, right: NodeId) -> Evaluated {
        let tree = self.tree;
        let literals = match tree.kind(right) {
            Kind::Array(nodes) if !nodes.is_empty() => {
                nodes.iter().all(|node| matches!(tree.kind(*node), Kind::String(_)))
            }
            _ => false,
        };
        let list = self.visit(right)?;
        if literals {
            // A list of string literals is a set of strings: another type can not be looked up in it.
            let key = match needle {
                Value::Nil => &Value::from(""),
                Value::String(_) => needle,
                other => {
                    return self.fault(id, format!("a list of strings can not hold {}", other.type_name()));
                }
            };
            return self.at(id, access::contains(&list, key)).map(Value::Bool);
        }
        let work = self.budget.work(list.extent().weight);
        self.at(id, work)?;
        self.at(id, access::contains(&list, needle)).map(Value::Bool)
    }

    fn array(&mut self, id: NodeId, nodes: &[NodeId]) -> Evaluated {
        let items = nodes.iter().map(|node| self.visit(*node)).collect::<Result<Vec<_>, _>>()?;
        let grown = self.budget.elements(items.len());
        self.at(id, grown)?;
        self.bounded(id, items.into())
    }

    fn map(&mut self, id: NodeId, pairs: &[(NodeId, NodeId)]) -> Evaluated {
        let mut map = Map::new();
        for (key, value) in pairs {
            let Value::String(text) = self.visit(*key)? else {
                return self.fault(*key, "a key has to be a string: wrap it in string()");
            };
            let value = self.visit(*value)?;
            map.insert(text, value);
        }
        let grown = self.budget.elements(pairs.len());
        self.at(id, grown)?;
        self.bounded(id, map.into())
    }

    /// Refuses a value that is too deep or too large to be worked on.
    fn bounded(&self, id: NodeId, value: Value) -> Evaluated {
        let extent = value.extent();
        if extent.depth > MAX_VALUE_DEPTH {
            return self.fault(id, format!("the value is nested more than {MAX_VALUE_DEPTH} levels deep"));
        }
        if extent.weight > MAX_VALUE_WEIGHT {
            return self.fault(id, format!("the value is larger than {MAX_VALUE_WEIGHT} elements and bytes"));
        }
        Ok(value)
    }

    fn call(&mut self, id: NodeId, name: &str, arguments: &[NodeId], only_builtin: bool) -> Evaluated {
        if builtin::takes_predicate(name) {
            return self.predicate_call(id, name, arguments);
        }
        let values = arguments.iter().map(|node| self.visit(*node)).collect::<Result<Vec<_>, _>>()?;
        if let Some(function) = self.functions.get(name).filter(|_| !only_builtin) {
            return self.host_call(id, name, function, &values);
        }
        if let Some(found) = builtin::find(name) {
            let mut call = builtin::Call { name, budget: &mut self.budget, now: self.functions.now() };
            let result = (found.call)(&mut call, &values);
            let value = self.at(id, result)?;
            return self.bounded(id, value);
        }
        match self.name(id, name)? {
            Value::Function(function) => self.host_call(id, name, &function, &values),
            Value::Nil => self.fault(id, format!("there is no function `{name}` here")),
            other => self.fault(id, format!("`{name}` is no function but {}", other.type_name())),
        }
    }

    fn host_call(&mut self, id: NodeId, name: &str, function: &Function, arguments: &[Value]) -> Evaluated {
        match function.call(&Call::new(name, arguments, self.functions.now())) {
            Ok(value) => self.bounded(id, value),
            Err(Interrupt::Failed(message)) => self.fault(id, message),
            Err(Interrupt::Need(lookup)) => Err(Halt::Need(lookup)),
        }
    }
}
