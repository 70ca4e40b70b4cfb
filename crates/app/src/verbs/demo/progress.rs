//! What happens, as it happens: one line for each thing that is done, and on a terminal one for what is being done.

use std::collections::{BTreeMap, HashSet};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use ferry_api::{Freight, Promotion, PromotionPhase};
use futures::StreamExt as _;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, ResourceExt as _};
use parking_lot::Mutex;

/// How long each Promotion took, by its name.
pub(super) type Seconds = Arc<Mutex<BTreeMap<String, f64>>>;

/// Tells of what happens in the demo.
pub(super) struct Progress {
    began: Instant,
    is_live: bool,
    seconds: Seconds,
    seen: HashSet<String>,
    started: BTreeMap<String, Instant>,
}

impl Progress {
    pub(super) fn new(seconds: Seconds) -> Self {
        let is_live = std::io::stdout().is_terminal();
        Self { began: Instant::now(), is_live, seconds, seen: HashSet::new(), started: BTreeMap::new() }
    }

    /// One thing that is done.
    pub(super) fn say(&self, text: &str) {
        let clear = if self.is_live { "\r\x1b[2K" } else { "" };
        // Nobody reads any more: then the demo goes on silently.
        let _ =
            writeln!(std::io::stdout().lock(), "{clear}{:6.2} s  {text}", self.began.elapsed().as_secs_f64());
    }

    /// What is being done.
    fn murmur(&self, text: &str) {
        if self.is_live {
            let mut out = std::io::stdout().lock();
            let _ = write!(out, "\r\x1b[2K          {text}").and_then(|()| out.flush());
        }
    }

    /// Follows Freight and Promotions, for ever.
    pub(super) async fn follow(mut self, client: Client, project: &str) {
        let freights: Api<Freight> = Api::namespaced(client.clone(), project);
        let promotions: Api<Promotion> = Api::namespaced(client, project);
        let config = watcher::Config::default;
        let mut freights = watcher(freights, config()).default_backoff().applied_objects().boxed();
        let mut promotions = watcher(promotions, config()).default_backoff().applied_objects().boxed();
        loop {
            tokio::select! {
                Some(freight) = freights.next() => if let Ok(freight) = freight { self.freight(&freight) },
                Some(promotion) = promotions.next() => if let Ok(promotion) = promotion { self.promotion(&promotion) },
                else => return,
            }
        }
    }

    fn freight(&mut self, freight: &Freight) {
        if self.seen.insert(freight.name_any()) {
            let commit = freight.commits.first();
            let id = commit.and_then(|commit| commit.id.get(..7)).unwrap_or_default();
            self.say(&format!("Freight {} holds commit {id}", freight.alias.as_deref().unwrap_or_default()));
        }
    }

    fn promotion(&mut self, promotion: &Promotion) {
        let (name, stage) = (promotion.name_any(), promotion.spec.stage.as_str());
        let began = *self.started.entry(name.clone()).or_insert_with(Instant::now);
        let Some(status) = &promotion.status else { return };
        let phase = status.phase.unwrap_or(PromotionPhase::Pending);
        if !phase.is_terminal() {
            let step = usize::try_from(status.current_step).unwrap_or_default();
            let uses =
                promotion.spec.steps.get(step).and_then(|step| step.uses.as_deref()).unwrap_or_default();
            return self.murmur(&format!(
                "{stage}: {uses}, step {} of {}",
                step + 1,
                promotion.spec.steps.len()
            ));
        }
        if !self.seen.insert(name.clone()) {
            return;
        }
        let took = began.elapsed().as_secs_f64();
        self.seconds.lock().insert(name, took);
        let pushed = super::pushed(promotion).and_then(|commit| commit.get(..7).map(str::to_owned));
        let what = match pushed {
            Some(commit) if phase == PromotionPhase::Succeeded => {
                format!("pushed {commit}, Application kargo-demo-{stage} is synced to it")
            }
            _ => status.message.clone(),
        };
        self.say(&format!("{stage}: {} in {took:.2} s: {what}", phase.as_str()));
    }
}
