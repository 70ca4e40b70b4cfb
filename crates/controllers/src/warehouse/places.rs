//! How many looks begin at once: few at one server, so that one which is slow holds up its own Warehouses alone, and
//! not too many in all. A look that takes long gives its place up and goes on: what never answers keeps nobody out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferry_artifact::RepoUrl;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

const AT_ONE_SERVER: usize = 4;
const IN_ALL: usize = 32;
/// So long a place is kept at the most.
const KEPT: Duration = Duration::from_secs(5);

/// The places for looks.
#[derive(Debug)]
pub(crate) struct Places {
    servers: Mutex<HashMap<String, Arc<Semaphore>>>,
    all: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        Self { servers: Mutex::default(), all: Arc::new(Semaphore::new(IN_ALL)) }
    }
}

/// A place; dropped it is free again.
#[derive(Debug)]
pub(super) struct Place {
    _kept: oneshot::Sender<()>,
}

impl Places {
    /// Waits for a place at a repository's server.
    pub(super) async fn take(&self, url: &RepoUrl) -> Place {
        let places = {
            let mut servers = self.servers.lock();
            servers.retain(|_, places| Arc::strong_count(places) > 1);
            let new = || Arc::new(Semaphore::new(AT_ONE_SERVER));
            servers.entry(server(url)).or_insert_with(new).clone()
        };
        // Who waits for his server must not take the others' places. A permit keeps its semaphore.
        let at_server = places.acquire_owned().await;
        let in_all = self.all.clone().acquire_owned().await;
        let (kept, given_up) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let _over = tokio::time::timeout(KEPT, given_up).await;
            drop((at_server, in_all));
        });
        Place { _kept: kept }
    }
}

/// Host and port, as the URL says them.
fn server(url: &RepoUrl) -> String {
    let authority = url.as_str().split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let authority = authority.and_then(|a| a.rsplit('@').next()).unwrap_or_else(|| url.host());
    authority.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    fn url(text: &str) -> RepoUrl {
        RepoUrl::parse(text).unwrap()
    }

    #[test]
    fn a_server_is_a_host_and_a_port() {
        for (text, name) in [
            ("https://user:secret@Git.test:8443/a/b.git", "git.test:8443"),
            ("https://git.test/a", "git.test"),
            ("git@git.test:a/b.git", "git.test"),
        ] {
            assert_eq!(server(&url(text)), name);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fm_64_a_server_that_never_answers_keeps_nobody_out() {
        let (places, start) = (Places::default(), Instant::now());
        let mut dead = Vec::new();
        for _ in 0..AT_ONE_SERVER {
            dead.push(places.take(&url("https://dead.test/a")).await);
        }
        let live = places.take(&url("https://live.test/a")).await;
        assert_eq!(start.elapsed(), Duration::ZERO, "others do not wait");
        dead.push(places.take(&url("https://dead.test/b")).await);
        assert!(start.elapsed() >= KEPT && start.elapsed() < KEPT * 2, "its own do, for a while");
        drop((dead, live));
        tokio::time::advance(Duration::from_millis(1)).await;
        let _other = places.take(&url("https://other.test/a")).await;
        assert_eq!(places.servers.lock().len(), 1, "servers are forgotten");
    }
}
