//! What a CRD promises, one fact a line. Two CRDs with the same facts accept the same objects and show them alike;
//! descriptions and messages are no facts.

use serde_json::Value;

/// The facts of a CustomResourceDefinition, in order of their text. A line begins with the plural.
pub fn facts(crd: &Value) -> Vec<String> {
    let spec = &crd["spec"];
    let plural = spec["names"]["plural"].as_str().unwrap_or("?");
    let mut lines = vec![format!("scope {}", spec["scope"])];
    if let Some(names) = spec["names"].as_object() {
        lines.extend(names.iter().map(|(key, value)| format!("names {key} {value}")));
    }
    for version in spec["versions"].as_array().into_iter().flatten() {
        version_facts(version, &mut lines);
    }
    let mut lines: Vec<String> = lines.into_iter().map(|line| format!("{plural} {line}")).collect();
    lines.sort();
    lines
}

fn version_facts(version: &Value, lines: &mut Vec<String>) {
    lines.push(format!(
        "version {} served {} storage {}",
        version["name"], version["served"], version["storage"]
    ));
    lines.push(format!("subresources {}", version["subresources"]));
    for (index, column) in version["additionalPrinterColumns"].as_array().into_iter().flatten().enumerate() {
        lines.push(format!("column {index} {} {} {}", column["name"], column["type"], column["jsonPath"]));
    }
    schema_facts("", &version["schema"]["openAPIV3Schema"], lines);
}

/// A path's elements: `.name` for a property, `[]` for an item, `{}` for a value of a map.
fn schema_facts(path: &str, schema: &Value, lines: &mut Vec<String>) {
    let Some(map) = schema.as_object() else { return };
    let shown = if path.is_empty() { "." } else { path };
    for (key, value) in map {
        match key.as_str() {
            "description" => {}
            "properties" => {
                for (name, property) in value.as_object().into_iter().flatten() {
                    schema_facts(&format!("{path}.{name}"), property, lines);
                }
            }
            "items" => schema_facts(&format!("{path}[]"), value, lines),
            "additionalProperties" if value.is_object() => schema_facts(&format!("{path}{{}}"), value, lines),
            "required" => {
                let fields = value.as_array().into_iter().flatten();
                lines.extend(fields.map(|field| format!("{shown} required {field}")));
            }
            "x-kubernetes-validations" => {
                let rules = value.as_array().into_iter().flatten();
                lines.extend(rules.map(|rule| format!("{shown} rule {}", rule["rule"])));
            }
            _ => lines.push(format!("{shown} {key} {value}")),
        }
    }
}
