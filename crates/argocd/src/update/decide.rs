//! Whether an Application needs an operation of ours, is on its way, or is done.

use super::{Context, Error, SeenApp};
use crate::application::{Operation, OperationState, Phase};
use crate::{AppRef, Application};

/// What is to happen with one Application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// An operation must be requested; why, where that is worth saying.
    Update(Option<String>),
    /// An operation is on its way.
    Wait {
        /// Its phase.
        phase: Phase,
        /// On what, in words.
        why: String,
    },
    /// Our operation succeeded with the desired revisions.
    Done,
    /// Our operation ended badly.
    Failed {
        /// Its phase.
        phase: Phase,
        /// What Argo CD says.
        message: String,
    },
}

/// Decides for one Application, given the revisions desired of its sources and what earlier attempts saw.
/// Operations of others are waited for, never replaced.
pub fn decide(
    app: Application<'_>,
    context: &Context,
    desired: &[String],
    seen: Option<&SeenApp>,
) -> Result<Decision, Error> {
    let is_ours = |operation: Operation<'_>| operation.promotion() == Some(context.promotion.as_str());
    let state = app.operation_state();
    let any_of_ours = app.operation().is_some_and(is_ours) || state.is_some_and(|s| is_ours(s.operation()));
    if !any_of_ours && seen.is_some_and(|seen| seen.is_done(app, context, desired)) {
        return Ok(Decision::Done);
    }
    let decision = match state {
        None => Decision::Update(None),
        Some(state) if is_ours(state.operation()) => decide_ours(app, state, desired)?,
        Some(state) => decide_others(app, state),
    };
    match (&decision, app.operation()) {
        (Decision::Update(_), Some(operation)) => {
            let whose = if is_ours(operation) { "our operation".to_owned() } else { whose(operation) };
            let why = format!("{}: Argo CD has not yet started {whose}", AppRef::from(app));
            Ok(Decision::Wait { phase: Phase::Running, why })
        }
        _ => Ok(decision),
    }
}

/// The operation is somebody else's, or for another Promotion.
fn decide_others(app: Application<'_>, state: OperationState<'_>) -> Decision {
    let phase = state.phase();
    if phase.is_completed() {
        return Decision::Update(None);
    }
    let phase = if phase.is_empty() { Phase::Running } else { phase };
    let why = format!(
        "{}: waiting for {} to end{}",
        AppRef::from(app),
        whose(state.operation()),
        details(app, state)
    );
    Decision::Wait { phase, why }
}

fn decide_ours(
    app: Application<'_>,
    state: OperationState<'_>,
    desired: &[String],
) -> Result<Decision, Error> {
    let phase = state.phase();
    if !phase.is_completed() {
        let why = format!("{}: the operation is {phase}{}", AppRef::from(app), details(app, state));
        return Ok(Decision::Wait { phase, why });
    }
    let Some(observed) = state.revisions() else {
        return Ok(Decision::Update(Some("the operation completed without a sync result".to_owned())));
    };
    // Without sources nothing can be compared.
    if !desired.is_empty() {
        let differs = |(observed, desired): (&&str, &String)| !desired.is_empty() && *observed != desired;
        if observed.iter().zip(desired).any(differs) {
            let why = format!("the operation applied revisions {observed:?}, desired are {desired:?}");
            return Ok(Decision::Update(Some(why)));
        }
        if observed.len() > desired.len() {
            let (observed, desired) = (observed.len(), desired.len());
            return Err(Error::MoreRevisions { app: AppRef::from(app), observed, desired });
        }
    }
    Ok(match phase {
        Phase::Succeeded => Decision::Done,
        phase => Decision::Failed { phase, message: state.message().to_owned() },
    })
}

fn whose(operation: Operation<'_>) -> String {
    match (operation.promotion(), operation.initiator()) {
        (Some(promotion), _) => format!("the operation for Promotion {promotion:?}"),
        (None, "") => "an operation that Argo CD initiated by itself".to_owned(),
        (None, initiator) => format!("an operation initiated by {initiator:?}"),
    }
}

/// What Argo CD says about the operation and about the Application.
fn details(app: Application<'_>, state: OperationState<'_>) -> String {
    let mut text = String::new();
    if !state.message().is_empty() {
        text.extend([": ", state.message()]);
    }
    for condition in app.error_conditions() {
        text.extend(["; ", condition.kind, ": ", condition.message]);
    }
    text
}

#[cfg(test)]
mod tests;
