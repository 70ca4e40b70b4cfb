//! What others may tell a run: wake up, end.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::step::Wake;

/// The side of a run that others see.
pub(crate) struct Commands {
    state: Mutex<State>,
    woken: Arc<Notify>,
    /// Ends the attempt at work: the process ends, or somebody asked for it.
    attempt: CancellationToken,
}

#[derive(Default)]
struct State {
    abort: Option<String>,
    waits: Option<Wake>,
}

impl Commands {
    pub(crate) fn new(process: CancellationToken) -> Self {
        Self { state: Mutex::default(), woken: Arc::default(), attempt: process }
    }

    /// Ends a sleep, now or the next one.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Ends a sleep that waits for what `matches` describes. A run at work is woken from its next sleep, too: what
    /// changed may be what it is about to look at.
    pub(crate) fn wake_if(&self, matches: impl Fn(&Wake) -> bool) {
        let state = self.state.lock();
        if state.waits.as_ref().is_none_or(matches) {
            self.woken.notify_one();
        }
    }

    /// Asks for an end.
    pub(crate) fn abort(&self, actor: &str) {
        self.state.lock().abort.get_or_insert_with(|| actor.to_owned());
        self.attempt.cancel();
        self.woken.notify_one();
    }

    /// Who asked for an end.
    pub(crate) fn abort_asked(&self) -> Option<String> {
        self.state.lock().abort.clone()
    }

    /// The token that ends the attempt at work.
    pub(crate) fn attempt(&self) -> &CancellationToken {
        &self.attempt
    }

    /// Whether the run must come to its end.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.attempt.is_cancelled()
    }

    /// Returns when the run must come to its end.
    pub(crate) async fn cancelled(&self) {
        self.attempt.cancelled().await;
    }

    /// Notes for what the run waits; returns when it comes.
    pub(super) async fn waiting_for(&self, wake: Wake) {
        self.state.lock().waits = Some(wake);
        self.woken.notified().await;
    }

    /// The run is at work again. A wake-up that came until now has been heard.
    pub(super) fn not_waiting(&self) {
        self.state.lock().waits = None;
    }
}
