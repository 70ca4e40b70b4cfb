//! Group, names, scope and versions of a definition.

use std::collections::HashSet;

use serde_json::Value;

use super::report::{Report, flag, list, text};

const LABEL: &str = "must be lower case letters, digits and '-', begin with a letter, end with a letter or digit, at most 63 characters";
const PROTECTED: [&str; 2] = ["k8s.io", "kubernetes.io"];

pub(super) fn group(crd: &Value, spec: &Value, report: &mut Report) {
    let group = text(spec, "group");
    if group.is_empty() {
        report.required("spec.group", "");
    } else if !is_subdomain(group) {
        report.invalid("spec.group", &group.into(), "must be a DNS name in lower case");
    } else if !group.contains('.') {
        report.invalid("spec.group", &group.into(), "should be a domain with at least one dot");
    }
    let protected = PROTECTED.iter().any(|name| group == *name || group.ends_with(&format!(".{name}")));
    if protected {
        let field = "metadata.annotations[api-approved.kubernetes.io]";
        let approval = crd
            .pointer("/metadata/annotations/api-approved.kubernetes.io")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if approval.is_empty() {
            report.required(field, "groups of Kubernetes need an approval");
        } else if !approval.starts_with("unapproved")
            && !approval.starts_with("https://")
            && !approval.starts_with("http://")
        {
            report.invalid(field, &approval.into(), "must be a URL, or begin with \"unapproved\"");
        }
    }
}

pub(super) fn scope(spec: &Value, report: &mut Report) {
    match text(spec, "scope") {
        "" => report.required("spec.scope", ""),
        "Cluster" | "Namespaced" => {}
        other => report.unsupported("spec.scope", &other.into(), &["Cluster", "Namespaced"]),
    }
}

/// Names as they are asked for (`spec.names`) or accepted; only the former must be there.
pub(super) fn names(spec: &Value, report: &mut Report) {
    let none = Value::Null;
    let names = spec.get("names").unwrap_or(&none);
    for name in ["plural", "singular", "kind", "listKind"] {
        let value = text(names, name);
        let kind = matches!(name, "kind" | "listKind");
        let plain = if kind { value.to_lowercase() } else { value.to_owned() };
        if value.is_empty() {
            report.required(format!("spec.names.{name}"), "");
        } else if !is_label(&plain) {
            let mixed = if kind { "may have mixed case, but should otherwise match: " } else { "" };
            report.invalid(format!("spec.names.{name}"), &value.into(), &format!("{mixed}{LABEL}"));
        }
    }
    if !text(names, "kind").is_empty() && text(names, "kind") == text(names, "listKind") {
        report.invalid(
            "spec.names.listKind",
            &text(names, "listKind").into(),
            "kind and listKind may not be the same",
        );
    }
    for name in ["shortNames", "categories"] {
        for (index, value) in list(names, name).iter().enumerate() {
            if !value.as_str().is_some_and(is_label) {
                report.invalid(format!("spec.names.{name}[{index}]"), value, LABEL);
            }
        }
    }
}

pub(super) fn versions(spec: &Value, report: &mut Report) {
    let versions = list(spec, "versions");
    let mut seen = HashSet::new();
    let mut unique = true;
    for (index, version) in versions.iter().enumerate() {
        let name = text(version, "name");
        unique &= seen.insert(name);
        if !is_label(name) {
            report.invalid(format!("spec.versions[{index}].name"), &name.into(), LABEL);
        }
        if version.pointer("/schema/openAPIV3Schema").is_none_or(Value::is_null) {
            report.required(format!("spec.versions[{index}].schema.openAPIV3Schema"), "schemas are required");
        }
        warning(version, index, report);
    }
    let all = Value::from(versions.iter().map(|version| text(version, "name")).collect::<Vec<_>>());
    if !unique {
        report.invalid("spec.versions", &all, "must contain unique version names");
    }
    if versions.iter().filter(|version| flag(version, "storage")).count() != 1 {
        report.invalid("spec.versions", &all, "must have exactly one version marked as storage version");
    }
}

fn warning(version: &Value, index: usize, report: &mut Report) {
    let Some(warning) = version.get("deprecationWarning").and_then(Value::as_str) else { return };
    let why = if !flag(version, "deprecated") {
        "can only be set for deprecated versions"
    } else if warning.is_empty() {
        "must not be an empty string"
    } else if warning.len() > 256 {
        "must be <= 256 characters long"
    } else if warning.chars().any(char::is_control) {
        "must only contain printable characters"
    } else {
        return;
    };
    report.invalid(format!("spec.versions[{index}].deprecationWarning"), &warning.into(), why);
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || *byte == b'-')
}

fn is_subdomain(text: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 253
        && text.split('.').map(str::as_bytes).all(|label| {
            label.first().is_some_and(plain)
                && label.last().is_some_and(plain)
                && label.iter().all(|byte| plain(byte) || *byte == b'-')
        })
}
