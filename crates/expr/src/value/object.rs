//! Values that the host brings: with fields and methods, like `commitFrom(url).ID` or `semverParse(v).IncMinor()`.

use std::fmt;

use super::{Text, Value};

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
    fn json(&self) -> Form;

    /// What stands for it in YAML.
    fn yaml(&self) -> Form {
        self.json()
    }

    /// What `string()` gives.
    fn display(&self) -> String;

    /// Is it the same as another object?
    fn equals(&self, other: &dyn Object) -> bool {
        self.type_name() == other.type_name() && self.json().same(&other.json())
    }
}

/// What stands for an object where it is written out.
#[derive(Debug, Clone)]
pub enum Form {
    /// A value.
    Value(Value),
    /// Fields in their order.
    Fields(Vec<(Text, Value)>),
}

impl Form {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(a), Self::Value(b)) => a.equals(b),
            (Self::Fields(a), Self::Fields(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((ak, av), (bk, bv))| ak == bk && av.equals(bv))
            }
            _ => false,
        }
    }
}

/// An object that is only fields. Expressions name them in one way (`RepoURL`), JSON in another (`repoURL`).
#[derive(Debug, Clone)]
pub struct Record {
    type_name: String,
    is_plain: bool,
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
        Self { type_name: type_name.into(), is_plain: false, fields: Vec::new() }
    }

    /// Shown by `string()` as `{…}`, not as `&{…}`: a structure that is no pointer there.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.is_plain = true;
        self
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

    fn json(&self) -> Form {
        let shown = self.fields.iter().filter(|field| !(field.omit_empty && field.value.is_empty()));
        Form::Fields(shown.map(|field| (Text::from(field.json), field.value.clone())).collect())
    }

    /// All fields, by their own names in lower case: as a structure without instructions for YAML is written.
    fn yaml(&self) -> Form {
        let name = |field: &Field| Text::from(field.name.to_lowercase());
        Form::Fields(self.fields.iter().map(|field| (name(field), field.value.clone())).collect())
    }

    fn display(&self) -> String {
        let values: Vec<String> = self.fields.iter().map(|field| field.value.display()).collect();
        let pointer = if self.is_plain { "" } else { "&" };
        format!("{pointer}{{{}}}", values.join(" "))
    }
}
