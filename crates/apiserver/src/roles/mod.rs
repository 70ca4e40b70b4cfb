//! Roles and bindings, obeyed: who may do what, who may hand out which rights, and the roles every server has.

mod defaults;
mod escalation;
mod index;
mod rule;
mod validation;

pub(crate) use defaults::install;
pub(crate) use escalation::check as check_escalation;
pub use index::Roles;
pub(crate) use rule::Rule;
pub(crate) use validation::check;

/// The group of the kinds.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";
/// Where they are stored.
pub(crate) const ROLES: &str = "rbac.authorization.k8s.io/roles";
pub(crate) const ROLE_BINDINGS: &str = "rbac.authorization.k8s.io/rolebindings";
pub(crate) const CLUSTER_ROLES: &str = "rbac.authorization.k8s.io/clusterroles";
pub(crate) const CLUSTER_ROLE_BINDINGS: &str = "rbac.authorization.k8s.io/clusterrolebindings";
