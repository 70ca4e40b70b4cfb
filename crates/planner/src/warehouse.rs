//! What happens at a Warehouse: when to look, what to make of what was found.

mod freight;

use std::time::Duration;

use ferry_api::conditions::{self, ConditionStatus, ConditionType};
use ferry_api::names::annotation;
use ferry_api::warehouse::{DiscoveredArtifacts, FreightCreationPolicy, WarehouseStatus};
use ferry_api::{Condition, Freight, Time, Warehouse, duration};
use ferry_expr::Expression;
use jiff::Timestamp;

use crate::decision::Requeue;
use crate::expressions::criteria_functions;
use crate::selection;

pub use freight::build;

/// How often a Warehouse looks where it does not say.
pub const DEFAULT_INTERVAL: Duration = Duration::from_mins(5);

/// Why a Warehouse is not healthy: it could not look, or not make Freight of what it found.
const DISCOVERY_FAILED: &str = "DiscoveryFailed";
const BUILD_FAILED: &str = "FreightBuildFailure";

/// Whether it is time to look, or how long until it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// Now; why.
    Now(&'static str),
    /// After this long.
    After(Duration),
}

/// Decides whether it is time to look. `shortest` is the installation's lower bound of the interval.
pub fn look(warehouse: &Warehouse, shortest: Duration, now: Timestamp) -> Look {
    let none = WarehouseStatus::default();
    let status = warehouse.status.as_ref().unwrap_or(&none);
    let Some(at) = status.discovered_artifacts.as_ref().and_then(|d| d.discovered_at.as_ref()) else {
        return Look::Now("nothing was looked for yet");
    };
    if warehouse.metadata.generation > status.observed_generation {
        return Look::Now("the Warehouse was changed");
    }
    if let Some(token) = refresh_token(warehouse)
        && Some(&token) != status.last_handled_refresh.as_ref()
    {
        return Look::Now("somebody asked for it");
    }
    if let Some(why) = unfinished(status) {
        return Look::Now(why);
    }
    let due = at.0.checked_add(interval(warehouse, shortest)).unwrap_or(now);
    if due <= now {
        Look::Now("the interval is over")
    } else {
        Look::After(until(due, now).min(interval(warehouse, shortest)))
    }
}

/// A look that was cut short, or failed, is not what the interval counts from. Who asks paces himself.
fn unfinished(status: &WarehouseStatus) -> Option<&'static str> {
    let condition = |kind| conditions::get(&status.conditions, kind);
    if condition(ConditionType::Reconciling).is_some_and(|c| c.status == ConditionStatus::True.as_str()) {
        return Some("the last look was cut short");
    }
    let failed = condition(ConditionType::Healthy)
        .is_some_and(|c| matches!(c.reason.as_str(), DISCOVERY_FAILED | BUILD_FAILED));
    failed.then_some("the last look failed")
}

fn until(due: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(now)).unwrap_or_default()
}

fn interval(warehouse: &Warehouse, shortest: Duration) -> Duration {
    let asked = warehouse.spec.interval.as_deref().and_then(|text| duration::parse(text).ok());
    asked.unwrap_or(DEFAULT_INTERVAL).max(shortest)
}

fn refresh_token(warehouse: &Warehouse) -> Option<String> {
    warehouse.metadata.annotations.as_ref()?.get(annotation::REFRESH).cloned()
}

/// The status while it looks.
pub fn looking(warehouse: &Warehouse, now: Timestamp) -> WarehouseStatus {
    let mut status = warehouse.status.clone().unwrap_or_default();
    let what = format!("Discovering artifacts for {} subscriptions", warehouse.spec.subscriptions.len());
    let ready = conditions::get(&status.conditions, ConditionType::Ready);
    let failed_before = ready.is_some_and(|c| c.reason == "DiscoveryFailure");
    let mut set = |kind, value, reason, message: &str| {
        conditions::set(
            &mut status.conditions,
            kind,
            value,
            reason,
            message,
            warehouse.metadata.generation,
            &Time(now),
        );
    };
    set(ConditionType::Reconciling, ConditionStatus::True, "ScheduledDiscovery", &what);
    // What went wrong the last time stays to be seen until it is known to be right.
    if !failed_before {
        set(
            ConditionType::Ready,
            ConditionStatus::False,
            "DiscoveryInProgress",
            "Waiting for discovery to complete",
        );
        set(ConditionType::Healthy, ConditionStatus::Unknown, "Pending", "Health is pending discovery");
    }
    status
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Everything that is there.
    Artifacts(DiscoveredArtifacts),
    /// It could not be found out: which subscription, and why.
    Failed(String),
}

