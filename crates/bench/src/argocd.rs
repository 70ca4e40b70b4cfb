//! From an Application that is done to the Promotion that waited for it. This program plays Argo CD, so that what is
//! measured is Ferry alone.

use std::path::Path;
use std::pin::pin;
use std::time::Instant;

use anyhow::{Context as _, Result};
use futures::TryStreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use serde_json::json;

use crate::figures::Figures;
use crate::objects::{PATIENCE, promote};
use crate::scene::Scene;

const RUNS: usize = 30;

const UPDATE: &str = "
- uses: argocd-update
  config:
    apps:
    - name: app
";

const APPLICATION: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: argocd}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: app
  namespace: argocd
  annotations: {kargo.akuity.io/authorized-stage: 'bench:stage-0'}
spec:
  project: default
  source: {repoURL: 'https://example.com/app.git', targetRevision: main, path: .}
  destination: {server: 'https://kubernetes.default.svc', namespace: default}
";

pub async fn measure(program: &Path, figures: &mut Figures) -> Result<()> {
    let scene = Scene::start(program, &[], false).await?;
    let Scene { ferry, commit, .. } = &scene;
    for crd in ferry_standin::argocd::crds() {
        ferry.apply(&serde_json::to_string(&crd)?).await?;
    }
    ferry.apply(APPLICATION).await?;
    let (names, freight, mut ends) = scene.stages(1, UPDATE).await?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    let applications: Api<DynamicObject> = Api::namespaced_with(ferry.client.clone(), "argocd", &kind);
    let mut seen = pin!(watcher(applications.clone(), watcher::Config::default()).applied_objects());
    let mut times = Vec::new();
    for _ in 0..RUNS {
        promote(&ferry.client, &names, &freight).await?;
        let asked = async {
            loop {
                let application = seen.try_next().await?.context("the watch ended")?;
                let operation = application.data.get("operation").filter(|operation| !operation.is_null());
                if let Some(operation) = operation {
                    return Ok::<_, anyhow::Error>(operation.clone());
                }
            }
        };
        let operation =
            tokio::time::timeout(PATIENCE, asked).await.context("no operation is asked for")??;
        let now = "2031-01-01T00:00:00Z";
        let done = json!({"operation": null, "status": {
            "health": {"status": "Healthy"},
            "sync": {"status": "Synced", "revision": commit},
            "operationState": {"phase": "Succeeded", "message": "done", "operation": operation,
                "startedAt": now, "finishedAt": now,
                "syncResult": {"revision": commit,
                    "source": {"repoURL": "https://example.com/app.git", "targetRevision": "main", "path": "."}}},
        }});
        let begun = Instant::now();
        applications.patch("app", &PatchParams::default(), &Patch::Merge(done)).await?;
        let ended = ends.succeeded(1).await?;
        times.extend(ended.first().map(|(_, at)| at.duration_since(begun)));
    }
    figures.add_distribution("application_to_promotion", times);
    Ok(())
}
