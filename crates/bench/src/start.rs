//! Starting, and memory and disk of a Ferry that has nothing to do yet.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::ferry::Ferry;
use crate::figures::{Figures, mib, middle};

const RUNS: usize = 5;

pub async fn measure(program: &Path, figures: &mut Figures) -> Result<()> {
    figures.add("binary_size", mib(std::fs::metadata(program)?.len()), "MiB");
    let mut first = Vec::new();
    let mut again = Vec::new();
    let mut resident = Vec::new();
    for _ in 0..RUNS {
        let ferry = Ferry::start(program, &[]).await?;
        first.push(ferry.ready_after);
        let data = ferry.kill().await?;
        let ferry = Ferry::start_in(program, &[], data).await?;
        again.push(ferry.ready_after);
        tokio::time::sleep(Duration::from_secs(1)).await;
        resident.push(ferry.resident()?);
    }
    figures.add_ms("start_first", middle(first));
    figures.add_ms("start", middle(again));
    resident.sort_by(f64::total_cmp);
    figures.add("idle_resident", resident.get(RUNS / 2).copied().unwrap_or_default(), "MiB");
    Ok(())
}
