//! Expressions and templates that stand in specs: whether they can be read at all.

use ferry_api::promotion::{PromotionStep, Variable};
use ferry_expr::{Expression, Template};
use serde_json::Value;

/// Warnings for one object; more would hide the first.
const MOST_WARNINGS: usize = 10;

/// Why a bare expression cannot be read. A blank one is none.
pub(crate) fn broken(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    Expression::parse(text).err().map(|error| error.to_string())
}

/// Warns of templates that cannot be read: they are accepted, and fail when they are evaluated.
pub(crate) fn warn_of_vars(vars: &[Variable], field: &str, warnings: &mut Vec<String>) {
    for (index, var) in vars.iter().enumerate() {
        warn(&var.value, &format!("{field}[{index}].value"), warnings);
    }
}

/// The same for everything in steps that may be a template.
pub(crate) fn warn_of_steps(steps: &[PromotionStep], field: &str, warnings: &mut Vec<String>) {
    for (index, step) in steps.iter().enumerate() {
        let at = format!("{field}[{index}]");
        warn(step.condition.as_deref().unwrap_or_default(), &format!("{at}.if"), warnings);
        warn_of_vars(&step.vars, &format!("{at}.vars"), warnings);
        if let Some(config) = &step.config {
            warn_of_json(config, &format!("{at}.config"), warnings);
        }
    }
}

/// JSON that was read is not nested deeper than its reader allows, which bounds this.
fn warn_of_json(value: &Value, at: &str, warnings: &mut Vec<String>) {
    match value {
        Value::String(text) => warn(text, at, warnings),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                warn_of_json(item, &format!("{at}[{index}]"), warnings);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                warn_of_json(value, &format!("{at}.{key}"), warnings);
            }
        }
        _ => {}
    }
}

fn warn(text: &str, at: &str, warnings: &mut Vec<String>) {
    if warnings.len() >= MOST_WARNINGS {
        return;
    }
    if let Err(error) = Template::parse(text) {
        warnings.push(format!("{at}: {error}; it will fail when it is evaluated"));
    }
}
