//! The product's rules may name an object after its content: it is stored, checked and found under that name.

use std::sync::Arc;

use async_trait::async_trait;
use ferry_apiserver::admission::Request;
use ferry_apiserver::{Admission, Options, Status};
use kube::api::{ListParams, PostParams};
use serde_json::{Value, json};

use crate::world::{World, boat};

/// Names boats after their seats.
struct BySeats;

#[async_trait]
impl Admission for BySeats {
    async fn mutate(&self, request: &Request, object: &mut Value, _: &mut Vec<String>) -> Result<(), Status> {
        if request.kind == "Boat" {
            object["metadata"]["name"] = format!("seats-{}", object["spec"]["seats"]).into();
        }
        Ok(())
    }

    async fn validate(
        &self,
        request: &Request,
        _: Option<&Value>,
        _: &mut Vec<String>,
    ) -> Result<(), Status> {
        let is_named = request.kind != "Boat" || request.name.starts_with("seats-");
        if is_named { Ok(()) } else { Err(Status::bad_request(format!("not named yet: {:?}", request.name))) }
    }
}

#[tokio::test]
async fn an_object_is_stored_under_the_name_that_the_rules_give_it() {
    let world = World::with(Options { admission: Arc::new(BySeats), ..Options::default() }).await;
    let boats = world.boats();

    world.boat("given", json!({"seats": 2})).await;
    let mut unnamed = boat("", json!({"seats": 3}));
    unnamed.metadata.name = None;
    unnamed.metadata.generate_name = Some("boat-".into());
    boats.create(&PostParams::default(), &unnamed).await.unwrap();
    unnamed.metadata.generate_name = None;
    unnamed.data["spec"]["seats"] = json!(4);
    boats.create(&PostParams::default(), &unnamed).await.unwrap();

    for name in ["seats-2", "seats-3", "seats-4"] {
        assert_eq!(boats.get(name).await.unwrap().metadata.name.as_deref(), Some(name));
    }
    assert_eq!(boats.list(&ListParams::default()).await.unwrap().items.len(), 3);

    let again = boats.create(&PostParams::default(), &boat("other", json!({"seats": 2}))).await;
    assert!(matches!(again, Err(kube::Error::Api(status)) if status.reason == "AlreadyExists"));
}
