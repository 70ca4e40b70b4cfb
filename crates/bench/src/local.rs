//! A thousand Promotions of one local step: speed, memory and bytes on disk.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::figures::{Figures, per_second};
use crate::objects::{COMPOSE, promote};
use crate::scene::Scene;

const STAGES: usize = 50;
const ROUNDS: usize = 20;

pub async fn measure(program: &Path, figures: &mut Figures) -> Result<()> {
    let scene = Scene::start(program, &[], false).await?;
    let Scene { ferry, .. } = &scene;
    let (names, freight, mut ends) = scene.stages(STAGES, COMPOSE).await?;
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
