//! `ferry promote`: makes a Promotion, to one Stage or to all that follow one; or stops one.

mod abort;
mod freight;
mod wait;

use anyhow::{Result, anyhow, bail};
use clap::{ArgGroup, Args};
use ferry_api::{Freight, FreightOrigin, Promotion, Stage};
use ferry_planner::availability;
use jiff::Timestamp;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::Connection;
use crate::failure::told;
use crate::print::{self, Form};
use crate::project::{ProjectFlag, missing};

pub use wait::until_done;

/// What to promote, and where.
#[derive(Args, Clone, Debug)]
#[command(group(ArgGroup::new("where").required(true).args(["stage", "downstream_from", "abort"])))]
#[command(group(ArgGroup::new("what").required(true).args(["freight", "freight_alias", "warehouse", "name"])))]
pub struct Promote {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    project: ProjectFlag,
    /// To this Stage
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// To every Stage that takes Freight from this one
    #[arg(long, value_name = "STAGE")]
    downstream_from: Option<String>,
    /// The Freight, by its name, which is its id
    #[arg(long, value_name = "NAME")]
    freight: Option<String>,
    /// The Freight, by its alias
    #[arg(long, value_name = "ALIAS")]
    freight_alias: Option<String>,
    /// Whatever of this Warehouse the Stage would take next
    #[arg(long, value_name = "WAREHOUSE")]
    warehouse: Option<String>,
    /// Return when it has ended; the exit code is 1 unless it has succeeded
    #[arg(long)]
    wait: bool,
    /// Stop a Promotion
    #[arg(long, requires = "name", conflicts_with_all = ["freight", "freight_alias", "warehouse"])]
    abort: bool,
    /// Which Promotion to stop
    #[arg(long, value_name = "PROMOTION", requires = "abort")]
    name: Option<String>,
    /// How to print it
    #[arg(short, long, value_enum, value_name = "FORM")]
    output: Option<Form>,
}

/// What is promoted.
#[derive(Clone, Debug)]
enum Carried {
    Freight(Box<Freight>),
    Origin(FreightOrigin),
}

