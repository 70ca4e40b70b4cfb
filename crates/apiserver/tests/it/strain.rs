//! Bad input, panics, callers that go away, and a server that is killed.

use std::sync::Arc;

use async_trait::async_trait;
use ferry_apiserver::admission::Request;
use ferry_apiserver::{Admission, Identity, Options, Server, Status};
use ferry_store::Store;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::world::{World, boat, boat_resource};

/// Panics on boats called `panic`, and waits with boats called `slow` until it is told.
#[derive(Default)]
struct Moody {
    reached: Notify,
    go: Notify,
}

#[async_trait]
impl Admission for Moody {
    async fn mutate(&self, request: &Request, object: &mut Value, _: &mut Vec<String>) -> Result<(), Status> {
        assert_ne!(request.name, "panic");
        if request.name == "slow" {
            self.reached.notify_one();
            self.go.notified().await;
            object["spec"]["seats"] = json!(9);
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_panic_is_an_answer_and_nothing_more() {
    let world = World::with(Options { admission: Arc::new(Moody::default()), ..Options::default() }).await;
    let panicked = world.boats().create(&PostParams::default(), &boat("panic", json!({}))).await;
    assert!(matches!(panicked, Err(kube::Error::Api(status)) if status.code == 500));
    world.boat("calm", json!({})).await;
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_its_write() {
    let admission = Arc::new(Moody::default());
    let world = World::with(Options { admission: admission.clone(), ..Options::default() }).await;
    let boats = world.boats();
    let writing = tokio::spawn({
        let boats = boats.clone();
        async move { boats.create(&PostParams::default(), &boat("slow", json!({"seats": 1}))).await }
    });
    admission.reached.notified().await;
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    let written =
        kube::runtime::wait::await_condition(boats.clone(), "slow", |found: Option<&_>| found.is_some());
    admission.go.notify_one();
    written.await.unwrap();
    assert_eq!(boats.get("slow").await.unwrap().data["spec"]["seats"], 9);
}

#[tokio::test]
async fn what_was_answered_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let store = Store::open(&ferry_store::Options::new(directory.path())).unwrap();
        Server::new(store, Options { background: false, ..Options::default() }).unwrap()
    };
    let server = open();
    let client = kube::Client::new(server.router_for(Identity::master("tester")), "default");
    let world = World::around(server, client.clone());
    world.prepare().await;
    let made = world.boat("a", json!({"seats": 3})).await;
    drop((world, client));

    // Client tasks end soon after their client; the directory is free when they have.
    let server = loop {
        match Store::open(&ferry_store::Options::new(directory.path())) {
            Ok(store) => {
                let options = Options { background: false, ..Options::default() };
                break Server::new(store, options).unwrap();
            }
            Err(ferry_store::Error::InUse(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    let client = kube::Client::new(server.router_for(Identity::master("tester")), "default");
    let boats: Api<kube::api::DynamicObject> = Api::default_namespaced_with(client, &boat_resource());
    assert_eq!(boats.get("a").await.unwrap(), made);
}

#[tokio::test]
async fn bad_requests_are_answered_in_kind() {
    let world = World::start().await;
    let boats = "/apis/sea.test/v1/namespaces/default/boats";
    let large = json!({"apiVersion": "sea.test/v1", "kind": "Boat", "metadata": {"name": "a"}, "text": "x".repeat(4 << 20)});
    for (method, path, body, code, reason) in [
        ("POST", boats, large, 413, "RequestEntityTooLarge"),
        ("POST", boats, json!([]), 400, "BadRequest"),
        ("POST", boats, json!({"apiVersion": "sea.test/v1", "kind": "Ship"}), 422, "Invalid"),
        (
            "POST",
            boats,
            json!({"apiVersion": "sea.test/v1", "kind": "Boat", "metadata": {"name": "a"}, "spec": {"seats": 0}}),
            422,
            "Invalid",
        ),
        (
            "PUT",
            "/apis/sea.test/v1/namespaces/default/boats/x",
            json!({"apiVersion": "sea.test/v1", "kind": "Boat", "metadata": {"name": "x"}}),
            404,
            "NotFound",
        ),
        ("DELETE", "/apis/sea.test/v1/namespaces/default/boats/x", json!({}), 404, "NotFound"),
        ("GET", "/apis/sea.test/v1/boats?fieldSelector=spec.seats%3D1", Value::Null, 400, "BadRequest"),
        ("GET", "/apis/sea.test/v1/boats?labelSelector=%21%21", Value::Null, 400, "BadRequest"),
        ("GET", "/apis/sea.test/v1/boats?limit=x", Value::Null, 400, "BadRequest"),
    ] {
        let answer = world.call(method, path, Some(&body)).await;
        assert_eq!(
            (&answer["code"], &answer["reason"]),
            (&json!(code), &json!(reason)),
            "{method} {path}: {answer}"
        );
    }
    assert_eq!(world.call("GET", "/apis/sea.test/v1/nothing", None).await, json!("404 page not found\n"));
    assert!(world.boats().list(&ListParams::default()).await.unwrap().items.is_empty());
}

/// Many who change one object without naming a version all get through.
#[tokio::test(flavor = "multi_thread")]
async fn patches_at_once_are_all_applied() {
    let world = World::start().await;
    world.boat("a", json!({})).await;
    let tasks: Vec<_> = (0..40)
        .map(|i| {
            let boats = world.boats();
            tokio::spawn(async move {
                let patch = Patch::Merge(json!({"metadata": {"labels": {format!("l{i}"): "x"}}}));
                boats.patch("a", &PatchParams::default(), &patch).await.map(|_| ())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(world.boats().get("a").await.unwrap().metadata.labels.unwrap().len(), 40);
}
