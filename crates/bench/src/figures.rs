//! What was measured.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

/// All figures so far.
#[derive(Debug, Default)]
pub struct Figures {
    values: Map<String, Value>,
}

impl Figures {
    /// Prints a figure and keeps it.
    #[expect(clippy::print_stdout, reason = "what a user of the program asked for")]
    pub fn add(&mut self, name: &str, value: f64, unit: &str) {
        println!("{name} {value:.3} {unit}");
        self.values.insert(name.to_owned(), Value::from(value));
    }

    /// A time in milliseconds.
    pub fn add_ms(&mut self, name: &str, time: Duration) {
        self.add(name, time.as_secs_f64() * 1e3, "ms");
    }

    /// The middle and the 99th of a hundred of many times, in milliseconds.
    pub fn add_distribution(&mut self, name: &str, mut times: Vec<Duration>) {
        times.sort();
        self.add_ms(&format!("{name}_p50"), part(&times, 0.50));
        self.add_ms(&format!("{name}_p99"), part(&times, 0.99));
    }

    /// Writes `{"NAME": VALUE}`.
    pub fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(&self.values)?;
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }
}

/// The time that this share of the (sorted) times does not exceed.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into a short list"
)]
fn part(sorted: &[Duration], share: f64) -> Duration {
    let at = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(at).or(sorted.last()).copied().unwrap_or_default()
}

/// How many a second.
#[expect(clippy::cast_precision_loss, reason = "a count")]
pub fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// The middle of a few times.
pub fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    part(&times, 0.5)
}

/// Bytes in MiB.
#[expect(clippy::cast_precision_loss, reason = "a size")]
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
