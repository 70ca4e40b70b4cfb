//! The types of expressions, as far as they are certain: what would fail on every object is found when the definition
//! is written. Whatever is not certain is `Any`.

use kube_cel::cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators},
};

use super::cost;
use crate::schema::{
    cel,
    format::Format,
    node::{Additional, Node, Type},
};

/// A type; lists and maps know how large they can be.
#[derive(Clone, Debug)]
pub(super) enum Kind<'n> {
    Any,
    Bool,
    Int,
    Double,
    Text,
    Bytes,
    Null,
    Time,
    Duration,
    TypeName,
    List(Box<Kind<'n>>, u64),
    Map(Box<Kind<'n>>, u64),
    Object(&'n Node, bool),
    Optional(Box<Kind<'n>>),
}

/// A type and what evaluating to it may cost.
pub(super) struct Typed<'n> {
    pub(super) kind: Kind<'n>,
    pub(super) cost: u64,
}

/// The variables an expression sees.
#[derive(Clone)]
pub(super) struct Scope<'n> {
    variables: Vec<(String, Kind<'n>)>,
}

const TYPE_NAMES: [&str; 11] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "optional_type", "string", "type", "uint"];

impl<'n> Scope<'n> {
    pub(super) fn new(node: &'n Node, outermost: bool, optional_old: bool) -> Self {
        let own = Kind::of(node, outermost);
        let old = if optional_old { Kind::Optional(Box::new(own.clone())) } else { own.clone() };
        Self { variables: vec![("self".to_owned(), own), ("oldSelf".to_owned(), old)] }
    }

    fn get(&self, name: &str) -> Option<&Kind<'n>> {
        self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, kind)| kind)
    }

    fn with(&self, name: &str, kind: Kind<'n>) -> Self {
        let mut scope = self.clone();
        scope.variables.push((name.to_owned(), kind));
        scope
    }
}

impl<'n> Kind<'n> {
    fn of(node: &'n Node, resource: bool) -> Self {
        match node.types.as_slice() {
            [Type::Boolean] => Self::Bool,
            [Type::Integer] => Self::Int,
            [Type::Number] => Self::Double,
            [Type::String] => match node.format.as_ref().and_then(|(_, format)| *format) {
                Some(Format::Date | Format::DateTime) => Self::Time,
                Some(Format::Duration) => Self::Duration,
                Some(Format::Byte) => Self::Bytes,
                _ => Self::Text,
            },
            [Type::Array] => match &node.items {
                Some(items) => Self::List(Box::new(Self::of(items, false)), cost::elements(node, items)),
                None => Self::Any,
            },
            [Type::Object] => match &node.additional {
                Additional::Schema(entry) => {
                    Self::Map(Box::new(Self::of(entry, false)), cost::entries(node, entry))
                }
                Additional::Any => Self::Any,
                Additional::Unknown if node.preserve_unknown && node.properties.is_empty() => Self::Any,
                Additional::Unknown => Self::Object(node, resource || node.embedded),
            },
            _ => Self::Any,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Any => "dyn",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Null => "null",
            Self::Time => "timestamp",
            Self::Duration => "duration",
            Self::TypeName => "type",
            Self::List(..) => "list",
            Self::Map(..) => "map",
            Self::Object(..) => "object",
            Self::Optional(_) => "optional",
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }

    fn has_members(&self) -> bool {
        matches!(self, Self::Map(..) | Self::Object(..))
    }

    /// Whether values of both types can be compared for equality.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any | Self::Null, _) | (_, Self::Any | Self::Null) => true,
            (Self::List(a, _), Self::List(b, _)) | (Self::Map(a, _), Self::Map(b, _)) => a.meets(b),
            (a, b) => {
                (a.is_number() && b.is_number())
                    || (a.has_members() && b.has_members())
                    || a.name() == b.name()
            }
        }
    }

    /// The type of what is one or the other.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::List(a, n), Self::List(b, m)) => {
                let element = if matches!(*a, Self::Any) {
                    *b
                } else if matches!(*b, Self::Any) {
                    *a
                } else {
                    a.or(*b)
                };
                Self::List(Box::new(element), n.max(m))
            }
            (Self::Object(a, x), Self::Object(b, y)) if std::ptr::eq(a, b) => Self::Object(a, x || y),
            (
                a @ (Self::Bool
                | Self::Int
                | Self::Double
                | Self::Text
                | Self::Bytes
                | Self::Time
                | Self::Duration),
                b,
            ) if a.name() == b.name() => a,
            _ => Self::Any,
        }
    }

    fn member(&self, name: &str) -> Result<Kind<'n>, String> {
        match self {
            Self::Object(node, resource) => {
                let property = node.properties.iter().find(|(property, _)| cel::escape(property) == name);
                match (property, resource) {
                    (Some((_, property)), _) if !(*resource && name == "metadata") => {
                        Ok(Kind::of(property, false))
                    }
                    (_, true) if matches!(name, "apiVersion" | "kind") => Ok(Kind::Text),
                    (_, true) if name == "metadata" => Ok(Kind::Any),
                    _ => Err(format!("undefined field '{name}'")),
                }
            }
            Self::Map(entry, _) => Ok((**entry).clone()),
            Self::Any | Self::Optional(_) => Ok(Kind::Any),
            other => Err(format!("type '{}' does not support field selection", other.name())),
        }
    }
}

