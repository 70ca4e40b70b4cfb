//! A thousand Promotions of one local step: speed, memory and bytes on disk.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use ferry_api::{Freight, Promotion};
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, ListParams};

use crate::ferry::Ferry;
use crate::figures::{Figures, per_second};
use crate::objects::{COMPOSE, Ends, promote};
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
        promote_all(ferry, &names, &freight, &mut ends).await?;
        if round + 1 == ROUNDS / 2 {
            half = ferry.resident()?;
        }
    }
    let elapsed = begun.elapsed();
    figures.add("local_promotions", per_second(STAGES * ROUNDS, elapsed) * 60.0, "1/min");
    figures.add("resident_after_500_promotions", half, "MiB");
    figures.add("resident_after_1000_promotions", ferry.resident()?, "MiB");
    figures.add("database_after_1000_promotions", ferry.database()?, "MiB");
    // As many again and again, where none is kept for longer: what is not the objects themselves must not grow.
    for _ in 0..2 {
        forget(ferry).await?;
        for _ in 0..ROUNDS {
            promote_all(ferry, &names, &freight, &mut ends).await?;
        }
    }
    figures.add("resident_after_3000_promotions_1000_kept", ferry.resident()?, "MiB");
    Ok(())
}

/// One Promotion for each Stage, to its end.
async fn promote_all(ferry: &Ferry, names: &[String], freight: &Freight, ends: &mut Ends) -> Result<()> {
    promote(&ferry.client, names, freight).await?;
    ends.succeeded(names.len()).await.map(drop)
}

/// Deletes the Promotions, and the Events that tell of them.
async fn forget(ferry: &Ferry) -> Result<()> {
    let (all, how) = (ListParams::default(), DeleteParams::default());
    Api::<Promotion>::namespaced(ferry.client.clone(), "bench").delete_collection(&how, &all).await?;
    Api::<Event>::namespaced(ferry.client.clone(), "bench").delete_collection(&how, &all).await?;
    Ok(())
}
