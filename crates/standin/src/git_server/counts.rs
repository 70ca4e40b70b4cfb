//! How often the server was asked what; tests wait on these figures instead of sleeping.

use tokio::sync::watch;

use super::faults::Service;

/// Requests since the start or the last reset. A fetch that brings something is two `fetch_advertisement`/`fetch`
/// kinds of requests and more; a push one of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// What can be fetched (`info/refs?service=git-upload-pack`).
    pub fetch_advertisement: u64,
    /// Listing of refs and fetching (`git-upload-pack`).
    pub fetch: u64,
    /// What can be pushed to (`info/refs?service=git-receive-pack`).
    pub push_advertisement: u64,
    /// Pushes (`git-receive-pack`).
    pub push: u64,
    /// Git LFS: questions, and contents that come or go.
    pub large_files: u64,
    /// Requests answered with 401 for lack of a valid credential.
    pub unauthorized: u64,
    /// Requests being served now.
    pub open: u64,
}

/// Counts, and wakes who waits for a figure.
#[derive(Debug)]
pub(super) struct Counter(watch::Sender<Counts>);

impl Default for Counter {
    fn default() -> Self {
        Self(watch::Sender::new(Counts::default()))
    }
}

impl Counter {
    pub(super) fn now(&self) -> Counts {
        *self.0.borrow()
    }

    pub(super) fn reset(&self) {
        self.0.send_modify(|counts| *counts = Counts { open: counts.open, ..Counts::default() });
    }

    pub(super) fn unauthorized(&self) {
        self.0.send_modify(|counts| counts.unauthorized += 1);
    }

    /// Counts a request; it is open until the returned value is dropped.
    pub(super) fn start(&self, service: Service) -> Open {
        self.0.send_modify(|counts| {
            counts.requests += 1;
            counts.open += 1;
            match service {
                Service::FetchAdvertisement => counts.fetch_advertisement += 1,
                Service::Fetch => counts.fetch += 1,
                Service::PushAdvertisement => counts.push_advertisement += 1,
                Service::Push => counts.push += 1,
                Service::LargeFiles => counts.large_files += 1,
                Service::Any => {}
            }
        });
        Open(self.0.clone())
    }

    pub(super) async fn until(&self, mut wanted: impl FnMut(&Counts) -> bool) {
        let mut counts = self.0.subscribe();
        // The sender lives in `self`: waiting cannot fail while we are here.
        let _seen = counts.wait_for(|counts| wanted(counts)).await;
    }
}

/// An open request.
pub(super) struct Open(watch::Sender<Counts>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|counts| counts.open = counts.open.saturating_sub(1));
    }
}
