//! Whether the defaults of a schema are values the schema itself accepts.

use super::report::Report;
use crate::schema::{
    Cause, defaults,
    node::{Additional, Node},
    path::Path,
    prune, validate,
};

pub(super) fn check(node: &Node, at: Path<'_>, report: &mut Report) {
    if let Some(default) = &node.default {
        let field = at.child("default");
        let mut value = default.clone();
        if !prune::inside(node, &mut value).is_empty() {
            report.invalid(field, default, "must not have members that the schema does not know");
        }
        defaults::apply(node, &mut value);
        for cause in validate::check(node, &value, None) {
            let inner = match cause.field.as_str() {
                Cause::NOWHERE => field.to_string(),
                inner => format!("{field}.{inner}"),
            };
            report.causes.push(Cause { field: inner, ..cause });
        }
    }
    for (name, property) in &node.properties {
        check(property, at.child("properties").key(name), report);
    }
    if let Some(items) = &node.items {
        check(items, at.child("items"), report);
    }
    if let Additional::Schema(entry) = &node.additional {
        check(entry, at.child("additionalProperties"), report);
    }
}
