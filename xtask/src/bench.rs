//! `bench`: figures of the built `ferry`, as `NAME VALUE UNIT` lines and in `target/bench.json`.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde::Serialize;

use crate::say;

/// How often the demo runs; the middle one counts.
const RUNS: usize = 3;

#[derive(Serialize)]
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
}

/// Measures what stands in `target/release`; `make bench` builds it first.
pub fn run(root: &Path, _: &[String]) -> anyhow::Result<ExitCode> {
    let ferry = root.join("target/release/ferry");
    ensure!(
        ferry.is_file(),
        "{} is not there: run `make bench`, or `cargo build --release` first",
        ferry.display()
    );
    #[expect(clippy::cast_precision_loss, reason = "a size in MiB")]
    let size = fs::metadata(&ferry).context("looking at the binary")?.len() as f64 / f64::from(1 << 20);
    let figures = [
        Figure { name: "binary_size", value: size, unit: "MiB" },
        Figure { name: "start", value: middle(|| timed(&ferry, &["--version"]))?, unit: "s" },
        Figure { name: "demo", value: middle(|| timed(&ferry, &["demo", "--exit"]))?, unit: "s" },
    ];
    for figure in &figures {
        say(&format!("{} {:.3} {}", figure.name, figure.value, figure.unit));
    }
    let file = root.join("target/bench.json");
    fs::write(&file, serde_json::to_vec_pretty(&figures)?)
        .with_context(|| format!("writing {}", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn middle(measure: impl Fn() -> anyhow::Result<f64>) -> anyhow::Result<f64> {
    let mut values = (0..RUNS).map(|_| measure()).collect::<anyhow::Result<Vec<f64>>>()?;
    values.sort_by(f64::total_cmp);
    values.get(RUNS / 2).copied().context("nothing was measured")
}

/// Seconds that a run takes; one that fails is no figure.
fn timed(ferry: &Path, arguments: &[&str]) -> anyhow::Result<f64> {
    let told = || format!("running ferry {}", arguments.join(" "));
    let started = Instant::now();
    let mut command = Command::new(ferry);
    let out = command.args(arguments).stdin(Stdio::null()).output().with_context(told)?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(
        out.status.success(),
        "{}: {}: {}",
        told(),
        out.status,
        String::from_utf8_lossy(&out.stderr).trim()
    );
    Ok(seconds)
}
