//! Objects that measurements are made of, and waiting for Promotions.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ferry_api::{Freight, Promotion, PromotionPhase};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, ResourceExt as _};
use serde_json::json;

/// Nothing here takes longer.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Project `bench`, with auto-promotion for all Stages or none.
pub fn project(auto: bool) -> String {
    format!(
        "
apiVersion: kargo.akuity.io/v1alpha1
kind: Project
metadata: {{name: bench}}
---
apiVersion: kargo.akuity.io/v1alpha1
kind: ProjectConfig
metadata: {{name: bench, namespace: bench}}
spec:
  promotionPolicies:
  - stageSelector: {{name: 'glob:*'}}
    autoPromotionEnabled: {auto}
"
    )
}

/// A Warehouse that follows a branch, looking when asked.
pub fn warehouse(url: &str) -> String {
    format!(
        "
apiVersion: kargo.akuity.io/v1alpha1
kind: Warehouse
metadata: {{name: app, namespace: bench}}
spec:
  interval: 1h
  subscriptions:
  - git: {{repoURL: '{url}', branch: main}}
"
    )
}

/// A step that needs nothing but the process itself.
pub const COMPOSE: &str = "
- uses: compose-output
  as: out
  config: {stage: '${{ ctx.stage }}', promotion: '${{ ctx.promotion }}'}
";

/// A Stage. `sources` as in YAML: `{direct: true}`.
pub fn stage(name: &str, sources: &str, steps: &str) -> String {
    let mut text = format!(
        "
---
apiVersion: kargo.akuity.io/v1alpha1
kind: Stage
metadata: {{name: {name}, namespace: bench}}
spec:
  requestedFreight:
  - origin: {{kind: Warehouse, name: app}}
    sources: {sources}
  promotionTemplate:
    spec:
      steps:
"
    );
    for line in steps.trim_matches('\n').lines() {
        let _written = writeln!(text, "      {line}");
    }
    text
}

/// The Freight with a commit, and when it was seen.
pub async fn freight(client: &Client, commit: &str) -> Result<(Freight, Instant)> {
    let api: Api<Freight> = Api::namespaced(client.clone(), "bench");
    let seen = watcher(api, watcher::Config::default()).default_backoff().applied_objects();
    let mut seen = pin!(seen);
    let found = async {
        while let Some(freight) = seen.try_next().await? {
            if freight.commits.iter().any(|of| of.id == commit) {
                return Ok((freight, Instant::now()));
            }
        }
        bail!("the watch ended")
    };
    tokio::time::timeout(PATIENCE, found).await.context("the commit becomes no Freight")?
}

/// Asks the Warehouse to look now.
pub async fn refresh(client: &Client) -> Result<()> {
    let api: Api<ferry_api::Warehouse> = Api::namespaced(client.clone(), "bench");
    let token = uuid::Uuid::new_v4().to_string();
    let patch = json!({"metadata": {"annotations": {"kargo.akuity.io/refresh": token}}});
    api.patch("app", &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Follows Promotions from now on.
pub struct Ends {
    ended: tokio::sync::mpsc::UnboundedReceiver<Result<(String, Instant)>>,
    task: tokio::task::JoinHandle<()>,
}

impl Ends {
    /// Starts to follow; returns once the watch is there.
    pub async fn follow(client: &Client) -> Result<Self> {
        let api: Api<Promotion> = Api::namespaced(client.clone(), "bench");
        let (sender, ended) = tokio::sync::mpsc::unbounded_channel();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut ready = Some(ready);
            let mut known: HashMap<String, bool> = HashMap::new();
            let mut events = pin!(watcher(api, watcher::Config::default()));
            while let Some(event) = events.next().await {
                let promotion = match event {
                    Ok(watcher::Event::Apply(promotion) | watcher::Event::InitApply(promotion)) => promotion,
                    Ok(watcher::Event::InitDone) => {
                        ready.take().map(|ready| ready.send(()));
                        continue;
                    }
                    _ => continue,
                };
                let Some(status) = &promotion.status else { continue };
                if !status.phase.is_some_and(PromotionPhase::is_terminal)
                    || known.insert(promotion.name_any(), true).is_some()
                {
                    continue;
                }
                let result = if status.phase == Some(PromotionPhase::Succeeded) {
                    Ok((promotion.name_any(), Instant::now()))
                } else {
                    Err(anyhow::anyhow!("{}: {:?}: {}", promotion.name_any(), status.phase, status.message))
                };
                if sender.send(result).is_err() {
                    break;
                }
            }
        });
        is_ready.await.context("the watch of Promotions did not start")?;
        Ok(Self { ended, task })
    }

    /// Waits until so many more have succeeded; gives when each did.
    pub async fn succeeded(&mut self, count: usize) -> Result<Vec<(String, Instant)>> {
        let mut all = Vec::with_capacity(count);
        let waiting = async {
            while all.len() < count {
                all.push(self.ended.recv().await.context("the watch ended")??);
            }
            Ok::<(), anyhow::Error>(())
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await;
        ensure!(in_time.is_ok(), "{} of {count} Promotions ended in time", all.len());
        in_time??;
        Ok(all)
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Promotes Freight to these Stages, a few at a time.
pub async fn promote(client: &Client, stages: &[String], freight: &Freight) -> Result<()> {
    futures::stream::iter(stages)
        .map(|stage| ferry_cli::promote::to_stage(client, "bench", stage, freight))
        .buffer_unordered(16)
        .try_for_each(|_| async { Ok(()) })
        .await
}
