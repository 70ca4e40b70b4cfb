//! A thousand Stages: how many Promotions of three local steps a second, how soon one begins, and what 10,000 that wait
//! take of memory.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ferry_api::{Freight, Promotion, PromotionPhase};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::ResourceExt as _;
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};

use crate::ferry::Ferry;
use crate::figures::{Figures, per_second};
use crate::objects::{PATIENCE, promote};
use crate::scene::Scene;

const STAGES: usize = 1000;
const ROUNDS: usize = 3;
/// Promotions a Stage of those that wait: the first at its step, the others in the queue.
const WAITING: usize = 10;

const LOCAL: &str = "
- uses: compose-output
  as: image
  config: {image: 'registry.example.com/app:${{ ctx.targetFreight.name[0:7] }}'}
- uses: compose-output
  as: message
  config: {message: 'Promote ${{ outputs.image.image }} to ${{ ctx.stage }}'}
- uses: compose-output
  config: {all: '${{ outputs }}'}
";

const ENDLESS: &str = "
- uses: compose-output
  as: image
  config: {image: 'registry.example.com/app:${{ ctx.targetFreight.name[0:7] }}'}
- uses: argocd-update
  retry: {timeout: 24h}
  config:
    apps: [{name: nobody}]
- uses: compose-output
  config: {all: '${{ outputs }}'}
";

/// Promotions a second, each Stage one at a time; and from a Promotion's creation to its beginning, while nothing else
/// goes on and while all do.
pub async fn speed(program: &Path, figures: &mut Figures) -> Result<()> {
    let scene = Scene::start(program, &[], false).await?;
    let (names, freight, mut ends) = scene.stages(STAGES, LOCAL).await?;
    let ferry = &scene.ferry;
    ferry.quiet().await?;
    let alone = begins(ferry, names.get(..200).unwrap_or_default(), &freight, 1).await?;
    ends.succeeded(200).await?;
    figures.add_distribution("queue_latency", alone);
    let (begun, cpu) = (Instant::now(), ferry.cpu()?);
    for _ in 0..ROUNDS {
        promote(&ferry.client, &names, &freight).await?;
        ends.succeeded(STAGES).await?;
    }
    figures.add("local_promotions_of_three_steps", per_second(STAGES * ROUNDS, begun.elapsed()), "1/s");
    // The clients of this measurement share the processors with it: this is what does not depend on them.
    let each = ferry.cpu()?.saturating_sub(cpu) / u32::try_from(STAGES * ROUNDS)?;
    figures.add_ms("cpu_per_local_promotion_of_three_steps", each);
    let all = begins(ferry, &names, &freight, 16).await?;
    ends.succeeded(STAGES).await?;
    figures.add_distribution("queue_latency_under_load", all);
    Ok(())
}

/// How long each Promotion waits from the answer to its creation until it is seen to run, so many created at a time.
async fn begins(
    ferry: &Ferry,
    stages: &[String],
    freight: &Freight,
    at_once: usize,
) -> Result<Vec<Duration>> {
    let api: Api<Promotion> = Api::namespaced(ferry.client.clone(), "bench");
    let known = api.list_metadata(&kube::api::ListParams::default()).await?;
    let known: HashSet<String> = known.items.iter().map(kube::ResourceExt::name_any).collect();
    let follower = tokio::spawn(first_seen(api, known, stages.len()));
    let created: HashMap<String, Instant> = futures::stream::iter(stages)
        .map(|stage| async move {
            let promotion = ferry_cli::promote::to_stage(&ferry.client, "bench", stage, freight).await?;
            let now = Instant::now();
            if at_once == 1 {
                // One after the other, each with nothing else on its way.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok((promotion.name_any(), now))
        })
        .buffer_unordered(at_once)
        .try_collect()
        .await?;
    let seen = tokio::time::timeout(PATIENCE, follower).await.context("not all began")???;
    let mut times = Vec::new();
    for (name, at) in created {
        let began = seen.get(&name).with_context(|| format!("{name} was not seen"))?;
        times.push(began.saturating_duration_since(at));
    }
    Ok(times)
}

/// When each of so many Promotions that are new was first seen to have begun.
async fn first_seen(
    api: Api<Promotion>,
    known: HashSet<String>,
    count: usize,
) -> Result<HashMap<String, Instant>> {
    let mut seen = HashMap::new();
    let mut changes = pin!(watcher(api, watcher::Config::default()).default_backoff().applied_objects());
    while seen.len() < count {
        let promotion = changes.try_next().await?.context("the watch ended")?;
        let has_begun = promotion.status.as_ref().is_some_and(|s| s.started_at.is_some());
        if has_begun && !known.contains(&promotion.name_any()) {
            seen.entry(promotion.name_any()).or_insert_with(Instant::now);
        }
    }
    Ok(seen)
}

/// What 10,000 Promotions take that wait: a thousand at a step, the others in their queues.
pub async fn waiting(program: &Path, figures: &mut Figures) -> Result<()> {
    let scene = Scene::start(program, &["--standin"], false).await?;
    let (names, freight, _ends) = scene.stages(STAGES, ENDLESS).await?;
    let ferry = &scene.ferry;
    let before = ferry.resident()?;
    for _ in 0..WAITING {
        promote(&ferry.client, &names, &freight).await?;
    }
    let api: Api<Promotion> = Api::namespaced(ferry.client.clone(), "bench");
    let begun = Instant::now();
    loop {
        let all = api.list(&kube::api::ListParams::default()).await?.items;
        let explained = all.iter().filter(|p| p.status.as_ref().is_some_and(|s| s.waiting.is_some())).count();
        let at_step = all.iter().filter(|p| p.phase() == Some(PromotionPhase::Running)).count();
        if explained == STAGES * WAITING && at_step == STAGES {
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "{explained} wait and say on what, {at_step} of them at a step");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // The list that was asked for just now is memory, too, for a while.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let resident = ferry.resident()?;
    figures.add("resident_with_10000_waiting", resident, "MiB");
    figures.add("memory_per_waiting_promotion", (resident - before) * 1024.0 / 10_000.0, "KiB");
    Ok(())
}
