//! Tasks in a Stage's template become steps: each reference is replaced by the task's steps, which bring their
//! variables along.
//!
//! A step's variables are, later ones winning: the task's defaults (but those that the Promotion sets), what the
//! reference gives, its own. `if`, `continueOnError` and `retry` of a reference are dropped; tasks do not nest.

use ferry_api::promotion::{PromotionStep, TaskReference, Variable};
use ferry_api::task::PromotionTaskSpec;

/// Which kind of task is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskKind {
    /// A PromotionTask of the Project.
    PromotionTask,
    /// A ClusterPromotionTask.
    ClusterPromotionTask,
}

impl TaskKind {
    /// What a reference means; `None` for a word that is no kind.
    pub fn of(reference: &TaskReference) -> Option<Self> {
        match reference.kind.as_deref() {
            None | Some("" | "PromotionTask") => Some(Self::PromotionTask),
            Some("ClusterPromotionTask") => Some(Self::ClusterPromotionTask),
            Some(_) => None,
        }
    }

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PromotionTask => "PromotionTask",
            Self::ClusterPromotionTask => "ClusterPromotionTask",
        }
    }
}

/// Why steps cannot be made of a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The reference names a kind that is none.
    #[error("step {step}: {kind:?} is no kind of task; use PromotionTask or ClusterPromotionTask")]
    UnknownKind {
        /// Index of the reference.
        step: usize,
        /// The word.
        kind: String,
    },
    /// There is no such task.
    #[error("step {step}: there is no {} {name:?}", kind.as_str())]
    NotFound {
        /// Index of the reference.
        step: usize,
        /// The kind.
        kind: TaskKind,
        /// The name.
        name: String,
    },
    /// A variable without a default was given no value.
    #[error(
        "step {step}: task {task:?} needs a value for variable {variable:?}; set it where the task is used"
    )]
    MissingVariable {
        /// Index of the reference.
        step: usize,
        /// The task.
        task: String,
        /// The variable.
        variable: String,
    },
}

/// The steps of a Promotion. `vars` are the Promotion's own; `find` knows the tasks.
pub fn inflate<'a>(
    steps: &[PromotionStep],
    vars: &[Variable],
    find: impl Fn(TaskKind, &str) -> Option<&'a PromotionTaskSpec>,
) -> Result<Vec<PromotionStep>, Error> {
    let mut inflated = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let Some(reference) = &step.task else {
            let mut step = step.clone();
            step.alias = Some(alias(&step, "step", index));
            inflated.push(step);
            continue;
        };
        let kind = TaskKind::of(reference).ok_or_else(|| Error::UnknownKind {
            step: index,
            kind: reference.kind.clone().unwrap_or_default(),
        })?;
        let not_found = || Error::NotFound { step: index, kind, name: reference.name.clone() };
        let task = find(kind, &reference.name).ok_or_else(not_found)?;
        inflated.extend(task_steps(index, step, &reference.name, task, vars)?);
    }
    Ok(inflated)
}

fn task_steps(
    index: usize,
    reference: &PromotionStep,
    name: &str,
    task: &PromotionTaskSpec,
    promotion_vars: &[Variable],
) -> Result<Vec<PromotionStep>, Error> {
    for var in task.vars.iter().filter(|var| var.value.is_empty()) {
        if !has_value(promotion_vars, &var.name) && !has_value(&reference.vars, &var.name) {
            return Err(Error::MissingVariable {
                step: index,
                task: name.into(),
                variable: var.name.clone(),
            });
        }
    }
    let defaults =
        task.vars.iter().filter(|var| !var.value.is_empty() && !has_value(promotion_vars, &var.name));
    let shared: Vec<Variable> = defaults.chain(&reference.vars).cloned().collect();
    let prefix = alias(reference, "task", index);
    let steps = task.steps.iter().enumerate().map(|(inner, step)| {
        let mut step = step.clone();
        step.alias = Some(format!("{prefix}::{}", alias(&step, "step", inner)));
        step.vars = shared.iter().chain(&step.vars).cloned().collect();
        step
    });
    Ok(steps.collect())
}

fn has_value(vars: &[Variable], name: &str) -> bool {
    vars.iter().any(|var| var.name == name && !var.value.is_empty())
}

/// The name that a step was given, or one made of its place.
fn alias(step: &PromotionStep, word: &str, index: usize) -> String {
    match step.alias.as_deref() {
        None | Some("") => format!("{word}-{}", index + 1),
        Some(alias) => alias.to_owned(),
    }
}
