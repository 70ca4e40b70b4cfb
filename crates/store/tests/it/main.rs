//! The store through its public face, on real files.
#![expect(clippy::unwrap_used, reason = "tests")]

mod backup;
mod durability;
mod files;
mod fixture;
mod history;
mod kills;
mod model;
mod writes;

use std::sync::Arc;

use ferry_store::{Key, Object, Options, Store};
use serde_json::{Value, json};

pub(crate) const BOATS: &str = "sea.test/boats";

pub(crate) fn key(name: &str) -> Key {
    Key::new(BOATS, "harbour", name)
}

pub(crate) fn boat(name: &str, seats: u64) -> Value {
    json!({"metadata": {"name": name, "namespace": "harbour", "uid": format!("uid-{name}")}, "seats": seats})
}

pub(crate) fn open(directory: &std::path::Path) -> Store {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        match Store::open(&Options::new(directory)) {
            // A process that another test just starts shares our open files for a moment.
            Err(ferry_store::Error::InUse(_)) if std::time::Instant::now() < patience => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

pub(crate) async fn create(store: &Store, name: &str, seats: u64) -> Arc<Object> {
    store.create(key(name), boat(name, seats), Vec::new()).await.unwrap()
}

pub(crate) fn names(objects: &[Arc<Object>]) -> Vec<&str> {
    objects.iter().map(|o| o.key.name.as_str()).collect()
}
