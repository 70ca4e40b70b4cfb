//! What an installation does while nothing is asked of it.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::figures::Figures;
use crate::objects::{COMPOSE, promote};
use crate::scene::Scene;

const STAGES: usize = 50;
const SECONDS: u16 = 20;

pub async fn measure(program: &Path, figures: &mut Figures) -> Result<()> {
    let scene = Scene::start(program, &["--standin"], false).await?;
    let Scene { ferry, .. } = &scene;
    let (names, freight, mut ends) = scene.stages(STAGES, COMPOSE).await?;
    promote(&ferry.client, &names, &freight).await?;
    ends.succeeded(STAGES).await?;
    drop(ends);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (requests, cpu) = (ferry.requests().await?, ferry.cpu()?);
    tokio::time::sleep(Duration::from_secs(SECONDS.into())).await;
    let cpu = ferry.cpu()?.saturating_sub(cpu);
    // One of them is the question itself.
    let requests = ferry.requests().await? - requests - 1.0;
    figures.add("idle_requests", requests / f64::from(SECONDS), "1/s");
    figures.add("idle_cpu", 100.0 * cpu.as_secs_f64() / f64::from(SECONDS), "%");
    figures.add("idle_resident_50_stages", ferry.resident()?, "MiB");
    Ok(())
}
