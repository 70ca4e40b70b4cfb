//! The recorded answers that concern Argo CD, through the code that production uses.
#![expect(clippy::unwrap_used, reason = "tests")]

mod compare;
mod memory;
mod odd_objects;
mod vectors_argocd_health;
mod vectors_argocd_update;
mod vectors_argocd_wait;
mod vectors_authorized_stage;
mod vectors_config_schema;
mod vectors_transitions;
