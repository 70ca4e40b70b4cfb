//! Waits for the end of a Promotion.

use anyhow::{Result, anyhow, bail};
use ferry_api::{Promotion, PromotionPhase};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};

use crate::print;

/// Returns the Promotion when it has ended.
pub async fn until_done(client: &Client, project: &str, name: &str) -> Result<Promotion> {
    let api: Api<Promotion> = Api::namespaced(client.clone(), project);
    // A Promotion that is gone has ended, too.
    let has_ended = |promotion: Option<&Promotion>| {
        promotion
            .is_none_or(|p| p.status.as_ref().and_then(|s| s.phase).is_some_and(PromotionPhase::is_terminal))
    };
    let ended = await_condition(api, name, has_ended).await?;
    ended.ok_or_else(|| anyhow!("Promotion {name} was deleted before it ended"))
}

/// Waits, and says how it ended.
pub(super) async fn tell(client: &Client, project: &str, name: &str) -> Result<()> {
    let promotion = until_done(client, project, name).await?;
    let status = promotion.status.unwrap_or_default();
    let phase = status.phase.map(PromotionPhase::as_str).unwrap_or_default();
    let message = if status.message.is_empty() { String::new() } else { format!(": {}", status.message) };
    if status.phase == Some(PromotionPhase::Succeeded) {
        return print::say(&format!("promotion.kargo.akuity.io/{name} {phase}\n"));
    }
    bail!("Promotion {name} ended {phase}{message}")
}