/// What to do after a look.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The status from now on, but for what the creation of Freight says: [`created`].
    pub status: WarehouseStatus,
    /// Freight to create.
    pub freight: Option<Box<Freight>>,
    /// When to look again.
    pub requeue: Requeue,
}

/// Decides what to make of what was found.
pub fn decide(warehouse: &Warehouse, found: Found, shortest: Duration, now: Timestamp) -> Decision {
    let mut status = warehouse.status.clone().unwrap_or_default();
    status.last_handled_refresh = refresh_token(warehouse).or(status.last_handled_refresh);
    for kind in [
        ConditionType::Reconciling,
        ConditionType::FreightCreationCriteriaSatisfied,
        ConditionType::FreightCreated,
    ] {
        conditions::remove(&mut status.conditions, kind);
    }
    let mut round = Round { warehouse, status, now };
    let requeue = Requeue::After(interval(warehouse, shortest));
    let artifacts = match found {
        Found::Artifacts(artifacts) => artifacts,
        Found::Failed(why) => {
            round.unhealthy(DISCOVERY_FAILED, &format!("Unable to discover artifacts: {why}"));
            round.not_ready("DiscoveryFailure", &format!("Artifact discovery failed: {why}"));
            return Decision { status: round.end(), freight: None, requeue };
        }
    };
    round.status.observed_generation = warehouse.metadata.generation;
    let count = warehouse.spec.subscriptions.len();
    let missing = missing(&artifacts);
    let freight = match missing {
        Some((health, ready, message)) => {
            round.unhealthy(health, &message);
            round.not_ready(ready, &message);
            None
        }
        None => round.propose(&artifacts, count),
    };
    round.status.discovered_artifacts = Some(artifacts);
    Decision { status: round.end(), freight, requeue }
}

fn conditions_of(warehouse: &Warehouse) -> &[Condition] {
    warehouse.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default()
}

/// Adds what creating the Freight came to.
pub fn created(
    warehouse: &Warehouse,
    mut status: WarehouseStatus,
    name: &str,
    outcome: &Result<bool, String>,
    now: Timestamp,
) -> WarehouseStatus {
    let mut set = |kind, value, reason: &str, message: &str| {
        conditions::set(
            &mut status.conditions,
            kind,
            value,
            reason,
            message,
            warehouse.metadata.generation,
            &Time(now),
        );
    };
    match outcome {
        Ok(true) => {
            set(
                ConditionType::FreightCreated,
                ConditionStatus::True,
                "NewFreight",
                "No Freight composed of the newest artifacts already existed",
            );
        }
        Ok(false) => {
            set(
                ConditionType::FreightCreated,
                ConditionStatus::False,
                "AlreadyExists",
                "Freight of the newest artifacts exists already",
            );
        }
        Err(why) => {
            let message = format!("Freight could not be created: {why}");
            set(ConditionType::Healthy, ConditionStatus::False, BUILD_FAILED, &message);
            set(ConditionType::Ready, ConditionStatus::False, "FreightCreationFailure", &message);
            return status;
        }
    }
    status.last_freight_id = Some(name.to_owned());
    conditions::keep(conditions_of(warehouse), &mut status.conditions);
    status
}

type Missing = (&'static str, &'static str, String);

