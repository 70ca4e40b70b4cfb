//! When what an Application reports may be taken for the truth after an operation. Argo CD's first comparison after an
//! operation often works on an old cache; the right one follows within 0.4 s. So: compared after the end, with the
//! desired revisions and with today's sources, and unchanged for a second; all of that only for so long.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Application;
use crate::application::OperationState;

/// How long nothing may change.
const SETTLED: SignedDuration = SignedDuration::from_secs(1);
/// How long a comparison that does not come, or does not fit, is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// What was observed of an Application, and since when by our own clock. The caller keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// All that health is made of, but the times of comparisons.
    pub state: String,
    /// When it was first seen to be so.
    pub since: Timestamp,
}

/// Whether an Application's health may be taken for the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Yes.
    Fresh,
    /// Not yet: look again then, or when the Application changes.
    Wait {
        /// When to look again.
        until: Timestamp,
        /// What is missing.
        why: &'static str,
    },
    /// It was waited long enough: what it says is taken as it is.
    Overdue {
        /// What is missing.
        why: &'static str,
    },
}

/// What is observed now, given what was observed last.
pub fn observe(last: Option<&Observed>, app: Application<'_>, now: Timestamp) -> Observed {
    let operation = app.operation_state();
    let conditions: Vec<_> = app.error_conditions().map(|condition| condition.kind).collect();
    let state = json!([
        app.health(),
        app.sync(),
        app.revisions(),
        app.operation().is_some(),
        operation.map(|state| state.phase().as_str().to_owned()),
        operation.and_then(OperationState::finished_at).map(|time| time.to_string()),
        conditions,
        app.is_stale(),
    ])
    .to_string();
    match last {
        Some(last) if last.state == state => last.clone(),
        _ => Observed { state, since: now },
    }
}

/// Whether what is observed may be taken for the truth. `desired` are the revisions of its sources, empty where none
/// is asked for.
pub fn freshness(app: Application<'_>, desired: &[&str], observed: &Observed, now: Timestamp) -> Freshness {
    let Some(operation) = app.operation_state() else { return Freshness::Fresh };
    let settled = later(observed.since, SETTLED);
    // An operation under way says so itself; there is no more to wait for than its next version.
    let missing = if app.operation().is_some() || !operation.phase().is_completed() {
        None
    } else if app.is_stale() {
        Some("it was not compared since its latest operation ended")
    } else if !is_at(app, desired) {
        Some("it was not yet compared with the desired revision")
    } else if !is_compared_with_todays_sources(app) {
        Some("it was not yet compared with its present sources")
    } else {
        None
    };
    match missing {
        None if now >= settled => Freshness::Fresh,
        None => Freshness::Wait { until: settled, why: "it changed less than a second ago" },
        Some(why) => {
            let end = later(observed.since, PATIENCE);
            if now < end { Freshness::Wait { until: end, why } } else { Freshness::Overdue { why } }
        }
    }
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn is_at(app: Application<'_>, desired: &[&str]) -> bool {
    let observed = app.revisions();
    desired.iter().enumerate().all(|(i, desired)| desired.is_empty() || observed.get(i) == Some(desired))
}

/// Argo CD says what it compared with; a comparison with yesterday's target revision tells nothing of today's.
fn is_compared_with_todays_sources(app: Application<'_>) -> bool {
    let (compared, sources) = (app.compared_sources(), app.sources());
    compared.is_empty()
        || compared.len() == sources.len()
            && compared.iter().zip(&sources).all(|(compared, source)| {
                compared.repo_url() == source.repo_url()
                    && compared.target_revision() == source.target_revision()
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn app(revision: &str, reconciled: &str) -> Value {
        json!({
            "spec": {"source": {"repoURL": "r", "targetRevision": "main"}},
            "status": {
                "health": {"status": "Healthy"}, "reconciledAt": reconciled,
                "sync": {"status": "Synced", "revision": revision,
                    "comparedTo": {"source": {"repoURL": "r", "targetRevision": "main"}}},
                "operationState": {"phase": "Succeeded", "finishedAt": "2031-01-01T00:05:00Z"},
            },
        })
    }

    fn at(seconds: &str) -> Timestamp {
        format!("2031-01-01T00:05:{seconds}Z").parse().unwrap()
    }

    fn decided(object: &Value, since: &str, now: &str) -> Freshness {
        let app = Application::new(object);
        freshness(app, &["aaa"], &observe(None, app, at(since)), at(now))
    }

    #[test]
    fn fm_33_a_second_without_change_makes_it_true() {
        let fresh = app("aaa", "2031-01-01T00:05:00Z");
        let Freshness::Wait { until, .. } = decided(&fresh, "00.2", "00.9") else { panic!("it waits") };
        assert_eq!(until, at("01.2"));
        assert_eq!(decided(&fresh, "00.2", "01.2"), Freshness::Fresh);
    }

    #[test]
    fn fm_33_the_wait_is_bounded() {
        let mut other_source = app("aaa", "2031-01-01T00:05:00Z");
        other_source["status"]["sync"]["comparedTo"]["source"]["targetRevision"] = "old".into();
        for stale in [app("aaa", "2031-01-01T00:04:59Z"), app("bbb", "2031-01-01T00:05:00Z"), other_source] {
            let Freshness::Wait { until, .. } = decided(&stale, "01", "02") else { panic!("it waits") };
            assert_eq!(until, at("31"));
            assert!(matches!(decided(&stale, "01", "31"), Freshness::Overdue { .. }));
        }
    }

    #[test]
    fn another_comparison_with_the_same_result_is_no_change() {
        let (first, second) = (app("aaa", "2031-01-01T00:05:00Z"), app("aaa", "2031-01-01T00:05:09Z"));
        let seen = observe(None, Application::new(&first), at("00"));
        assert_eq!(observe(Some(&seen), Application::new(&second), at("09")), seen);
        let mut degraded = second;
        degraded["status"]["health"]["status"] = "Degraded".into();
        assert_eq!(observe(Some(&seen), Application::new(&degraded), at("09")).since, at("09"));
    }

    #[test]
    fn without_an_operation_there_is_nothing_to_wait_for() {
        let object = json!({"status": {"health": {"status": "Healthy"}}});
        assert_eq!(decided(&object, "00", "00"), Freshness::Fresh);
    }
}
