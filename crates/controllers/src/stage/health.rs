//! A Stage's health from its Applications, held back until it is known to be fresh.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ferry_api::promotion::{HealthCheck, PromotionPhase};
use ferry_api::stage::{Health, HealthState};
use ferry_api::{Promotion, Stage};
use ferry_argocd::AppRef;
use ferry_argocd::freshness::{self, Freshness, Observed};
use ferry_argocd::health::{self, Check, Known, State};
use ferry_engine::world::answered;
use ferry_planner::decision::Requeue;
use ferry_planner::stage::Checked;
use jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};
use parking_lot::Mutex;
use serde_json::Value;

use crate::Controllers;
use crate::applications::Application;

/// Since when Applications look as they do.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    seen: Mutex<HashMap<AppRef, Observed>>,
    /// Those for which a refresh is on its way.
    asked: Mutex<HashSet<AppRef>>,
}

impl Observations {
    fn observe(&self, name: &AppRef, app: &Application, now: Timestamp) -> Observed {
        let mut all = self.seen.lock();
        let observed = freshness::observe(all.get(name), app.view(), now);
        all.insert(name.clone(), observed.clone());
        observed
    }

    /// Forgets an Application that is gone.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        self.seen.lock().retain(|app, _| (app.namespace.as_str(), app.name.as_str()) != (namespace, name));
    }
}

/// What the checks say that the Stage's last Promotion left; none where there is nothing to ask.
pub(super) fn check(c: &Controllers, stage: &Stage, promotions: &[&Promotion]) -> Option<Checked> {
    let checks = checks(stage, promotions)?;
    if checks.is_empty() {
        return None;
    }
    let asked: Vec<Check<'_>> = checks
        .iter()
        .map(|check| Check { kind: &check.uses, input: check.config.as_ref().unwrap_or(&Value::Null) })
        .collect();
    let namespace = c.settings.argocd_namespace.as_str();
    let found: HashMap<AppRef, Arc<Application>> = health::applications(&asked, namespace)
        .into_iter()
        .filter_map(|name| Some((name.clone(), c.cache.applications.get(&name.namespace, &name.name)?)))
        .collect();
    let known = |name: &AppRef| match (found.get(name), &c.argocd) {
        (Some(app), _) => Known::Application(app.object()),
        (None, None) => Known::Disabled,
        (None, Some(_)) if c.cache.applications.is_complete() => Known::Missing,
        (None, Some(_)) => Known::Failed("Argo CD's Applications cannot be listed; are its CRDs installed?"),
    };
    let said = health::assess(&asked, namespace, known);
    for name in &said.refresh {
        refresh(c, name);
    }
    let recheck = pending(c, &asked, namespace, &found, c.world.now());
    Some(match recheck {
        None => Checked { health: report(&said), recheck: Requeue::OnChange },
        Some((requeue, why)) => {
            let held = Health { status: Some(HealthState::Progressing), issues: vec![why], ..report(&said) };
            let worse = report(&said).status > held.status;
            Checked { health: if worse { report(&said) } else { held }, recheck: requeue }
        }
    })
}

/// The checks of the Promotion that the Stage's health is made of: the last one, if it succeeded.
fn checks(stage: &Stage, promotions: &[&Promotion]) -> Option<Vec<HealthCheck>> {
    let status = stage.status.as_ref();
    let current = status.and_then(|s| s.current_promotion.as_ref()).map(|p| p.name.as_str());
    // A Promotion that has just ended is taken note of in this very pass.
    let ended = promotions.iter().find(|p| p.is_terminal() && p.metadata.name.as_deref() == current);
    if let Some(ended) = ended {
        let status = ended.status.as_ref()?;
        return (status.phase == Some(PromotionPhase::Succeeded)).then(|| status.health_checks.clone());
    }
    let last = status?.last_promotion.as_ref()?.status.as_ref()?;
    (last.phase == Some(PromotionPhase::Succeeded)).then(|| last.health_checks.clone())
}

/// Whether some Application's health may still be stale, and when to look again.
fn pending(
    c: &Controllers,
    checks: &[Check<'_>],
    namespace: &str,
    found: &HashMap<AppRef, Arc<Application>>,
    now: Timestamp,
) -> Option<(Requeue, String)> {
    let mut waits = Vec::new();
    for (name, app) in found {
        let observed = c.observed.observe(name, app, now);
        let desired = desired(checks, namespace, name);
        let desired: Vec<&str> = desired.iter().map(String::as_str).collect();
        if let Freshness::Wait { until, why } = freshness::freshness(app.view(), &desired, &observed, now) {
            waits.push((until, format!("Argo CD Application {:?}: {why}", name.name)));
        }
    }
    waits.sort();
    waits.into_iter().next().map(|(until, why)| (Requeue::at(until, now), why))
}

fn desired(checks: &[Check<'_>], namespace: &str, name: &AppRef) -> Vec<String> {
    let apps = checks.iter().filter_map(|c| c.input.get("apps")).filter_map(Value::as_array).flatten();
    let text = |app: &Value, key: &str| app.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let is_it = |app: &&Value| {
        let ns = text(app, "namespace").filter(|n| !n.is_empty()).unwrap_or_else(|| namespace.to_owned());
        text(app, "name").as_deref() == Some(&name.name) && ns == name.namespace
    };
    let revisions = apps.filter(is_it).find_map(|app| app.get("desiredRevisions")?.as_array().cloned());
    revisions.into_iter().flatten().map(|r| r.as_str().unwrap_or_default().to_owned()).collect()
}

fn report(said: &health::Health) -> Health {
    let status = match said.state {
        State::Healthy => HealthState::Healthy,
        State::NotApplicable => HealthState::NotApplicable,
        State::Progressing => HealthState::Progressing,
        State::Unknown => HealthState::Unknown,
        State::Unhealthy => HealthState::Unhealthy,
    };
    let output = (!said.output.is_empty()).then(|| Value::Array(said.output.clone()));
    Health { status: Some(status), issues: said.issues.clone(), config: None, output }
}

/// Asks for a refresh, beside the pass: an Argo CD that does not answer holds up no Stage.
fn refresh(c: &Controllers, name: &AppRef) {
    let Some(client) = &c.argocd else { return };
    if !c.observed.asked.lock().insert(name.clone()) {
        return;
    }
    let api = Api::<Application>::namespaced(client.clone(), &name.namespace);
    let (observed, name) = (c.observed.clone(), name.clone());
    tokio::spawn(async move {
        let change = ferry_argocd::refresh_patch();
        let params = PatchParams::default();
        ferry_failpoint::point!("refresh.ask");
        let asked = answered("Application", api.patch(&name.name, &params, &Patch::Merge(&change))).await;
        ferry_failpoint::point!("refresh.asked");
        if let Err(error) = asked {
            tracing::warn!(application = name.name, %error, "refresh not asked for");
        }
        observed.asked.lock().remove(&name);
    });
}