fn missing(found: &DiscoveredArtifacts) -> Option<Missing> {
    if found.git.is_empty() && found.images.is_empty() && found.charts.is_empty() && found.results.is_empty()
    {
        return Some(("MissingArtifacts", "MissingArtifacts", "No artifacts discovered".to_owned()));
    }
    let commits = found.git.iter().find(|g| g.commits.is_empty()).map(|g| {
        let message = format!("No commits discovered for Git repository {:?}", g.repo_url);
        ("NoCommitsDiscovered", "MissingCommits", message)
    });
    let images = found.images.iter().find(|i| i.references.is_empty()).map(|i| {
        let message = format!("No references discovered for image repository {:?}", i.repo_url);
        ("NoImageReferencesDiscovered", "MissingImageReferences", message)
    });
    let charts = found.charts.iter().find(|c| c.versions.is_empty()).map(|c| {
        let message = format!("No versions discovered for chart {:?} of repository {:?}", c.name, c.repo_url);
        ("NoChartVersionsDiscovered", "MissingChartVersions", message)
    });
    commits.or(images).or(charts)
}

struct Round<'a> {
    warehouse: &'a Warehouse,
    status: WarehouseStatus,
    now: Timestamp,
}

impl Round<'_> {
    fn set(&mut self, kind: ConditionType, status: ConditionStatus, reason: &str, message: &str) {
        let generation = self.warehouse.metadata.generation;
        conditions::set(
            &mut self.status.conditions,
            kind,
            status,
            reason,
            message,
            generation,
            &Time(self.now),
        );
    }

    fn end(mut self) -> WarehouseStatus {
        conditions::keep(conditions_of(self.warehouse), &mut self.status.conditions);
        self.status
    }

    fn unhealthy(&mut self, reason: &str, message: &str) {
        self.set(ConditionType::Healthy, ConditionStatus::False, reason, message);
    }

    fn not_ready(&mut self, reason: &str, message: &str) {
        self.set(ConditionType::Ready, ConditionStatus::False, reason, message);
    }

    /// The Freight to create, if the policy and the criteria want it.
    fn propose(&mut self, found: &DiscoveredArtifacts, count: usize) -> Option<Box<Freight>> {
        let automatic = self.warehouse.spec.freight_creation_policy.unwrap_or_default()
            == FreightCreationPolicy::Automatic;
        let mut wanted = false;
        if automatic {
            match criteria(self.warehouse, found, self.now) {
                Err(why) => {
                    self.unhealthy("CriteriaEvaluationFailed", &why);
                    self.not_ready("CriteriaEvaluationFailed", &why);
                    return None;
                }
                Ok(satisfied) => {
                    wanted = satisfied;
                    let (status, reason, message) = if satisfied {
                        (ConditionStatus::True, "CriteriaSatisfied", "Freight creation criteria satisfied")
                    } else {
                        (
                            ConditionStatus::False,
                            "CriteriaNotSatisfied",
                            "Freight creation criteria were not satisfied",
                        )
                    };
                    self.set(ConditionType::FreightCreationCriteriaSatisfied, status, reason, message);
                }
            }
        }
        self.set(ConditionType::Healthy, ConditionStatus::True, "ReconciliationSucceeded", "");
        let message = format!("Successfully discovered artifacts from {count} subscriptions");
        self.set(ConditionType::Ready, ConditionStatus::True, "ArtifactsDiscovered", &message);
        wanted.then(|| Box::new(build(self.warehouse, found, self.now)))
    }
}

/// Whether a Warehouse's criteria let Freight be made of what was found; without any they do.
pub fn criteria(warehouse: &Warehouse, found: &DiscoveredArtifacts, now: Timestamp) -> Result<bool, String> {
    let criteria = warehouse.spec.freight_creation_criteria.as_ref();
    let text = criteria.map(|c| c.expression.trim()).unwrap_or_default();
    let only_others = found.git.is_empty() && found.images.is_empty() && found.charts.is_empty();
    if text.is_empty() || only_others {
        return Ok(true);
    }
    let failed = |why: String| format!("Freight creation criteria: {why}");
    let expression = Expression::parse(text).map_err(|e| failed(e.to_string()))?;
    let functions = criteria_functions(found, now);
    let value = expression.evaluate_without_variables(&functions).map_err(|e| failed(e.to_string()))?;
    selection::as_bool(&value)
        .ok_or_else(|| failed(format!("it must come out as true or false, not as {}", value.display())))
}
