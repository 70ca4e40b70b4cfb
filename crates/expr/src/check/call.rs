//! Which functions take what.

use std::sync::Arc;

use super::nature::{Keys, Nature, Slice};
use super::{Checked, Checker, Scope};
use crate::builtin::{self, Builtin};
use crate::error::Fault;
use crate::host::Signature;
use crate::syntax::ast::{Kind, NodeId};

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        id: NodeId,
        name: &str,
        arguments: &[NodeId],
        only_builtin: bool,
    ) -> Checked {
        if builtin::takes_predicate(name) {
            return self.predicate_call(id, name, arguments);
        }
        if let Some(function) = self.functions.get(name).filter(|_| !only_builtin) {
            let natures = self.natures(arguments)?;
            return Self::host_call(name, function.signatures(), &natures)
                .or_else(|(index, message)| self.fault(argument_node(arguments, index, id), message));
        }
        if let Some(found) = builtin::find(name) {
            return self.builtin_call(id, found, arguments);
        }
        self.natures(arguments)?;
        Ok(Nature::Unknown)
    }

    fn natures(&mut self, arguments: &[NodeId]) -> Result<Vec<Nature>, Fault> {
        arguments.iter().map(|argument| self.visit(*argument)).collect()
    }

    fn host_call(
        name: &str,
        signatures: &[Signature],
        natures: &[Nature],
    ) -> Result<Nature, (Option<usize>, String)> {
        let mut refusal = None;
        for signature in signatures {
            let parameters: Vec<Nature> = signature.parameters.iter().map(|kind| kind.nature()).collect();
            match builtin::accept(name, &parameters, natures) {
                Ok(()) => return Ok(signature.result.nature()),
                Err(message) => refusal = Some(message),
            }
        }
        refusal.map_or(Ok(Nature::Unknown), Err)
    }

    fn builtin_call(&mut self, id: NodeId, builtin: &Builtin, arguments: &[NodeId]) -> Checked {
        let natures = self.natures(arguments)?;
        let is_environment = matches!(arguments.first().map(|first| self.tree.kind(*first)), Some(Kind::Name(name)) if &**name == "$env");
        if builtin.name == "get" && is_environment && natures.len() == 2 {
            return Ok(Nature::Unknown);
        }
        (builtin.check)(builtin.name, &natures)
            .or_else(|(index, message)| self.fault(argument_node(arguments, index, id), message))
    }

    pub(super) fn method(&mut self, member: NodeId, arguments: &[NodeId]) -> Checked {
        let nature = match self.tree.kind(member) {
            Kind::Member { base, property, .. } => self.member(member, *base, *property, true)?,
            _ => self.visit(member)?,
        };
        self.natures(arguments)?;
        Ok(nature)
    }

    fn predicate_call(&mut self, id: NodeId, name: &str, arguments: &[NodeId]) -> Checked {
        let Some((list, rest)) = arguments.split_first() else {
            return self.fault(id, format!("{name}() needs a list to work on"));
        };
        let collection = self.visit(*list)?;
        if !collection.is_array() && !collection.is_unknown() {
            return self.fault(*list, format!("{name}() works on an array, not on {collection}"));
        }
        let Some((predicate, rest)) = rest.split_first() else {
            return Ok(if name == "count" { Nature::Int } else { collection.element() });
        };
        self.scopes.push(Scope {
            element: collection.element(),
            has_index: matches!(name, "map" | "reduce"),
            has_accumulator: name == "reduce",
        });
        let result = self.visit(*predicate);
        self.scopes.pop();
        let result = result?;
        self.natures(rest)?;
        if result == Nature::Nil {
            return self.fault(*predicate, "the expression for each element is always nil");
        }
        if is_condition(name) && !matches!(result, Nature::Bool | Nature::Unknown) {
            return self.fault(
                *predicate,
                format!("{name}() needs a condition that is true or false, not {result}"),
            );
        }
        Ok(result_of(name, collection, result))
    }
}

/// Does the predicate of this built-in have to be true or false?
fn is_condition(name: &str) -> bool {
    !matches!(name, "map" | "sum" | "groupBy" | "sortBy" | "reduce")
}

fn result_of(name: &str, collection: Nature, result: Nature) -> Nature {
    match name {
        "all" | "none" | "any" | "one" => Nature::Bool,
        "filter" => Nature::array_of(collection.element()),
        "map" => Nature::array_of(result),
        "count" | "findIndex" | "findLastIndex" => Nature::Int,
        "find" | "findLast" => collection.element(),
        "groupBy" => {
            Nature::Map(Keys::Any, Arc::new(Nature::Array(Slice::Any, Arc::new(collection.element()))))
        }
        "sortBy" => collection,
        _ => result,
    }
}

/// The argument an error is about, or the whole call.
fn argument_node(arguments: &[NodeId], index: Option<usize>, call: NodeId) -> NodeId {
    index.and_then(|index| arguments.get(index)).copied().unwrap_or(call)
}
