//! `ferry demo`: a commit on its way from test over uat to prod, with real Git and a stand-in for Argo CD.

mod progress;
mod report;
mod repositories;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use ferry_api::{Freight, Promotion, PromotionPhase};
use futures::StreamExt as _;
use kube::api::{Api, ListParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::wait::await_condition;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::config::{Log, Settings};
use crate::place::Alone;
use crate::probes::Readiness;
use crate::{manifests, metrics, stop};
use progress::{Progress, Seconds};
use report::Row;
use repositories::Repositories;

const PROJECT: &str = "kargo-demo";
const STAGES: [&str; 3] = ["test", "uat", "prod"];
/// How long each part of the story may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the demo runs.
#[derive(Args, Clone, Debug)]
pub(crate) struct Demo {
    /// Promote to prod as well, show a refusal, print a table and end; so it is without a terminal, too
    #[arg(long)]
    exit: bool,
    /// Keep everything in this directory [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// error, warn, info, debug, trace, or a filter [default: error]
    #[arg(long, env = "FERRY_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<String>,
}

impl Demo {
    pub(crate) fn log(&self) -> Log {
        Log { level: Some(self.log_level.clone().unwrap_or_else(|| "error".to_owned())), ..Log::default() }
    }
}

pub(crate) async fn run(demo: Demo) -> Result<()> {
    metrics::start();
    let stop = stop::on_signals()?;
    let temporary = tempfile::Builder::new().prefix("ferry-demo-").tempdir()?;
    let directory = demo.data_dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    let repositories = directory.join("repositories");
    let settings =
        Settings { standin: true, standin_git: Some((repositories, 0)), ..Settings::alone(&directory) };
    let seconds = Seconds::default();
    let progress = Progress::new(seconds.clone());
    let alone = Alone::start(&settings, &Readiness::default()).await?;
    let is_short = demo.exit || !std::io::stdout().is_terminal();
    let told = Box::pin(tell(&alone, progress, &seconds, is_short, &stop)).await;
    alone.stop().await;
    told
}

/// The story.
async fn tell(
    alone: &Alone,
    progress: Progress,
    seconds: &Seconds,
    is_short: bool,
    stop: &CancellationToken,
) -> Result<()> {
    let server = alone.git_server().context("the demo has no Git server")?;
    let client = alone.client();
    progress.say(&format!("Ferry is up at {}", alone.url()));
    let repositories = repositories::prepare(server).await?;
    let short = repositories.commit.get(..7).unwrap_or_default();
    progress.say(&format!("a developer commits {short} to {}: {}", repositories.app, repositories.subject));
    set_up(&client, &repositories).await?;
    let following = tokio::spawn({
        let client = client.clone();
        async move { progress.follow(client, PROJECT).await }
    });
    let story = async {
        let freight = freight_of(&client, &repositories.commit).await?;
        for stage in ["test", "uat"] {
            verified(&client, &freight, stage).await?;
        }
        if is_short {
            return Box::pin(finish(&client, alone, &freight, seconds)).await;
        }
        say(&what_next(alone.kubeconfig(), &repositories, &freight));
        stop.cancelled().await;
        Ok(())
    };
    let told = tokio::select! {
        told = story => told,
        () = stop.cancelled() => if is_short { Err(anyhow!("stopped before the end")) } else { Ok(()) },
    };
    following.abort();
    told
}

async fn set_up(client: &Client, repositories: &Repositories) -> Result<()> {
    let filled =
        |text: &str| text.replace("@APP@", &repositories.app).replace("@DEPLOY@", &repositories.deploy);
    manifests::apply(client, &filled(include_str!("demo/project.yaml"))).await?;
    let mut before = None;
    for stage in STAGES {
        let sources = before.map_or("{direct: true}".to_owned(), |before| format!("{{stages: [{before}]}}"));
        let text = include_str!("demo/stage.yaml").replace("@STAGE@", stage).replace("@SOURCES@", &sources);
        manifests::apply(client, &filled(&text)).await?;
        before = Some(stage);
    }
    manifests::apply(client, &filled(include_str!("demo/refused.yaml"))).await
}

/// The Freight that a commit has become.
async fn freight_of(client: &Client, commit: &str) -> Result<Freight> {
    let api: Api<Freight> = Api::namespaced(client.clone(), PROJECT);
    let found = async {
        let mut wait = tokio::time::interval(Duration::from_millis(20));
        loop {
            wait.tick().await;
            let all = api.list(&ListParams::default()).await?.items;
            let of = |freight: &Freight| freight.commits.iter().any(|c| c.id == commit);
            if let Some(freight) = all.into_iter().find(of) {
                return anyhow::Ok(freight);
            }
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .map_err(|_| anyhow!("commit {commit} has not become Freight within {PATIENCE:?}"))?
}

/// Waits until the Stage has verified the Freight; a Promotion that ends otherwise ends the wait.
async fn verified(client: &Client, freight: &Freight, stage: &str) -> Result<()> {
    let api: Api<Freight> = Api::namespaced(client.clone(), PROJECT);
    let name = freight.name_any();
    let is_verified = |freight: Option<&Freight>| {
        freight.and_then(|f| f.status.as_ref()).is_some_and(|status| status.verified_in.contains_key(stage))
    };
    let patient = tokio::time::timeout(PATIENCE, await_condition(api, &name, is_verified));
    tokio::select! {
        in_time = patient => if in_time.is_ok() { return Ok(()) },
        failed = failure(client, stage) => failed?,
    }
    let last = newest(client, stage).await?;
    let status = last.and_then(|promotion| promotion.status).unwrap_or_default();
    let phase = status.phase.map_or("not begun", PromotionPhase::as_str);
    let alias = freight.alias.as_deref().unwrap_or(&name);
    bail!("Stage {stage} has not verified Freight {alias}: its Promotion is {phase}: {}", status.message)
}

/// Returns when a Promotion to the Stage has ended without success.
async fn failure(client: &Client, stage: &str) -> Result<()> {
    let api: Api<Promotion> = Api::namespaced(client.clone(), PROJECT);
    let mut seen = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
    while let Some(promotion) = seen.next().await {
        let Ok(promotion) = promotion else { continue };
        let phase = promotion.status.as_ref().and_then(|status| status.phase);
        let is_bad = phase.is_some_and(|phase| phase.is_terminal() && phase != PromotionPhase::Succeeded);
        if is_bad && promotion.spec.stage == stage {
            return Ok(());
        }
    }
    Ok(())
}

async fn newest(client: &Client, stage: &str) -> Result<Option<Promotion>> {
    let api: Api<Promotion> = Api::namespaced(client.clone(), PROJECT);
    let mut all = api.list(&ListParams::default()).await?.items;
    all.retain(|promotion| promotion.spec.stage == stage);
    Ok(all.into_iter().max_by_key(ResourceExt::name_any))
}

/// prod, the refusal, the table.
async fn finish(client: &Client, alone: &Alone, freight: &Freight, seconds: &Seconds) -> Result<()> {
    let server = alone.git_server().context("the demo has no Git server")?;
    let refused = promoted(client, "trespasser", freight);
    let (prod, refused) = tokio::try_join!(promoted(client, "prod", freight), refused)?;
    let status = refused.status.clone().unwrap_or_default();
    if status.phase == Some(PromotionPhase::Succeeded) || !status.message.contains("authorized-stage") {
        bail!("an Application without the annotation was not refused: {}", status.message);
    }
    verified(client, freight, "prod").await?;
    let mut rows = Vec::new();
    for stage in STAGES {
        let promotion = if stage == "prod" { Some(prod.clone()) } else { newest(client, stage).await? };
        let promotion = promotion.ok_or_else(|| anyhow!("Stage {stage} has no Promotion"))?;
        let took = seconds.lock().get(&promotion.name_any()).copied().unwrap_or_default();
        rows.push(Row::of(client, server, freight, &promotion, took).await?);
    }
    say(&format!("\n{}\nrefused, as it must be: {}\n", report::table(&rows), status.message));
    Ok(())
}

/// Promotes, and returns the Promotion when it has ended.
async fn promoted(client: &Client, stage: &str, freight: &Freight) -> Result<Promotion> {
    let made = ferry_cli::promote::to_stage(client, PROJECT, stage, freight).await?;
    let name = made.name_any();
    let done = ferry_cli::promote::until_done(client, PROJECT, &name);
    tokio::time::timeout(PATIENCE, done)
        .await
        .map_err(|_| anyhow!("Promotion {name} to Stage {stage} has not ended within {PATIENCE:?}"))?
}

/// The commit that a Promotion pushed.
fn pushed(promotion: &Promotion) -> Option<String> {
    let state = promotion.status.as_ref()?.state.as_ref()?;
    Some(state.get("push")?.get("commit")?.as_str()?.to_owned())
}

fn what_next(kubeconfig: &Path, repositories: &Repositories, freight: &Freight) -> String {
    let ferry = std::env::args().next().unwrap_or_else(|| "ferry".to_owned());
    let (kubeconfig, alias) = (kubeconfig.display(), freight.alias.as_deref().unwrap_or_default());
    let (app, deploy) = (&repositories.app, &repositories.deploy);
    format!(
        "\nprod waits for you. In another terminal:\n\n  \
         export KUBECONFIG={kubeconfig}\n  \
         kubectl get stages,freight,promotions -n {PROJECT}\n  \
         {ferry} promote --project {PROJECT} --stage prod --freight-alias {alias} --wait\n  \
         kubectl get applications -n argocd\n  \
         git ls-remote {deploy}\n\n\
         A new version travels by itself to uat:\n\n  \
         git clone {app} greeting && cd greeting\n  \
         sed -i 's/version: .*/version: \"next\"/' manifests/greeting.yaml\n  \
         git commit -am 'Next version' && git push\n\n\
         Ctrl-C ends the demo.\n\n"
    )
}

fn say(text: &str) {
    // Nobody reads any more: then the demo goes on silently.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
