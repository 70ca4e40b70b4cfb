//! Validation of values against a schema, with the causes a Kubernetes API server would name. What an update did not
//! change is not held against it.

use serde_json::{Map, Value};

use super::{
    Cause, CauseReason, correlate, lists,
    node::{Additional, List, Node, Type},
    number::{self, Num},
    path::Path,
};

/// Checks `value` against `node`; `old` is what stood there before an update.
pub(super) fn check(node: &Node, value: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut check = Check::default();
    check.value(node, value, old, Path::Root);
    check.causes
}

#[derive(Default)]
struct Check {
    causes: Vec<Cause>,
    /// How much of the schema was compared; tells which of several failed alternatives was the closest.
    compared: usize,
}

impl Check {
    fn add(&mut self, reason: CauseReason, at: Path<'_>, detail: impl AsRef<str>) {
        self.causes.push(Cause::new(reason, at, detail));
    }

    fn invalid(&mut self, at: Path<'_>, value: &Value, rule: &str) {
        self.add(CauseReason::Invalid, at, format!("{value}: {at} in body {rule}"));
    }

    /// Mistakes of which the real server does not name the field.
    fn nowhere(&mut self, text: &str) {
        self.causes.push(Cause::new(CauseReason::Invalid, Cause::NOWHERE, format!("\"\": {text}")));
    }

    fn value(&mut self, node: &Node, value: &Value, old: Option<&Value>, at: Path<'_>) {
        // What an update left as it was is forgiven, so it need not be judged: a status write leaves all of the spec.
        if matches!(at, Path::Child(Path::Root, _)) && old == Some(value) {
            return;
        }
        let before = self.causes.len();
        self.compared += 1;
        self.of_type(node, value, at);
        self.allowed(node, value, at);
        match value {
            Value::String(text) => self.string(node, text, value, at),
            Value::Number(number) => self.number(node, Num::of(number), value, at),
            Value::Array(items) => self.array(node, items, old, at),
            Value::Object(members) => self.object(node, members, old, at),
            Value::Null | Value::Bool(_) => {}
        }
        if !value.is_null() {
            self.alternatives(node, value, at);
        }
        if self.causes.len() > before && old == Some(value) {
            self.causes.truncate(before);
        }
    }

    fn of_type(&mut self, node: &Node, value: &Value, at: Path<'_>) {
        let found = match value {
            Value::Null if node.nullable || node.types.is_empty() => return,
            Value::Null => "null",
            _ if node.types.is_empty() => return,
            Value::Bool(_) => "boolean",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Number(number) => return self.number_type(node, Num::of(number), at),
        };
        if !node.types.iter().any(|wanted| wanted.name() == found) {
            self.other_type(node, found, at);
        }
    }

    fn number_type(&mut self, node: &Node, number: Num, at: Path<'_>) {
        let fits =
            node.types.contains(&Type::Number) || (node.types.contains(&Type::Integer) && number.is_whole());
        if !fits {
            let found = if matches!(number, Num::Int(_)) { "integer" } else { "number" };
            self.other_type(node, found, at);
        }
    }

    fn other_type(&mut self, node: &Node, found: &str, at: Path<'_>) {
        let wanted = node.types.iter().map(|wanted| wanted.name()).collect::<Vec<_>>().join(",");
        self.add(
            CauseReason::TypeInvalid,
            at,
            format!("\"{found}\": {at} in body must be of type {wanted}: \"{found}\""),
        );
    }

    fn allowed(&mut self, node: &Node, value: &Value, at: Path<'_>) {
        let null_by_leave = value.is_null() && node.nullable;
        if node.allowed.is_empty()
            || null_by_leave
            || node.allowed.iter().any(|allowed| number::equal(allowed, value))
        {
            return;
        }
        let allowed: Vec<String> = node
            .allowed
            .iter()
            .map(|allowed| if allowed.is_string() { allowed.to_string() } else { format!("\"{allowed}\"") })
            .collect();
        self.add(CauseReason::NotSupported, at, format!("{value}: supported values: {}", allowed.join(", ")));
    }

