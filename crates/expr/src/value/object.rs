//! Values that the host brings: with fields and methods, like `commitFrom(url).ID` or `semverParse(v).IncMinor()`.

use std::fmt;

use super::{Map, Text, Value};

/// A value with fields and methods of its own.
pub trait Object: fmt::Debug + Send + Sync {
    /// What `type()` says, like `semver.Version`.
    fn type_name(&self) -> &str;

    /// A field.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// Is there such a method?
    fn has_method(&self, _name: &str) -> bool {
        false
    }

    /// Calls a method that [`Object::has_method`] knows. The error says what is wrong with the arguments.
    fn call(&self, name: &str, _arguments: &[Value]) -> Result<Value, String> {
        Err(format!("{} has no method {name}", self.type_name()))
    }

    /// What stands for it in JSON.
    fn to_value(&self) -> Value;

    /// What `string()` gives.
    fn display(&self) -> String;

    /// Is it the same as another object?
    fn equals(&self, other: &dyn Object) -> bool {
        self.type_name() == other.type_name() && self.to_value().equals(&other.to_value())
    }
}

/// An object that is only fields. Expressions name them in one way (`RepoURL`), JSON in another (`repoURL`).
#[derive(Debug, Clone)]
pub struct Record {
    type_name: String,
    fields: Vec<Field>,
}

#[derive(Debug, Clone)]
struct Field {
    name: &'static str,
    json: &'static str,
    value: Value,
    omit_empty: bool,
}

impl Record {
    /// A record without fields. `type_name` is what `type()` says.
    pub fn new(type_name: impl Into<String>) -> Self {
        Self { type_name: type_name.into(), fields: Vec::new() }
    }

    /// Adds a field that JSON leaves out when it is empty.
    #[must_use]
    pub fn with(mut self, name: &'static str, json: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push(Field { name, json, value: value.into(), omit_empty: true });
        self
    }

    /// Adds a field that is always in JSON.
    #[must_use]
    pub fn always(mut self, name: &'static str, json: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push(Field { name, json, value: value.into(), omit_empty: false });
        self
    }
}

impl Object for Record {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.clone())
    }

    fn to_value(&self) -> Value {
        let shown = self.fields.iter().filter(|field| !(field.omit_empty && field.value.is_empty()));
        Value::from(shown.map(|field| (Text::from(field.json), field.value.clone())).collect::<Map>())
    }

    fn display(&self) -> String {
        let values: Vec<String> = self.fields.iter().map(|field| field.value.display()).collect();
        format!("&{{{}}}", values.join(" "))
    }
}
