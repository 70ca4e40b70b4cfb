//! The language from outside: recorded answers, hostile input.
#![expect(clippy::unwrap_used, reason = "tests")]

mod fuzz;
mod host;
mod hostile;
mod vectors_expr_templates;
