//! A compiled schema: what pruning, defaulting and validation walk instead of the raw JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Cause, CauseReason, format::Format, path::Path, pattern::Pattern, rules::Rule};

/// Levels a schema may have.
pub(crate) const MAX_SCHEMA_DEPTH: usize = 100;

/// A JSON type as schemas name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Type {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// What values of entries that `properties` does not name must be.
#[derive(Debug, Default)]
pub(crate) enum Additional {
    /// The schema says nothing of them: they are unknown.
    #[default]
    Unknown,
    /// Anything may be there.
    Any,
    Schema(Box<Node>),
}

/// What identifies the elements of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum List {
    #[default]
    Atomic,
    Set,
    Map(Vec<String>),
}

/// Whether the members of an object have a life of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MapKind {
    #[default]
    Granular,
    Atomic,
}

/// Bounds of a value, each where it is set.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) minimum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_maximum: bool,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
    pub(crate) unique_items: bool,
    pub(crate) pattern: Option<Pattern>,
}

/// What a node or anything below it has, so that walks can leave whole branches out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Below {
    pub(crate) rules: bool,
}

/// One schema.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) types: Vec<Type>,
    pub(crate) nullable: bool,
    pub(crate) preserve_unknown: bool,
    pub(crate) embedded: bool,
    pub(crate) properties: BTreeMap<String, Node>,
    pub(crate) additional: Additional,
    pub(crate) items: Option<Box<Node>>,
    pub(crate) default: Option<Value>,
    pub(crate) list: List,
    pub(crate) map: MapKind,
    pub(crate) required: Vec<String>,
    pub(crate) bounds: Bounds,
    pub(crate) allowed: Vec<Value>,
    /// The name of the format and, for strings, what checks it.
    pub(crate) format: Option<(String, Option<Format>)>,
    pub(crate) all_of: Vec<Node>,
    pub(crate) any_of: Vec<Node>,
    pub(crate) one_of: Vec<Node>,
    pub(crate) not: Option<Box<Node>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) below: Below,
}

impl Node {
    /// The schema of an entry: the property of that name, or what the others must be.
    pub(crate) fn entry(&self, name: &str) -> Option<&Node> {
        match (self.properties.get(name), &self.additional) {
            (Some(node), _) => Some(node),
            (None, Additional::Schema(node)) => Some(node),
            (None, _) => None,
        }
    }

    pub(crate) fn is(&self, wanted: Type) -> bool {
        self.types == [wanted]
    }

    pub(crate) fn format_name(&self) -> &str {
        self.format.as_ref().map_or("", |(name, _)| name)
    }

    /// Compiles a schema; what cannot be compiled is left out and reported.
    pub(crate) fn compile(schema: &Value, at: Path<'_>, depth: usize, causes: &mut Vec<Cause>) -> Self {
        if depth > MAX_SCHEMA_DEPTH {
            causes.push(Cause::new(
                CauseReason::Invalid,
                at,
                format!("the schema is nested deeper than {MAX_SCHEMA_DEPTH} levels"),
            ));
            return Self::default();
        }
        let mut compiler = Compiler { schema, at, depth, causes };
        let mut node = Self {
            types: compiler.types(),
            nullable: compiler.flag("nullable"),
            preserve_unknown: compiler.flag("x-kubernetes-preserve-unknown-fields"),
            embedded: compiler.flag("x-kubernetes-embedded-resource"),
            properties: compiler.properties(),
            additional: compiler.additional(),
            items: compiler.inner("items"),
            default: schema.get("default").filter(|value| !value.is_null()).cloned(),
            list: compiler.list(),
            map: if compiler.text("x-kubernetes-map-type") == Some("atomic") {
                MapKind::Atomic
            } else {
                MapKind::Granular
            },
            required: compiler.texts("required"),
            bounds: compiler.bounds(),
            allowed: compiler.array("enum").to_vec(),
            format: compiler.text("format").map(|name| (name.to_owned(), Format::named(name))),
            all_of: compiler.branches("allOf"),
            any_of: compiler.branches("anyOf"),
            one_of: compiler.branches("oneOf"),
            not: compiler.inner("not"),
            rules: compiler.rules(),
            below: Below::default(),
        };
        node.below.rules = !node.rules.is_empty() || node.children().any(|child| child.below.rules);
        node
    }

