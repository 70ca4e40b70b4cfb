//! What others may tell a run: wake up, end.

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Stop;
use crate::step::Wake;

/// The side of a run that others see.
pub(crate) struct Commands {
    state: Mutex<State>,
    woken: Notify,
    /// The process ends.
    process: CancellationToken,
    /// Ends the attempt at work: the process ends, or somebody asked for it.
    attempt: CancellationToken,
}

#[derive(Default)]
struct State {
    abort: Option<String>,
    gone: Option<String>,
    is_closing: bool,
    waits: Option<Wake>,
    changed: Changed,
}

/// The Applications that changed while nobody waited.
#[derive(Default)]
struct Changed {
    some: Vec<(String, String)>,
    too_many: bool,
}

/// More are taken for all.
const CHANGED_KEPT: usize = 256;

impl Commands {
    pub(crate) fn new(process: CancellationToken) -> Self {
        let attempt = process.child_token();
        Self { state: Mutex::default(), woken: Notify::new(), process, attempt }
    }

    /// Ends a sleep, now or the next one.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Ends a sleep that waits for this Application. A run at work hears of it when it comes to wait for it: what
    /// changed may have been looked at before.
    pub(crate) fn application_changed(&self, namespace: &str, name: &str) {
        let mut state = self.state.lock();
        match &state.waits {
            Some(wake) if wake.concerns(namespace, name) => self.woken.notify_one(),
            Some(_) => {}
            None => state.changed.add(namespace, name),
        }
    }

    /// Asks for an end.
    pub(crate) fn abort(&self, actor: &str) {
        self.state.lock().abort.get_or_insert_with(|| actor.to_owned());
        self.attempt.cancel();
    }

    /// The Promotion is gone or going: nothing of it may go on.
    pub(crate) fn gone(&self, uid: &str) {
        self.state.lock().gone = Some(uid.to_owned());
        self.attempt.cancel();
    }

    /// The uid of the Promotion, if it is gone.
    pub(crate) fn gone_uid(&self) -> Option<String> {
        self.state.lock().gone.clone()
    }

    /// The run knows how it ends and stores that: only the end of the process stops it now.
    pub(super) fn close(&self) {
        self.state.lock().is_closing = true;
    }

    /// Why the run must come to its end, if it must.
    pub(super) fn stop(&self) -> Option<Stop> {
        let state = self.state.lock();
        if state.gone.is_some() {
            return Some(Stop::Over);
        }
        if let Some(actor) = &state.abort {
            return Some(Stop::Abort(actor.clone()));
        }
        self.attempt.is_cancelled().then_some(Stop::Ending)
    }

    /// The token that ends the attempt at work.
    pub(crate) fn attempt(&self) -> &CancellationToken {
        &self.attempt
    }

    /// Returns when the run must come to its end, with the reason.
    pub(super) async fn stopped(&self) -> Stop {
        if self.state.lock().is_closing {
            self.process.cancelled().await;
            return Stop::Ending;
        }
        self.attempt.cancelled().await;
        self.stop().unwrap_or(Stop::Ending)
    }

    /// An attempt begins: it will see what changed until now.
    pub(super) fn looks(&self) {
        self.state.lock().changed = Changed::default();
    }

    /// Notes for what the run waits; returns when it comes.
    pub(super) async fn waiting_for(&self, wake: Wake) {
        {
            let mut state = self.state.lock();
            let changed = std::mem::take(&mut state.changed);
            if changed.concerns(&wake) {
                return;
            }
            state.waits = Some(wake);
        }
        self.woken.notified().await;
    }

    /// The run is at work again.
    pub(super) fn not_waiting(&self) {
        self.state.lock().waits = None;
    }
}

impl Changed {
    fn add(&mut self, namespace: &str, name: &str) {
        if self.some.iter().any(|(ns, n)| ns == namespace && n == name) {
            return;
        }
        if self.some.len() < CHANGED_KEPT {
            self.some.push((namespace.to_owned(), name.to_owned()));
        } else {
            self.too_many = true;
        }
    }

    fn concerns(&self, wake: &Wake) -> bool {
        let waits = !wake.applications.is_empty() || !wake.application_namespaces.is_empty();
        (self.too_many && waits) || self.some.iter().any(|(ns, name)| wake.concerns(ns, name))
    }
}

impl Wake {
    /// Whether a change of this Application ends the wait.
    fn concerns(&self, namespace: &str, name: &str) -> bool {
        self.applications.iter().any(|(ns, n)| ns == namespace && n == name)
            || self.application_namespaces.iter().any(|ns| ns == namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn only_what_a_run_waits_for_wakes_it() {
        let commands = Commands::new(CancellationToken::new());
        let wake = Wake { applications: vec![("argocd".into(), "mine".into())], ..Wake::default() };
        commands.application_changed("argocd", "other");
        assert!(
            commands.waiting_for(wake.clone()).now_or_never().is_none(),
            "others changed while it worked"
        );
        commands.application_changed("argocd", "other");
        commands.not_waiting();
        commands.application_changed("argocd", "mine");
        assert!(commands.waiting_for(Wake::default()).now_or_never().is_none(), "it waits for none");
        commands.not_waiting();
        commands.application_changed("argocd", "mine");
        assert!(
            commands.waiting_for(wake.clone()).now_or_never().is_some(),
            "its own changed while it worked"
        );
        commands.application_changed("argocd", "mine");
        commands.looks();
        assert!(commands.waiting_for(wake.clone()).now_or_never().is_none(), "seen by the attempt");
        for n in 0..=CHANGED_KEPT {
            commands.not_waiting();
            commands.application_changed("argocd", &n.to_string());
        }
        assert!(commands.waiting_for(wake).now_or_never().is_some(), "rather once too often");
    }

    #[test]
    fn an_end_that_is_decided_is_not_stopped_by_a_request() {
        let (process, never) = (CancellationToken::new(), None);
        let commands = Commands::new(process.clone());
        commands.close();
        commands.abort("admin");
        assert_eq!(commands.stopped().now_or_never(), never);
        process.cancel();
        assert_eq!(commands.stopped().now_or_never(), Some(Stop::Ending));
    }
}
