//! What an installation does while nothing is asked of it.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use ferry_standin::git_server::{Change, GitServer};

use crate::ferry::Ferry;
use crate::figures::Figures;
use crate::objects::{COMPOSE, Ends, freight, project, promote, stage, warehouse};

const STAGES: usize = 50;
const SECONDS: u16 = 20;

pub async fn measure(program: &Path, figures: &mut Figures) -> Result<()> {
    let repositories = tempfile::tempdir()?;
    let git = GitServer::start(repositories.path()).await?;
    let app = git.create_repository("app", "main").await?;
    let commit = app.commit(&Change::on("main", "One").file("a", "1")).await?;
    let ferry = Ferry::start(program, &["--standin"]).await?;
    ferry.apply(&project(false)).await?;
    ferry.apply(&warehouse(&git.repository_url("app"))).await?;
    let names: Vec<String> = (0..STAGES).map(|n| format!("stage-{n}")).collect();
    for name in &names {
        ferry.apply(&stage(name, "{direct: true}", COMPOSE)).await?;
    }
    let (freight, _) = freight(&ferry.client, &commit).await?;
    let mut ends = Ends::follow(&ferry.client).await?;
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
