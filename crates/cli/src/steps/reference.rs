//! The reference of a step, as Markdown, from the schema of its config.

use std::fmt::Write as _;

use serde_json::Value;

use super::StepInfo;

/// The step in one line.
pub fn summary(step: &StepInfo) -> &str {
    description(&step.schema).lines().next().unwrap_or_default()
}

/// All of it: what it does, an example, its config field by field.
pub fn reference(step: &StepInfo) -> String {
    let mut text = format!("# {}\n\n{}\n", step.kind, description(&step.schema).trim_end());
    if let Some(timeout) = step.timeout {
        let minutes = timeout.as_secs() / 60;
        let _ = write!(
            text,
            "\nIt may take {minutes} minutes in all where the Promotion does not say otherwise (`retry.timeout`).\n"
        );
    }
    let mut fields = Vec::new();
    Fields { root: &step.schema, found: &mut fields }.of(&step.schema, "");
    if fields.is_empty() {
        text.push_str("\n## Config\n\nAny keys, at least one.\n");
        return text;
    }
    text.push_str("\n## Config\n\n| field | type | required | |\n|---|---|---|---|\n");
    for Field { path, kind, required, what } in fields {
        let required = if required { " yes" } else { "" };
        let _ = writeln!(text, "| `{path}` | {kind} |{required} | {what} |");
    }
    text
}

fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

struct Field {
    path: String,
    kind: String,
    required: bool,
    what: String,
}

struct Fields<'a> {
    root: &'a Value,
    found: &'a mut Vec<Field>,
}

impl<'a> Fields<'a> {
    /// Adds the fields of an object, those of what is in it after each.
    fn of(&mut self, schema: &'a Value, prefix: &str) {
        let required = |name: &str| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name))
        };
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let resolved = self.resolved(field);
            let element = resolved.get("items").map(|items| self.resolved(items));
            // What a field says of itself goes before what its type says.
            let told = [field, resolved].into_iter().map(description).find(|text| !text.is_empty());
            let mut what: Vec<_> =
                told.map(|text| text.replace('\n', " ").replace('|', "\\|")).into_iter().collect();
            let each = element.and_then(limits).map(|limits| format!("each {limits}"));
            let limits: Vec<_> = limits(resolved).into_iter().chain(each).collect();
            if !limits.is_empty() {
                what.push(format!("({})", limits.join("; ")));
            }
            self.found.push(Field {
                kind: kind(resolved, element),
                required: required(name),
                what: what.join(" "),
                path: path.clone(),
            });
            match element {
                Some(element) => self.of(element, &format!("{path}[]")),
                None => self.of(resolved, &path),
            }
        }
    }

    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        name.and_then(|name| self.root["$defs"].get(name)).unwrap_or(schema)
    }
}

fn kind(schema: &Value, element: Option<&Value>) -> String {
    let is_choice = schema.get("oneOf").or(schema.get("enum")).is_some();
    match (schema["type"].as_str(), element) {
        (Some("array"), Some(element)) => format!("list of {}s", kind(element, None)),
        (Some(kind), _) => kind.to_owned(),
        (None, _) if is_choice => "string".to_owned(),
        (None, _) => "anything".to_owned(),
    }
}

/// What values must be like.
fn limits(schema: &Value) -> Option<String> {
    let mut limits = Vec::new();
    let named = schema["oneOf"].as_array().into_iter().flatten().map(|choice| &choice["const"]);
    let choices: Vec<_> = schema["enum"].as_array().into_iter().flatten().chain(named).collect();
    if !choices.is_empty() {
        let choices: Vec<_> =
            choices.iter().filter_map(|choice| Some(format!("`{}`", choice.as_str()?))).collect();
        limits.push(choices.join(", "));
    }
    match schema["minItems"].as_u64() {
        Some(least) if least > 0 => limits.push(format!("at least {least}")),
        _ => {}
    }
    if schema["minLength"].as_u64() == Some(1) {
        limits.push("not empty".to_owned());
    }
    match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(least), Some(most)) => limits.push(format!("{least} to {most}")),
        (Some(least), None) if least > 0 => limits.push(format!("{least} or more")),
        _ => {}
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        limits.push(format!("like `{}`", pattern.replace('|', "\\|")));
    }
    (!limits.is_empty()).then(|| limits.join("; "))
}
