//! How many looks go on at once: few at one host, so that a server which never answers holds up its own Warehouses
//! alone, and not too many in all.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const AT_ONE_HOST: usize = 4;
const IN_ALL: usize = 64;

/// The places for looks.
#[derive(Debug)]
pub(crate) struct Places {
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    all: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        Self { hosts: Mutex::default(), all: Arc::new(Semaphore::new(IN_ALL)) }
    }
}

/// A place; dropped it is free again.
#[derive(Debug)]
pub(super) struct Place {
    _held: [Option<OwnedSemaphorePermit>; 2],
}

impl Places {
    /// Waits for a place at a host.
    pub(super) async fn take(&self, host: &str) -> Place {
        let places = {
            let mut hosts = self.hosts.lock();
            hosts.retain(|_, places| Arc::strong_count(places) > 1);
            hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONE_HOST))).clone()
        };
        // Who waits for his host must not take the others' places. A permit keeps its semaphore.
        let at_host = places.acquire_owned().await.ok();
        let in_all = self.all.clone().acquire_owned().await.ok();
        Place { _held: [at_host, in_all] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn fm_64_a_host_that_never_answers_leaves_places_to_the_others() {
        let places = Places::default();
        let dead: Vec<Place> =
            (0..AT_ONE_HOST).filter_map(|_| places.take("dead.test").now_or_never()).collect();
        assert_eq!(dead.len(), AT_ONE_HOST);
        assert!(places.take("dead.test").now_or_never().is_none(), "no more there");
        let live = places.take("live.test").now_or_never();
        assert!(live.is_some());
        drop(dead);
        assert!(places.take("dead.test").now_or_never().is_some(), "free again");
        drop(live);
        places.take("other.test").now_or_never().unwrap();
        assert!(places.hosts.lock().len() <= 1, "hosts are forgotten");
    }
}
