//! Order of values, and sorting by it.

use std::cmp::Ordering;

use super::arithmetic::float;
use crate::limits::Budget;
use crate::value::Value;

/// Compares two values of one kind. None where a number is NaN.
pub(crate) fn compare(operator: &str, left: &Value, right: &Value) -> Result<Option<Ordering>, String> {
    Ok(match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Uint(a), Value::Uint(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Some(a.instant().cmp(&b.instant())),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        _ => {
            let (Some(a), Some(b)) = (float(left), float(right)) else {
                let (left, right) = (left.type_name(), right.type_name());
                return Err(format!("`{operator}` does not take {left} and {right}"));
            };
            a.partial_cmp(&b)
        }
    })
}

/// Sorts by keys, stably; equal or incomparable numbers keep their order. Every comparison counts as a step.
pub(crate) fn sort(
    items: Vec<(Value, Value)>,
    descending: bool,
    budget: &mut Budget,
) -> Result<Vec<Value>, String> {
    let mut sorted = items;
    let mut width = 1;
    while width < sorted.len() {
        let mut merged = Vec::with_capacity(sorted.len());
        for run in sorted.chunks(width * 2) {
            let (left, right) = run.split_at(width.min(run.len()));
            merge(left, right, descending, &mut merged, budget)?;
        }
        sorted = merged;
        width *= 2;
    }
    Ok(sorted.into_iter().map(|(_, value)| value).collect())
}

type Keyed = (Value, Value);

fn merge(
    left: &[Keyed],
    right: &[Keyed],
    descending: bool,
    merged: &mut Vec<Keyed>,
    budget: &mut Budget,
) -> Result<(), String> {
    let (mut left, mut right) = (left, right);
    while let (Some((a, left_rest)), Some((b, right_rest))) = (left.split_first(), right.split_first()) {
        budget.step()?;
        let order = compare("<", &b.0, &a.0)?;
        let wanted = if descending { Ordering::Greater } else { Ordering::Less };
        if order == Some(wanted) {
            merged.push(b.clone());
            right = right_rest;
        } else {
            merged.push(a.clone());
            left = left_rest;
        }
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    Ok(())
}
