//! Subresources, printer columns, selectable fields and conversion of a definition.

use std::collections::HashSet;

use serde_json::Value;

use super::report::{Report, list, text};
use crate::schema::node::{Node, Type};

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 8] =
    ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const MAX_SELECTABLE: usize = 8;

pub(super) fn subresources(subresources: &Value, at: &str, report: &mut Report) {
    let Some(scale) = subresources.get("scale").filter(|scale| scale.is_object()) else { return };
    for (name, roots, needed) in [
        ("specReplicasPath", &["spec"][..], true),
        ("statusReplicasPath", &["status"], true),
        ("labelSelectorPath", &["spec", "status"], false),
    ] {
        let (path, field) = (text(scale, name), format!("{at}.scale.{name}"));
        if path.is_empty() {
            if needed {
                report.required(field, "");
            }
        } else if !path.starts_with('.') {
            report.invalid(field, &path.into(), "must be a simple json path starting with .");
        } else if !roots.iter().any(|root| path.starts_with(&format!(".{root}."))) {
            report.invalid(
                field,
                &path.into(),
                &format!("should be a json path under .{}", roots.join(" or .")),
            );
        }
    }
}

pub(super) fn columns(columns: &[Value], at: &str, report: &mut Report) {
    for (index, column) in columns.iter().enumerate() {
        let at = format!("{at}[{index}]");
        if text(column, "name").is_empty() {
            report.required(format!("{at}.name"), "");
        }
        match text(column, "type") {
            "" => {
                report.required(format!("{at}.type"), &format!("must be one of {}", COLUMN_TYPES.join(",")));
            }
            known if COLUMN_TYPES.contains(&known) => {}
            other => report.invalid(
                format!("{at}.type"),
                &other.into(),
                &format!("must be one of {}", COLUMN_TYPES.join(",")),
            ),
        }
        match text(column, "format") {
            known if known.is_empty() || COLUMN_FORMATS.contains(&known) => {}
            other => report.invalid(
                format!("{at}.format"),
                &other.into(),
                &format!("must be one of {}", COLUMN_FORMATS.join(",")),
            ),
        }
        match text(column, "jsonPath") {
            "" => report.required(format!("{at}.JSONPath"), ""),
            path if path.starts_with('.') => {}
            path => report.invalid(
                format!("{at}.JSONPath"),
                &path.into(),
                "must be a simple json path starting with .",
            ),
        }
    }
}

pub(super) fn selectable(fields: &[Value], root: Option<&Node>, at: &str, report: &mut Report) {
    let mut seen = HashSet::new();
    for (index, field) in fields.iter().enumerate() {
        let (path, at) = (text(field, "jsonPath"), format!("{at}[{index}].jsonPath"));
        if path.is_empty() {
            report.required(at, "");
            continue;
        }
        let found = match root.map(|root| field_at(root, path)) {
            Some(Ok(node)) => node,
            Some(Err(why)) => {
                report.invalid(at, &path.into(), &format!("is an invalid path: {why}"));
                continue;
            }
            None => continue,
        };
        if ![Type::String, Type::Boolean, Type::Integer].into_iter().any(|allowed| found.is(allowed)) {
            report.invalid(&at, &path.into(), "must point to a field of type string, boolean or integer");
        }
        if !seen.insert(path) {
            report.add(crate::schema::CauseReason::Duplicate, at, format!("{path:?}"));
        }
    }
    if seen.len() > MAX_SELECTABLE {
        let detail = format!("{}: must have at most {MAX_SELECTABLE} items", seen.len());
        report.add(crate::schema::CauseReason::TooMany, at, detail);
    }
}

/// The schema a path of member names leads to (`.spec.a`, `.spec['b']`), as rules and selectable fields name fields.
pub(super) fn field_at<'n>(root: &'n Node, path: &str) -> Result<&'n Node, String> {
    let mut node = root;
    let mut rest = path;
    while !rest.is_empty() {
        let name = if let Some(after) = rest.strip_prefix("['") {
            let (name, after) = after.split_once("']").ok_or("a bracket is not closed")?;
            rest = after;
            name.to_owned()
        } else if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            rest = after;
            name.to_owned()
        } else {
            return Err(format!("expected [ or . but got: {rest}"));
        };
        node = node.entry(&name).ok_or("does not refer to a valid field")?;
    }
    Ok(node)
}

pub(super) fn conversion(spec: &Value, report: &mut Report) {
    let Some(conversion) = spec.get("conversion").filter(|conversion| !conversion.is_null()) else { return };
    let webhook = conversion.get("webhook").filter(|webhook| !webhook.is_null());
    match text(conversion, "strategy") {
        "" => report.required("spec.conversion.strategy", ""),
        "None" => {
            if webhook.is_some_and(|webhook| webhook.get("clientConfig").is_some()) {
                report.forbidden(
                    "spec.conversion.webhookClientConfig",
                    "should not be set when strategy is not set to Webhook",
                );
            }
            if webhook.is_some_and(|webhook| !list(webhook, "conversionReviewVersions").is_empty()) {
                report.forbidden(
                    "spec.conversion.conversionReviewVersions",
                    "should not be set when strategy is not set to Webhook",
                );
            }
        }
        "Webhook" => {
            let client =
                webhook.and_then(|webhook| webhook.get("clientConfig")).filter(|client| client.is_object());
            let one_of_two =
                client.is_some_and(|client| client.get("url").is_some() != client.get("service").is_some());
            if !one_of_two {
                report.required(
                    "spec.conversion.webhookClientConfig",
                    "exactly one of url or service is required",
                );
            }
            if webhook.is_none_or(|webhook| list(webhook, "conversionReviewVersions").is_empty()) {
                report.required("spec.conversion.conversionReviewVersions", "");
            }
        }
        other => report.unsupported("spec.conversion.strategy", &other.into(), &["None", "Webhook"]),
    }
}
