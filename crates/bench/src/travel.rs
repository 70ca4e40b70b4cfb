//! Freight that travels by itself: down a chain of Stages, and to many Stages at once.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use ferry_standin::git_server::Change;

use crate::figures::{Figures, middle};
use crate::objects::{COMPOSE, Ends, freight, refresh, stage};
use crate::scene::Scene;

const RUNS: usize = 5;

/// Ten Stages, each asking the one before; also how long a refresh takes to become Freight.
pub async fn chain(program: &Path, figures: &mut Figures) -> Result<()> {
    let stages: Vec<String> = (0..10)
        .map(|n: usize| match n.checked_sub(1) {
            None => stage("stage-0", "{direct: true}", COMPOSE),
            Some(before) => stage(&format!("stage-{n}"), &format!("{{stages: [stage-{before}]}}"), COMPOSE),
        })
        .collect();
    let (discovery, travel) = run(program, &stages).await?;
    figures.add_ms("refresh_to_freight", discovery);
    figures.add("chain_10", travel.as_secs_f64(), "s");
    Ok(())
}

/// Two hundred Stages that ask the Warehouse.
pub async fn fan(program: &Path, figures: &mut Figures) -> Result<()> {
    let stages: Vec<String> =
        (0..200).map(|n| stage(&format!("stage-{n}"), "{direct: true}", COMPOSE)).collect();
    let (_, travel) = run(program, &stages).await?;
    figures.add("fan_200", travel.as_secs_f64(), "s");
    Ok(())
}

/// From the refresh to the Freight, and from the refresh to the last Promotion that succeeded: the middle of a few.
async fn run(program: &Path, stages: &[String]) -> Result<(Duration, Duration)> {
    let scene = Scene::start(program, &[], true).await?;
    let Scene { app, ferry, .. } = &scene;
    let mut ends = Ends::follow(&ferry.client).await?;
    for stage in stages {
        ferry.apply(stage).await?;
    }
    scene.follow().await?;
    freight(&ferry.client, &scene.commit).await?;
    ends.succeeded(stages.len()).await?;
    let (mut discoveries, mut travels) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        // Which Freight is newer is told by whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let commit = app.commit(&Change::on("main", "Next").file("a", &run.to_string())).await?;
        let client = ferry.client.clone();
        let seen = tokio::spawn(async move { freight(&client, &commit).await });
        let begun = Instant::now();
        refresh(&ferry.client).await?;
        discoveries.push(seen.await??.1.duration_since(begun));
        let ended = ends.succeeded(stages.len()).await?;
        let last = ended.last().map_or(begun, |(_, at)| *at);
        travels.push(last.duration_since(begun));
    }
    Ok((middle(discoveries), middle(travels)))
}
