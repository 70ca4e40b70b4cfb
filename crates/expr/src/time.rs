//! Moments, spans and time zones, with the layouts and methods of Go's `time` package. The clock is an argument.

mod duration;
mod format;
mod layout;
mod methods;
mod moment;
mod named;
mod parse;
mod zone;

pub use duration::Duration;
pub(crate) use methods::{call_duration, call_time, has_duration_method, has_time_method};
pub use moment::Time;
pub(crate) use parse::{parse_any, parse_layout};
pub use zone::Zone;
