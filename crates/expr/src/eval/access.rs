//! Fields, elements, slices and methods.

use super::arithmetic::index;
use super::{Evaluated, Evaluator, Halt};
use crate::syntax::ast::{Kind, NodeId};
use crate::time;
use crate::value::{List, Value};

impl Evaluator<'_> {
    pub(super) fn member(&mut self, id: NodeId, base: NodeId, property: NodeId, optional: bool) -> Evaluated {
        let base = self.visit(base)?;
        if optional && base.is_nil() {
            return Err(Halt::Chain);
        }
        let property = self.visit(property)?;
        self.at(id, fetch(&base, &property))
    }

    pub(super) fn slice(
        &mut self,
        id: NodeId,
        base: NodeId,
        from: Option<NodeId>,
        to: Option<NodeId>,
    ) -> Evaluated {
        let base = self.visit(base)?;
        let to = to.map(|to| self.visit(to)).transpose()?;
        let from = from.map(|from| self.visit(from)).transpose()?;
        let sliced = slice(&base, from.as_ref(), to.as_ref());
        let value = self.at(id, sliced)?;
        if let Value::List(list) = &value {
            let grown = self.budget.bytes(size_of_val(list.items()));
            self.at(id, grown)?;
        }
        Ok(value)
    }

    pub(super) fn method(&mut self, member: NodeId, arguments: &[NodeId]) -> Evaluated {
        let tree = self.tree;
        let Kind::Member { base, property, optional } = tree.kind(member) else {
            return self.fault(member, "this can not be called");
        };
        let base = self.visit(*base)?;
        if *optional && base.is_nil() {
            return Err(Halt::Chain);
        }
        let name = match self.visit(*property)? {
            Value::String(name) => name.to_str().into_owned(),
            _ => return self.fault(member, "this can not be called"),
        };
        let values = arguments.iter().map(|node| self.visit(*node)).collect::<Result<Vec<_>, _>>()?;
        let result = match &base {
            Value::Object(object) if object.has_method(&name) => object.call(&name, &values),
            Value::Time(value) if time::has_time_method(&name) => time::call_time(value, &name, &values),
            Value::Duration(value) if time::has_duration_method(&name) => {
                time::call_duration(*value, &name, &values)
            }
            Value::Zone(zone) if name == "String" && values.is_empty() => Ok(zone.name().into()),
            other => {
                let field = self.at(member, fetch(other, &Value::from(name.as_str())))?;
                if let Value::Function(function) = field {
                    return self.host_call(member, &name, &function, &values);
                }
                Err(format!("{name} is no function but {}", field.type_name()))
            }
        };
        let value = self.at(member, result)?;
        self.bounded(member, value)
    }
}

/// What `base[property]` and `base.property` give.
pub(crate) fn fetch(base: &Value, property: &Value) -> Result<Value, String> {
    let missing = || {
        let advice = if base.is_nil() { ": write `?.` where it may be missing" } else { "" };
        Err(format!("there is no {} in {}{advice}", property.display(), base.type_name()))
    };
    match base {
        Value::Map(map) => match property {
            Value::String(key) => Ok(map.fetch(key.as_bytes())),
            Value::Nil => Ok(map.fetch(b"")),
            other => Err(format!("a map is indexed by a string, not by {}", other.type_name())),
        },
        Value::Pairs(pairs) => {
            let found = pairs
                .entries()
                .iter()
                .find(|(key, _)| key.type_name() == property.type_name() && key.equals(property));
            Ok(found.map_or(Value::Nil, |(_, value)| value.clone()))
        }
        Value::List(list) => {
            let index = element(property, list.items().len())?;
            list.items().get(index).cloned().map_or_else(missing, Ok)
        }
        Value::String(text) | Value::Bytes(text) => {
            let index = element(property, text.as_bytes().len())?;
            text.as_bytes().get(index).map_or_else(missing, |byte| Ok(Value::Uint((*byte).into())))
        }
        Value::Object(object) => {
            let Value::String(name) = property else { return missing() };
            if object.has_method(&name.to_str()) {
                return Err(format!("{} is a method: write {}()", name.to_str(), name.to_str()));
            }
            object.field(&name.to_str()).map_or_else(missing, Ok)
        }
        _ => missing(),
    }
}

/// The place of an element; negative numbers count from the end.
fn element(property: &Value, length: usize) -> Result<usize, String> {
    let wanted = index(property)?;
    let from_start = if wanted < 0 { wanted.saturating_add_unsigned(length as u64) } else { wanted };
    let outside = || format!("there is no element {wanted}: there are {length}");
    usize::try_from(from_start).ok().filter(|index| *index < length).ok_or_else(outside)
}

fn slice(base: &Value, from: Option<&Value>, to: Option<&Value>) -> Result<Value, String> {
    let length = match base {
        Value::List(list) => list.items().len(),
        Value::String(text) | Value::Bytes(text) => text.as_bytes().len(),
        other => return Err(format!("{} can not be sliced", other.type_name())),
    };
    let bound = |value: Option<&Value>, default: usize| -> Result<usize, String> {
        let Some(value) = value else { return Ok(default) };
        let wanted = index(value)?;
        let from_start = if wanted < 0 { wanted.saturating_add_unsigned(length as u64) } else { wanted };
        Ok(usize::try_from(from_start.max(0)).unwrap_or(usize::MAX).min(length))
    };
    let to = bound(to, length)?;
    let from = bound(from, 0)?.min(to);
    Ok(match base {
        Value::List(list) if list.is_null() => base.clone(),
        Value::List(list) => Value::List(List::new(list.items().get(from..to).unwrap_or_default().to_vec())),
        Value::String(text) => {
            Value::String(text.with_bytes(text.as_bytes().get(from..to).unwrap_or_default()))
        }
        Value::Bytes(text) => {
            Value::Bytes(text.with_bytes(text.as_bytes().get(from..to).unwrap_or_default()))
        }
        other => other.clone(),
    })
}

/// `needle in haystack`
pub(super) fn contains(haystack: &Value, needle: &Value) -> Result<bool, String> {
    match haystack {
        Value::Nil => Ok(false),
        Value::List(list) => Ok(list.items().iter().any(|item| item.equals(needle))),
        Value::Bytes(text) => {
            Ok(text.as_bytes().iter().any(|byte| Value::Uint((*byte).into()).equals(needle)))
        }
        Value::Map(map) => match needle {
            Value::String(key) => Ok(map.get(key.as_bytes()).is_some()),
            Value::Nil => Ok(map.get(b"").is_some()),
            other => Err(format!("a key of this map is a string, not {}", other.type_name())),
        },
        Value::Pairs(pairs) => Ok(pairs
            .entries()
            .iter()
            .any(|(key, _)| key.type_name() == needle.type_name() && key.equals(needle))),
        Value::Object(object) => match needle {
            Value::String(name) => Ok(object.field(&name.to_str()).is_some()),
            other => Err(format!("a field name is a string, not {}", other.type_name())),
        },
        other => Err(format!("`in` looks into an array or a map, not into {}", other.type_name())),
    }
}
