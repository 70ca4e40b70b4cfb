//! The built-in functions: one table of names, what they take, and what they do. Those that evaluate an expression for
//! every element (`map`, `filter`, …) are part of the evaluator.

mod collection;
mod encode;
mod math;
mod signature;
mod text;
mod when;

use jiff::Timestamp;

use crate::check::nature::Nature;
use crate::limits::Budget;
use crate::value::Value;

pub(crate) use signature::accept;
pub(crate) use text::find_bytes;

pub(crate) use crate::syntax::takes_predicate;

/// One call of a built-in.
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) budget: &'a mut Budget,
    pub(crate) now: Timestamp,
}

/// What a call gives, or which argument is wrong and why.
pub(crate) type Check = Result<Nature, (Option<usize>, String)>;

type Body = fn(&mut Call<'_>, &[Value]) -> Result<Value, String>;

/// A built-in function.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) check: fn(&str, &[Nature]) -> Check,
    pub(crate) call: Body,
}

const TABLES: [&[Builtin]; 5] = [text::TABLE, math::TABLE, collection::TABLE, encode::TABLE, when::TABLE];

pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    TABLES.iter().flat_map(|table| table.iter()).find(|builtin| builtin.name == name)
}

/// Is there a built-in of this name?
pub(crate) fn exists(name: &str) -> bool {
    takes_predicate(name) || find(name).is_some()
}

/// `asc` or `desc`
pub(crate) fn is_descending(order: &Value) -> Result<bool, String> {
    match order.as_str() {
        Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        _ => Err(format!("the order is 'asc' or 'desc', not {}", order.display())),
    }
}

fn argument<'a>(call: &Call<'_>, arguments: &'a [Value], index: usize) -> Result<&'a Value, String> {
    arguments.get(index).ok_or_else(|| format!("{}() needs more arguments", call.name))
}

fn wrong(call: &Call<'_>, value: &Value) -> String {
    format!("{}() does not take {}", call.name, value.type_name())
}
