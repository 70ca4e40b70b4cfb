//! Webhook receivers, which ProjectConfig and ClusterConfig share.

use ferry_api::LabelSelector;
use ferry_api::receiver::{GenericReceiver, IndexSelector, WebhookReceiver};
use serde_json::json;

use crate::outcome::Cause;

/// Names are unique, a receiver has one provider, and each target of a generic one selects something.
pub(crate) fn check(receivers: &[WebhookReceiver], causes: &mut Vec<Cause>) {
    for (index, receiver) in receivers.iter().enumerate() {
        let field = format!("spec.webhookReceivers[{index}]");
        if let Some(first) = receivers.iter().take(index).position(|other| other.name == receiver.name) {
            let why = format!("spec.webhookReceivers[{first}] has this name");
            causes.push(Cause::invalid(format!("{field}.name"), receiver.name.as_str(), why));
        }
        let providers = providers(receiver);
        if providers.len() > 1 {
            let why = format!("a receiver has one provider, and this one has {}", providers.join(", "));
            causes.push(Cause::forbidden(&field, why));
        }
        if let Some(generic) = &receiver.generic {
            check_generic(generic, &field, causes);
        }
    }
}

/// The providers that exclude each other; Harbor may stand beside another, as it always could.
fn providers(receiver: &WebhookReceiver) -> Vec<&'static str> {
    let given = [
        ("artifactory", receiver.artifactory.is_some()),
        ("azure", receiver.azure.is_some()),
        ("bitbucket", receiver.bitbucket.is_some()),
        ("dockerhub", receiver.dockerhub.is_some()),
        ("generic", receiver.generic.is_some()),
        ("gitea", receiver.gitea.is_some()),
        ("github", receiver.github.is_some()),
        ("gitlab", receiver.gitlab.is_some()),
        ("quay", receiver.quay.is_some()),
    ];
    given.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)).collect()
}

fn check_generic(generic: &GenericReceiver, field: &str, causes: &mut Vec<Cause>) {
    for (i, action) in generic.actions.iter().enumerate() {
        for (j, target) in action.target_selection_criteria.iter().enumerate() {
            let labels = target.label_selector.as_ref().is_some_and(selects);
            let index =
                target.index_selector.as_ref().is_some_and(|s: &IndexSelector| !s.match_indices.is_empty());
            if target.name.is_empty() && !labels && !index {
                let field = format!("{field}.generic.actions[{i}].targetSelectionCriteria[{j}]");
                let why = "give at least one of name, labelSelector and indexSelector";
                causes.push(Cause::invalid(field, json!(target), why));
            }
        }
    }
}

fn selects(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_some_and(|labels| !labels.is_empty())
        || selector.match_expressions.as_ref().is_some_and(|expressions| !expressions.is_empty())
}
