//! The slice of Argo CD that promotions touch: a view of Applications, who may change them, what `argocd-update` and
//! `argocd-wait` decide, Stage health. Decisions only: callers read and patch Applications and tell the answers.

pub mod application;
pub mod authorization;
pub mod changes;
pub mod freshness;
pub mod health;
mod merge;
pub mod selector;
pub mod target;
pub mod update;
pub mod wait;

pub use application::Application;
pub use target::AppRef;

use serde_json::{Value, json};

/// API group and version of Applications.
pub const API_VERSION: &str = "argoproj.io/v1alpha1";
/// API group of Applications.
pub const GROUP: &str = "argoproj.io";
/// Kind of Applications.
pub const KIND: &str = "Application";
/// Resource name of Applications.
pub const PLURAL: &str = "applications";
/// Where Applications are when nobody says otherwise.
pub const DEFAULT_NAMESPACE: &str = "argocd";
/// Setting this annotation makes Argo CD look again; it removes it when done.
pub const REFRESH_ANNOTATION: &str = "argocd.argoproj.io/refresh";
/// Name of the operation's info entry that carries the Promotion's name.
pub const PROMOTION_INFO: &str = "kargo.akuity.io/promotion";
/// Who an operation is initiated by when no person created the Promotion.
pub const INITIATOR: &str = "kargo-controller";

/// The merge patch that asks for a hard refresh.
pub fn refresh_patch() -> Value {
    json!({"metadata": {"annotations": {REFRESH_ANNOTATION: "hard"}}})
}
