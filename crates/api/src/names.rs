//! Labels, annotations and finalizers: the words that objects carry.

/// The labels.
pub mod label {
    /// On a Namespace, `true`: it belongs to a Project.
    pub const PROJECT: &str = "kargo.akuity.io/project";
    /// On Freight: mirror of `.alias`.
    pub const ALIAS: &str = "kargo.akuity.io/alias";
    /// Which controller is responsible.
    pub const SHARD: &str = "kargo.akuity.io/shard";
    /// The Stage's name, shortened to a label value.
    pub const STAGE: &str = "kargo.akuity.io/stage";
    /// On an AnalysisRun: the collection it verifies.
    pub const FREIGHT_COLLECTION: &str = "kargo.akuity.io/freight-collection";
    /// On a Secret: `git`, `helm`, `image` or `generic`.
    pub const CREDENTIAL_TYPE: &str = "kargo.akuity.io/cred-type";
    /// On a Lease: the controller's name.
    pub const CONTROLLER: &str = "kargo.akuity.io/controller";
}

/// The annotations.
pub mod annotation {
    /// Who created it, e.g. `kubernetes:alice`.
    pub const CREATE_ACTOR: &str = "kargo.akuity.io/create-actor";
    /// A changed value asks for a pass; the handled one is in `status.lastHandledRefresh`.
    pub const REFRESH: &str = "kargo.akuity.io/refresh";
    /// On a Stage: verify again.
    pub const REVERIFY: &str = "kargo.akuity.io/reverify";
    /// On a Promotion or a Stage: stop what runs.
    pub const ABORT: &str = "kargo.akuity.io/abort";
    /// On a Promotion: auto-promotion of this origin is held afterwards.
    pub const AUTO_PROMOTION_HOLD: &str = "kargo.akuity.io/auto-promotion-hold";
    /// On a Promotion: auto-promotion of this origin goes on afterwards.
    pub const AUTO_PROMOTION_RESUME: &str = "kargo.akuity.io/auto-promotion-resume";
    /// On a Promotion, `true`: it goes back.
    pub const ROLLBACK: &str = "kargo.akuity.io/rollback";
    /// On an Argo CD Application: comma list of `<project>:<stage>`.
    pub const AUTHORIZED_STAGE: &str = "kargo.akuity.io/authorized-stage";
    /// On a Stage: JSON list of the Applications it touched.
    pub const ARGOCD_CONTEXT: &str = "kargo.akuity.io/argocd-context";
    /// Full Stage name, where the label had to be shortened.
    pub const STAGE: &str = "kargo.akuity.io/stage";
    /// On an AnalysisRun: the Promotion that led to it.
    pub const PROMOTION: &str = "kargo.akuity.io/promotion";
    /// On a Project or its Namespace, `true`: the Namespace outlives the Project.
    pub const KEEP_NAMESPACE: &str = "kargo.akuity.io/keep-namespace";
    /// Free text for people.
    pub const DESCRIPTION: &str = "kargo.akuity.io/description";
    /// Prefix of the annotations of Events.
    pub const EVENT_PREFIX: &str = "event.kargo.akuity.io/";
}

/// The finalizer on Projects, their Namespaces and Stages.
pub const FINALIZER: &str = "kargo.akuity.io/finalizer";