/// The type of an expression, or what is certainly wrong with it.
pub(super) fn infer<'n>(expression: &IdedExpr, scope: &Scope<'n>) -> Result<Typed<'n>, String> {
    let cheap = |kind| Ok(Typed { kind, cost: 1 });
    match &expression.expr {
        Expr::Unspecified | Expr::Struct(_) => cheap(Kind::Any),
        Expr::Literal(literal) => cheap(match literal {
            LiteralValue::Boolean(_) => Kind::Bool,
            LiteralValue::Bytes(_) => Kind::Bytes,
            LiteralValue::Double(_) => Kind::Double,
            LiteralValue::Int(_) | LiteralValue::UInt(_) => Kind::Int,
            LiteralValue::Null => Kind::Null,
            LiteralValue::String(_) => Kind::Text,
        }),
        Expr::Ident(name) => match scope.get(name) {
            Some(kind) => cheap(kind.clone()),
            None if TYPE_NAMES.contains(&name.as_str()) => cheap(Kind::TypeName),
            None => Err(format!("undeclared reference to '{name}'")),
        },
        Expr::Select(select) => field(select, scope),
        Expr::List(list) => {
            let mut cost = 1_u64;
            let mut element: Option<Kind<'n>> = None;
            for item in &list.elements {
                let typed = infer(item, scope)?;
                cost = cost.saturating_add(typed.cost);
                element = Some(element.map_or(typed.kind.clone(), |before| before.or(typed.kind)));
            }
            let length = list.elements.len() as u64;
            Ok(Typed { kind: Kind::List(Box::new(element.unwrap_or(Kind::Any)), length), cost })
        }
        Expr::Map(map) => cheap(Kind::Map(Box::new(Kind::Any), map.entries.len() as u64)),
        Expr::Call(call) => self::call(call, scope),
        Expr::Comprehension(comprehension) => each(comprehension, scope),
    }
}

fn field<'n>(select: &SelectExpr, scope: &Scope<'n>) -> Result<Typed<'n>, String> {
    let operand = infer(&select.operand, scope)?;
    let member = operand.kind.member(&select.field)?;
    let kind = if select.test { Kind::Bool } else { member };
    Ok(Typed { kind, cost: operand.cost.saturating_add(1) })
}

