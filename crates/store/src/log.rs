//! The bounded history of one resource: what watchers resume from and old lists are rebuilt from.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{Event, Expired};

/// The newest events of one resource, bounded by number and by bytes.
#[derive(Debug)]
pub(crate) struct Log {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// History is complete after this version.
    oldest: u64,
    max_events: usize,
    max_bytes: usize,
}

impl Log {
    pub(crate) fn new(oldest: u64, max_events: usize, max_bytes: usize) -> Self {
        Self { events: VecDeque::new(), bytes: 0, oldest, max_events, max_bytes }
    }

    pub(crate) fn push(&mut self, event: Arc<Event>) {
        self.bytes += event.object.bytes.len();
        self.events.push_back(event);
        while self.events.len() > self.max_events || self.bytes > self.max_bytes {
            self.drop_first();
        }
    }

    /// Forgets everything up to and including `version`.
    pub(crate) fn compact(&mut self, version: u64) {
        while self.events.front().is_some_and(|e| e.version() <= version) {
            self.drop_first();
        }
        self.oldest = self.oldest.max(version);
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.events.pop_front() {
            self.bytes = self.bytes.saturating_sub(first.object.bytes.len());
            self.oldest = first.version();
        }
    }

    /// The events after `version`, oldest first.
    pub(crate) fn after(
        &self,
        version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Arc<Event>>, Expired> {
        if version < self.oldest {
            return Err(Expired { requested: version, oldest: self.oldest });
        }
        let start = self.events.partition_point(|e| e.version() <= version);
        Ok(self.events.range(start..))
    }
}
