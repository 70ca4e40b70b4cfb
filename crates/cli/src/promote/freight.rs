//! Freight by its name or alias.

use anyhow::{Result, bail};
use ferry_api::Freight;
use ferry_api::names::label;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};

use crate::failure::told;
use crate::project::missing;

/// By its name, which is its id.
pub(super) async fn by_name(client: &Client, project: &str, name: &str) -> Result<Freight> {
    let api: Api<Freight> = Api::namespaced(client.clone(), project);
    match api.get_opt(name).await.map_err(told)? {
        Some(freight) => Ok(freight),
        None => absent(&api, project, name).await,
    }
}

/// By its alias.
pub(super) async fn by_alias(client: &Client, project: &str, alias: &str) -> Result<Freight> {
    let api: Api<Freight> = Api::namespaced(client.clone(), project);
    let labelled = ListParams::default().labels(&format!("{}={alias}", label::ALIAS));
    let found = match api.list(&labelled).await {
        Ok(found) => found.items,
        // No value that a label can have.
        Err(kube::Error::Api(status)) if status.code == 400 => Vec::new(),
        Err(error) => return Err(told(error)),
    };
    match found.into_iter().next() {
        Some(freight) => Ok(freight),
        None => absent(&api, project, alias).await,
    }
}

async fn absent(api: &Api<Freight>, project: &str, word: &str) -> Result<Freight> {
    let all = api.list(&ListParams::default()).await.map_err(told)?;
    let there =
        all.items.iter().map(|f| format!("{} ({})", f.alias.as_deref().unwrap_or_default(), f.name_any()));
    bail!("{}", missing("Freight", word, &format!(" in Project {project}"), there))
}