fn each<'n>(loop_: &ComprehensionExpr, scope: &Scope<'n>) -> Result<Typed<'n>, String> {
    let range = infer(&loop_.iter_range, scope)?;
    let (key, value, length) = match range.kind {
        Kind::List(element, length) => (Kind::Int, *element, length),
        Kind::Map(entry, length) => (Kind::Text, *entry, length),
        Kind::Any => (Kind::Any, Kind::Any, 1),
        other => {
            return Err(format!("expression of type '{}' cannot be range of a comprehension", other.name()));
        }
    };
    let of_map = matches!(key, Kind::Text);
    let inner = match &loop_.iter_var2 {
        Some(second) => scope.with(&loop_.iter_var, key).with(second, value),
        None => scope.with(&loop_.iter_var, if of_map { key } else { value }),
    };
    let start = infer(&loop_.accu_init, scope)?;
    let within = inner.with(&loop_.accu_var, start.kind.clone());
    let condition = infer(&loop_.loop_cond, &within)?;
    let step = infer(&loop_.loop_step, &within)?;
    let accumulated = match start.kind.or(step.kind) {
        // A list that is built can be as long as the one it is built from.
        Kind::List(element, built) => Kind::List(element, built.max(length)),
        other => other,
    };
    let result = infer(&loop_.result, &scope.with(&loop_.accu_var, accumulated))?;
    let once = condition.cost.saturating_add(step.cost);
    let cost = [range.cost, start.cost, once.saturating_mul(length), result.cost]
        .into_iter()
        .fold(0, u64::saturating_add);
    Ok(Typed { kind: result.kind, cost })
}

fn call<'n>(call: &CallExpr, scope: &Scope<'n>) -> Result<Typed<'n>, String> {
    let target = match &call.target {
        // `math.greatest`, `sets.contains`, …: the name of a library is no variable.
        Some(target) if matches!(&target.expr, Expr::Ident(name) if scope.get(name).is_none()) => None,
        Some(target) => Some(infer(target, scope)?),
        None => None,
    };
    let mut cost = target.as_ref().map_or(1, |target| target.cost.saturating_add(1));
    let mut kinds = Vec::with_capacity(call.args.len());
    for argument in &call.args {
        let typed = infer(argument, scope)?;
        cost = cost.saturating_add(typed.cost);
        kinds.push(typed.kind);
    }
    let kind = match (&target, kinds.as_slice()) {
        (Some(target), _) => method(&call.func_name, &target.kind),
        (None, [only]) => one(&call.func_name, only)?,
        (None, [left, right]) => two(&call.func_name, left, right)?,
        (None, [condition, left, right]) if call.func_name == operators::CONDITIONAL => {
            truth(condition, operators::CONDITIONAL)?;
            left.clone().or(right.clone())
        }
        _ => Kind::Any,
    };
    Ok(Typed { kind, cost })
}

fn method<'n>(name: &str, target: &Kind<'n>) -> Kind<'n> {
    match (name, target) {
        ("value", Kind::Optional(inner)) => (**inner).clone(),
        ("size" | "indexOf" | "lastIndexOf", _) => Kind::Int,
        ("startsWith" | "endsWith" | "contains" | "matches" | "hasValue" | "isSorted", _) => Kind::Bool,
        (
            "lowerAscii" | "upperAscii" | "trim" | "replace" | "substring" | "charAt" | "join" | "format",
            _,
        ) => Kind::Text,
        ("split", _) => Kind::List(Box::new(Kind::Text), 1000),
        _ => Kind::Any,
    }
}

