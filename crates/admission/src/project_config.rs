//! ProjectConfig: named after its Project, with policies that name each Stage once.

use ferry_api::ProjectConfig;
use ferry_api::names::label;
use ferry_api::project_config::PromotionPolicy;
use ferry_artifact::pattern::NamePattern;
use k8s_openapi::api::core::v1::Namespace;

use crate::lookup::{Resource, Snapshot};
use crate::outcome::{Cause, Denial, Reviewed};
use crate::request::{Operation, Request};
use crate::{receivers, rules};

const PREFIXES: [&str; 3] = ["glob", "regex", "regexp"];

/// Name, Namespace, policies and receivers.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot) -> Reviewed<()> {
    if request.operation == Operation::Delete {
        return Ok(());
    }
    let config: ProjectConfig = request.typed()?;
    let mut causes = Vec::new();
    if request.operation == Operation::Create {
        if !request.dry_run {
            check_namespace(request, known)?;
        }
        let name = request.object_name();
        if name != request.namespace {
            let why = format!("it must be named after its project, {:?}", request.namespace);
            causes.push(Cause::invalid("metadata.name", name, why));
        }
    }
    if let Some(spec) = &config.spec {
        check_policies(&spec.promotion_policies, &mut causes);
        receivers::check(&spec.webhook_receivers, &mut causes);
    }
    request.accept(causes)
}

fn check_namespace(request: &Request<'_>, known: &Snapshot) -> Reviewed<()> {
    let name = request.namespace;
    let Some(namespace) = known.object::<Namespace>(Resource::Namespace, "", name)? else {
        return Err(request.deny(Denial::not_found("", "namespaces", name)));
    };
    if rules::is_project(&namespace) {
        return Ok(());
    }
    let why = format!("namespace {name:?} belongs to no project: it lacks the label {}=true", label::PROJECT);
    Err(request.deny(Denial::forbidden(request.group, "projectconfigs", request.object_name(), &why)))
}

fn check_policies(policies: &[PromotionPolicy], causes: &mut Vec<Cause>) {
    let mut exact: Vec<(usize, &str)> = Vec::new();
    for (index, policy) in policies.iter().enumerate() {
        let selector = policy.stage_selector.as_ref().and_then(|selector| selector.name.as_deref());
        let name = policy.stage.as_deref().or(selector).unwrap_or_default();
        if policy.stage.is_none()
            && let Some(why) = broken(name)
        {
            let field = format!("spec.promotionPolicies[{index}].stageSelector.name");
            causes.push(Cause::invalid(field, name, why));
            continue;
        }
        if name.is_empty() || name.contains(':') {
            continue;
        }
        if let Some((first, _)) = exact.iter().find(|(_, other)| *other == name) {
            let why = format!(
                "spec.promotionPolicies[{first}] names this Stage, and the first that matches counts"
            );
            causes.push(Cause::invalid(format!("spec.promotionPolicies[{index}]"), name, why));
        } else {
            exact.push((index, name));
        }
    }
}

/// Why a name cannot be matched.
fn broken(name: &str) -> Option<String> {
    if let Some((prefix, _)) = name.split_once(':')
        && !PREFIXES.contains(&prefix)
    {
        return Some(format!("{prefix:?} is no kind of pattern; use glob, regex or regexp"));
    }
    NamePattern::parse(name).err().map(|error| error.to_string())
}
