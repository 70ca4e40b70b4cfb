//! What one hook of the product's rules leaves is there for the other hook of the same request, and for no other request.

use std::sync::Arc;

use async_trait::async_trait;
use ferry_apiserver::admission::{Operation, Request};
use ferry_apiserver::{Admission, Options, Status};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::World;

#[derive(Clone)]
struct LookedUp;

/// Leaves a note for checks, and insists on it.
struct Noting;

#[async_trait]
impl Admission for Noting {
    async fn mutate(&self, request: &Request, _: &mut Value, _: &mut Vec<String>) -> Result<(), Status> {
        if request.notes.take::<LookedUp>().is_some() {
            return Err(Status::bad_request("a note of another request"));
        }
        request.notes.put(LookedUp);
        Ok(())
    }

    async fn validate(
        &self,
        request: &Request,
        _: Option<&Value>,
        _: &mut Vec<String>,
    ) -> Result<(), Status> {
        let is_noted = request.notes.take::<LookedUp>().is_some();
        // Of what is deleted nothing is made before.
        if is_noted == (request.operation == Operation::Delete) {
            return Err(Status::bad_request(format!("{:?}: noted {is_noted}", request.operation)));
        }
        Ok(())
    }
}

#[tokio::test]
async fn notes_last_as_long_as_their_request() {
    let world = World::with(Options { admission: Arc::new(Noting), ..Options::default() }).await;
    let boats = world.boats();
    world.boat("one", json!({"seats": 2})).await;
    for seats in [3, 4] {
        let change = Patch::Merge(json!({"spec": {"seats": seats}}));
        boats.patch("one", &PatchParams::default(), &change).await.unwrap();
    }
    boats.delete("one", &DeleteParams::default()).await.unwrap();
}
