//! SIGKILL at every named place and at random instants, under load: whatever happens, each Promotion ends well with one
//! commit and one operation, what was acknowledged is there, and no version is given twice.
//!
//! `FERRY_KILLS=N` makes it N kills (at least one at every place for `all`); without it a few, at other places each time
//! the list changes.

mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use ferry_api::PromotionPhase;
use ferry_app::manifests;
use ferry_standin::git_server::GitServer;
use kube::ResourceExt as _;

use scene::Scene;

use crate::objects::{CONFIG_MAP, project, stage, warehouse};
use crate::process::{Ferry, client_of};
use crate::world::{commit, freight_with};

/// How long a process that is to die at a place gets to pass it.
const PASSING: Duration = Duration::from_secs(4);

/// How many kills: what `FERRY_KILLS` says, or a few.
fn kills(few: usize) -> usize {
    std::env::var("FERRY_KILLS").map_or(few, |text| text.parse().unwrap_or(usize::MAX))
}

/// The places that Promotions, a start and a recovery pass, with how often.
async fn places(scene: &mut Scene) -> BTreeMap<String, usize> {
    let trace = scene.directory.path().join("trace");
    let data = scene.data();
    let ferry = Ferry::armed(&data, &[("FERRY_FAILPOINT_TRACE", trace.to_str().unwrap())]).await;
    scene.promote().await;
    let client = client_of(&data).await;
    // In the middle of it, so that what a recovery passes is seen too.
    for name in &scene.promotions[..1] {
        crate::world::ended(&client, name).await;
    }
    ferry.kill().await;
    let ferry = Ferry::armed(&data, &[("FERRY_FAILPOINT_TRACE", trace.to_str().unwrap())]).await;
    let client = client_of(&data).await;
    for name in &scene.promotions {
        crate::world::ended(&client, name).await;
    }
    ferry.kill().await;
    count(&trace)
}

fn count(trace: &Path) -> BTreeMap<String, usize> {
    let mut places = BTreeMap::new();
    for name in std::fs::read_to_string(trace).unwrap().lines() {
        *places.entry(name.to_owned()).or_default() += 1;
    }
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_06_kills_at_named_places_leave_no_trace() {
    let mut scene = Scene::start().await;
    let places = places(&mut scene).await;
    assert!(places.len() >= 40, "{} places: {places:?}", places.len());
    let wanted = kills(6).min(places.len());
    let all: Vec<_> = places.into_iter().collect();
    let (writer, observer) = (scene.writer(), scene.observer());
    let mut dead = Vec::new();
    for turn in 0..wanted {
        let (place, passages) = &all[turn * all.len() / wanted];
        // Not always the first passage: what comes before it differs.
        let passage = 1 + (turn * 7) % (*passages).min(5);
        let data = scene.data();
        let mut ferry = Ferry::armed(&data, &[("FERRY_FAILPOINT", &format!("{place}:{passage}"))]).await;
        let died = tokio::select! {
            biased;
            died = ferry.dies(PASSING) => died,
            () = more(&mut scene) => ferry.dies(PASSING).await,
        };
        if died {
            dead.push(place.clone());
        }
        ferry.kill().await;
    }
    writer.abort();
    // A place of the recovery may not be passed each time.
    assert!(dead.len() * 10 >= wanted * 8, "{} of {wanted} kills: {dead:?}", dead.len());
    println!("killed at {} places: {dead:?}", dead.len());
    scene.judge(observer).await;
}

/// Promotes whenever everything has ended.
async fn more(scene: &mut Scene) {
    let data = scene.data();
    let client = client_of(&data).await;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tick.tick().await;
        match Scene::unfinished(&client).await {
            Some(0) => scene.promote().await,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_06_kills_at_random_instants_leave_no_trace() {
    let mut scene = Scene::start().await;
    let (writer, observer) = (scene.writer(), scene.observer());
    for turn in 0..kills(6) {
        let data = scene.data();
        let mut ferry = Ferry::armed(&data, &[]).await;
        // Spread over what a Promotion takes, never twice at the same instant.
        let instant = Duration::from_millis((turn as u64 * 137) % 1500);
        tokio::select! {
            died = ferry.dies(instant) => assert!(!died, "it ends by itself"),
            () = more(&mut scene) => {}
        }
        ferry.kill().await;
    }
    writer.abort();
    println!("killed {} times, {} Promotions", kills(6), scene.promotions.len());
    scene.judge(observer).await;
}

/// Those that wait together go out together: a kill between any two of them leaves each one commit all the same.
#[tokio::test(flavor = "multi_thread")]
async fn fm_06_fm_52_kills_while_many_push_to_one_branch() {
    let directory = tempfile::tempdir().unwrap();
    let git = GitServer::start(directory.path().join("repositories")).await.unwrap();
    let app = git.create_repository("app", "main").await.unwrap();
    let one = commit(&app, "main", "First", &[("a", "1")]).await;
    let names: Vec<String> = (0..12).map(|n| format!("stage-{n}")).collect();
    let files: Vec<String> = names.iter().map(|name| format!("{name}.yaml")).collect();
    let files: Vec<_> = files.iter().map(|file| (file.as_str(), CONFIG_MAP)).collect();
    let deploy = git.create_repository("deploy", "main").await.unwrap();
    commit(&deploy, "main", "Before", &files).await;
    let data = directory.path().join("data");
    let mut ferry = Ferry::alone(&data).await;
    let mut client = client_of(&data).await;
    let steps = crate::branch::one_edit(&git.repository_url("deploy"));
    manifests::apply(&client, &project("demo")).await.unwrap();
    for name in &names {
        manifests::apply(&client, &stage(name, "{direct: true}", &steps)).await.unwrap();
    }
    manifests::apply(&client, &warehouse("app", &git.repository_url("app"))).await.unwrap();
    let freight = freight_with(&client, "demo", &one).await;
    let mut promotions = Vec::new();
    for turn in 0..kills(4).min(200) {
        if Scene::unfinished(&client).await == Some(0) {
            for name in &names {
                let made = ferry_cli::promote::to_stage(&client, "demo", name, &freight).await.unwrap();
                promotions.push(made.name_any());
            }
        }
        // While the first of them push, and while the others wait.
        let instant = Duration::from_millis(100 + (turn as u64 * 173) % 900);
        assert!(!ferry.dies(instant).await, "it ends by itself");
        ferry.kill().await;
        ferry = Ferry::alone(&data).await;
        client = client_of(&data).await;
    }
    for name in &promotions {
        let status = crate::world::ended(&client, name).await.status.unwrap();
        assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{name}: {}", status.message);
    }
    let log = deploy.log("main").await.unwrap();
    let said: Vec<String> = log.iter().skip(1).map(|entry| entry.message.clone()).collect();
    let different: BTreeSet<_> = said.iter().cloned().collect();
    assert_eq!(said.len(), different.len(), "none twice: {said:?}");
    assert_eq!(different, promotions.into_iter().collect(), "none lost");
    ferry.kill().await;
}
