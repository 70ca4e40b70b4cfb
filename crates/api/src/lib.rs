//! Resource types of the promotion model: kinds, phases, conditions, labels, annotations, Freight identity, CRD YAML.
//!
//! Everything here is data and pure functions over it. The JSON is that of `kargo.akuity.io/v1alpha1`, and what
//! is ours on top of it (`status.ledger`, `status.waiting`) is additive.

pub mod conditions;
pub mod crds;
pub mod duration;
pub mod facts;
pub mod freight;
pub mod generated;
pub mod history;
pub mod identity;
pub mod kind;
mod metadata;
pub mod names;
pub mod order;
pub mod project;
pub mod project_config;
pub mod promotion;
pub mod queue;
pub mod receiver;
pub mod request;
mod schema;
mod soak;
pub mod stage;
pub mod target;
pub mod task;
pub mod verification;
pub mod waiting;
pub mod warehouse;
pub mod window;
mod word;

pub use freight::{Freight, FreightCollection, FreightOrigin, FreightReference};
pub use kind::{API_VERSION, ApiVersion, GROUP, Tag, VERSION};
pub use project::Project;
pub use project_config::{ClusterConfig, ProjectConfig};
pub use promotion::{Promotion, PromotionPhase, PromotionStep, StepStatus, Variable};
pub use request::PromotionRequest;
pub use stage::Stage;
pub use target::Target;
pub use task::{ClusterPromotionTask, PromotionTask};
pub use waiting::Waiting;
pub use warehouse::Warehouse;

/// Kubernetes' own words: a moment (RFC 3339, seconds), an entry of `status.conditions`, metadata, selectors.
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, ObjectMeta, Time};
