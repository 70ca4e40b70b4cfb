//! What the host gives to expressions: a table of functions, and the time.
//!
//! A function gets its arguments as a [`Call`]. What it does not know yet it asks for with [`Call::need`]: the evaluation
//! then ends with [`crate::Stop::Need`], the caller fetches, gives functions that know more, and evaluates again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::check::nature::Nature;
use crate::value::{Text, Value};

/// Something that an expression needs from outside. What `kind`, `name` and `arguments` mean is between the host's
/// functions and the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lookup {
    /// What kind of thing, like `secret` or `freight`.
    pub kind: String,
    /// Which one.
    pub name: String,
    /// What else tells it apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
}

impl Lookup {
    /// A thing with a kind and a name.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into(), arguments: Vec::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn with(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// How a function ends without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interrupt {
    /// It can not answer: what is wrong, in a fragment.
    Failed(String),
    /// It needs to know something first.
    Need(Lookup),
}

impl From<String> for Interrupt {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<&str> for Interrupt {
    fn from(message: &str) -> Self {
        Self::Failed(message.to_owned())
    }
}

/// One call of a function.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    name: &'a str,
    arguments: &'a [Value],
    now: Timestamp,
}

impl<'a> Call<'a> {
    pub(crate) fn new(name: &'a str, arguments: &'a [Value], now: Timestamp) -> Self {
        Self { name, arguments, now }
    }

    /// The name it was called by.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The arguments.
    pub fn arguments(&self) -> &'a [Value] {
        self.arguments
    }

    /// The time of this evaluation.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// An argument; nil, where there are fewer.
    pub fn argument(&self, index: usize) -> &'a Value {
        self.arguments.get(index).unwrap_or(&Value::Nil)
    }

    /// An argument that has to be a string.
    pub fn text(&self, index: usize) -> Result<&'a Text, Interrupt> {
        match self.argument(index) {
            Value::String(text) => Ok(text),
            other => {
                let (name, got) = (self.name, other.type_name());
                Err(Interrupt::Failed(format!(
                    "argument {} of {name}() must be a string, got {got}",
                    index + 1
                )))
            }
        }
    }

    /// An argument that has to be a string of UTF-8.
    pub fn str(&self, index: usize) -> Result<&'a str, Interrupt> {
        let text = self.text(index)?;
        text.as_str().ok_or_else(|| {
            Interrupt::Failed(format!("argument {} of {}() is not valid UTF-8", index + 1, self.name))
        })
    }

    /// Ends the call: the host has to look something up first.
    pub fn need(&self, lookup: Lookup) -> Result<Value, Interrupt> {
        Err(Interrupt::Need(lookup))
    }
}

/// What kind of value a parameter takes or a function gives. It lets mistakes be found before anything is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Any,
    /// true or false.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A string.
    String,
    /// A map.
    Map,
    /// An object of the host's with this type name.
    Object(&'static str),
}

impl Kind {
    pub(crate) fn nature(self) -> Nature {
        match self {
            Self::Any => Nature::Unknown,
            Self::Bool => Nature::Bool,
            Self::Int => Nature::Int,
            Self::Float => Nature::Float,
            Self::String => Nature::String,
            Self::Map => Nature::map(),
            Self::Object(name) => Nature::Object(name),
        }
    }
}

/// One way to call a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub(crate) parameters: Vec<Kind>,
    pub(crate) result: Kind,
}

impl Signature {
    /// Parameters and result.
    pub fn new(parameters: impl Into<Vec<Kind>>, result: Kind) -> Self {
        Self { parameters: parameters.into(), result }
    }
}

type Body = dyn Fn(&Call<'_>) -> Result<Value, Interrupt> + Send + Sync;

/// A function of the host's.
#[derive(Clone)]
pub struct Function {
    signatures: Arc<[Signature]>,
    body: Arc<Body>,
}

impl Function {
    /// A function with the ways to call it. Without any, it takes any arguments.
    pub fn new(
        signatures: impl Into<Vec<Signature>>,
        body: impl Fn(&Call<'_>) -> Result<Value, Interrupt> + Send + Sync + 'static,
    ) -> Self {
        Self { signatures: signatures.into().into(), body: Arc::new(body) }
    }

    pub(crate) fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    pub(crate) fn call(&self, call: &Call<'_>) -> Result<Value, Interrupt> {
        (self.body)(call)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("signatures", &self.signatures).finish_non_exhaustive()
    }
}

/// The functions of the host by name, and the time. A function of the host hides a built-in of the same name, except
/// those that take a predicate (`map`, `filter`, …).
#[derive(Debug, Clone)]
pub struct Functions {
    now: Timestamp,
    table: BTreeMap<String, Function>,
}

impl Functions {
    /// No functions; the time that `now()` tells.
    pub fn new(now: Timestamp) -> Self {
        Self { now, table: BTreeMap::new() }
    }

    /// With `semverDiff` and `semverParse`.
    pub fn utility(now: Timestamp) -> Self {
        let mut functions = Self::new(now);
        crate::semver::add_to(&mut functions);
        functions
    }

    /// The time of evaluations.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Adds a function.
    pub fn insert(&mut self, name: impl Into<String>, function: Function) {
        self.table.insert(name.into(), function);
    }

    /// Adds a function with one way to call it, and returns the table: to build one in place.
    #[must_use]
    pub fn with(
        mut self,
        name: impl Into<String>,
        parameters: &[Kind],
        result: Kind,
        body: impl Fn(&Call<'_>) -> Result<Value, Interrupt> + Send + Sync + 'static,
    ) -> Self {
        self.insert(name, Function::new([Signature::new(parameters, result)], body));
        self
    }

    /// Adds all functions of another table.
    pub fn extend(&mut self, other: &Self) {
        self.table.extend(other.table.iter().map(|(name, function)| (name.clone(), function.clone())));
    }

    /// The function of this name.
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.table.get(name)
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }
}
