//! `argocd-wait`: wait until Argo CD Applications are as they should be.

use std::sync::Arc;
use std::time::Duration;

use ferry_argocd::refresh_patch;
use ferry_argocd::update::Status;
use ferry_argocd::wait::{Answer, Ask, Config, Error, Finished, Run};
use ferry_engine::applications::{self, Applications};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult, Wake};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{AGAIN, argocd};

/// Wait until Argo CD Applications are as they should be.
///
/// Names Applications, or finds them by labels, and changes nothing; it needs no permission of theirs. Without
/// `waitFor` an Application must be healthy and synced, with no operation under way; of `health`, `suspended` and
/// `degraded` one is enough. Health counts once Argo CD has looked after the last operation. An Application that is not
/// there yet is waited for; one whose spec is wrong, or whose health got worse while it was waited for, ends the step.
/// The output, also where it ends so, is `apps`, a list of `{name, namespace}`, and `healthStatus`, the health of each
/// `namespace/name`.
/// ```yaml
/// - uses: argocd-wait
///   config:
///     apps:
///     - name: shop-test
///       waitFor: [health, sync]
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ArgoCdWait(Config);

impl Step for ArgoCdWait {
    const KIND: &'static str = "argocd-wait";
    const TIMEOUT: Option<Duration> = Some(Duration::from_mins(5));

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let applications = argocd::connection(ctx)?;
        let run = Run::new(&self.0, &ctx.settings.argocd_namespace, ctx.previous.as_ref());
        Attempt { applications, away: false }.go(run).await
    }
}

/// One attempt.
struct Attempt {
    applications: Arc<dyn Applications>,
    /// Whether Argo CD, or the API server, is not there: that may heal.
    away: bool,
}

impl Attempt {
    async fn go(mut self, mut run: Run<'_>) -> StepResult {
        let mut ask = run.start();
        loop {
            let answer = match ask {
                Ask::Get(app) => {
                    self.applications.get(&app).await.map_or_else(|e| self.failed(e), Answer::Application)
                }
                Ask::List(namespace, selector) => {
                    let found = self.applications.list(&namespace, &selector).await;
                    found.map_or_else(|e| self.failed(e), Answer::Applications)
                }
                Ask::Refresh(app) => {
                    if let Err(error) = self.applications.patch(&app, &refresh_patch()).await {
                        tracing::warn!(%app, %error, "Argo CD was not asked to look again");
                    }
                    Answer::Refreshed
                }
                Ask::Finished(finished) => return self.finish(*finished),
            };
            ask = run.answer(answer);
        }
    }

    fn finish(self, finished: Finished) -> StepResult {
        let Finished { result, output, wake } = finished;
        let output = Output { values: output.as_object().cloned(), ..Output::none() };
        let wake = argocd::wake(wake);
        match result {
            Ok(Status::Succeeded) => Ok(Outcome::Succeeded(output)),
            Ok(Status::Waiting(why)) => Ok(Outcome::Waiting { why, wake, output }),
            Err(Error::Final(why)) => Err(StepError::Broken { why, output: Box::new(output) }),
            Err(Error::Passing(error)) if self.away => {
                let wake = Wake { after: Some(AGAIN), ..wake };
                Ok(Outcome::Waiting { why: error.to_string(), wake, output })
            }
            Err(Error::Passing(error)) => Err(StepError::Retryable(error.to_string())),
        }
    }

    fn failed(&mut self, error: applications::Error) -> Answer {
        match error {
            applications::Error::NotInstalled => {
                self.away = true;
                Answer::NotInstalled
            }
            applications::Error::Unavailable(text) => {
                self.away = true;
                Answer::Failed(text)
            }
            error @ (applications::Error::Conflict | applications::Error::Failed(_)) => {
                Answer::Failed(error.to_string())
            }
        }
    }
}
