//! The ledger's entries: one per step that changes things outside, its latest attempt.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ferry_api::promotion::{Ledger, LedgerEntry, LedgerState, PromotionStatus};
use ferry_api::{Promotion, Time};
use ferry_failpoint::broken;
use jiff::Timestamp;
use serde_json::Value;

use super::attempt::WRITE_MARGIN;
use super::{Draft, Stop};
use crate::StepError;
use crate::ledger::Recorder;

/// The entry of a step.
pub(super) fn entry(status: &PromotionStatus, index: usize) -> Option<&LedgerEntry> {
    let step = i64::try_from(index).ok()?;
    status.ledger.as_ref()?.entries.iter().find(|e| e.step == step)
}

/// Begins an attempt in the ledger. One that was begun and not settled is taken up again, with its start and its
/// intents: it may have had its effect. Either way something changes: of two who would begin it only one can.
pub(super) fn begin(promotion: &mut Promotion, index: usize, alias: &str, now: Timestamp) {
    let step = i64::try_from(index).unwrap_or(i64::MAX);
    let ledger = promotion.status.get_or_insert_default().ledger.get_or_insert_with(Ledger::default);
    let at = ledger.entries.iter().position(|e| e.step == step);
    if let Some(entry) = at.and_then(|i| ledger.entries.get_mut(i)) {
        if entry.state == LedgerState::Done {
            entry.attempt += 1;
            entry.state = LedgerState::Begun;
            entry.started_at = Some(Time(now));
            entry.finished_at = None;
            entry.resumed = 0;
        } else {
            entry.resumed += 1;
        }
        return;
    }
    ledger.entries.push(LedgerEntry {
        step,
        alias: alias.to_owned(),
        attempt: 1,
        started_at: Some(Time(now)),
        ..LedgerEntry::default()
    });
}

/// Stores what announces an effect. When it returns the effect may begin: nobody else wrote the status since, the
/// process may act for `margin`, and nobody is known to have asked for an end.
pub(super) async fn swap<R>(
    draft: &Draft,
    index: usize,
    margin: Duration,
    change: impl FnOnce(&mut Promotion) -> R,
) -> Result<R, Stop> {
    draft.authority(margin).await?;
    let done = draft.edit_and_store(change).await?;
    while !draft.has_authority(margin) {
        // It took so long that somebody else may have taken over by now: only another swap tells.
        draft.authority(margin).await?;
        draft.edit_and_store(|promotion| take_up(promotion, index)).await?;
    }
    draft.heed().await.map(|()| done)
}

/// Notes that an attempt is taken up again.
fn take_up(promotion: &mut Promotion, index: usize) {
    let step = i64::try_from(index).unwrap_or(i64::MAX);
    let entries = promotion.status.iter_mut().filter_map(|s| s.ledger.as_mut()).flat_map(|l| &mut l.entries);
    for entry in entries.filter(|e| e.step == step) {
        entry.resumed += 1;
    }
}

/// Settles the attempt: its result is in the status that is stored with this.
pub(super) fn settle(status: &mut PromotionStatus, index: usize, now: Timestamp) {
    let step = i64::try_from(index).unwrap_or(i64::MAX);
    let entries = status.ledger.iter_mut().flat_map(|l| &mut l.entries);
    for entry in entries.filter(|e| e.step == step) {
        entry.state = LedgerState::Done;
        entry.finished_at = Some(Time(now));
    }
}

/// How many intents of a kind an entry keeps: of many attempts only the latest can still matter.
const INTENTS_KEPT: usize = 20;

/// The ledger as the step at work sees it.
pub(super) struct StepRecorder {
    pub draft: Arc<Draft>,
    pub index: usize,
    pub noted: parking_lot::Mutex<Vec<(String, Value)>>,
}

impl StepRecorder {
    pub(super) fn new(draft: Arc<Draft>, index: usize, entry: Option<&LedgerEntry>) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let intents = entry.map(|e| e.intents.clone()).unwrap_or_default();
        let noted =
            intents.iter().flat_map(|(kind, all)| list(all).into_iter().map(|v| (kind.clone(), v))).collect();
        Self { draft, index, noted: parking_lot::Mutex::new(noted) }
    }
}

#[async_trait]
impl Recorder for StepRecorder {
    async fn record(&self, kind: &str, intent: Value) -> Result<(), StepError> {
        let stopped = |why: Stop| StepError::Retryable(format!("the ledger could not be written: {why:?}"));
        if broken!("intent") {
            self.noted.lock().push((kind.to_owned(), intent));
            return Ok(());
        }
        let step = i64::try_from(self.index).unwrap_or(i64::MAX);
        let stored = swap(&self.draft, self.index, WRITE_MARGIN, |promotion| {
            let ledger = promotion.status.get_or_insert_default().ledger.get_or_insert_with(Ledger::default);
            let Some(entry) = ledger.entries.iter_mut().find(|e| e.step == step) else { return false };
            let list = entry.intents.entry(kind.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(list) = list.as_array_mut() {
                list.push(intent.clone());
                let surplus = list.len().saturating_sub(INTENTS_KEPT);
                list.drain(..surplus);
            }
            true
        })
        .await;
        match stored {
            Ok(true) => {
                self.noted.lock().push((kind.to_owned(), intent));
                Ok(())
            }
            Ok(false) => {
                Err(StepError::Fatal("only steps that change things outside have a ledger".to_owned()))
            }
            Err(why) => Err(stopped(why)),
        }
    }

    fn recorded(&self, kind: &str) -> Vec<Value> {
        self.noted.lock().iter().filter(|(k, _)| k == kind).map(|(_, v)| v.clone()).collect()
    }
}
