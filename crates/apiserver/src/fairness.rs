//! How many requests are worked on at a time. Everybody has a share of their own, so whoever asks without end, or for
//! what takes long, waits behind themselves and keeps nobody else from a seat. A watch has its seat until it begins;
//! a body is read before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Status;

/// Bounds of what is worked on.
#[derive(Debug, Clone, Copy)]
pub struct Seats {
    /// Most requests at a time, of all users together.
    pub all: usize,
    /// Most requests at a time of one user.
    pub each: usize,
    /// Most requests of one user that wait; further ones are told to come again.
    pub waiting: usize,
}

impl Seats {
    /// So many at a time; a quarter of them for each user, of whom eight times as many may wait.
    pub fn of(all: u32) -> Self {
        let all = usize::try_from(all).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        let each = all.div_ceil(4);
        Self { all, each, waiting: each.saturating_mul(8) }
    }
}

impl Default for Seats {
    fn default() -> Self {
        Self::of(400)
    }
}

/// The seats of a server.
#[derive(Debug)]
pub(crate) struct Fairness {
    seats: Seats,
    all: Arc<Semaphore>,
    users: Mutex<HashMap<String, Weak<Share>>>,
}

/// What one user may take.
#[derive(Debug)]
struct Share {
    seats: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Being worked on, until dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    _own: OwnedSemaphorePermit,
    _common: OwnedSemaphorePermit,
    _share: Arc<Share>,
}

/// Counts one that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Fairness {
    pub(crate) fn new(seats: Seats) -> Self {
        Self { seats, all: Arc::new(Semaphore::new(seats.all)), users: Mutex::default() }
    }

    /// Waits for a seat, in the order in which this user's requests came.
    pub(crate) async fn seat(&self, user: &str) -> Result<Seat, Status> {
        let share = self.share(user);
        let before = share.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&share.waiting);
        if before >= self.seats.waiting {
            return Err(Status::too_many());
        }
        // Their own share first: who has used it up stands in nobody's way.
        let closed = |_| Status::internal("the server ends");
        let own = share.seats.clone().acquire_owned().await.map_err(closed)?;
        let common = self.all.clone().acquire_owned().await.map_err(closed)?;
        drop(waiting);
        Ok(Seat { _own: own, _common: common, _share: share })
    }

    fn share(&self, user: &str) -> Arc<Share> {
        let mut users = self.users.lock();
        if let Some(share) = users.get(user).and_then(Weak::upgrade) {
            return share;
        }
        users.retain(|_, share| share.strong_count() > 0);
        let share = Share { seats: Arc::new(Semaphore::new(self.seats.each)), waiting: AtomicUsize::new(0) };
        let share = Arc::new(share);
        users.insert(user.to_owned(), Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn fm_64_who_asks_without_end_waits_behind_themselves() {
        let fairness = Fairness::new(Seats { all: 10, each: 3, waiting: 2 });
        let mut seats = Vec::new();
        for _ in 0..3 {
            seats.push(fairness.seat("busy").await.unwrap());
        }
        let first = fairness.seat("busy");
        let second = fairness.seat("busy");
        let (mut first, mut second) = (Box::pin(first), Box::pin(second));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        let refused = fairness.seat("busy").await.unwrap_err();
        assert_eq!((refused.code, &*refused.reason), (429, "TooManyRequests"));
        // Others get theirs at once.
        let other = fairness.seat("other").now_or_never().unwrap().unwrap();
        drop(second);
        seats.pop();
        let third = first.await.unwrap();
        drop((seats, other, third));
        assert_eq!(fairness.all.available_permits(), 10);
        assert!(fairness.seat("busy").now_or_never().unwrap().is_ok());
    }
}
