//! The life of objects through `kube`'s client.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::conditions::is_deleted;
use kube::runtime::wait::await_condition;
use serde_json::json;

use crate::world::{World, boat};

#[tokio::test]
async fn an_object_is_made_read_changed_and_deleted() {
    let world = World::start().await;
    let boats = world.boats();

    let made = world.boat("a", json!({"seats": 2})).await;
    assert_eq!(made.metadata.generation, Some(1));
    assert_eq!(boats.get("a").await.unwrap(), made);

    let mut changed = made.clone();
    changed.data["spec"]["seats"] = json!(3);
    let changed = boats.replace("a", &PostParams::default(), &changed).await.unwrap();
    assert_eq!(changed.metadata.generation, Some(2));
    assert_ne!(changed.metadata.resource_version, made.metadata.resource_version);

    let stale = boats.replace("a", &PostParams::default(), &made).await;
    assert!(matches!(stale, Err(kube::Error::Api(status)) if status.code == 409));

    boats.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(boats.get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn spec_and_status_are_written_apart() {
    let world = World::start().await;
    let boats = world.boats();
    let made = world.boat("a", json!({"seats": 2})).await;

    let merge = Patch::Merge(json!({"spec": {"seats": 5}, "status": {"afloat": true}}));
    let after = boats.patch_status("a", &PatchParams::default(), &merge).await.unwrap();
    assert_eq!(after.data["spec"]["seats"], 2);
    assert_eq!(after.data["status"]["afloat"], true);
    assert_eq!(after.metadata.generation, Some(1));

    let after = boats.patch("a", &PatchParams::default(), &merge).await.unwrap();
    assert_eq!((after.data["spec"]["seats"].clone(), after.metadata.generation), (json!(5), Some(2)));

    let same = boats.patch("a", &PatchParams::default(), &merge).await.unwrap();
    assert_eq!(same.metadata.resource_version, after.metadata.resource_version);
    assert_ne!(same.metadata.resource_version, made.metadata.resource_version);
}

#[tokio::test]
async fn finalizers_hold_an_object_until_they_are_gone() {
    let world = World::start().await;
    let boats = world.boats();
    let mut held = boat("a", json!({}));
    held.metadata.finalizers = Some(vec!["sea.test/anchor".into()]);
    boats.create(&PostParams::default(), &held).await.unwrap();

    boats.delete("a", &DeleteParams::default()).await.unwrap();
    let waiting = boats.get("a").await.unwrap();
    assert!(waiting.metadata.deletion_timestamp.is_some());

    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    boats.patch("a", &PatchParams::default(), &free).await.unwrap();
    assert!(boats.get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn names_are_generated() {
    let world = World::start().await;
    let mut unnamed = boat("", json!({}));
    unnamed.metadata.name = None;
    unnamed.metadata.generate_name = Some("boat-".into());
    let one = world.boats().create(&PostParams::default(), &unnamed).await.unwrap();
    let two = world.boats().create(&PostParams::default(), &unnamed).await.unwrap();
    let (one, two) = (one.metadata.name.unwrap(), two.metadata.name.unwrap());
    assert_ne!(one, two);
    assert!(one.starts_with("boat-") && one.len() == 10, "{one}");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let world = World::start().await;
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let shown = world.boats().create(&dry, &boat("a", json!({"seats": 1}))).await.unwrap();
    assert!(shown.metadata.uid.is_some());
    assert!(world.boats().get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn a_missing_namespace_is_named() {
    let world = World::start().await;
    let answer = world
        .post(
            "/apis/sea.test/v1/namespaces/nowhere/boats",
            &json!({"apiVersion": "sea.test/v1", "kind": "Boat", "metadata": {"name": "a"}}),
        )
        .await;
    assert_eq!((answer["code"].clone(), answer["details"]["name"].clone()), (json!(404), json!("nowhere")));
}

#[tokio::test]
async fn string_data_of_a_secret_becomes_data() {
    let world = World::start().await;
    let secrets: Api<Secret> = Api::default_namespaced(world.client.clone());
    let secret: Secret =
        serde_json::from_value(json!({"metadata": {"name": "s"}, "stringData": {"user": "me"}})).unwrap();
    let made = secrets.create(&PostParams::default(), &secret).await.unwrap();
    assert_eq!(made.data.unwrap()["user"].0, b"me");
    assert_eq!((made.type_.as_deref(), made.string_data), (Some("Opaque"), None));
}

#[tokio::test]
async fn lists_are_paged_at_one_version() {
    let world = World::start().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(world.client.clone());
    for name in ["a", "b", "c", "d"] {
        let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        maps.create(&PostParams::default(), &map).await.unwrap();
    }
    let first = maps.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(2));
    maps.delete("c", &DeleteParams::default()).await.unwrap();
    let token = first.metadata.continue_.unwrap();
    let second = maps.list(&ListParams::default().limit(2).continue_token(&token)).await.unwrap();
    let names: Vec<_> = second.items.iter().map(|m| m.metadata.name.clone().unwrap()).collect();
    assert_eq!(names, ["c", "d"]);
}

#[tokio::test]
async fn a_deleted_namespace_takes_its_objects_with_it() {
    let world = World::start().await;
    world.boat("a", json!({})).await;
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let uid = namespaces.get("default").await.unwrap().metadata.uid.unwrap();
    let gone = await_condition(namespaces.clone(), "default", is_deleted(&uid));
    namespaces.delete("default", &DeleteParams::default()).await.unwrap();
    gone.await.unwrap();
    assert!(world.boats().get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_owned_goes_with_its_owner() {
    let world = World::start().await;
    let owner = world.boat("owner", json!({})).await;
    let mut dependent = boat("owned", json!({}));
    dependent.metadata.owner_references = Some(vec![
        serde_json::from_value(json!({
            "apiVersion": "sea.test/v1", "kind": "Boat", "name": "owner", "uid": owner.metadata.uid.unwrap(),
        }))
        .unwrap(),
    ]);
    let dependent = world.boats().create(&PostParams::default(), &dependent).await.unwrap();
    let uid = dependent.metadata.uid.unwrap();
    let gone = await_condition(world.boats(), "owned", is_deleted(&uid));
    world.boats().delete("owner", &DeleteParams::default()).await.unwrap();
    gone.await.unwrap();
}
