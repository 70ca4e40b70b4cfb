//! Steps of every effect class. They find their effects as the real ones do: by the ledger, by a name, or not at all.

use std::sync::Arc;
use std::time::Duration;

use ferry_engine::step::Registry;
use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepDef, StepError, StepResult, Wake};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::house::Deed;
use super::process::Process;

/// What a step reaches the house through.
pub struct Line(pub Arc<Process>);

impl Line {
    fn percent(&self, chance: u64) -> bool {
        self.0.house.dice.lock().percent(chance)
    }

    /// On its way outside: it takes some seconds, and no longer than what is announced may take.
    async fn travels(&self) {
        let seconds = self.0.house.dice.lock().below(9);
        self.0.house.passes(Duration::from_secs(seconds)).await;
    }

    fn do_it(&self, kind: &'static str, ctx: &StepContext, id: &str) {
        self.0.house.effect(Deed {
            kind,
            promotion: ctx.promotion.clone(),
            alias: ctx.alias.clone(),
            attempt: ctx.attempt,
            id: id.to_owned(),
        });
    }
}

pub fn registry() -> Registry {
    Registry::new([
        StepDef::of::<Log>(),
        StepDef::of::<Look>(),
        StepDef::of::<Push>(),
        StepDef::of::<Operate>(),
        StepDef::of::<Post>(),
        StepDef::of::<Hang>(),
    ])
}

/// Local: adds its alias to a file, in two writes.
#[derive(Deserialize, JsonSchema)]
struct Log {}

impl Step for Log {
    const KIND: &'static str = "log";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        let file = WorkPath::parse("log").unwrap();
        for piece in [ctx.alias.as_str(), " "] {
            let mut text =
                if ctx.work.exists(&file).unwrap() { ctx.work.read(&file).unwrap() } else { Vec::new() };
            text.extend_from_slice(piece.as_bytes());
            ctx.work.write(&file, &text).unwrap();
            line.0.point("log").await;
        }
        let text = String::from_utf8(ctx.work.read(&file).unwrap()).unwrap();
        Ok(Outcome::Succeeded(Output::values([("log", text)])))
    }
}

/// Reads: now and then it fails, and takes its time.
#[derive(Deserialize, JsonSchema)]
struct Look {}

impl Step for Look {
    const KIND: &'static str = "look";

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        line.0.point("look").await;
        let seconds = line.0.house.dice.lock().below(5);
        line.0.house.passes(Duration::from_secs(seconds)).await;
        if line.percent(20) {
            return Err(StepError::Retryable("not yet".into()));
        }
        Ok(Outcome::Succeeded(Output::none()))
    }
}

/// Writes, found by what was noted before: a push. The answer may be lost, or it is refused.
#[derive(Deserialize, JsonSchema)]
struct Push {}

impl Step for Push {
    const KIND: &'static str = "push";

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        line.0.point("push: looks").await;
        for noted in ctx.ledger.recorded("push") {
            let id = noted["id"].as_str().unwrap_or_default().to_owned();
            if line.0.house.deeds.lock().iter().any(|d| d.kind == "push" && d.id == id) {
                return Ok(Outcome::Succeeded(Output::values([("id", id)])));
            }
        }
        let id = format!("{:x}", line.0.house.dice.lock().below(u64::MAX));
        ctx.ledger.record("push", json!({"id": id})).await?;
        line.0.point("push: noted").await;
        if line.percent(15) {
            return Err(StepError::Retryable("refused".into()));
        }
        line.travels().await;
        line.do_it("push", ctx, &id);
        line.0.point("push: done").await;
        if line.percent(15) {
            return Err(StepError::Retryable("no answer".into()));
        }
        Ok(Outcome::Succeeded(Output::values([("id", id)])))
    }
}

/// Writes, found by its name: an operation, whose end is waited for.
#[derive(Deserialize, JsonSchema)]
struct Operate {}

impl Step for Operate {
    const KIND: &'static str = "operate";
    const TIMEOUT: Option<Duration> = Some(Duration::from_mins(5));

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        line.0.point("operate").await;
        let id = format!("{}/{}", ctx.promotion, ctx.alias);
        let began = line.0.house.deeds.lock().iter().any(|d| d.kind == "operate" && d.id == id);
        if !began {
            line.travels().await;
            line.do_it("operate", ctx, &id);
            line.0.point("operate: begun").await;
        } else if line.percent(60) {
            return Ok(Outcome::Succeeded(Output::none()));
        }
        let wake = Wake { after: Some(Duration::from_secs(10)), ..Wake::default() };
        Ok(Outcome::Waiting { why: "the operation runs".into(), wake, output: Output::none() })
    }
}

/// Writes, and nothing tells whether it did: once an attempt, and an unknown outcome ends it.
#[derive(Deserialize, JsonSchema)]
struct Post {}

impl Step for Post {
    const KIND: &'static str = "post";

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let line = ctx.service::<Line>()?;
        line.0.point("post").await;
        if ctx.is_resumed {
            return Err(StepError::Fatal("OutcomeUnknown: it may have been sent".into()));
        }
        line.travels().await;
        line.do_it("post", ctx, &format!("{}/{}", ctx.alias, ctx.attempt));
        line.0.point("post: sent").await;
        if line.percent(20) {
            return Err(StepError::Retryable("503".into()));
        }
        Ok(Outcome::Succeeded(Output::none()))
    }
}

/// Reads from a peer that accepts and never answers.
#[derive(Deserialize, JsonSchema)]
struct Hang {}

impl Step for Hang {
    const KIND: &'static str = "hang";
    const TIMEOUT: Option<Duration> = Some(Duration::from_secs(40));

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        ctx.service::<Line>()?.0.point("hang").await;
        std::future::pending().await
    }
}
