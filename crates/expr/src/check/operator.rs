//! Which operators take what.

use super::nature::Nature;
use crate::syntax::operator::{Binary, Unary};

pub(super) fn unary(operator: Unary, operand: &Nature) -> Result<Nature, String> {
    match (operator, operand) {
        (Unary::Not, Nature::Bool | Nature::Unknown) => Ok(Nature::Bool),
        (Unary::Minus | Unary::Plus, operand) if operand.is_number() || operand.is_unknown() => {
            Ok(operand.clone())
        }
        _ => Err(format!("`{}` does not take {operand}", operator.text())),
    }
}

/// The classes of values an operator takes, where one side is not known.
type Classes = &'static [fn(&Nature) -> bool];

fn is_string(nature: &Nature) -> bool {
    *nature == Nature::String
}

fn is_bool(nature: &Nature) -> bool {
    *nature == Nature::Bool
}

fn is_time(nature: &Nature) -> bool {
    *nature == Nature::Time
}

fn is_duration(nature: &Nature) -> bool {
    *nature == Nature::Duration
}

const ORDERED: Classes = &[Nature::is_number, is_string, is_time, is_duration];
const SUBTRACTED: Classes = &[Nature::is_number, is_time, is_duration];
const MULTIPLIED: Classes = &[Nature::is_number, is_duration];
const NUMBERS: Classes = &[Nature::is_number];
const INTEGERS: Classes = &[Nature::is_integer];
const STRINGS: Classes = &[is_string];
const BOOLS: Classes = &[is_bool];

/// Is one side unknown, and the other unknown too or of one of these classes?
fn maybe(left: &Nature, right: &Nature, classes: Classes) -> bool {
    let fits = |nature: &Nature| nature.is_unknown() || classes.iter().any(|is| is(nature));
    left.is_unknown() && fits(right) || right.is_unknown() && fits(left)
}

pub(super) fn binary(operator: Binary, left: &Nature, right: &Nature) -> Result<Nature, String> {
    let found = match operator {
        Binary::Equal | Binary::NotEqual => left.is_comparable_to(right).then_some(Nature::Bool),
        // The right side is passed on as it is, yet the result counts as a bool.
        Binary::Or | Binary::And => both(left, right, BOOLS).then_some(Nature::Bool),
        Binary::Less | Binary::Greater | Binary::LessOrEqual | Binary::GreaterOrEqual => {
            (ORDERED.iter().any(|is| is(left) && is(right)) || maybe(left, right, ORDERED))
                .then_some(Nature::Bool)
        }
        Binary::Add | Binary::Subtract | Binary::Multiply => arithmetic(operator, left, right),
        Binary::Divide | Binary::Power => both(left, right, NUMBERS).then_some(Nature::Float),
        Binary::Modulo => both(left, right, INTEGERS).then_some(Nature::Int),
        Binary::Range => both(left, right, INTEGERS).then(Nature::integers),
        Binary::Contains | Binary::StartsWith | Binary::EndsWith => {
            both(left, right, STRINGS).then_some(Nature::Bool)
        }
        Binary::Matches => {
            (both(left, right, STRINGS) || *left == Nature::Bytes && is_string(right)).then_some(Nature::Bool)
        }
        Binary::In => return membership(left, right),
        Binary::Coalesce => Some(coalesce(left, right)),
    };
    found.ok_or_else(|| format!("`{}` does not take {left} and {right}", operator.text()))
}

fn both(left: &Nature, right: &Nature, classes: Classes) -> bool {
    classes.iter().any(|is| is(left) && is(right)) || maybe(left, right, classes)
}

fn arithmetic(operator: Binary, left: &Nature, right: &Nature) -> Option<Nature> {
    use Nature::{Duration, Float, Int, String, Time};
    if left.is_number() && right.is_number() {
        return Some(if *left == Float || *right == Float { Float } else { Int });
    }
    let known = match (operator, left, right) {
        (Binary::Add, String, String) => String,
        (Binary::Add | Binary::Subtract, Time, Duration) | (Binary::Add, Duration, Time) => Time,
        (Binary::Subtract, Time, Time) | (_, Duration, Duration) => Duration,
        (Binary::Multiply, Duration, other) | (Binary::Multiply, other, Duration) if other.is_number() => {
            Duration
        }
        _ => {
            let classes = match operator {
                Binary::Add => ORDERED,
                Binary::Subtract => SUBTRACTED,
                _ => MULTIPLIED,
            };
            return maybe(left, right, classes).then_some(Nature::Unknown);
        }
    };
    Some(known)
}

fn membership(left: &Nature, right: &Nature) -> Result<Nature, String> {
    let wrong = || format!("`in` does not take {left} and {right}");
    let fits = match right {
        Nature::Unknown => true,
        Nature::Map(keys, _) => left.is_unknown() || keys.accepts(left),
        Nature::Array(..) | Nature::Bytes => left.is_comparable_to(&right.element()),
        Nature::Object(_) => left.is_unknown() || is_string(left),
        Nature::String => left.is_unknown(),
        _ => false,
    };
    if fits { Ok(Nature::Bool) } else { Err(wrong()) }
}

fn coalesce(left: &Nature, right: &Nature) -> Nature {
    match (left, right) {
        (Nature::Nil, other) | (other, Nature::Nil) => other.clone(),
        (left, right) if right.is_assignable_to(left) => left.clone(),
        _ => Nature::Unknown,
    }
}