fn refuse<T>(operator: &str, kinds: &[&Kind<'_>]) -> Result<T, String> {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    Err(format!("found no matching overload for '{operator}' applied to '({})'", names.join(", ")))
}

fn truth(kind: &Kind<'_>, operator: &str) -> Result<(), String> {
    if matches!(kind, Kind::Bool | Kind::Any) { Ok(()) } else { refuse(operator, &[kind]) }
}

fn one<'n>(name: &str, kind: &Kind<'n>) -> Result<Kind<'n>, String> {
    Ok(match name {
        operators::LOGICAL_NOT => {
            truth(kind, name)?;
            Kind::Bool
        }
        operators::NEGATE if kind.is_number() => kind.clone(),
        "size" => match kind {
            Kind::Any | Kind::Text | Kind::Bytes | Kind::List(..) | Kind::Map(..) => Kind::Int,
            other => return refuse(name, &[other]),
        },
        "int" | "uint" => Kind::Int,
        "double" => Kind::Double,
        "string" => Kind::Text,
        "bytes" => Kind::Bytes,
        "bool" | "isURL" | "isIP" | "isCIDR" | "isQuantity" | "isSemver" => Kind::Bool,
        "timestamp" => Kind::Time,
        "duration" => Kind::Duration,
        "type" => Kind::TypeName,
        _ => Kind::Any,
    })
}

fn two<'n>(name: &str, left: &Kind<'n>, right: &Kind<'n>) -> Result<Kind<'n>, String> {
    let any = matches!(left, Kind::Any) || matches!(right, Kind::Any);
    match name {
        operators::LOGICAL_AND | operators::LOGICAL_OR => {
            truth(left, name)?;
            truth(right, name)?;
            Ok(Kind::Bool)
        }
        operators::EQUALS | operators::NOT_EQUALS if left.meets(right) => Ok(Kind::Bool),
        operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
            let ordered = matches!(
                left,
                Kind::Bool
                    | Kind::Int
                    | Kind::Double
                    | Kind::Text
                    | Kind::Bytes
                    | Kind::Time
                    | Kind::Duration
            );
            if any || (ordered && left.meets(right) && !matches!(right, Kind::Null)) {
                Ok(Kind::Bool)
            } else {
                refuse(name, &[left, right])
            }
        }
        operators::IN => match right {
            Kind::Any | Kind::List(..) | Kind::Map(..) => Ok(Kind::Bool),
            other => refuse(name, &[left, other]),
        },
        operators::INDEX => match left {
            Kind::List(element, _) => Ok((**element).clone()),
            Kind::Map(entry, _) => Ok((**entry).clone()),
            Kind::Any | Kind::Object(..) | Kind::Optional(_) => Ok(Kind::Any),
            other => refuse(name, &[other, right]),
        },
        operators::ADD
        | operators::SUBSTRACT
        | operators::MULTIPLY
        | operators::DIVIDE
        | operators::MODULO => arithmetic(name, left, right),
        operators::EQUALS | operators::NOT_EQUALS => refuse(name, &[left, right]),
        "matches" => Ok(Kind::Bool),
        _ => Ok(Kind::Any),
    }
}

fn arithmetic<'n>(name: &str, left: &Kind<'n>, right: &Kind<'n>) -> Result<Kind<'n>, String> {
    match (left, right) {
        (Kind::Any, other) | (other, Kind::Any) => Ok(match other {
            Kind::Int | Kind::Double | Kind::Text => other.clone(),
            _ => Kind::Any,
        }),
        (Kind::Int, Kind::Int) => Ok(Kind::Int),
        (Kind::Double, Kind::Double) if name != operators::MODULO => Ok(Kind::Double),
        (Kind::Time, Kind::Time) if name == operators::SUBSTRACT => Ok(Kind::Duration),
        (Kind::Time, Kind::Duration) if matches!(name, operators::ADD | operators::SUBSTRACT) => {
            Ok(Kind::Time)
        }
        (Kind::Duration, Kind::Time) if name == operators::ADD => Ok(Kind::Time),
        (Kind::Duration, Kind::Duration) if matches!(name, operators::ADD | operators::SUBSTRACT) => {
            Ok(Kind::Duration)
        }
        (Kind::Text, Kind::Text) if name == operators::ADD => Ok(Kind::Text),
        (Kind::Bytes, Kind::Bytes) if name == operators::ADD => Ok(Kind::Bytes),
        (Kind::List(..), Kind::List(..)) if name == operators::ADD => Ok(left.clone().or(right.clone())),
        _ => refuse(name, &[left, right]),
    }
}
