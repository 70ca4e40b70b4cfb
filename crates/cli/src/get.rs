//! `ferry get`: lists Projects, Stages, Freight and the like.

mod kinds;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::Value;

use crate::Connection;
use crate::failure::told;
use crate::print::{self, Form};
use crate::project::{ProjectFlag, missing};
use kinds::Kind;

/// What to get.
#[derive(Args, Clone, Debug)]
pub struct Get {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    look: Look,
    #[command(subcommand)]
    what: What,
}

#[derive(Args, Clone, Debug)]
struct Look {
    /// How to print it
    #[arg(short, long, value_enum, value_name = "FORM", global = true)]
    output: Option<Form>,
    /// Print no column headers
    #[arg(long, global = true)]
    no_headers: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Projects
    #[command(visible_alias = "project")]
    Projects { names: Vec<String> },
    /// The configuration of a Project
    #[command(visible_alias = "projectconfigs")]
    Projectconfig {
        #[command(flatten)]
        project: ProjectFlag,
    },
    /// Warehouses of a Project
    #[command(visible_alias = "warehouse")]
    Warehouses {
        #[command(flatten)]
        project: ProjectFlag,
        names: Vec<String>,
    },
    /// Stages of a Project
    #[command(visible_alias = "stage")]
    Stages {
        #[command(flatten)]
        project: ProjectFlag,
        names: Vec<String>,
    },
    /// Freight of a Project
    #[command(visible_alias = "freights")]
    Freight {
        #[command(flatten)]
        project: ProjectFlag,
        /// By its name, which is its id (repeatable)
        #[arg(long = "name", value_name = "NAME")]
        names: Vec<String>,
        /// By its alias (repeatable)
        #[arg(long = "alias", value_name = "ALIAS")]
        aliases: Vec<String>,
        /// Only from this Warehouse (repeatable)
        #[arg(long = "warehouse", visible_alias = "origin", value_name = "WAREHOUSE")]
        warehouses: Vec<String>,
    },
    /// Promotions of a Project
    #[command(visible_aliases = ["promotion", "promos", "promo"])]
    Promotions {
        #[command(flatten)]
        project: ProjectFlag,
        /// Only to this Stage
        #[arg(long, value_name = "STAGE")]
        stage: Option<String>,
        names: Vec<String>,
    },
}

/// Gets and prints.
pub async fn run(get: Get) -> Result<()> {
    let client = get.connection.client().await?;
    let (kind, found) = match get.what {
        What::Projects { names } => (Kind::Project, Found::of(&client, Kind::Project, "", &names).await?),
        What::Projectconfig { project } => {
            let name = project.existing(&client).await?;
            let names = std::slice::from_ref(&name);
            (Kind::ProjectConfig, Found::of(&client, Kind::ProjectConfig, &name, names).await?)
        }
        What::Warehouses { project, names } => of(&client, Kind::Warehouse, &project, &names).await?,
        What::Stages { project, names } => of(&client, Kind::Stage, &project, &names).await?,
        What::Promotions { project, stage, names } => {
            let (kind, mut found) = of(&client, Kind::Promotion, &project, &names).await?;
            if let Some(stage) = stage {
                found.objects.retain(|promotion| promotion["spec"]["stage"] == stage.as_str());
            }
            (kind, found)
        }
        What::Freight { project, names, aliases, warehouses } => {
            let (kind, found) = of(&client, Kind::Freight, &project, &[]).await?;
            (kind, found.pick_freight(&names, &aliases, &warehouses))
        }
    };
    show(kind, &found, &get.look)?;
    if found.missing.is_empty() { Ok(()) } else { bail!("{}", found.missing.join("\n")) }
}

async fn of(client: &Client, kind: Kind, project: &ProjectFlag, names: &[String]) -> Result<(Kind, Found)> {
    let project = project.existing(client).await?;
    Ok((kind, Found::of(client, kind, &project, names).await?))
}

/// What was asked for and is there; what is not.
struct Found {
    objects: Vec<Value>,
    missing: Vec<String>,
    is_single: bool,
}

impl Found {
    async fn of(client: &Client, kind: Kind, project: &str, names: &[String]) -> Result<Self> {
        let resource = kind.resource();
        let api: Api<DynamicObject> = if project.is_empty() {
            Api::all_with(client.clone(), &resource)
        } else {
            Api::namespaced_with(client.clone(), project, &resource)
        };
        let listed = api.list(&ListParams::default()).await.map_err(told)?;
        let mut all = Vec::new();
        for object in listed.items {
            let mut object = serde_json::to_value(object)?;
            object["apiVersion"] = resource.api_version.clone().into();
            object["kind"] = resource.kind.clone().into();
            all.push(object);
        }
        if names.is_empty() {
            return Ok(Self { objects: all, missing: Vec::new(), is_single: false });
        }
        let place = if project.is_empty() { String::new() } else { format!(" in Project {project}") };
        let (mut objects, mut absent) = (Vec::new(), Vec::new());
        for name in names {
            match all.iter().find(|object| object["metadata"]["name"] == name.as_str()) {
                Some(object) => objects.push(object.clone()),
                None => absent.push(missing(&resource.kind, name, &place, all.iter().map(called))),
            }
        }
        Ok(Self { objects, missing: absent, is_single: names.len() == 1 })
    }

    fn pick_freight(self, names: &[String], aliases: &[String], warehouses: &[String]) -> Self {
        let from: Vec<Value> = self
            .objects
            .into_iter()
            .filter(|freight| {
                warehouses.is_empty() || warehouses.iter().any(|w| freight["origin"]["name"] == w.as_str())
            })
            .collect();
        if names.is_empty() && aliases.is_empty() {
            return Self { objects: from, missing: Vec::new(), is_single: false };
        }
        let (mut objects, mut absent) = (Vec::new(), Vec::new());
        let by_name =
            names.iter().map(|name| (name, from.iter().find(|f| f["metadata"]["name"] == name.as_str())));
        let by_alias =
            aliases.iter().map(|alias| (alias, from.iter().find(|f| kinds::alias(f) == alias.as_str())));
        for (word, freight) in by_name.chain(by_alias) {
            match freight {
                Some(freight) => objects.push(freight.clone()),
                None => absent.push(missing("Freight", word, "", from.iter().map(kinds::freight_name))),
            }
        }
        let is_single = names.len() + aliases.len() == 1;
        Self { objects, missing: absent, is_single }
    }
}

fn called(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn show(kind: Kind, found: &Found, look: &Look) -> Result<()> {
    let text = match look.output {
        Some(Form::Json | Form::Yaml) if found.objects.is_empty() && found.is_single => String::new(),
        Some(form @ (Form::Json | Form::Yaml)) => {
            print::document(&found.objects, found.is_single, form == Form::Yaml)?
        }
        Some(Form::Name) => found.objects.iter().map(|object| print::name_of(object) + "\n").collect(),
        None | Some(Form::Wide) if found.objects.is_empty() => String::new(),
        None | Some(Form::Wide) => {
            let wide = look.output.is_some();
            let now = Timestamp::now();
            let rows: Vec<_> = found.objects.iter().map(|object| kind.row(object, wide, now)).collect();
            print::table((!look.no_headers).then(|| kind.headers(wide)).as_deref(), &rows)
        }
    };
    print::say(&text)
}