/// Promotes.
pub async fn run(promote: Promote) -> Result<()> {
    let client = promote.connection.client().await?;
    let project = promote.project.existing(&client).await?;
    if let Some(name) = promote.name.as_deref().filter(|_| promote.abort) {
        return abort::run(&client, &project, name).await;
    }
    let carried = match (&promote.freight, &promote.freight_alias, &promote.warehouse) {
        (Some(name), ..) => Carried::Freight(Box::new(freight::by_name(&client, &project, name).await?)),
        (_, Some(alias), _) => Carried::Freight(Box::new(freight::by_alias(&client, &project, alias).await?)),
        (.., Some(warehouse)) => Carried::Origin(FreightOrigin::warehouse(warehouse.clone())),
        _ => bail!("what shall be promoted? give --freight, --freight-alias or --warehouse"),
    };
    let stages = match (&promote.stage, &promote.downstream_from) {
        (Some(stage), _) => vec![existing_stage(&client, &project, stage).await?],
        (None, Some(stage)) => downstream(&client, &project, stage, &carried).await?,
        (None, None) => bail!("where to? give --stage or --downstream-from"),
    };
    for stage in &stages {
        check(stage, &carried)?;
    }
    let (mut made, mut failures) = (Vec::new(), Vec::new());
    for stage in &stages {
        match create(&client, &project, &stage.name_any(), &carried).await {
            Ok(promotion) => made.push(promotion),
            Err(error) => failures.push(error.to_string()),
        }
    }
    show(&made, promote.output)?;
    if promote.wait {
        for promotion in &made {
            if let Err(error) = wait::tell(&client, &project, &promotion.name_any()).await {
                failures.push(error.to_string());
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n")) }
}

fn show(made: &[Promotion], form: Option<Form>) -> Result<()> {
    let objects: Vec<Value> = made.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    let names = objects.iter().map(print::name_of);
    print::say(&match form {
        Some(form @ (Form::Json | Form::Yaml)) => {
            print::document(&objects, made.len() == 1, form == Form::Yaml)?
        }
        Some(Form::Name) => names.map(|name| name + "\n").collect(),
        None | Some(Form::Wide) => names.map(|name| name + " promotion created\n").collect(),
    })
}

async fn existing_stage(client: &Client, project: &str, name: &str) -> Result<Stage> {
    let stages: Api<Stage> = Api::namespaced(client.clone(), project);
    if let Some(stage) = stages.get_opt(name).await.map_err(told)? {
        return Ok(stage);
    }
    let all = stages.list(&ListParams::default()).await.map_err(told)?;
    let place = format!(" in Project {project}");
    bail!("{}", missing("Stage", name, &place, all.items.iter().map(ResourceExt::name_any)))
}

/// The Stages that take what is carried from this one.
async fn downstream(client: &Client, project: &str, from: &str, carried: &Carried) -> Result<Vec<Stage>> {
    existing_stage(client, project, from).await?;
    let origin = match carried {
        Carried::Freight(freight) => &freight.origin,
        Carried::Origin(origin) => origin,
    };
    let stages: Api<Stage> = Api::namespaced(client.clone(), project);
    let mut all = stages.list(&ListParams::default()).await.map_err(told)?.items;
    all.retain(|stage| {
        let mut requests = stage.spec.requested_freight.iter();
        requests.any(|request| request.origin == *origin && request.sources.stages.iter().any(|s| s == from))
    });
    if all.is_empty() {
        bail!("no Stage of Project {project} takes Freight of Warehouse {} from Stage {from}", origin.name);
    }
    Ok(all)
}

/// Whether the Stage could take it at all; better words than a refusal of the server.
fn check(stage: &Stage, carried: &Carried) -> Result<()> {
    let name = stage.name_any();
    let origin = match carried {
        Carried::Freight(freight) => &freight.origin,
        Carried::Origin(origin) => origin,
    };
    if !stage.spec.requested_freight.iter().any(|request| request.origin == *origin) {
        let asked: Vec<_> = stage.spec.requested_freight.iter().map(|r| r.origin.name.as_str()).collect();
        bail!(
            "Stage {name} takes no Freight of Warehouse {:?}: it asks for that of {}",
            origin.name,
            asked.join(", ")
        );
    }
    let Carried::Freight(freight) = carried else { return Ok(()) };
    if availability::is_available(stage, freight, Timestamp::now()) {
        return Ok(());
    }
    let upstream: Vec<&str> = stage
        .spec
        .requested_freight
        .iter()
        .filter(|request| request.origin == *origin)
        .flat_map(|request| request.sources.stages.iter().map(String::as_str))
        .collect();
    Err(anyhow!(
        "Stage {name} may not have Freight {} yet: it must be verified in {} first, or be approved for the Stage",
        freight.name_any(),
        upstream.join(", "),
    ))
}

async fn create(client: &Client, project: &str, stage: &str, carried: &Carried) -> Result<Promotion> {
    let mut spec = json!({"stage": stage, "steps": []});
    match carried {
        Carried::Freight(freight) => spec["freight"] = freight.name_any().into(),
        Carried::Origin(origin) => spec["origin"] = serde_json::to_value(origin)?,
    }
    let metadata = json!({"generateName": "promotion-", "namespace": project});
    let promotion: Promotion = serde_json::from_value(json!({"metadata": metadata, "spec": spec}))?;
    let api: Api<Promotion> = Api::namespaced(client.clone(), project);
    api.create(&PostParams::default(), &promotion).await.map_err(told)
}

/// Promotes Freight to a Stage, and gives the Promotion.
pub async fn to_stage(client: &Client, project: &str, stage: &str, freight: &Freight) -> Result<Promotion> {
    create(client, project, stage, &Carried::Freight(Box::new(freight.clone()))).await
}
