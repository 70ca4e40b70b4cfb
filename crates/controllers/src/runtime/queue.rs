//! A queue of keys: each is at work at most once at a time, a key that comes again while it is at work is done again
//! afterwards, and one that failed comes back with growing pauses.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ferry_planner::decision::Requeue;
use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Key;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// What was read too early is there a moment later; where it is not (a watch that is down), nothing is gained by haste.
const FIRST_STALE_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_STALE_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What a pass came to.
#[derive(Clone, Debug)]
pub enum Pass {
    /// Done; when to look again.
    Done(Requeue),
    /// What was read is stale, or somebody else wrote in between: again after a moment.
    Stale,
    /// It broke: again after a pause.
    Failed(String),
}

/// A queue of keys.
#[derive(Clone, Debug, Default)]
pub struct Queue(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    due: BTreeSet<(Instant, Key)>,
    when: HashMap<Key, Instant>,
    at_work: HashSet<Key>,
    failures: HashMap<Key, u32>,
}

impl State {
    fn put(&mut self, key: Key, at: Instant) {
        match self.when.get(&key) {
            Some(before) if *before <= at => return,
            Some(before) => {
                self.due.remove(&(*before, key.clone()));
            }
            None => {}
        }
        self.when.insert(key.clone(), at);
        self.due.insert((at, key));
    }

    /// The pause before the next try; it doubles with each one in a row.
    fn pause(&mut self, key: &Key, first: Duration, longest: Duration) -> Duration {
        let failures = self.failures.entry(key.clone()).or_insert(0);
        let pause = first.saturating_mul(1 << (*failures).min(16)).min(longest);
        *failures = failures.saturating_add(1);
        pause
    }

    /// The first key that is due and not at work; else when to look again.
    fn take(&mut self, now: Instant) -> Result<Key, Option<Instant>> {
        let ready = self
            .due
            .iter()
            .take_while(|(at, _)| *at <= now)
            .find(|(_, k)| !self.at_work.contains(k))
            .cloned();
        if let Some((at, key)) = ready {
            self.due.remove(&(at, key.clone()));
            self.when.remove(&key);
            self.at_work.insert(key.clone());
            return Ok(key);
        }
        Err(self.due.iter().map(|(at, _)| *at).find(|at| *at > now))
    }
}

impl Queue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Brings a key in: it is due now.
    pub fn add(&self, key: Key) {
        self.add_after(key, Duration::ZERO);
    }

    /// Brings a key in that is due after a while, unless it is due before.
    pub fn add_after(&self, key: Key, after: Duration) {
        self.0.state.lock().put(key, Instant::now() + after);
        self.0.changed.notify_one();
    }

    /// How many keys wait or are at work.
    pub fn len(&self) -> usize {
        let state = self.0.state.lock();
        state.due.len() + state.at_work.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Works until `stop`, with so many keys at a time.
    pub async fn work<F, R>(&self, kind: &'static str, at_once: usize, stop: CancellationToken, pass: F)
    where
        F: Fn(Key) -> R + Send + Sync + 'static,
        R: Future<Output = Pass> + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(at_once));
        let pass = Arc::new(pass);
        let tasks = TaskTracker::new();
        while let Some(key) = self.next(&stop).await {
            let slot = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                slot = slots.clone().acquire_owned() => slot,
            };
            let Ok(slot) = slot else { break };
            let (queue, pass) = (self.clone(), pass.clone());
            tasks.spawn(async move {
                let guard = Guard { queue: queue.clone(), key: key.clone() };
                let result = AssertUnwindSafe(pass(key.clone())).catch_unwind().await;
                let result =
                    result.unwrap_or_else(|_| Pass::Failed("it panicked; please report this".to_owned()));
                metrics::counter!("ferry_reconciles_total", "kind" => kind).increment(1);
                drop(guard);
                queue.settle(kind, key, result);
                drop(slot);
            });
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn next(&self, stop: &CancellationToken) -> Option<Key> {
        loop {
            if stop.is_cancelled() {
                return None;
            }
            let changed = self.0.changed.notified();
            let taken = self.0.state.lock().take(Instant::now());
            let next = match taken {
                Ok(key) => return Some(key),
                Err(next) => next,
            };
            let timer = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = timer => {}
                () = stop.cancelled() => return None,
            }
        }
    }

    fn settle(&self, kind: &'static str, key: Key, result: Pass) {
        let mut state = self.0.state.lock();
        match result {
            Pass::Done(requeue) => {
                state.failures.remove(&key);
                if let Requeue::After(after) = requeue {
                    state.put(key, Instant::now() + after);
                }
            }
            Pass::Stale => {
                let pause = state.pause(&key, FIRST_STALE_PAUSE, LONGEST_STALE_PAUSE);
                state.put(key, Instant::now() + pause);
            }
            Pass::Failed(why) => {
                let pause = state.pause(&key, FIRST_PAUSE, LONGEST_PAUSE);
                tracing::warn!(kind, namespace = key.namespace, name = key.name, why, ?pause, "pass failed");
                state.put(key, Instant::now() + pause);
            }
        }
        drop(state);
        self.0.changed.notify_one();
    }
}

