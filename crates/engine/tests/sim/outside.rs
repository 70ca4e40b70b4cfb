//! The world outside that steps change: a branch and an Application; and the steps that change them. They find
//! their effect by what they noted in the ledger, as the real ones do.

use std::sync::Arc;

use ferry_engine::step::Registry;
use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepDef, StepError, StepResult, Wake};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::world::Death;

/// A branch and an Application. They outlive every process.
#[derive(Default)]
pub struct Outside {
    pub commits: Mutex<Vec<String>>,
    pub operations: Mutex<Vec<String>>,
    /// How often something fails before it works.
    pub refusals: Mutex<usize>,
}

/// What a process reaches the outside through.
pub struct Line {
    pub outside: Arc<Outside>,
    pub death: Arc<Death>,
}

pub fn registry() -> Registry {
    Registry::new([
        StepDef::of::<crate::added::CountLines>(),
        StepDef::of::<Edit>(),
        StepDef::of::<Append>(),
        StepDef::of::<Push>(),
        StepDef::of::<Sync>(),
        StepDef::of::<Flaky>(),
    ])
}

fn path(text: &str) -> WorkPath {
    WorkPath::parse(text).unwrap()
}

/// Writes several files, with points in between: a kill must leave none or all.
#[derive(Deserialize, JsonSchema)]
pub struct Edit {
    files: Vec<String>,
}

impl Step for Edit {
    const KIND: &'static str = "edit";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        for file in &self.files {
            if ctx.work.exists(&path(file)).unwrap() {
                return Err(StepError::Fatal(format!(
                    "{file} is there already: an earlier try was not undone"
                )));
            }
            ctx.work.write(&path(file), b"edited").unwrap();
            line.death.point().await;
        }
        Ok(Outcome::Succeeded(Output::none()))
    }
}

/// Adds a line to a file: doing it twice would be seen.
#[derive(Deserialize, JsonSchema)]
pub struct Append {
    file: String,
}

impl Step for Append {
    const KIND: &'static str = "append";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        let mut text = ctx.work.read(&path(&self.file)).unwrap();
        text.extend_from_slice(b"+");
        ctx.work.write(&path(&self.file), &text).unwrap();
        line.death.point().await;
        let text = String::from_utf8(text).unwrap();
        Ok(Outcome::Succeeded(Output::values([("text", text)])))
    }
}

/// Pushes a commit: notes a candidate, then swaps the head; looks first whether an earlier candidate arrived.
#[derive(Deserialize, JsonSchema)]
pub struct Push {
    what: String,
}

impl Step for Push {
    const KIND: &'static str = "push";

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        let arrived = |id: &str| line.outside.commits.lock().iter().any(|c| c == id);
        for noted in ctx.ledger.recorded("push") {
            let id = noted["candidate"].as_str().unwrap_or_default().to_owned();
            if arrived(&id) {
                return Ok(Outcome::Succeeded(Output::values([("commit", id)])));
            }
        }
        // Candidates differ from try to try: nothing may rest on their being the same.
        let id = format!("{}-{}", self.what, ctx.ledger.recorded("push").len());
        ctx.ledger.record("push", json!({"candidate": id})).await?;
        line.death.point().await;
        {
            let mut refusals = line.outside.refusals.lock();
            if *refusals > 0 {
                *refusals -= 1;
                return Err(StepError::Retryable("the host is busy".into()));
            }
        }
        line.outside.commits.lock().push(id.clone());
        line.death.point().await;
        Ok(Outcome::Succeeded(Output::values([("commit", id)])))
    }
}

/// Starts an operation that bears the Promotion's name, then waits for its end.
#[derive(Deserialize, JsonSchema)]
pub struct Sync {}

impl Step for Sync {
    const KIND: &'static str = "sync";

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        line.death.point().await;
        if line.outside.operations.lock().contains(&ctx.promotion) {
            return Ok(Outcome::Succeeded(Output::none()));
        }
        line.outside.operations.lock().push(ctx.promotion.clone());
        line.death.point().await;
        Ok(Outcome::Waiting {
            why: "the operation runs".into(),
            wake: Wake::default(),
            output: Output::none(),
        })
    }
}

/// Fails as long as there are refusals left.
#[derive(Deserialize, JsonSchema)]
pub struct Flaky {}

impl Step for Flaky {
    const KIND: &'static str = "flaky";

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        let mut refusals = line.outside.refusals.lock();
        if *refusals > 0 {
            *refusals -= 1;
            return Err(StepError::Retryable("not yet".into()));
        }
        Ok(Outcome::Succeeded(Output::none()))
    }
}
