//! The Project that a command is about.

use anyhow::{Result, anyhow, bail};
use clap::Args;
use ferry_api::Project;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

use crate::failure::told;

/// Which Project.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ProjectFlag {
    /// The Project
    #[arg(short, long, env = "FERRY_PROJECT", value_name = "PROJECT")]
    project: Option<String>,
}

impl ProjectFlag {
    /// Its name; the Project must be there.
    pub(crate) async fn existing(&self, client: &Client) -> Result<String> {
        let name = self.project.clone().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| {
            anyhow!("which Project? give --project PROJECT (ferry get projects lists them)")
        })?;
        let projects: Api<Project> = Api::all(client.clone());
        if projects.get_opt(&name).await.map_err(told)?.is_some() {
            return Ok(name);
        }
        let all = projects.list(&ListParams::default()).await.map_err(told)?;
        bail!("{}", missing("Project", &name, "", all.items.iter().map(ResourceExt::name_any)))
    }
}

/// That something is not there, and what is instead.
pub(crate) fn missing(kind: &str, name: &str, place: &str, there: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 10;
    let mut there: Vec<String> = there.collect();
    there.sort();
    let more = there.len().saturating_sub(SHOWN);
    there.truncate(SHOWN);
    let there = match (there.is_empty(), more) {
        (true, _) => "there is none".to_owned(),
        (false, 0) => format!("there is {}", there.join(", ")),
        (false, more) => format!("there is {} and {more} more", there.join(", ")),
    };
    format!("{kind} {name:?} not found{place}: {there}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_named() {
        let names = |count: usize| (0..count).map(|n| format!("s{n:02}"));
        assert_eq!(
            missing("Stage", "x", " in Project p", names(2)),
            "Stage \"x\" not found in Project p: there is s00, s01"
        );
        assert!(missing("Stage", "x", "", names(12)).ends_with("s09 and 2 more"));
        assert!(missing("Stage", "x", "", names(0)).ends_with("there is none"));
    }
}
