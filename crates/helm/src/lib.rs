//! Helm: templates rendered by the real program.

mod set_values;
mod template;

pub use set_values::{Invalid, SetValue};
pub use template::{Error, Output, Template};
