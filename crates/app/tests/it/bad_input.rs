//! What users get wrong, and where they are told.

use ferry_api::PromotionPhase;
use ferry_testkit::Silent;

use crate::objects::{CONFIG_MAP, pushing_steps, stage, warehouse};
use crate::world::{World, commit, condition};

/// Project `demo` with Warehouse `app`, and the Freight of its first commit.
async fn with_freight(world: &World) -> ferry_api::Freight {
    let app = world.repository("app", &[("manifests/settings.yaml", CONFIG_MAP)]).await;
    world.apply(&warehouse("app", &world.git.repository_url("app"))).await;
    world.freight_with(&app.head("main").await.unwrap().unwrap()).await
}

fn clone_of(url: &str, checkout: &str) -> String {
    format!(
        "- uses: git-clone\n  config:\n    repoURL: {url}\n    checkout:\n    - {{{checkout}, path: ./src}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_cannot_be_done_say_why() {
    let world = World::start().await;
    let freight = with_freight(&world).await;
    let app = world.git.repository_url("app");
    world.git.create_repository("empty", "main").await.unwrap();
    world.repository("private/secret", &[("a", "b")]).await;
    world.git.protect("/private/", "somebody", "else");
    let linked = world.git.create_repository("linked", "main").await.unwrap();
    let link =
        ferry_standin::git_server::Change::on("main", "A link").link("outside", "../../../../etc/passwd");
    linked.commit(&link).await.unwrap();

    let (missing, empty) = (world.git.repository_url("missing"), world.git.repository_url("empty"));
    let (private, linked) = (world.git.repository_url("private/secret"), world.git.repository_url("linked"));
    let here = clone_of(&app, "branch: main");
    let edit = |key: &str| {
        let update = format!("    updates: [{{key: {key}, value: x}}]\n");
        format!("{here}- uses: yaml-update\n  config:\n    path: ./src/manifests/settings.yaml\n{update}")
    };
    let copy = |from: &str| format!("- uses: copy\n  config: {{inPath: {from}, outPath: ./copy}}\n");
    let cases: Vec<(&str, String, Vec<&str>)> = vec![
        ("unknown-step", "- uses: teleport\n".into(), vec!["teleport", "git-clone"]),
        ("unknown-field", "- uses: fail\n  config: {massage: x}\n".into(), vec!["massage"]),
        ("missing-repository", clone_of(&missing, "branch: main"), vec!["missing.git"]),
        ("empty-repository", clone_of(&empty, "branch: main"), vec!["empty.git", "first commit"]),
        ("unauthorized", clone_of(&private, "branch: main"), vec!["private/secret.git"]),
        ("branch-gone", clone_of(&app, "branch: gone"), vec!["gone"]),
        ("key-not-there", edit("data.nowhere.at.all"), vec!["nowhere"]),
        ("bad-template", "- uses: fail\n  config: {message: '${{ 1 + }}'}\n".into(), vec!["message"]),
        ("outside", copy("../../secrets"), vec!["../../secrets"]),
        ("through-a-link", clone_of(&linked, "branch: main") + &copy("./src/outside"), vec!["outside"]),
        ("not-there", copy("./nothing"), vec!["nothing"]),
    ];
    for (name, steps, words) in cases {
        world.apply(&stage(name, "{direct: true}", &steps)).await;
        let (phase, message) = world.failed(name, &freight).await;
        assert!(
            matches!(phase, PromotionPhase::Failed | PromotionPhase::Errored),
            "{name}: {phase:?} {message}"
        );
        assert!(words.iter().all(|word| message.contains(word)), "{name}: {message}");
    }
    let _directory = world.stop().await;
}

/// An output that no API server takes: an end with the reason, and the Stage is free for the next.
#[tokio::test(flavor = "multi_thread")]
async fn fm_03_a_status_that_is_refused_ends_the_promotion_errored_with_the_reason() {
    let world = World::start().await;
    let freight = with_freight(&world).await;
    let fields: Vec<String> = (0..5).map(|n| format!("f{n}: \"${{{{ repeat('x', 900000) }}}}\"")).collect();
    let large = format!("- uses: compose-output\n  config: {{{}}}\n", fields.join(", "));
    world.apply(&stage("large", "{direct: true}", &large)).await;
    for _ in 0..2 {
        let (phase, message) = world.failed("large", &freight).await;
        assert_eq!(phase, PromotionPhase::Errored);
        assert!(message.contains("error updating status") && message.contains("too large"), "{message}");
    }
    let _directory = world.stop().await;
}

/// What an expression can do to its engine: nothing.
#[tokio::test(flavor = "multi_thread")]
async fn expressions_that_never_end_or_want_everything_end_with_words() {
    let world = World::start().await;
    let freight = with_freight(&world).await;
    let cases = [
        ("endless", "map(1..1000, map(1..1000, map(1..1000, #)))", "make it work on less"),
        ("vast", "repeat('x', 1000000000)", "at most"),
        ("deep", "reduce(1..100000, [#acc], 1)", "levels deep"),
        ("by-zero", "1 % 0", "zero"),
        ("unknown-function", "teleport(1)", "teleport"),
        ("nobody", "freightMetadata('x').y.z.w", "nil"),
    ];
    for (name, expression, words) in cases {
        let steps = format!("- uses: compose-output\n  config: {{all: \"${{{{ {expression} }}}}\"}}\n");
        world.apply(&stage(name, "{direct: true}", &steps)).await;
        let (phase, message) = world.failed(name, &freight).await;
        assert_eq!(phase, PromotionPhase::Errored, "{name}: {message}");
        assert!(message.contains(words), "{name}: {message}");
    }
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_server_refuses() {
    let world = World::start().await;
    let freight = with_freight(&world).await;
    let step = "- uses: fail\n  config: {message: x}\n";
    world.apply(&stage("test", "{direct: true}", step)).await;
    let promotion = |stage: &str, freight: &str| {
        format!(
            "apiVersion: kargo.akuity.io/v1alpha1\nkind: Promotion\nmetadata: {{name: p, namespace: demo}}\nspec: {{stage: {stage}, freight: {freight}}}\n"
        )
    };
    let id = freight.metadata.name.clone().unwrap();
    let said = world.refusal(&promotion("absent", &id)).await;
    assert!(said.contains("no Stage \"absent\""), "{said}");
    let said = world.refusal(&promotion("test", "absent")).await;
    assert!(said.contains("no such Freight"), "{said}");
    let said = world
        .refusal(&stage("odd", "{direct: true}", step).replace("spec:\n  req", "spec:\n  shards: x\n  req"))
        .await;
    assert!(said.contains("shards"), "{said}");
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_says_what_is_wrong_with_its_repository_and_heals() {
    let world = World::start().await;
    let cases =
        [("missing", "missing.git"), ("private/hidden", "private/hidden.git"), ("bare", "bare.git is empty")];
    world.git.protect("/private/", "somebody", "else");
    world.repository("private/hidden", &[("a", "b")]).await;
    let bare = world.git.create_repository("bare", "main").await.unwrap();
    for (name, word) in cases {
        let id = name.replace('/', "-");
        world.apply(&warehouse(&id, &world.git.repository_url(name))).await;
        let ill = world
            .warehouse(&id, |w| {
                condition(w, "Ready")
                    .is_some_and(|(status, reason, _)| status == "False" && reason != "DiscoveryInProgress")
            })
            .await;
        let (_, _, message) = condition(&ill, "Ready").unwrap();
        assert!(message.contains(word), "{name}: {message}");
    }
    // What was missing comes: no restart, no edit.
    commit(&bare, "main", "First", &[("a", "b")]).await;
    world.refresh_warehouse("bare").await;
    world.warehouse("bare", |w| condition(w, "Ready").is_some_and(|(status, ..)| status == "True")).await;
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_36_a_git_server_that_never_answers_stops_nobody_else() {
    let world = World::start().await;
    let mut silent = Silent::start().await.unwrap();
    world.apply(&warehouse("stuck", &format!("{}/app.git", silent.url()))).await;
    silent.until_called().await.unwrap();
    let freight = with_freight(&world).await;
    let (app, deploy) = (world.git.repository_url("app"), world.git.repository_url("deploy"));
    world.repository("deploy", &[("README.md", "x")]).await;
    world.apply(&stage("test", "{direct: true}", &pushing_steps(&app, &deploy, "stage/test"))).await;
    world.promoted("test", &freight).await;
    let stuck = world.warehouse("stuck", |_| true).await;
    let ready = condition(&stuck, "Ready").map(|(status, ..)| status);
    assert_eq!(ready.as_deref(), Some("False"), "it does not claim to be ready");
    // Not stopped in order: the silent server would take its whole grace.
}
