//! Two Stages that push to one branch.

use crate::objects::{application, stage, warehouse};
use crate::world::{World, is_healthy, output};

/// Steps that put one file, named for the Stage, on branch `main`.
fn steps(app: &str, deploy: &str) -> String {
    format!(
        "
- uses: git-clone
  config:
    repoURL: {app}
    checkout:
    - commit: ${{{{ commitFrom('{app}').ID }}}}
      path: ./src
- uses: git-clone
  config:
    repoURL: {deploy}
    checkout:
    - branch: main
      path: ./out
- uses: copy
  config:
    inPath: ./src/settings.yaml
    outPath: ./out/${{{{ ctx.stage }}}}/settings.yaml
- uses: git-commit
  config:
    path: ./out
    message: for ${{{{ ctx.stage }}}}
- uses: git-push
  as: push
  config:
    path: ./out
"
    )
}

/// The Application follows the branch wherever it is: the next Stage's commit is on top of ours.
fn sync(application: &str) -> String {
    format!("- uses: argocd-update\n  config:\n    apps:\n    - name: {application}\n")
}

async fn two_stages(world: &World) -> String {
    let app = world.repository("app", &[("settings.yaml", crate::objects::CONFIG_MAP)]).await;
    world.repository("deploy", &[("README.md", "one branch for all\n")]).await;
    let (app_url, deploy) = (world.git.repository_url("app"), world.git.repository_url("deploy"));
    for name in ["east", "west"] {
        let text = application(name, &format!("demo:{name}"), &deploy, "main", &format!("demo-{name}"));
        world.apply(&text.replace("path: .}", &format!("path: {name}}}"))).await;
        let steps = format!("{}{}", steps(&app_url, &deploy), sync(name));
        world.apply(&stage(name, "{direct: true}", &steps)).await;
    }
    world.apply(&warehouse("app", &app_url)).await;
    app.head("main").await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_commits_stand_and_both_stages_stay_healthy() {
    let world = World::start().await;
    let commit = two_stages(&world).await;
    let freight = world.freight_with(&commit).await;
    let (east, west) = tokio::join!(world.promoted("east", &freight), world.promoted("west", &freight));
    let log = world.git.repository("deploy").unwrap().log("main").await.unwrap();
    let mut messages: Vec<_> = log.iter().map(|entry| entry.message.as_str()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["First", "for east", "for west"]);
    for promotion in [&east, &west] {
        let pushed = output(promotion, "push", "commit");
        assert!(log.iter().any(|entry| entry.id == pushed), "{pushed} is on the branch");
    }
    let (east, west) = tokio::join!(world.stage("east", is_healthy), world.stage("west", is_healthy));
    assert!(is_healthy(&east) && is_healthy(&west));
    let _directory = world.stop().await;
}

/// Steps that change the Stage's own file on branch `main`; the value says by which Promotion.
pub fn one_edit(deploy: &str) -> String {
    format!(
        "
- uses: git-clone
  config:
    repoURL: {deploy}
    checkout:
    - branch: main
      path: ./src
- uses: yaml-update
  config:
    path: ./src/${{{{ ctx.stage }}}}.yaml
    updates:
    - key: data.stage
      value: ${{{{ ctx.promotion }}}}
- uses: git-commit
  config:
    path: ./src
    message: ${{{{ ctx.promotion }}}}
- uses: git-push
  as: push
  config:
    path: ./src
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_52_fm_64_fifty_promotions_push_to_one_branch_at_once() {
    const STAGES: usize = 50;
    let world = World::with(|settings| settings.credentials_over_http = true).await;
    world.apply(&crate::objects::project("demo")).await;
    let app = world.repository("app", &[("a", "1")]).await;
    let names: Vec<String> = (0..STAGES).map(|n| format!("stage-{n}")).collect();
    let files: Vec<String> = names.iter().map(|name| format!("{name}.yaml")).collect();
    let files: Vec<_> = files.iter().map(|file| (file.as_str(), crate::objects::CONFIG_MAP)).collect();
    let deploy = world.repository("deploy", &files).await;
    world.git.protect("/deploy.git", "me", "s3cret");
    let (app_url, url) = (world.git.repository_url("app"), world.git.repository_url("deploy"));
    world
        .apply(&format!(
            "
apiVersion: v1
kind: Secret
metadata: {{name: deploy, namespace: demo, labels: {{kargo.akuity.io/cred-type: git}}}}
stringData: {{repoURL: '{url}', username: me, password: s3cret}}
"
        ))
        .await;
    for name in &names {
        world.apply(&stage(name, "{direct: true}", &one_edit(&url))).await;
    }
    world.apply(&warehouse("app", &app_url)).await;
    let freight = world.freight_with(&app.head("main").await.unwrap().unwrap()).await;
    world.git.reset_counts();
    let all = names.iter().map(|name| world.promoted(name, &freight));
    let promotions = futures::future::join_all(all).await;
    let counts = world.git.counts();
    assert_eq!(counts.unauthorized, 0, "{counts:?}");
    assert!(counts.requests <= 2 * STAGES as u64, "{counts:?}");
    let log = deploy.log("main").await.unwrap();
    assert_eq!(log.len(), STAGES + 1, "none lost, none twice");
    assert!(log.windows(2).all(|pair| pair[1].parents == [pair[0].id.clone()]), "one line of history");
    let tree = deploy.tree("main").await.unwrap();
    for promotion in &promotions {
        let (name, stage) = (promotion.metadata.name.as_ref().unwrap(), &promotion.spec.stage);
        let own = log.iter().find(|entry| entry.id == output(promotion, "push", "commit")).unwrap();
        assert_eq!(own.message, *name);
        assert!(
            tree[&format!("{stage}.yaml")].contains(name.as_str()),
            "{stage} has what its Promotion wrote"
        );
    }
    let _directory = world.stop().await;
}