/// Gives the key free, also where the pass panics.
struct Guard {
    queue: Queue,
    key: Key,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.queue.0.state.lock().at_work.remove(&self.key);
        self.queue.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Counts {
        now: AtomicUsize,
        most: AtomicUsize,
        done: AtomicUsize,
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_at_work_once_and_done_again_when_it_comes_meanwhile() {
        let queue = Queue::new();
        let stop = CancellationToken::new();
        let counts = Arc::new(Counts::default());
        queue.add(Key::new("ns", "a"));
        let (seen, again, end) = (counts.clone(), queue.clone(), stop.clone());
        let pass = move |key| {
            let (seen, again, end) = (seen.clone(), again.clone(), end.clone());
            async move {
                let now = seen.now.fetch_add(1, Ordering::SeqCst) + 1;
                seen.most.fetch_max(now, Ordering::SeqCst);
                if seen.done.fetch_add(1, Ordering::SeqCst) < 3 {
                    again.add(key);
                    tokio::task::yield_now().await;
                } else {
                    end.cancel();
                }
                seen.now.fetch_sub(1, Ordering::SeqCst);
                Pass::Done(Requeue::OnChange)
            }
        };
        queue.work("test", 4, stop.clone(), pass).await;
        assert_eq!((counts.most.load(Ordering::SeqCst), counts.done.load(Ordering::SeqCst)), (1, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_come_back_with_growing_pauses() {
        let queue = Queue::new();
        let stop = CancellationToken::new();
        queue.add(Key::new("ns", "a"));
        let start = Instant::now();
        let times = Arc::new(Mutex::new(Vec::new()));
        let (seen, end) = (times.clone(), stop.clone());
        let pass = move |_| {
            let (seen, end) = (seen.clone(), end.clone());
            async move {
                let mut seen = seen.lock();
                seen.push(start.elapsed().as_millis());
                if seen.len() == 4 {
                    end.cancel();
                }
                Pass::Failed("down".into())
            }
        };
        queue.work("test", 1, stop.clone(), pass).await;
        let times = times.lock().clone();
        assert_eq!(times.len(), 4);
        assert!(times[1] >= 100 && times[2] >= 300 && times[3] >= 700, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_stale_is_not_read_in_haste() {
        let queue = Queue::new();
        let stop = CancellationToken::new();
        queue.add(Key::new("ns", "a"));
        let (start, passes) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        let (seen, end) = (passes.clone(), stop.clone());
        let pass = move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
            if start.elapsed() > Duration::from_mins(1) {
                end.cancel();
            }
            async { Pass::Stale }
        };
        queue.work("test", 1, stop.clone(), pass).await;
        let passes = passes.load(Ordering::SeqCst);
        assert!((10..25).contains(&passes), "{passes} passes in a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_panics_comes_back_and_stops_nothing_else() {
        let queue = Queue::new();
        let stop = CancellationToken::new();
        queue.add(Key::new("ns", "a"));
        let (passes, end) = (Arc::new(AtomicUsize::new(0)), stop.clone());
        let pass = move |_| {
            let (n, end) = (passes.fetch_add(1, Ordering::SeqCst), end.clone());
            async move {
                assert!(n > 0, "the first one");
                end.cancel();
                Pass::Done(Requeue::OnChange)
            }
        };
        queue.work("test", 1, stop.clone(), pass).await;
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_after_the_stop() {
        let queue = Queue::new();
        let stop = CancellationToken::new();
        for name in ["a", "b", "c"] {
            queue.add(Key::new("ns", name));
        }
        let (passes, end) = (Arc::new(AtomicUsize::new(0)), stop.clone());
        let seen = passes.clone();
        let pass = move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
            end.cancel();
            async { Pass::Done(Requeue::OnChange) }
        };
        queue.work("test", 1, stop.clone(), pass).await;
        assert_eq!(passes.load(Ordering::SeqCst), 1);
    }
}
