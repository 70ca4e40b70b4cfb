//! Kinds that Applications are made of and that the API server beside the stand-in need not know: it stores them, and
//! nobody moves them.

/// A kind of any content.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The plural, as in paths.
    pub plural: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

const fn kind(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Kind {
    Kind { group, version, kind, plural, namespaced: true }
}

const fn wide(kind: Kind) -> Kind {
    Kind { namespaced: false, ..kind }
}

/// What manifests commonly hold.
pub const KINDS: &[Kind] = &[
    kind("", "v1", "Pod", "pods"),
    kind("", "v1", "Service", "services"),
    kind("", "v1", "Endpoints", "endpoints"),
    kind("", "v1", "LimitRange", "limitranges"),
    kind("", "v1", "ResourceQuota", "resourcequotas"),
    kind("", "v1", "ReplicationController", "replicationcontrollers"),
    kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    wide(kind("", "v1", "PersistentVolume", "persistentvolumes")),
    kind("apps", "v1", "Deployment", "deployments"),
    kind("apps", "v1", "ReplicaSet", "replicasets"),
    kind("apps", "v1", "StatefulSet", "statefulsets"),
    kind("apps", "v1", "DaemonSet", "daemonsets"),
    kind("batch", "v1", "Job", "jobs"),
    kind("batch", "v1", "CronJob", "cronjobs"),
    kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    kind("networking.k8s.io", "v1", "Ingress", "ingresses"),
    kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    wide(kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses")),
    wide(kind("storage.k8s.io", "v1", "StorageClass", "storageclasses")),
    wide(kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses")),
];