    fn children(&self) -> impl Iterator<Item = &Node> {
        let additional = match &self.additional {
            Additional::Schema(node) => Some(node.as_ref()),
            _ => None,
        };
        self.properties.values().chain(self.items.as_deref()).chain(additional)
    }
}

struct Compiler<'a> {
    schema: &'a Value,
    at: Path<'a>,
    depth: usize,
    causes: &'a mut Vec<Cause>,
}

impl<'a> Compiler<'a> {
    fn flag(&self, name: &str) -> bool {
        self.schema.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.schema.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn array(&self, name: &str) -> &'a [Value] {
        self.schema.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.array(name).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn types(&self) -> Vec<Type> {
        if self.flag("x-kubernetes-int-or-string") {
            return vec![Type::Integer, Type::String];
        }
        self.text("type").and_then(Type::named).into_iter().collect()
    }

    fn properties(&mut self) -> BTreeMap<String, Node> {
        let Some(properties) = self.schema.get("properties").and_then(Value::as_object) else {
            return BTreeMap::new();
        };
        let inside = self.at.child("properties");
        properties
            .iter()
            .map(|(name, schema)| {
                (name.clone(), Node::compile(schema, inside.key(name), self.depth + 1, self.causes))
            })
            .collect()
    }

    fn additional(&mut self) -> Additional {
        match self.schema.get("additionalProperties") {
            Some(Value::Bool(true)) => Additional::Any,
            Some(schema @ Value::Object(_)) => {
                let at = self.at;
                Additional::Schema(Box::new(Node::compile(
                    schema,
                    at.child("additionalProperties"),
                    self.depth + 1,
                    self.causes,
                )))
            }
            _ => Additional::Unknown,
        }
    }

    fn inner(&mut self, name: &str) -> Option<Box<Node>> {
        let schema = self.schema.get(name).filter(|schema| schema.is_object())?;
        let at = self.at;
        Some(Box::new(Node::compile(schema, at.child(name), self.depth + 1, self.causes)))
    }

    fn branches(&mut self, name: &str) -> Vec<Node> {
        let at = self.at;
        let list = at.child(name);
        let depth = self.depth + 1;
        self.array(name)
            .iter()
            .enumerate()
            .map(|(index, schema)| Node::compile(schema, list.index(index), depth, self.causes))
            .collect()
    }

    fn list(&self) -> List {
        match self.text("x-kubernetes-list-type") {
            Some("set") => List::Set,
            Some("map") => List::Map(self.texts("x-kubernetes-list-map-keys")),
            _ => List::Atomic,
        }
    }

    fn rules(&mut self) -> Vec<Rule> {
        let at = self.at;
        let list = at.child("x-kubernetes-validations");
        self.array("x-kubernetes-validations")
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| Rule::compile(rule, list.index(index), self.causes))
            .collect()
    }

    fn bounds(&mut self) -> Bounds {
        let number = |name: &str| self.schema.get(name).and_then(Value::as_f64);
        let count = |name: &str| self.schema.get(name).and_then(Value::as_u64);
        let mut bounds = Bounds {
            minimum: number("minimum"),
            exclusive_minimum: self.flag("exclusiveMinimum"),
            maximum: number("maximum"),
            exclusive_maximum: self.flag("exclusiveMaximum"),
            multiple_of: number("multipleOf").filter(|factor| *factor > 0.0),
            min_length: count("minLength"),
            max_length: count("maxLength"),
            min_items: count("minItems"),
            max_items: count("maxItems"),
            min_properties: count("minProperties"),
            max_properties: count("maxProperties"),
            unique_items: self.flag("uniqueItems"),
            pattern: None,
        };
        if let Some(text) = self.text("pattern") {
            match Pattern::compile(text) {
                Ok(pattern) => bounds.pattern = Some(pattern),
                Err(why) => {
                    let at = self.at;
                    let detail = format!("{text:?}: must be a valid regular expression, but isn't: {why}");
                    self.causes.push(Cause::new(CauseReason::Invalid, at.child("pattern"), detail));
                }
            }
        }
        bounds
    }
}
