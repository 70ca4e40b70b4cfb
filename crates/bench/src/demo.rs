//! The whole demo.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::figures::{Figures, middle};

pub async fn measure(program: &Path, figures: &mut Figures) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        let mut command = tokio::process::Command::new(program);
        let out = command.args(["demo", "--exit"]).stdin(Stdio::null()).output().await?;
        ensure!(out.status.success(), "ferry demo: {}", String::from_utf8_lossy(&out.stderr).trim());
        times.push(begun.elapsed());
    }
    figures.add("demo", middle(times).as_secs_f64(), "s");
    Ok(())
}
