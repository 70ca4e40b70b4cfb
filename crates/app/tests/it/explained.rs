//! What waits says on what: in its status, by the watchdog, and by `ferry explain`. And who waits for whom: the queue.

use std::time::Duration;

use ferry_api::{Promotion, PromotionPhase, Stage};
use ferry_testkit::until;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::interventions::{at_work, told_once, waiting_stage};
use crate::process::ferry;
use crate::world::World;

async fn told(world: &World, name: &str, more: &[&str]) -> String {
    let kubeconfig = world.alone.kubeconfig().to_str().unwrap();
    let explain = ["explain", "promotion", "-p", "demo", name, "--kubeconfig", kubeconfig];
    let ended = ferry(&[&explain, more].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    ended.out
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_explained_and_what_is_overdue_is_told_of_once() {
    let world = World::with(|settings| settings.overdue_after = Duration::from_secs(2)).await;
    world.apply(&crate::objects::project("demo")).await;
    let freight = waiting_stage(&world).await;
    let first = world.promote("test", &freight).await;
    at_work(&world, &first).await;
    let second = world.promote("test", &freight).await;
    let third = world.promote("test", &freight).await;
    let is_queued = |p: &Promotion| p.status.as_ref().is_some_and(|s| s.waiting.is_some());
    for name in [&second, &third] {
        until(&world.api::<Promotion>("demo"), name, is_queued).await.unwrap();
    }

    let running = told(&world, &first, &[]).await;
    for words in ["Running", "argocd-update", "nobody", "deadline in", "looked at again", "--abort --name"] {
        assert!(running.contains(words), "{words} is missing in:\n{running}");
    }
    let queued = told(&world, &third, &[]).await;
    assert!(queued.contains("Pending") && queued.contains("number 3") && queued.contains(&first), "{queued}");
    let story: Value = serde_json::from_str(&told(&world, &third, &["-o", "json"]).await).unwrap();
    assert_eq!(story["ahead"], json!([first, second]));
    assert!(story["waiting"]["since"].is_string(), "{story}");

    told_once(&world, &first, "PromotionOverdue").await;
    let promotion = world.api::<Promotion>("demo").get(&first).await.unwrap();
    assert!(!promotion.is_terminal(), "it is told of, not touched");

    let absent = ferry(&[
        "explain",
        "promotion",
        "-p",
        "demo",
        "absent",
        "--kubeconfig",
        world.alone.kubeconfig().to_str().unwrap(),
    ])
    .await;
    assert!(absent.code == Some(1) && absent.err.contains(&first), "{}", absent.err);
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_latest_only_what_waits_gives_way_to_what_is_newer() {
    let world = World::start().await;
    let freight = waiting_stage(&world).await;
    let patch = json!({"spec": {"queuePolicy": "latestOnly"}});
    let stages = world.api::<Stage>("demo");
    stages.patch("test", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    let first = world.promote("test", &freight).await;
    at_work(&world, &first).await;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        waiting.push(world.promote("test", &freight).await);
    }
    let newest = waiting.pop().unwrap();
    for name in &waiting {
        let status = world.ended(name).await.status.unwrap();
        assert_eq!(status.phase, Some(PromotionPhase::Aborted));
        assert!(
            status.superseded_by.is_some() && status.message.contains("latestOnly"),
            "{}",
            status.message
        );
        let event = told_once(&world, name, "PromotionDiscarded").await;
        let by = world.api::<Promotion>("demo").get(name).await.unwrap();
        let by = by.annotations().get("kargo.akuity.io/create-actor").expect("somebody asked for it");
        assert_eq!(event.annotations().get("event.kargo.akuity.io/actor"), Some(by));
    }
    let running = world.api::<Promotion>("demo").get(&first).await.unwrap();
    assert!(!running.is_terminal(), "what runs is let run");
    let patch = json!({"metadata": {"annotations": {"kargo.akuity.io/abort": "terminate"}}});
    let promotions = world.api::<Promotion>("demo");
    promotions.patch(&first, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    at_work(&world, &newest).await;

    let wrong = json!({"spec": {"queuePolicy": "newest"}});
    let refused = stages.patch("test", &PatchParams::default(), &Patch::Merge(wrong)).await.unwrap_err();
    assert!(refused.to_string().contains("latestOnly"), "{refused}");
    let _directory = world.stop().await;
}
