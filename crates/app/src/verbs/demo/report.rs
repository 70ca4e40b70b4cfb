//! The table at the end: what each Stage has got, checked against Git and Argo CD.

use anyhow::{Result, anyhow, bail};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use ferry_api::{Freight, Promotion, PromotionPhase};
use ferry_standin::git_server::GitServer;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt as _};

/// What one Stage has got.
pub(super) struct Row {
    stage: String,
    freight: String,
    pushed: String,
    revision: String,
    seconds: f64,
}

impl Row {
    /// Reads what is there; anything that does not fit together is an error.
    pub(super) async fn of(
        client: &Client,
        server: &GitServer,
        freight: &Freight,
        promotion: &Promotion,
        seconds: f64,
    ) -> Result<Self> {
        let stage = promotion.spec.stage.clone();
        let status = promotion.status.clone().unwrap_or_default();
        if status.phase != Some(PromotionPhase::Succeeded) {
            let phase = status.phase.map_or("unfinished", PromotionPhase::as_str);
            bail!("Promotion {} to Stage {stage} is {phase}: {}", promotion.name_any(), status.message);
        }
        let pushed = super::pushed(promotion)
            .ok_or_else(|| anyhow!("Promotion {} says nothing of its push", promotion.name_any()))?;
        let branch = format!("stage/{stage}");
        let head = server.repository("deploy")?.head(&branch).await?.unwrap_or_default();
        if head != pushed {
            bail!("branch {branch} is at {head:?}, Promotion {} pushed {pushed:?}", promotion.name_any());
        }
        let revision = revision(client, &format!("kargo-demo-{stage}")).await?;
        if revision != pushed {
            bail!("Application kargo-demo-{stage} is at {revision:?}, Stage {stage} wants {pushed:?}");
        }
        let freight = freight.alias.clone().unwrap_or_else(|| freight.name_any());
        Ok(Self { stage, freight, pushed, revision, seconds })
    }
}

async fn revision(client: &Client, name: &str) -> Result<String> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    let applications: Api<DynamicObject> = Api::namespaced_with(client.clone(), "argocd", &kind);
    let application = applications.get(name).await?;
    Ok(application.data["status"]["sync"]["revision"].as_str().unwrap_or_default().to_owned())
}

/// The rows as a table.
pub(super) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["Stage", "Freight", "Commit pushed", "Application revision", "Seconds"]);
    for row in rows {
        let short = |commit: &str| commit.get(..12).unwrap_or(commit).to_owned();
        table.add_row([
            row.stage.clone(),
            row.freight.clone(),
            short(&row.pushed),
            short(&row.revision),
            format!("{:.2}", row.seconds),
        ]);
    }
    table.to_string()
}
