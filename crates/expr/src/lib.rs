//! The expression language and the templates around it: parse, evaluate, host functions injected as a table.
//!
//! The language is that of the Go library `expr-lang/expr` 1.17, which users of `${{ }}` templates write. Everything
//! here is pure: the clock is an argument, and what an expression needs from outside ends the evaluation with
//! [`Stop::Need`]; the caller fetches it and evaluates again.
//!
//! - [`evaluate`] and [`Expression`]: bare expressions.
//! - [`evaluate_template`], [`evaluate_json_template`] and [`Template`]: texts with `${{ }}` in them.
//! - [`Functions`]: what the host adds to the language. [`Value`]: what expressions work on.

mod builtin;
mod check;
mod error;
mod eval;
mod expression;
mod host;
pub mod limits;
mod number;
mod regexp;
mod semver;
mod syntax;
mod template;
mod time;
mod value;

pub(crate) use error::Fault;
pub use error::{Error, Place, Stop};
pub use expression::{Expression, References, evaluate};
pub use host::{Call, Function, Functions, Interrupt, Kind, Lookup, Signature};
pub use template::{Template, evaluate_json_template, evaluate_json_text, evaluate_template, quote};
pub use time::{Duration, Time, Zone};
pub use value::{Form, List, Map, Object, Pairs, Record, SharedMap, Text, Value};
