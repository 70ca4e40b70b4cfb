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
