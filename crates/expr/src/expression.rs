//! A parsed expression, ready to be evaluated any number of times.

use std::collections::BTreeSet;

use crate::check;
use crate::error::{Error, Stop};
use crate::eval::{self, Environment, Halt};
use crate::host::Functions;
use crate::syntax::ast::{Kind, NodeId, Tree};
use crate::syntax::{self, takes_predicate};
use crate::value::{Map, Value};
use crate::{Fault, builtin};

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
    tree: Tree,
    root: NodeId,
}

/// What an expression or a template speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Functions that are called by name, without the built-ins.
    pub functions: BTreeSet<String>,
    /// Built-in functions that are called.
    pub builtins: BTreeSet<String>,
    /// Variables of the environment, as far down as they are named literally: `vars.tag`, `outputs`.
    pub variables: BTreeSet<String>,
}

impl Expression {
    /// Parses a bare expression (no `${{ }}` around it).
    pub fn parse(source: &str) -> Result<Self, Error> {
        match syntax::parse(source) {
            Ok((tree, root)) => Ok(Self { source: source.to_owned(), tree, root }),
            Err(fault) => Err(Error::Syntax { place: fault.place(source), message: fault.message }),
        }
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Finds what is wrong whatever the variables hold: wrong types, wrong numbers of arguments, broken patterns.
    pub fn check(&self, functions: &Functions) -> Result<(), Error> {
        check::check(&self.tree, self.root, functions).map_err(|fault| self.type_error(fault))
    }

    /// Checks and evaluates. A variable that is not in `env` is nil.
    pub fn evaluate(&self, env: &Map, functions: &Functions) -> Result<Value, Stop> {
        self.evaluate_in(Environment::Variables(env), functions)
    }

    /// Checks and evaluates where there are functions but no variables: naming one is an error.
    pub fn evaluate_without_variables(&self, functions: &Functions) -> Result<Value, Stop> {
        self.evaluate_in(Environment::Nothing, functions)
    }

    /// Checks and evaluates over a document: of a map the keys are variables; anything else is `$env`.
    pub fn evaluate_over(&self, document: &Value, functions: &Functions) -> Result<Value, Stop> {
        self.evaluate_in(
            match document {
                Value::Map(map) => Environment::Variables(map),
                other => Environment::Whole(other),
            },
            functions,
        )
    }

    fn evaluate_in(&self, env: Environment, functions: &Functions) -> Result<Value, Stop> {
        self.check(functions)?;
        eval::evaluate(&self.tree, self.root, env, functions).map_err(|halt| match halt {
            Halt::Fault(fault) => {
                Stop::Failed(Error::Run { place: fault.place(&self.source), message: fault.message })
            }
            Halt::Need(lookup) => Stop::Need(lookup),
            // Not reached: every `?.` stands inside its chain.
            Halt::Chain => self.type_error(Fault::new(0, "`?.` outside a chain")).into(),
        })
    }

    fn type_error(&self, fault: Fault) -> Error {
        Error::Type { place: fault.place(&self.source), message: fault.message }
    }

    /// What it speaks of.
    pub fn references(&self) -> References {
        let mut references = References::default();
        self.add_references(&mut references);
        references
    }

    pub(crate) fn add_references(&self, references: &mut References) {
        let mut stack = vec![self.root];
        while let Some(id) = stack.pop() {
            let kind = self.tree.kind(id);
            if let Some(path) = self.path(id) {
                references.variables.insert(path);
                continue;
            }
            if let Kind::Call { name, builtin, .. } = kind {
                let known = *builtin || takes_predicate(name) || builtin::find(name).is_some();
                let set = if known { &mut references.builtins } else { &mut references.functions };
                set.insert(name.to_string());
            }
            stack.extend(kind.children());
        }
        for node in self.tree.nodes() {
            if let Kind::Let { name, .. } = &node.kind {
                let inside = format!("{name}.");
                references.variables.retain(|path| **path != **name && !path.starts_with(&inside));
            }
        }
    }

    /// `a.b.c`, where the node is nothing but that.
    fn path(&self, id: NodeId) -> Option<String> {
        let mut names = Vec::new();
        let mut node = id;
        loop {
            match self.tree.kind(node) {
                Kind::Name(name) => {
                    names.push(name.to_string());
                    break;
                }
                Kind::Chain(inner) => node = *inner,
                Kind::Member { base, property, .. } => {
                    let Kind::String(name) = self.tree.kind(*property) else { return None };
                    names.push(name.to_str().into_owned());
                    node = *base;
                }
                _ => return None,
            }
        }
        if names.last().is_some_and(|name| name == "$env") && names.len() > 1 {
            names.pop();
        }
        names.reverse();
        Some(names.join("."))
    }
}

/// Parses and evaluates a bare expression.
pub fn evaluate(expression: &str, env: &Map, functions: &Functions) -> Result<Value, Stop> {
    Expression::parse(expression)?.evaluate(env, functions)
}
