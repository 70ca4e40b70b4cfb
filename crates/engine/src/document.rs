//! Bare expressions over a document, as steps evaluate them that read one.

pub use ferry_expr::{Function, Map, Value, quote};

use ferry_expr::{Expression, Functions, Stop};
use jiff::Timestamp;
use serde_json::Value as Json;

/// A document that expressions are evaluated over: of a map the keys are variables, anything else is `$env`.
pub struct Document {
    value: Value,
    functions: Functions,
}

impl Document {
    /// Of JSON. All numbers are floats, as JSON knows no others.
    pub fn of_json(json: &Json, now: Timestamp) -> Self {
        Self::of(Value::from_json(json), now)
    }

    /// Of what knows more than JSON: whole numbers, objects of the host's.
    pub fn of(value: Value, now: Timestamp) -> Self {
        Self { value, functions: Functions::new(now) }
    }

    /// What an expression gives; the error has its place.
    pub fn evaluate(&self, expression: &str) -> Result<Json, String> {
        self.value_of(expression)?.to_json()
    }

    /// The text that an expression gives, and whatever else it gives as text; the error has its place.
    pub fn text(&self, expression: &str) -> Result<String, String> {
        self.value_of(expression).map(|value| value.display())
    }

    /// What is wrong with an expression, whatever it is evaluated over.
    pub fn check(&self, expression: &str) -> Result<(), String> {
        let parsed = Expression::parse(expression).map_err(|e| e.to_string())?;
        parsed.check(&self.functions).map_err(|e| e.to_string())
    }

    /// Whether a condition holds; the error has its place.
    pub fn holds(&self, condition: &str) -> Result<bool, String> {
        match self.value_of(condition)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(format!("{condition:?} gives {}, not true or false", other.type_name())),
        }
    }

    fn value_of(&self, expression: &str) -> Result<Value, String> {
        let parsed = Expression::parse(expression).map_err(|e| e.to_string())?;
        parsed.evaluate_over(&self.value, &self.functions).map_err(|stop| match stop {
            Stop::Failed(error) => error.to_string(),
            Stop::Need(lookup) => format!("{lookup:?} cannot be looked up here"),
        })
    }
}
