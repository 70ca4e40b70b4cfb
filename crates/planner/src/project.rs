//! What happens at a Project: its namespace, its counts, and what is left to do when it goes.

use ferry_api::conditions::{self, ConditionStatus, ConditionType};
use ferry_api::names::{FINALIZER, annotation, label};
use ferry_api::project::{Count, HealthCount, ProjectStats, ProjectStatus};
use ferry_api::{Condition, ObjectMeta, Project, Stage, Time, Warehouse};
use jiff::Timestamp;

/// All that the decision depends on.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// The Project.
    pub project: &'a Project,
    /// Metadata of the Namespace of its name, if there is one.
    pub namespace: Option<&'a ObjectMeta>,
    /// Its Warehouses.
    pub warehouses: &'a [&'a Warehouse],
    /// Its Stages.
    pub stages: &'a [&'a Stage],
    /// The time.
    pub now: Timestamp,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the Namespace, labelled and with the finalizer.
    CreateNamespace,
    /// Put the finalizer on the Namespace.
    ProtectNamespace,
    /// Put the finalizer on the Project.
    ProtectProject,
    /// Take the finalizer off the Namespace.
    ReleaseNamespace,
    /// Delete the Namespace.
    DeleteNamespace,
    /// Take the finalizer off the Project.
    ReleaseProject,
    /// Delete the Project: its Namespace is going.
    DeleteProject,
}

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The status from now on.
    pub status: ProjectStatus,
    /// What to do, in this order.
    pub actions: Vec<Action>,
}

/// Decides.
pub fn decide(snapshot: &Snapshot<'_>) -> Decision {
    let mut decision =
        Decision { status: snapshot.project.status.clone().unwrap_or_default(), actions: Vec::new() };
    if snapshot.project.metadata.deletion_timestamp.is_some() {
        delete(snapshot, &mut decision);
        return decision;
    }
    if !has_finalizer(&snapshot.project.metadata) {
        decision.actions.push(Action::ProtectProject);
    }
    match snapshot.namespace {
        None => decision.actions.push(Action::CreateNamespace),
        Some(namespace) if !belongs(namespace) => {
            let name = snapshot.project.metadata.name.as_deref().unwrap_or_default();
            let message = format!(
                "Namespace {name:?} exists and is not a Project's: label it {}=true to hand it over",
                label::PROJECT
            );
            say(
                snapshot,
                &mut decision,
                ConditionType::Stalled,
                ConditionStatus::True,
                "ExistingNamespaceMissingLabel",
                &message,
            );
            say(
                snapshot,
                &mut decision,
                ConditionType::Ready,
                ConditionStatus::False,
                "ExistingNamespaceMissingLabel",
                &message,
            );
            return decision;
        }
        Some(namespace) if namespace.deletion_timestamp.is_some() => {
            decision.actions = vec![Action::DeleteProject];
            return decision;
        }
        Some(namespace) if !has_finalizer(namespace) => decision.actions.push(Action::ProtectNamespace),
        Some(_) => {}
    }
    conditions::remove(&mut decision.status.conditions, ConditionType::Stalled);
    conditions::remove(&mut decision.status.conditions, ConditionType::Reconciling);
    decision.status.stats = Some(count(snapshot));
    let message = "Project is synced and ready for use";
    say(snapshot, &mut decision, ConditionType::Ready, ConditionStatus::True, "Synced", message);
    decision
}

/// A Namespace goes with the Project only if it is the Project's and nobody asked for it to be kept.
fn delete(snapshot: &Snapshot<'_>, decision: &mut Decision) {
    if !has_finalizer(&snapshot.project.metadata) {
        return;
    }
    if let Some(namespace) = snapshot.namespace.filter(|n| belongs(n)) {
        let kept = keeps(&snapshot.project.metadata) || keeps(namespace);
        if !kept && namespace.deletion_timestamp.is_none() {
            decision.actions.push(Action::DeleteNamespace);
        }
        if has_finalizer(namespace) {
            decision.actions.push(Action::ReleaseNamespace);
        }
    }
    decision.actions.push(Action::ReleaseProject);
}

