//! Promotions that change a file of one repository, all on one branch: how many a minute, and what the Git server is
//! asked for each.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use ferry_standin::git_server::Change;

use crate::figures::{Figures, per_second};
use crate::objects::promote;
use crate::scene::Scene;

const STAGES: usize = 50;

pub async fn small(program: &Path, figures: &mut Figures) -> Result<()> {
    run(program, figures, "promotions", 0, 6).await
}

pub async fn large(program: &Path, figures: &mut Figures) -> Result<()> {
    run(program, figures, "promotions_20000_files", 20_000, 2).await
}

async fn run(program: &Path, figures: &mut Figures, name: &str, files: usize, rounds: usize) -> Result<()> {
    let scene = Scene::start(program, &[], false).await?;
    let Scene { git, ferry, .. } = &scene;
    let deploy = git.create_repository("deploy", "main").await?;
    let values = (0..STAGES).map(|n| (format!("stages/stage-{n}/values.yaml"), "image:\n  tag: none\n"));
    let padding = (0..files).map(|n| (format!("apps/{}/{n}.yaml", n / 100), "kind: ConfigMap\ndata: {}\n"));
    let all: Vec<(String, &str)> = values.chain(padding).collect();
    let change = all.iter().fold(Change::on("main", "All"), |change, (path, text)| change.file(path, text));
    deploy.commit(&change).await?;
    git.protect("/deploy.git", "bench", "secret");
    let url = git.repository_url("deploy");
    ferry.apply(&credential(&url)).await?;
    let (names, freight, mut ends) = scene.stages(STAGES, &steps(&url)).await?;
    // The first fills the mirror.
    promote(&ferry.client, names.get(..1).unwrap_or_default(), &freight).await?;
    ends.succeeded(1).await?;
    git.reset_counts();
    let begun = Instant::now();
    let several: Vec<String> = (0..rounds).flat_map(|_| names.iter().cloned()).collect();
    promote(&ferry.client, &several, &freight).await?;
    let ended = ends.succeeded(several.len()).await?;
    let elapsed = ended.last().map_or(begun, |(_, at)| *at).duration_since(begun);
    figures.add(name, per_second(several.len(), elapsed) * 60.0, "1/min");
    let commits = deploy.log("main").await?.len();
    anyhow::ensure!(commits == several.len() + 2, "{commits} commits of {} Promotions", several.len() + 1);
    let requests = f64::from(u32::try_from(git.counts().requests)?);
    figures.add(
        &format!("{name}_requests"),
        requests / f64::from(u32::try_from(several.len())?),
        "1/Promotion",
    );
    figures.add(&format!("{name}_resident"), ferry.resident()?, "MiB");
    Ok(())
}

fn credential(url: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Secret
metadata:
  name: deploy
  namespace: bench
  labels: {{kargo.akuity.io/cred-type: git}}
stringData: {{repoURL: '{url}', username: bench, password: secret}}
"
    )
}

fn steps(url: &str) -> String {
    format!(
        "
- uses: git-clone
  config:
    repoURL: {url}
    checkout:
    - branch: main
      path: ./src
- uses: yaml-update
  config:
    path: ./src/stages/${{{{ ctx.stage }}}}/values.yaml
    updates:
    - key: image.tag
      value: ${{{{ ctx.promotion }}}}
- uses: git-commit
  config:
    path: ./src
    message: ${{{{ ctx.promotion }}}}
- uses: git-push
  as: push
  config:
    path: ./src
- uses: compose-output
  as: out
  config: {{commit: '${{{{ outputs.push.commit }}}}'}}
"
    )
}
