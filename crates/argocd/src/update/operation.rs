//! The merge patch that requests an operation: refresh, sources, `operation`, and the old state cleared, all under
//! the object's version.

use serde_json::{Value, json};

use super::Context;
use crate::{Application, PROMOTION_INFO, REFRESH_ANNOTATION, merge};

/// The patch; fields that the sources had and we do not know stay. Send it as a merge patch: the API server refuses it
/// with a conflict when the object is not this one any more.
pub fn operation_patch(app: Application<'_>, sources: &[Value], context: &Context) -> Value {
    let live = app.raw();
    let mut wanted = live.clone();
    object_in(object_in(&mut wanted, "metadata"), "annotations")[REFRESH_ANNOTATION] = "hard".into();
    if !app.source_list().is_empty() {
        object_in(&mut wanted, "spec")["sources"] = sources.to_vec().into();
    } else if let Some(source) = sources.first() {
        object_in(&mut wanted, "spec")["source"] = source.clone();
    }
    wanted["operation"] = operation(app, context);
    // Left alone, Argo CD would take the old state for that of the new operation.
    if app.has_status() {
        object_in(&mut wanted, "status")["operationState"] = Value::Null;
    }
    let mut patch = merge::diff(live, &wanted).unwrap_or_else(|| json!({}));
    if !app.resource_version().is_empty() {
        object_in(&mut patch, "metadata")["resourceVersion"] = app.resource_version().into();
    }
    patch
}

fn operation(app: Application<'_>, context: &Context) -> Value {
    let initiator = context.initiator();
    let mut initiated_by = json!({"username": initiator.username});
    if initiator.automated {
        initiated_by["automated"] = true.into();
    }
    let mut sync = json!({});
    let options = crate::application::list(app.sync_policy("syncOptions"));
    if !options.is_empty() {
        sync["syncOptions"] = options.to_vec().into();
    }
    json!({
        "initiatedBy": initiated_by,
        "info": [
            {"name": "Reason", "value": "Promotion triggered a sync of this Application resource."},
            {"name": PROMOTION_INFO, "value": context.promotion},
        ],
        "sync": sync,
        "retry": retry(app.sync_policy("retry")),
    })
}

/// When an operation is tried again: the part of the policy that is known, as Argo CD itself would write it, so without
/// a limit of zero and without empty texts. A factor of zero is one.
pub(crate) fn retry(policy: Option<&Value>) -> Value {
    let known = |value: &Value, keys: &[&str]| {
        let fields = value.as_object().into_iter().flatten();
        let is_said =
            |key: &str, value: &Value| !value.is_null() && *value != "" && (*value != 0 || key == "factor");
        let kept = fields.filter(|(key, value)| keys.contains(&key.as_str()) && is_said(key, value));
        Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    let mut fields = policy.map_or_else(|| json!({}), |policy| known(policy, &["limit"]));
    if let Some(backoff) =
        policy.and_then(|policy| policy.get("backoff")).filter(|backoff| backoff.is_object())
    {
        fields["backoff"] = known(backoff, &["duration", "factor", "maxDuration"]);
    }
    fields
}

fn object_in<'a>(value: &'a mut Value, field: &str) -> &'a mut Value {
    if !value.is_object() {
        *value = json!({});
    }
    let inside = &mut value[field];
    if !inside.is_object() {
        *inside = json!({});
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(actor: Option<&str>) -> Context {
        Context { promotion: "p1".to_owned(), actor: actor.map(str::to_owned), ..Context::default() }
    }

    #[test]
    fn fm_30_the_automated_flag_tells_people_and_policies_apart() {
        let app = json!({"metadata": {"name": "shop"}, "spec": {}});
        let by = |actor| {
            operation_patch(Application::new(&app), &[], &context(actor))["operation"]["initiatedBy"].clone()
        };
        assert_eq!(by(None), json!({"username": "kargo-controller", "automated": true}));
        assert_eq!(by(Some("")), json!({"username": "kargo-controller", "automated": true}));
        assert_eq!(by(Some("email:ann@example.com")), json!({"username": "email:ann@example.com"}));
    }

    #[test]
    fn fm_31_without_sources_it_still_syncs_and_changes_nothing_else() {
        let app = json!({
            "metadata": {"name": "shop", "resourceVersion": "7", "annotations": {"note": "x"}},
            "spec": {"source": {"repoURL": "r"}, "syncPolicy": {"automated": {"selfHeal": true},
                "retry": {"limit": 2, "refresh": true, "backoff": {"duration": "5s", "maxDuration": "", "factor": 0}}, "syncOptions": ["CreateNamespace=true"]}},
            "status": {"health": {"status": "Healthy"}},
        });
        let sources = [json!({"repoURL": "r"})];
        assert_eq!(
            operation_patch(Application::new(&app), &sources, &context(None)),
            json!({
                "metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}, "resourceVersion": "7"},
                "operation": {
                    "initiatedBy": {"username": "kargo-controller", "automated": true},
                    "info": [
                        {"name": "Reason", "value": "Promotion triggered a sync of this Application resource."},
                        {"name": "kargo.akuity.io/promotion", "value": "p1"},
                    ],
                    "sync": {"syncOptions": ["CreateNamespace=true"]},
                    "retry": {"limit": 2, "backoff": {"duration": "5s", "factor": 0}},
                },
                "status": {"operationState": null},
            })
        );
    }

    #[test]
    fn an_application_that_was_never_reconciled_gets_no_status() {
        let patch =
            operation_patch(Application::new(&json!({"metadata": {"name": "shop"}})), &[], &context(None));
        assert_eq!(patch.get("status"), None);
        assert_eq!(patch.pointer("/metadata/resourceVersion"), None);
    }
}
