//! What a peer can do wrong, on request: never answer, refuse, do the work and lose the answer, or wait.

use http::Uri;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::lfs;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Every request.
    Any,
    /// `info/refs?service=git-upload-pack`
    FetchAdvertisement,
    /// `git-upload-pack`
    Fetch,
    /// `info/refs?service=git-receive-pack`
    PushAdvertisement,
    /// `git-receive-pack`
    Push,
    /// Git LFS (`info/lfs/…`)
    LargeFiles,
}

impl Service {
    pub(super) fn of(uri: &Uri) -> Self {
        let path = uri.path();
        let query = uri.query().unwrap_or_default();
        if path.ends_with("/git-upload-pack") {
            Self::Fetch
        } else if path.ends_with("/git-receive-pack") {
            Self::Push
        } else if path.ends_with("/info/refs") && query.contains("service=git-receive-pack") {
            Self::PushAdvertisement
        } else if path.ends_with("/info/refs") && query.contains("service=git-upload-pack") {
            Self::FetchAdvertisement
        } else if path.contains(lfs::PLACE) {
            Self::LargeFiles
        } else {
            Self::Any
        }
    }
}

/// What happens instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection stays open and nothing ever comes.
    Hang,
    /// This HTTP status, without any work done (401 with a challenge).
    Status(u16),
    /// The work is done, then the connection is cut: the client cannot know.
    LoseAnswer,
    /// The work is done, then nothing ever comes.
    KeepAnswer,
}

#[derive(Debug)]
struct Rule {
    prefix: String,
    service: Service,
    times: Option<u32>,
    what: What,
}

#[derive(Debug)]
enum What {
    Fault(Fault),
    Hold(watch::Receiver<()>),
}

/// The rules in force, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Rule>>);

/// Keeps requests waiting; dropping it lets them (and all later ones) go on.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "its drop is the signal")] watch::Sender<()>);

impl Faults {
    pub(super) fn add(&self, prefix: &str, service: Service, fault: Fault, times: Option<u32>) {
        self.0.lock().push(Rule { prefix: prefix.to_owned(), service, times, what: What::Fault(fault) });
    }

    pub(super) fn hold(&self, prefix: &str, service: Service) -> Hold {
        let (sender, receiver) = watch::channel(());
        let what = What::Hold(receiver);
        self.0.lock().push(Rule { prefix: prefix.to_owned(), service, times: None, what });
        Hold(sender)
    }

    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Waits as long as the request is held, then says what to do wrong.
    pub(super) async fn meet(&self, path: &str, service: Service) -> Option<Fault> {
        loop {
            let mut gate = match self.next(path, service)? {
                What::Fault(fault) => return Some(fault),
                What::Hold(gate) => gate,
            };
            // Ends with an error when the `Hold` is dropped, which is what we wait for.
            while gate.changed().await.is_ok() {}
        }
    }

    fn next(&self, path: &str, service: Service) -> Option<What> {
        let mut rules = self.0.lock();
        rules.retain(|rule| {
            let released = matches!(&rule.what, What::Hold(gate) if gate.has_changed().is_err());
            !released && rule.times != Some(0)
        });
        let fits = |rule: &&mut Rule| {
            path.starts_with(&rule.prefix) && (rule.service == Service::Any || rule.service == service)
        };
        let rule = rules.iter_mut().find(fits)?;
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        Some(match &rule.what {
            What::Fault(fault) => What::Fault(*fault),
            What::Hold(gate) => What::Hold(gate.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fault_applies_as_often_as_told_and_where_told() {
        let faults = Faults::default();
        faults.add("/a", Service::Push, Fault::Status(500), Some(1));
        assert_eq!(faults.meet("/b.git/git-receive-pack", Service::Push).await, None);
        assert_eq!(faults.meet("/a.git/git-upload-pack", Service::Fetch).await, None);
        assert_eq!(faults.meet("/a.git/git-receive-pack", Service::Push).await, Some(Fault::Status(500)));
        assert_eq!(faults.meet("/a.git/git-receive-pack", Service::Push).await, None);
    }

    #[tokio::test]
    async fn a_dropped_hold_lets_requests_pass() {
        let faults = Faults::default();
        let hold = faults.hold("/", Service::Any);
        let waiting = faults.meet("/a.git", Service::Any);
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(hold);
        assert_eq!(waiting.await, None);
    }
}