    fn string(&mut self, node: &Node, text: &str, value: &Value, at: Path<'_>) {
        let bounds = &node.bounds;
        if bounds.max_length.is_some() || bounds.min_length.is_some() {
            let length = text.chars().count() as u64;
            if let Some(most) = bounds.max_length.filter(|most| length > *most) {
                self.add(CauseReason::TooLong, at, format!("may not be more than {most} bytes"));
                return self.format(node, text, at);
            }
            if let Some(least) = bounds.min_length.filter(|least| length < *least) {
                self.invalid(at, value, &format!("should be at least {least} chars long"));
                return self.format(node, text, at);
            }
        }
        if let Some(pattern) = bounds.pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
            self.invalid(at, value, &format!("should match '{}'", pattern.text));
        }
        self.format(node, text, at);
    }

    fn format(&mut self, node: &Node, text: &str, at: Path<'_>) {
        if let Some((name, Some(format))) = &node.format
            && !format.accepts(text)
        {
            self.add(
                CauseReason::TypeInvalid,
                at,
                format!("{text:?}: {at} in body must be of type {name}: {text:?}"),
            );
        }
    }

    fn number(&mut self, node: &Node, number: Num, value: &Value, at: Path<'_>) {
        let format = node.format_name();
        if node.is(Type::Integer) && !number.fits_integer(format) {
            let kind = if format.is_empty() {
                "(default format)".to_owned()
            } else {
                format!("with format {format}")
            };
            self.nowhere(&format!("Checked value must be of type integer {kind} in {at}"));
        }
        let bounds = &node.bounds;
        let float = number.float();
        if let Some(factor) = bounds.multiple_of.filter(|factor| !number.is_multiple_of(*factor)) {
            self.invalid(at, value, &format!("should be a multiple of {factor}"));
        }
        if let Some(most) = bounds.maximum {
            if bounds.exclusive_maximum && float >= most {
                self.invalid(at, value, &format!("should be less than {most}"));
            } else if float > most {
                self.invalid(at, value, &format!("should be less than or equal to {most}"));
            }
        }
        if let Some(least) = bounds.minimum {
            if bounds.exclusive_minimum && float <= least {
                self.invalid(at, value, &format!("should be greater than {least}"));
            } else if float < least {
                self.invalid(at, value, &format!("should be greater than or equal to {least}"));
            }
        }
    }

    fn array(&mut self, node: &Node, items: &[Value], old: Option<&Value>, at: Path<'_>) {
        if let Some(element) = &node.items {
            for (index, item) in items.iter().enumerate() {
                self.value(element, item, correlate::element(node, old, item), at.index(index));
            }
        }
        let count = items.len() as u64;
        if let Some(least) = node.bounds.min_items.filter(|least| count < *least) {
            self.invalid(at, &Value::from(count), &format!("should have at least {least} items"));
        }
        if let Some(most) = node.bounds.max_items.filter(|most| count > *most) {
            self.add(CauseReason::TooMany, at, format!("{count}: must have at most {most} items"));
        }
        let list =
            if node.bounds.unique_items && node.list == List::Atomic { &List::Set } else { &node.list };
        lists::check(list, items, at, &mut self.causes);
    }

    fn object(&mut self, node: &Node, members: &Map<String, Value>, old: Option<&Value>, at: Path<'_>) {
        let count = members.len() as u64;
        if let Some(least) = node.bounds.min_properties.filter(|least| count < *least) {
            return self.invalid(
                at,
                &Value::from(count),
                &format!("should have at least {least} properties"),
            );
        }
        if let Some(most) = node.bounds.max_properties.filter(|most| count > *most) {
            return self.add(CauseReason::TooMany, at, format!("{count}: must have at most {most} items"));
        }
        for name in node.required.iter().filter(|name| !members.contains_key(*name)) {
            self.add(CauseReason::Required, at.child(name), "");
        }
        if node.embedded {
            self.embedded(members, at);
        }
        for (name, member) in members {
            let entry = match (node.properties.get(name), &node.additional) {
                (Some(property), _) => property,
                (None, Additional::Schema(schema)) => schema,
                (None, _) => continue,
            };
            self.value(entry, member, correlate::member(node, old, name), at.child(name));
        }
    }

    /// A resource inside another must say what it is.
    fn embedded(&mut self, members: &Map<String, Value>, at: Path<'_>) {
        for name in ["apiVersion", "kind"] {
            match members.get(name) {
                Some(Value::String(text)) if !text.is_empty() => {}
                None | Some(Value::Null | Value::String(_)) => {
                    self.add(CauseReason::Required, at.child(name), "must not be empty");
                }
                Some(other) => {
                    self.add(CauseReason::Invalid, at.child(name), format!("{other}: must be a string"));
                }
            }
        }
        if let Some(metadata) =
            members.get("metadata").filter(|metadata| !metadata.is_object() && !metadata.is_null())
        {
            self.add(CauseReason::Invalid, at.child("metadata"), format!("{metadata}: must be an object"));
        }
    }

    fn alternatives(&mut self, node: &Node, value: &Value, at: Path<'_>) {
        // A path is put into words only where there is something to say of it.
        let subject = || if matches!(at, Path::Root) { String::new() } else { at.to_string() };
        if !node.any_of.is_empty() {
            let (fitting, closest) = self.try_each(&node.any_of, value, at);
            if fitting == 0 {
                self.nowhere(&format!("\"{}\" must validate at least one schema (anyOf)", subject()));
                self.causes.extend(closest);
            }
        }
        if !node.one_of.is_empty() {
            let (fitting, closest) = self.try_each(&node.one_of, value, at);
            if fitting != 1 {
                let found = if fitting == 0 {
                    "Found none valid".to_owned()
                } else {
                    format!("Found {fitting} valid alternatives")
                };
                self.nowhere(&format!(
                    "\"{}\" must validate one and only one schema (oneOf). {found}",
                    subject()
                ));
            }
            if fitting == 0 {
                self.causes.extend(closest);
            }
        }
        let before = self.causes.len();
        for branch in &node.all_of {
            self.value(branch, value, None, at);
        }
        if self.causes.len() > before {
            self.nowhere(&format!("\"{}\" must validate all the schemas (allOf)", subject()));
        }
        if let Some(not) = &node.not
            && self.attempt(not, value, at).causes.is_empty()
        {
            self.nowhere(&format!("\"{}\" must not validate the schema (not)", subject()));
        }
    }

    fn attempt(&mut self, branch: &Node, value: &Value, at: Path<'_>) -> Check {
        let mut attempt = Check::default();
        attempt.value(branch, value, None, at);
        self.compared += attempt.compared;
        attempt
    }

    /// How many branches fit, and the causes of the one that came closest.
    fn try_each(&mut self, branches: &[Node], value: &Value, at: Path<'_>) -> (usize, Vec<Cause>) {
        let mut fitting = 0;
        let mut closest: Option<Check> = None;
        for branch in branches {
            let attempt = self.attempt(branch, value, at);
            if attempt.causes.is_empty() {
                fitting += 1;
            } else if closest.as_ref().is_none_or(|best| attempt.compared > best.compared) {
                closest = Some(attempt);
            }
        }
        (fitting, closest.map(|best| best.causes).unwrap_or_default())
    }
}
