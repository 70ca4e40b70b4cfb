//! `argocd-update`: change Argo CD Applications and sync them.

use std::time::Duration;

use ferry_api::promotion::HealthCheck;
use ferry_argocd::update::{self, Answer, Ask, Config, Context, Finished, Run, Seen, SeenApp, Status};
use ferry_argocd::{AppRef, Application};
use ferry_engine::applications::{self, Applications};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult, Wake};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{AGAIN, argocd};

/// The kind of the intents that this step notes: what it has seen of operations.
const SEEN: &str = "seen";

/// Change Argo CD Applications and sync them.
///
/// Names Applications, or finds them by labels, and requests one operation on each in the name of the Promotion: a
/// hard refresh and a sync, with changed sources if you give some. The step goes on when all operations have
/// succeeded; it waits for operations of others, and for an Application that is not there yet. An Application must
/// permit it by its annotation `kargo.akuity.io/authorized-stage: <project>:<stage>`. From then on the Stage's health
/// is that of these Applications. The output is `apps`, a list of `{name, namespace}`.
/// ```yaml
/// - uses: argocd-update
///   config:
///     apps:
///     - name: shop-test
///       sources:
///       - repoURL: https://github.com/example/shop.git
///         desiredRevision: ${{ outputs.push.commit }}
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ArgoCdUpdate(Config);

impl Step for ArgoCdUpdate {
    const KIND: &'static str = "argocd-update";
    const TIMEOUT: Option<Duration> = Some(Duration::from_mins(5));

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let applications = argocd::connection(ctx)?;
        let context = Context {
            project: ctx.project.clone(),
            stage: ctx.stage.clone(),
            promotion: ctx.promotion.clone(),
            actor: ctx.actor.clone(),
            namespace: ctx.settings.argocd_namespace.clone(),
        };
        let seen = ctx.ledger.recorded(SEEN).pop().and_then(|seen| serde_json::from_value(seen).ok());
        let seen: Seen = seen.unwrap_or_default();
        let run = Run::new(&self.0, &context, seen.clone());
        let attempt = Attempt { ctx, applications: &*applications, seen, read: Vec::new(), away: false };
        attempt.go(run).await
    }
}

/// One attempt: asks and tells, and notes what must not be forgotten.
struct Attempt<'a> {
    ctx: &'a StepContext,
    applications: &'a dyn Applications,
    seen: Seen,
    /// The Applications that were read, the newest last.
    read: Vec<Value>,
    /// Whether Argo CD, or the API server, is not there: that may heal.
    away: bool,
}

impl Attempt<'_> {
    async fn go(mut self, mut run: Run<'_>) -> StepResult {
        let mut ask = run.start();
        loop {
            let answer = match ask {
                Ask::Get(app) => match self.applications.get(&app).await {
                    Ok(found) => {
                        self.keep(found.iter());
                        Answer::Application(found)
                    }
                    Err(error) => self.failed(error),
                },
                Ask::List(namespace, selector) => match self.applications.list(&namespace, &selector).await {
                    Ok(found) => {
                        self.keep(found.iter());
                        Answer::Applications(found)
                    }
                    Err(error) => self.failed(error),
                },
                Ask::Patch { app, patch, event } => self.patch(&app, &patch, event).await?,
                Ask::Finished(finished) => return self.finish(*finished).await,
            };
            ask = run.answer(answer);
        }
    }

    /// Notes that an operation is about to be requested, then requests it.
    async fn patch(&mut self, app: &AppRef, patch: &Value, mut event: Value) -> Result<Answer, StepError> {
        let requested = Some(update::Requested { after: self.newest(app) });
        self.seen.0.insert(app.key(), SeenApp { requested, succeeded: None });
        self.note().await?;
        ferry_failpoint::point!("argocd.patch");
        let patched = self.applications.patch(app, patch).await;
        ferry_failpoint::point!("argocd.patched");
        Ok(match patched {
            Ok(()) => {
                update::stamp_event(&mut event, self.ctx.now());
                self.applications.record(&app.namespace, event).await;
                Answer::Patched
            }
            Err(error) => self.failed(error),
        })
    }

    async fn finish(mut self, finished: Finished) -> StepResult {
        let Finished { result, output, health_check, seen, wake } = finished;
        let uses = ArgoCdUpdate::KIND.to_owned();
        let output = Output {
            values: output.as_object().cloned(),
            health_check: Some(HealthCheck { uses, config: Some(health_check) }),
            message: None,
        };
        let wake = argocd::wake(wake);
        match result {
            Ok(Status::Succeeded) => Ok(Outcome::Succeeded(output)),
            Ok(Status::Waiting(why)) => {
                if self.seen != seen {
                    self.seen = seen;
                    self.note().await?;
                }
                Ok(Outcome::Waiting { why, wake, output })
            }
            Err(error) if self.away => {
                let wake = Wake { after: Some(AGAIN), ..wake };
                Ok(Outcome::Waiting { why: error.to_string(), wake, output })
            }
            Err(error) => Err(StepError::Retryable(error.to_string())),
        }
    }

    async fn note(&self) -> Result<(), StepError> {
        let seen = serde_json::to_value(&self.seen).map_err(|e| StepError::Fatal(e.to_string()))?;
        self.ctx.ledger.record(SEEN, seen).await
    }

    fn failed(&mut self, error: applications::Error) -> Answer {
        match error {
            applications::Error::Conflict => Answer::Conflict,
            applications::Error::NotInstalled => {
                self.away = true;
                Answer::NotInstalled
            }
            applications::Error::Unavailable(text) => {
                self.away = true;
                Answer::Failed(text)
            }
            applications::Error::Failed(text) => Answer::Failed(text),
        }
    }

    fn keep<'a>(&mut self, found: impl Iterator<Item = &'a Value>) {
        self.read.extend(found.cloned());
    }

    /// The newest entry in the history of an Application, as it was read last.
    fn newest(&self, app: &AppRef) -> Option<i64> {
        let read = self.read.iter().rev().find(|o| AppRef::from(Application::new(o)) == *app)?;
        let history = read.pointer("/status/history")?.as_array()?;
        history.iter().filter_map(|entry| entry.get("id")?.as_i64()).max()
    }
}