fn belongs(namespace: &ObjectMeta) -> bool {
    namespace.labels.as_ref().and_then(|l| l.get(label::PROJECT)).is_some_and(|v| v == "true")
}

fn keeps(metadata: &ObjectMeta) -> bool {
    metadata.annotations.as_ref().and_then(|a| a.get(annotation::KEEP_NAMESPACE)).is_some_and(|v| v == "true")
}

fn has_finalizer(metadata: &ObjectMeta) -> bool {
    metadata.finalizers.iter().flatten().any(|f| f == FINALIZER)
}

fn count(snapshot: &Snapshot<'_>) -> ProjectStats {
    let healthy = |list: &[Condition]| {
        conditions::get(list, ConditionType::Healthy)
            .is_some_and(|c| c.status == ConditionStatus::True.as_str())
    };
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let warehouses = snapshot
        .warehouses
        .iter()
        .filter(|w| w.status.as_ref().is_some_and(|s| healthy(&s.conditions)))
        .count();
    let regular: Vec<_> = snapshot.stages.iter().filter(|s| !s.is_control_flow()).collect();
    let stages = regular.iter().filter(|s| s.status.as_ref().is_some_and(|s| healthy(&s.conditions))).count();
    ProjectStats {
        warehouses: Count {
            count: number(snapshot.warehouses.len()),
            health: HealthCount { healthy: number(warehouses) },
        },
        stages: Count { count: number(regular.len()), health: HealthCount { healthy: number(stages) } },
    }
}

fn say(
    snapshot: &Snapshot<'_>,
    decision: &mut Decision,
    kind: ConditionType,
    status: ConditionStatus,
    reason: &str,
    message: &str,
) {
    conditions::set(
        &mut decision.status.conditions,
        kind,
        status,
        reason,
        message,
        snapshot.project.metadata.generation,
        &Time(snapshot.now),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(labelled: bool, kept: bool) -> ObjectMeta {
        ObjectMeta {
            name: Some("demo".into()),
            labels: labelled.then(|| [(label::PROJECT.to_owned(), "true".to_owned())].into()),
            annotations: kept.then(|| [(annotation::KEEP_NAMESPACE.to_owned(), "true".to_owned())].into()),
            finalizers: Some(vec![FINALIZER.into()]),
            ..ObjectMeta::default()
        }
    }

    fn actions(project: ObjectMeta, namespace: Option<&ObjectMeta>) -> Vec<Action> {
        let project = Project { metadata: project, ..Project::default() };
        let now = Timestamp::from_second(1_900_000_000).unwrap();
        decide(&Snapshot { project: &project, namespace, warehouses: &[], stages: &[], now }).actions
    }

    fn deleted(mut metadata: ObjectMeta) -> ObjectMeta {
        metadata.deletion_timestamp = Some(Time(Timestamp::from_second(1_900_000_000).unwrap()));
        metadata
    }

    #[test]
    fn fm_65_only_its_own_namespace_goes_with_a_project() {
        let own = named(true, false);
        assert_eq!(
            actions(deleted(named(false, false)), Some(&own)),
            [Action::DeleteNamespace, Action::ReleaseNamespace, Action::ReleaseProject]
        );
        assert_eq!(
            actions(deleted(named(false, false)), Some(&named(false, false))),
            [Action::ReleaseProject]
        );
        let kept = [Action::ReleaseNamespace, Action::ReleaseProject];
        assert_eq!(actions(deleted(named(false, true)), Some(&own)), kept);
        assert_eq!(actions(deleted(named(false, false)), Some(&named(true, true))), kept);
    }

    #[test]
    fn a_project_goes_with_its_namespace() {
        let going = deleted(named(true, false));
        assert_eq!(actions(named(false, false), Some(&going)), [Action::DeleteProject]);
    }

    #[test]
    fn a_namespace_is_made_or_protected() {
        assert_eq!(actions(named(false, false), None), [Action::CreateNamespace]);
        let mut bare = named(true, false);
        bare.finalizers = None;
        assert_eq!(actions(named(false, false), Some(&bare)), [Action::ProtectNamespace]);
        assert_eq!(actions(named(false, false), Some(&named(true, false))), []);
    }
}
