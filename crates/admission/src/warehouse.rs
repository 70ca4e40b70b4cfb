//! Warehouse: defaults of its subscriptions, and their rules.

use ferry_api::duration;
use serde_json::Value;

use crate::lookup::Snapshot;
use crate::outcome::{Allowed, Cause, Reviewed};
use crate::request::{Operation, Request};
use crate::{expressions, metadata, rules, subscription};

/// Fills in what subscriptions leave out and mirrors the shard. Where that changes anything the interval is written
/// anew too.
pub(crate) fn mutate(object: &mut Value) {
    let before = object.clone();
    metadata::mirror_shard(object);
    let subscriptions = object.get_mut("spec").and_then(|spec| spec.get_mut("subscriptions"));
    for subscription in subscriptions.and_then(Value::as_array_mut).into_iter().flatten() {
        subscription::set_defaults(subscription);
    }
    if *object != before
        && let Some(interval) = object.get_mut("spec").and_then(|spec| spec.get_mut("interval"))
    {
        metadata::rewrite_duration(interval);
    }
}

/// The Project, the interval and the subscriptions.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot, allowed: &mut Allowed) -> Reviewed<()> {
    let Some(object) = request.object.filter(|_| request.operation != Operation::Delete) else {
        return Ok(());
    };
    let mut causes = rules::project(request, known)?;
    let spec = &object["spec"];
    if let Some(interval) = spec.get("interval").and_then(Value::as_str)
        && let Err(error) = duration::parse(interval)
    {
        causes.push(Cause::invalid("spec.interval", interval, error));
    }
    check_criteria(spec, request.old.map(|old| &old["spec"]), &mut causes);
    let none = Vec::new();
    let subscriptions = spec.get("subscriptions").and_then(Value::as_array).unwrap_or(&none);
    let old = request.old.and_then(|old| old["spec"].get("subscriptions")?.as_array()).unwrap_or(&none);
    subscription::check(subscriptions, old, &mut causes);
    warn(subscriptions, &mut allowed.warnings);
    request.accept(causes)
}

/// The gate on Freight creation must be an expression, unless it stood before.
fn check_criteria(spec: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let expression =
        |spec: &Value| spec.get("freightCreationCriteria")?.get("expression")?.as_str().map(str::to_owned);
    let Some(text) = expression(spec).filter(|text| old.and_then(expression).as_ref() != Some(text)) else {
        return;
    };
    if let Some(why) = expressions::broken(&text) {
        causes.push(Cause::invalid("spec.freightCreationCriteria.expression", text, why));
    }
}

/// Discovery does not know these fields any more.
fn warn(subscriptions: &[Value], warnings: &mut Vec<String>) {
    for (index, subscription) in subscriptions.iter().enumerate() {
        for (kind, config) in subscription.as_object().into_iter().flatten() {
            for (field, instead) in [("allowTags", "allowTagsRegexes"), ("ignoreTags", "ignoreTagsRegexes")] {
                let is_empty = |value: &Value| {
                    value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty)
                };
                if config.get(field).is_some_and(|value| !is_empty(value)) {
                    warnings.push(format!(
                        "spec.subscriptions[{index}].{kind}.{field} is no longer obeyed and discovery will fail; use {instead}"
                    ));
                }
            }
        }
    }
}
