//! Whether Argo CD is where we look for it: said at the start, and again when that changes.

use std::time::Duration;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use tokio_util::sync::CancellationToken;

use crate::connect::words;

/// How often it is looked at while it is not there.
const PAUSE: Duration = Duration::from_secs(10);

/// Says that Argo CD is missing, and when it is there at last.
pub(super) async fn watch_over(client: Client, name: String, stop: CancellationToken) {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    let applications: Api<DynamicObject> = Api::all_with(client, &kind);
    let mut said: Option<String> = None;
    loop {
        let why = match applications.list_metadata(&ListParams::default().limit(1)).await {
            Ok(_) => {
                if said.is_some() {
                    tracing::info!("Argo CD is there now ({name})");
                }
                return;
            }
            Err(kube::Error::Api(status)) if status.code == 404 => format!(
                "Argo CD's CRDs are missing on {name}: Stages cannot update Applications until \
                 applications.argoproj.io is installed (install Argo CD, name another cluster with \
                 --argocd-kubeconfig, or start with --standin)"
            ),
            Err(error) => format!("Argo CD cannot be reached on {name}: {}", words(&error)),
        };
        if said.as_ref() != Some(&why) {
            tracing::error!("{why}");
            said = Some(why);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
    }
}
