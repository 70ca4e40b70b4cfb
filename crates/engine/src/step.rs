//! What a step is: a struct that is its config, and one function that does it.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use ferry_api::promotion::HealthCheck;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::StepContext;

/// What a step with a given config touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The work directory only.
    Local,
    /// Things outside, which it leaves as they are.
    Reads,
    /// Things outside, which it changes.
    Writes,
}

/// A kind of step. The struct is the config: its JSON schema and its reference page derive from it.
pub trait Step: DeserializeOwned + JsonSchema + Send + Sized + 'static {
    /// The word after `uses:`.
    const KIND: &'static str;
    /// How long the step may take in all where the Promotion says nothing; none is for ever.
    const TIMEOUT: Option<Duration> = None;
    /// Whether the outputs of this step, inside a task, are those of the task too.
    const PROPAGATES_OUTPUT: bool = false;

    /// What the config cannot say by its types alone.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// What this step, with this config, touches.
    fn effect(&self) -> Effect;

    /// Does it: one attempt.
    fn run(self, ctx: &StepContext) -> impl Future<Output = StepResult> + Send;
}

/// What an attempt came to.
pub type StepResult = Result<Outcome, StepError>;

/// An attempt that did not fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done.
    Succeeded(Output),
    /// There was nothing to do; why.
    Skipped(String, Output),
    /// Not yet: try again when `wake` says.
    Waiting {
        /// On what, in words.
        why: String,
        /// What ends the wait.
        wake: Wake,
        /// Output so far; the next attempt finds it in [`StepContext::previous`].
        output: Output,
    },
}

/// What ends a wait. Whatever comes first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wake {
    /// At the latest after this long; where absent after five minutes.
    pub after: Option<Duration>,
    /// When one of these Applications changes: `(namespace, name)`.
    pub applications: Vec<(String, String)>,
    /// When any Application of these namespaces changes (for selectors, and names not there yet).
    pub application_namespaces: Vec<String>,
}

/// What a step leaves for later steps and for the Stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// `outputs.<alias>`; none leaves the state without an entry.
    pub values: Option<Map<String, Value>>,
    /// What the Stage's health is made of from now on.
    pub health_check: Option<HealthCheck>,
    /// Words for people.
    pub message: Option<String>,
}

impl Output {
    /// No output at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The given values.
    pub fn values<K: Into<String>, V: Into<Value>>(values: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = values.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        Self { values: Some(values), ..Self::default() }
    }
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepError {
    /// The config is wrong: the step is Failed, at once.
    #[error("invalid config: {0}")]
    Config(String),
    /// The answer is no: the step is Failed, at once.
    #[error("{0}")]
    Failed(String),
    /// The answer is no for now: the step is tried again below its error threshold, otherwise Failed.
    #[error("{0}")]
    Refused(String),
    /// It broke and will not mend: the step is Errored, at once.
    #[error("{0}")]
    Fatal(String),
    /// The same, and what is known meanwhile, which later steps may read.
    #[error("{why}")]
    Broken {
        /// The cause, in words.
        why: String,
        /// What is known.
        output: Box<Output>,
    },
    /// It broke: the step is tried again below its error threshold, otherwise Errored.
    #[error("{0}")]
    Retryable(String),
}

type Run = Pin<Box<dyn Future<Output = StepResult> + Send>>;

/// A step whose config was read.
pub struct Prepared {
    /// What it touches.
    pub effect: Effect,
    run: Box<dyn FnOnce(StepContext) -> Run + Send>,
}

impl Prepared {
    /// Does it: one attempt.
    pub async fn run(self, ctx: StepContext) -> StepResult {
        (self.run)(ctx).await
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("effect", &self.effect).finish_non_exhaustive()
    }
}

/// A row of the table of steps.
#[derive(Clone, Copy)]
pub struct StepDef {
    /// The word after `uses:`.
    pub kind: &'static str,
    /// How long the step may take in all where the Promotion says nothing.
    pub timeout: Option<Duration>,
    /// Whether a task passes this step's outputs on.
    pub propagates_output: bool,
    prepare: fn(Value) -> Result<Prepared, StepError>,
    schema: fn() -> Value,
}

impl StepDef {
    /// The row of step `S`.
    pub const fn of<S: Step>() -> Self {
        Self {
            kind: S::KIND,
            timeout: S::TIMEOUT,
            propagates_output: S::PROPAGATES_OUTPUT,
            prepare: prepare::<S>,
            schema: schema::<S>,
        }
    }

    /// Reads an evaluated config.
    pub fn prepare(&self, config: Value) -> Result<Prepared, StepError> {
        (self.prepare)(config)
    }

    /// The JSON schema of the config.
    pub fn schema(&self) -> Value {
        (self.schema)()
    }
}

impl fmt::Debug for StepDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepDef").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn prepare<S: Step>(config: Value) -> Result<Prepared, StepError> {
    // No config is an empty one.
    let config = if config.is_null() { Value::Object(Map::new()) } else { config };
    let step: S = crate::config::read(config).map_err(StepError::Config)?;
    step.check().map_err(StepError::Config)?;
    Ok(Prepared {
        effect: step.effect(),
        run: Box::new(move |ctx| Box::pin(async move { step.run(&ctx).await })),
    })
}

fn schema<S: Step>() -> Value {
    schemars::schema_for!(S).to_value()
}

/// The steps that exist, by kind.
#[derive(Clone, Debug, Default)]
pub struct Registry(BTreeMap<&'static str, StepDef>);

impl Registry {
    /// From tables of steps; a later row replaces an earlier one of its kind.
    pub fn new(defs: impl IntoIterator<Item = StepDef>) -> Self {
        Self(defs.into_iter().map(|d| (d.kind, d)).collect())
    }

    /// The step of a kind.
    pub fn get(&self, kind: &str) -> Option<&StepDef> {
        self.0.get(kind)
    }

    /// All kinds, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }
}
