//! `ferry explain promotion NAME`: where a Promotion stands, on what it waits, and what would let it go on.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use ferry_api::{Promotion, Stage, Time};
use ferry_planner::explain::{self, StepStory, Story};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};

use crate::failure::told;
use crate::print::{self, Form};
use crate::project::{ProjectFlag, missing};
use crate::{Connection, age};

/// What to explain.
#[derive(Args, Clone, Debug)]
pub struct Explain {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Where a Promotion stands, on what it waits, and what would let it go on
    Promotion {
        #[command(flatten)]
        project: ProjectFlag,
        /// The Promotion
        name: String,
        /// How to print it: json or yaml
        #[arg(short, long, value_enum, value_name = "FORM")]
        output: Option<Form>,
    },
}

/// Explains.
pub async fn run(explain: Explain) -> Result<()> {
    let client = explain.connection.client().await?;
    let What::Promotion { project, name, output } = explain.what;
    let project = project.existing(&client).await?;
    let promotions = Api::<Promotion>::namespaced(client.clone(), &project);
    let Some(promotion) = promotions.get_opt(&name).await.map_err(told)? else {
        let all = promotions.list_metadata(&ListParams::default()).await.map_err(told)?.items;
        let names = all.iter().map(kube::ResourceExt::name_any);
        bail!("{}", missing("Promotion", &name, &format!(" in Project {project}"), names));
    };
    // The queue of one that has ended tells nothing.
    let all = if promotion.is_terminal() {
        Vec::new()
    } else {
        promotions.list(&ListParams::default()).await.map_err(told)?.items
    };
    let stages = Api::<Stage>::namespaced(client, &project);
    let stage = stages.get_opt(&promotion.spec.stage).await.map_err(told)?;
    let of_stage: Vec<&Promotion> = all.iter().filter(|p| p.spec.stage == promotion.spec.stage).collect();
    let now = Timestamp::now();
    let story = explain::promotion(&promotion, stage.as_ref(), &of_stage, now);
    match output {
        None | Some(Form::Wide) => print::say(&words(&promotion, &story, now)),
        Some(Form::Name) => print::say(&format!("promotion.kargo.akuity.io/{name}\n")),
        Some(Form::Json) => print::say(&format!("{}\n", serde_json::to_string_pretty(&story)?)),
        Some(Form::Yaml) => print::say(&serde_saphyr::to_string(&story)?),
    }
}

fn words(promotion: &Promotion, story: &Story, now: Timestamp) -> String {
    let mut text = String::new();
    let mut line = |label: &str, rest: &str| {
        let _infallible = writeln!(text, "{label:<9} {rest}");
    };
    let freight = promotion.spec.freight.as_deref().unwrap_or("?");
    line(
        "Promotion",
        &format!("{}: Freight {freight} to Stage {}", promotion.name_any(), promotion.spec.stage),
    );
    let created = promotion.metadata.creation_timestamp.as_ref();
    let by = ferry_planner::promotion::actor(promotion).map(|a| format!(" by {a}")).unwrap_or_default();
    line("Phase", &format!("{}, created {} ago{by}", story.phase.as_str(), ago(created.map(|t| t.0), now)));
    if !story.message.is_empty() {
        line("Message", &story.message);
    }
    if let Some(waiting) = &story.waiting {
        line("Waits for", &waiting.reason);
        line("", &when(waiting, now));
    }
    if !story.ahead.is_empty() {
        line("Queue", &format!("number {}; before it: {}", story.ahead.len() + 1, few(&story.ahead)));
    }
    if let Some(error) = &story.last_error {
        line("Error", error);
    }
    for (n, what) in story.unblock.iter().enumerate() {
        line(if n == 0 { "Helps" } else { "" }, what);
    }
    let rows: Vec<_> = story.steps.iter().map(|step| row(step, now)).collect();
    if !rows.is_empty() {
        text.push('\n');
        text.push_str(&print::table(
            Some(&["STEP", "USES", "STATUS", "ATTEMPT", "ERRORS", "TOOK", "MESSAGE"]),
            &rows,
        ));
    }
    text
}

fn when(waiting: &ferry_api::Waiting, now: Timestamp) -> String {
    let mut parts = Vec::new();
    parts.extend(waiting.since.as_ref().map(|t| format!("since {} ({})", ago(Some(t.0), now), t.0)));
    parts.push(match &waiting.next_check {
        Some(t) => format!("looked at again {}", ahead(t, now)),
        None => "looked at again when something changes".to_owned(),
    });
    parts.extend(waiting.deadline.as_ref().map(|t| format!("deadline {} ({})", ahead(t, now), t.0)));
    parts.join(", ")
}

fn ago(then: Option<Timestamp>, now: Timestamp) -> String {
    age::since(then.map(|t| t.to_string()).as_deref(), now)
}

fn ahead(then: &Time, now: Timestamp) -> String {
    if then.0 <= now { "now".to_owned() } else { format!("in {}", ago(Some(now), then.0)) }
}

fn few(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn row(step: &StepStory, now: Timestamp) -> Vec<String> {
    let status = step.status.map_or_else(|| "-".to_owned(), |status| format!("{status:?}"));
    let took = match (&step.started_at, &step.finished_at) {
        (Some(start), end) => ago(Some(start.0), end.as_ref().map_or(now, |t| t.0)),
        _ => "-".to_owned(),
    };
    let errors = format!("{} of {}", step.errors, step.error_threshold);
    let attempt = if step.attempt == 0 { "-".to_owned() } else { step.attempt.to_string() };
    let message = step.message.lines().next().unwrap_or_default().to_owned();
    vec![step.alias.clone(), step.uses.clone(), status, attempt, errors, took, message]
}
