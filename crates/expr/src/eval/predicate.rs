//! The built-ins that evaluate an expression for every element: `filter(list, # > 1)`.

use super::{Evaluated, Evaluator, Halt, Scope, arithmetic, order};
use crate::syntax::ast::{Kind, NodeId};
use crate::syntax::operator::Binary;
use crate::value::{List, Pairs, Value};

impl Evaluator<'_> {
    pub(super) fn predicate_call(&mut self, id: NodeId, name: &str, arguments: &[NodeId]) -> Evaluated {
        let Some((list_node, rest)) = arguments.split_first() else {
            return self.fault(id, format!("{name}() needs a list to work on"));
        };
        let list = self.visit(*list_node)?;
        let items = self.items(*list_node, name, list)?;
        let items = items.items();
        let (predicate, trailing) = (rest.first().copied(), rest.get(1).copied());
        match name {
            "all" => Ok(Value::Bool(self.position(items.iter().enumerate(), predicate, false)?.is_none())),
            "any" => Ok(Value::Bool(self.position(items.iter().enumerate(), predicate, true)?.is_some())),
            "none" => Ok(Value::Bool(self.position(items.iter().enumerate(), predicate, true)?.is_none())),
            "one" => Ok(Value::Bool(self.matching(items, predicate)?.len() == 1)),
            "count" => {
                Ok(Value::Int(i64::try_from(self.matching(items, predicate)?.len()).unwrap_or(i64::MAX)))
            }
            "filter" => {
                let found = self.matching(items, predicate)?;
                self.grown(id, found)
            }
            "find" => {
                Ok(self.position(items.iter().enumerate(), predicate, true)?.map(|(_, item)| item).into())
            }
            "findLast" => Ok(self
                .position(items.iter().enumerate().rev(), predicate, true)?
                .map(|(_, item)| item)
                .into()),
            "findIndex" => Ok(position_value(self.position(items.iter().enumerate(), predicate, true)?)),
            "findLastIndex" => {
                Ok(position_value(self.position(items.iter().enumerate().rev(), predicate, true)?))
            }
            "map" => {
                let results = self.results(items, predicate)?;
                self.grown(id, results)
            }
            "sum" => self.sum(id, *list_node, items, predicate),
            "groupBy" => self.group(id, items, predicate),
            "sortBy" => self.sort_by(id, items, predicate, trailing),
            "reduce" => self.reduce(id, items, predicate, trailing),
            _ => self.fault(id, format!("there is no function `{name}` here")),
        }
    }

    /// What to go through: the elements of an array, or the bytes of a text.
    fn items(&self, node: NodeId, name: &str, list: Value) -> Result<List, Halt> {
        match list {
            Value::List(list) => Ok(list),
            Value::String(text) | Value::Bytes(text) => {
                Ok(List::new(text.as_bytes().iter().map(|byte| Value::Uint((*byte).into())).collect()))
            }
            Value::Map(map) if map.is_empty() => Ok(List::new(Vec::new())),
            Value::Map(_) => self.fault(
                node,
                format!("{name}() works on an array, not on a map: take its keys(), values() or toPairs()"),
            ),
            other => self.fault(node, format!("{name}() works on an array, not on {}", other.type_name())),
        }
    }

    fn grown(&mut self, id: NodeId, items: Vec<Value>) -> Evaluated {
        let grown = self.budget.elements(items.len());
        self.at(id, grown)?;
        self.bounded(id, items.into())
    }

    /// Evaluates the predicate for one element.
    fn each(&mut self, predicate: NodeId, element: &Value, index: usize, accumulator: Value) -> Evaluated {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        self.scopes.push(Scope { element: element.clone(), index, accumulator });
        let result = self.visit(predicate);
        self.scopes.pop();
        result
    }

    fn holds(&mut self, predicate: Option<NodeId>, element: &Value, index: usize) -> Result<bool, Halt> {
        match (predicate, element) {
            (Some(predicate), _) => {
                let value = self.each(predicate, element, index, Value::Nil)?;
                self.truth(predicate, &value)
            }
            (None, Value::Bool(value)) => Ok(*value),
            (None, other) => Err(Halt::Fault(crate::error::Fault::new(
                0,
                format!(
                    "without a condition, count() takes a list of true and false, not of {}",
                    other.type_name()
                ),
            ))),
        }
    }

    /// The first element for which the predicate is what is wanted.
    fn position<'v>(
        &mut self,
        items: impl Iterator<Item = (usize, &'v Value)>,
        predicate: Option<NodeId>,
        wanted: bool,
    ) -> Result<Option<(usize, Value)>, Halt> {
        for (index, item) in items {
            if self.holds(predicate, item, index)? == wanted {
                return Ok(Some((index, item.clone())));
            }
        }
        Ok(None)
    }

    fn matching(&mut self, items: &[Value], predicate: Option<NodeId>) -> Result<Vec<Value>, Halt> {
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if self.holds(predicate, item, index)? {
                found.push(item.clone());
            }
        }
        Ok(found)
    }

    fn results(&mut self, items: &[Value], predicate: Option<NodeId>) -> Result<Vec<Value>, Halt> {
        let Some(predicate) = predicate else { return Ok(items.to_vec()) };
        let each = items.iter().enumerate();
        each.map(|(index, item)| self.each(predicate, item, index, Value::Nil)).collect()
    }

    fn sum(&mut self, id: NodeId, list: NodeId, items: &[Value], predicate: Option<NodeId>) -> Evaluated {
        let results = self.results(items, predicate)?;
        // The sum of a literal list is the chain of additions: it also joins strings.
        let literal =
            predicate.is_none() && results.len() > 1 && matches!(self.tree.kind(list), Kind::Array(_));
        let mut results = results.into_iter();
        let mut total = if literal { results.next().unwrap_or(Value::Nil) } else { Value::Int(0) };
        for result in results {
            let (left, right) = if literal { (total, result) } else { (result, total) };
            if let (Value::String(a), Value::String(b)) = (&left, &right) {
                let grown = self.budget.bytes(a.as_bytes().len() + b.as_bytes().len());
                self.at(id, grown)?;
            }
            total = self.at(id, arithmetic::arithmetic(Binary::Add, &left, &right))?;
        }
        Ok(total)
    }

    fn group(&mut self, id: NodeId, items: &[Value], predicate: Option<NodeId>) -> Evaluated {
        let keys = self.results(items, predicate)?;
        let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
        for (key, item) in keys.into_iter().zip(items) {
            if matches!(key, Value::List(_) | Value::Map(_) | Value::Pairs(_) | Value::Bytes(_)) {
                return self.fault(id, format!("a list can not be grouped by {}", key.type_name()));
            }
            let steps = self.budget.steps(groups.len());
            self.at(id, steps)?;
            match groups
                .iter_mut()
                .find(|(other, _)| other.type_name() == key.type_name() && other.equals(&key))
            {
                Some((_, members)) => members.push(item.clone()),
                None => groups.push((key, vec![item.clone()])),
            }
        }
        let grown = self.budget.elements(items.len());
        self.at(id, grown)?;
        let entries = groups.into_iter().map(|(key, members)| (key, Value::from(members))).collect();
        self.bounded(id, Pairs::new(entries).into())
    }

    fn sort_by(
        &mut self,
        id: NodeId,
        items: &[Value],
        predicate: Option<NodeId>,
        order_node: Option<NodeId>,
    ) -> Evaluated {
        let keys = self.results(items, predicate)?;
        let descending = match order_node {
            None => false,
            Some(node) => {
                let value = self.visit(node)?;
                self.at(node, crate::builtin::is_descending(&value))?
            }
        };
        let keyed = keys.into_iter().zip(items.iter().cloned()).collect();
        let sorted = order::sort(keyed, descending, &mut self.budget);
        let sorted = self.at(id, sorted)?;
        self.grown(id, sorted)
    }

    fn reduce(
        &mut self,
        id: NodeId,
        items: &[Value],
        predicate: Option<NodeId>,
        initial: Option<NodeId>,
    ) -> Evaluated {
        let Some(predicate) = predicate else { return self.fault(id, "reduce() needs an expression") };
        let mut rest = items.iter().enumerate();
        let mut accumulator = match (initial, rest.len()) {
            (Some(initial), _) => self.visit(initial)?,
            (None, 0) => {
                return self.fault(id, "reduce() of an empty list needs an initial value as third argument");
            }
            (None, _) => rest.next().map(|(_, item)| item.clone()).into(),
        };
        for (index, item) in rest {
            accumulator = self.each(predicate, item, index, accumulator)?;
        }
        Ok(accumulator)
    }
}

fn position_value(found: Option<(usize, Value)>) -> Value {
    found.map_or(Value::Nil, |(index, _)| Value::Int(i64::try_from(index).unwrap_or(i64::MAX)))
}
