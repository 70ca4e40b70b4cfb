//! What a Stage's decision asks for, done.

use ferry_api::names::{FINALIZER, annotation, label};
use ferry_api::promotion::PromotionSpec;
use ferry_api::{Freight, ObjectMeta, Promotion, Stage};
use ferry_engine::world::{Error, answered};
use ferry_planner::decision::Requeue;
use ferry_planner::stage::Action;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use super::record;
use crate::Controllers;
use crate::runtime::{Key, Pass, patch, patch_status};

/// A fresh UUID for a verification.
pub(super) fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Does all of them, in order; what they note on one piece of Freight in one write, before anything else. Gives why a
/// promotion was refused.
pub(super) async fn act(c: &Controllers, stage: &Stage, actions: &[Action]) -> Result<Option<String>, Error> {
    record::write(c, stage, actions).await?;
    let mut refused = None;
    for action in actions {
        match act_once(c, stage, action).await {
            Err(Error::Invalid(why) | Error::Unavailable(why))
                if matches!(action, Action::Promote { .. }) =>
            {
                refused = Some(why);
            }
            other => other?,
        }
    }
    Ok(refused)
}

async fn act_once(c: &Controllers, stage: &Stage, action: &Action) -> Result<(), Error> {
    let namespace = stage.metadata.namespace.clone().unwrap_or_default();
    let name = stage.metadata.name.clone().unwrap_or_default();
    match action {
        // Noted before.
        Action::MarkCurrent { .. } | Action::UnmarkCurrent { .. } | Action::MarkVerified { .. } => Ok(()),
        Action::Promote { freight } => promote(c, &namespace, &name, freight).await,
        Action::AnnotateApplications(list) => {
            let before = stage.metadata.annotations.as_ref().and_then(|a| a.get(annotation::ARGOCD_CONTEXT));
            if before == list.as_ref() {
                return Ok(());
            }
            let api = Api::<Stage>::namespaced(c.client.clone(), &namespace);
            let change = json!({"metadata": {"annotations": {annotation::ARGOCD_CONTEXT: list}}});
            patch(&api, &c.cache.stages, &name, &change).await
        }
    }
}

/// Admission completes the Promotion: its name, steps, variables, labels and owner.
async fn promote(c: &Controllers, namespace: &str, stage: &str, freight: &str) -> Result<(), Error> {
    let actor = "controller:stage-controller".to_owned();
    let promotion = Promotion {
        metadata: ObjectMeta {
            generate_name: Some("promo-".to_owned()),
            namespace: Some(namespace.to_owned()),
            annotations: Some([(annotation::CREATE_ACTOR.to_owned(), actor)].into()),
            ..ObjectMeta::default()
        },
        spec: PromotionSpec {
            stage: stage.to_owned(),
            freight: Some(freight.to_owned()),
            ..PromotionSpec::default()
        },
        ..Promotion::default()
    };
    let api = Api::<Promotion>::namespaced(c.client.clone(), namespace);
    let what = format!("Promotion of {freight} to {stage}");
    let key = Key::new(namespace, stage);
    if c.doubts.lock().contains(&key) && is_stored(c, &api, stage, freight).await? {
        return Ok(());
    }
    // Until the watch brings it, the next pass must know of it: or it would promote twice.
    ferry_failpoint::point!("auto-promotion.create");
    let created = answered(&what, api.create(&PostParams::default(), &promotion)).await;
    ferry_failpoint::point!("auto-promotion.created");
    let created = match created {
        Ok(created) => created,
        Err(error) => {
            if matches!(error, Error::Unavailable(_)) {
                c.doubts.lock().insert(key);
            }
            return Err(error);
        }
    };
    tracing::info!(project = namespace, stage, freight, promotion = created.metadata.name, "auto-promotion");
    c.cache.promotions.learn(created);
    Ok(())
}

/// Whether a Promotion that was not answered for was stored nevertheless. Asks the API server, not the cache.
async fn is_stored(c: &Controllers, api: &Api<Promotion>, stage: &str, freight: &str) -> Result<bool, Error> {
    let params = ListParams::default().labels(&format!("{}={stage}", label::STAGE));
    let found = answered("Promotions", api.list(&params)).await?.items;
    let is_it = |p: &Promotion| !p.is_terminal() && p.spec.freight.as_deref() == Some(freight);
    let is_there = found.iter().any(is_it);
    for promotion in found {
        c.cache.promotions.learn(promotion);
    }
    c.doubts.lock().remove(&Key::new(api.namespace().unwrap_or_default(), stage));
    Ok(is_there)
}

/// A Stage that goes leaves no trace in the Freight's record.
pub(super) async fn clean_up(c: &Controllers, api: &Api<Stage>, stage: &Stage) -> Result<Pass, Error> {
    let namespace = stage.metadata.namespace.clone().unwrap_or_default();
    let name = stage.metadata.name.clone().unwrap_or_default();
    let finalizers = stage.metadata.finalizers.clone().unwrap_or_default();
    c.doubts.lock().remove(&Key::new(namespace.clone(), name.clone()));
    if !finalizers.iter().any(|f| f == FINALIZER) {
        return Ok(Pass::Done(Requeue::OnChange));
    }
    let freight_api = Api::<Freight>::namespaced(c.client.clone(), &namespace);
    for piece in c.cache.freight.in_namespace(&namespace) {
        if piece.is_verified_in(&name) || piece.is_approved_for(&name) {
            let change = json!({"status": {"verifiedIn": {&name: null}, "approvedFor": {&name: null}}});
            let freight = piece.metadata.name.clone().unwrap_or_default();
            match patch_status(&freight_api, &c.cache.freight, &freight, &change).await {
                Ok(()) | Err(Error::Gone(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    let left: Vec<String> = finalizers.into_iter().filter(|f| f != FINALIZER).collect();
    let version = stage.metadata.resource_version.clone();
    let change = json!({"metadata": {"finalizers": left, "resourceVersion": version}});
    match patch(api, &c.cache.stages, &name, &change).await {
        Ok(()) | Err(Error::Gone(_)) => Ok(Pass::Done(Requeue::OnChange)),
        Err(error) => Err(error),
    }
}
