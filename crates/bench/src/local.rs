//! A thousand Promotions of one local step: speed, memory and bytes on disk.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use ferry_standin::git_server::{Change, GitServer};

use crate::ferry::Ferry;
use crate::figures::{Figures, per_second};
use crate::objects::{COMPOSE, Ends, freight, project, promote, stage, warehouse};

const STAGES: usize = 50;
const ROUNDS: usize = 20;

pub async fn measure(program: &Path, figures: &mut Figures) -> Result<()> {
    let repositories = tempfile::tempdir()?;
    let git = GitServer::start(repositories.path()).await?;
    let app = git.create_repository("app", "main").await?;
    let commit = app.commit(&Change::on("main", "One").file("a", "1")).await?;
    let ferry = Ferry::start(program, &[]).await?;
    ferry.apply(&project(false)).await?;
    ferry.apply(&warehouse(&git.repository_url("app"))).await?;
    let names: Vec<String> = (0..STAGES).map(|n| format!("stage-{n}")).collect();
    for name in &names {
        ferry.apply(&stage(name, "{direct: true}", COMPOSE)).await?;
    }
    let (freight, _) = freight(&ferry.client, &commit).await?;
    let mut ends = Ends::follow(&ferry.client).await?;
    let begun = Instant::now();
    let mut half = 0.0;
    for round in 0..ROUNDS {
        promote(&ferry.client, &names, &freight).await?;
        ends.succeeded(STAGES).await?;
        if round + 1 == ROUNDS / 2 {
            half = ferry.resident()?;
        }
    }
    let elapsed = begun.elapsed();
    figures.add("local_promotions", per_second(STAGES * ROUNDS, elapsed) * 60.0, "1/min");
    figures.add("resident_after_500_promotions", half, "MiB");
    figures.add("resident_after_1000_promotions", ferry.resident()?, "MiB");
    figures.add("database_after_1000_promotions", ferry.database()?, "MiB");
    Ok(())
}
