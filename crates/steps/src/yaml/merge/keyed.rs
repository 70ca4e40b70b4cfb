//! The lists of Kubernetes' own objects whose elements are told apart by a key when they are merged.

use crate::yaml::piece::{Piece, What};
use crate::yaml::tree::{self, Node};

/// What tells the elements of a list apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyed {
    /// These keys of maps; one of them must be there.
    By(&'static [&'static str]),
    /// The elements themselves, which are texts.
    Itself,
}

/// A kind of Kubernetes' own objects.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The keys that lead to the spec of its Pods, if it has some.
    pods: Option<&'static [&'static str]>,
    /// Lists that only this kind has.
    own: &'static [(&'static [&'static str], Keyed)],
}

const NAME: Keyed = Keyed::By(&["name"]);
const PODS: &[&str] = &["spec", "template", "spec"];

/// `apiVersion`, kinds, where their Pods are, lists of their own.
#[expect(clippy::type_complexity, reason = "a table")]
const KINDS: &[(&[&str], &[&str], Option<&[&str]>, &[(&[&str], Keyed)])] = &[
    (&["v1"], &["Pod"], Some(&["spec"]), &[(&["status", "podIPs"], Keyed::By(&["ip"]))]),
    (&["v1"], &["PodTemplate"], Some(&["template", "spec"]), &[]),
    (&["v1"], &["ReplicationController"], Some(PODS), &[]),
    (&["apps/v1"], &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"], Some(PODS), &[]),
    (&["batch/v1"], &["Job"], Some(PODS), &[]),
    (
        &["batch/v1", "batch/v1beta1"],
        &["CronJob"],
        Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        &[],
    ),
    (&["v1"], &["Service"], None, &[(&["spec", "ports"], Keyed::By(&["port", "protocol"]))]),
    (&["v1"], &["ServiceAccount"], None, &[(&["secrets"], NAME)]),
    (
        &["v1"],
        &["Node"],
        None,
        &[(&["spec", "podCIDRs"], Keyed::Itself), (&["status", "addresses"], Keyed::By(&["type"]))],
    ),
    (
        &["v1"],
        &[
            "ConfigMap",
            "Endpoints",
            "LimitRange",
            "Namespace",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "ResourceQuota",
            "Secret",
        ],
        None,
        &[],
    ),
    (
        &["admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v1beta1"],
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        None,
        &[(&["webhooks"], NAME)],
    ),
    (&["storage.k8s.io/v1", "storage.k8s.io/v1beta1"], &["CSINode"], None, &[(&["spec", "drivers"], NAME)]),
    (&["storage.k8s.io/v1"], &["StorageClass", "VolumeAttachment"], None, &[]),
    (
        &["autoscaling/v1", "autoscaling/v2", "autoscaling/v2beta1", "autoscaling/v2beta2"],
        &["HorizontalPodAutoscaler"],
        None,
        &[],
    ),
    (&["networking.k8s.io/v1"], &["Ingress", "IngressClass", "NetworkPolicy"], None, &[]),
    (&["policy/v1", "policy/v1beta1"], &["PodDisruptionBudget"], None, &[]),
    (
        &["rbac.authorization.k8s.io/v1"],
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
        None,
        &[],
    ),
    (&["apiregistration.k8s.io/v1"], &["APIService"], None, &[]),
    (&["apiextensions.k8s.io/v1"], &["CustomResourceDefinition"], None, &[]),
    (&["certificates.k8s.io/v1"], &["CertificateSigningRequest"], None, &[]),
];

/// Lists of every object.
const EVERYWHERE: &[(&[&str], Keyed)] = &[
    (&["metadata", "finalizers"], Keyed::Itself),
    (&["metadata", "ownerReferences"], Keyed::By(&["uid"])),
    (&["status", "conditions"], Keyed::By(&["type"])),
];

/// Lists of the spec of a Pod.
const OF_PODS: &[(&str, Keyed)] = &[
    ("volumes", NAME),
    ("containers", NAME),
    ("initContainers", NAME),
    ("ephemeralContainers", NAME),
    ("imagePullSecrets", NAME),
    ("resourceClaims", NAME),
    ("hostAliases", Keyed::By(&["ip"])),
    ("topologySpreadConstraints", Keyed::By(&["topologyKey", "whenUnsatisfiable"])),
];

/// Lists of a container.
const OF_CONTAINERS: &[(&str, Keyed)] = &[
    ("env", NAME),
    ("ports", Keyed::By(&["containerPort", "protocol"])),
    ("volumeMounts", Keyed::By(&["mountPath"])),
    ("volumeDevices", Keyed::By(&["devicePath"])),
];

impl Kind {
    /// The kind that an object says it has.
    pub fn of(root: &Node) -> Option<Self> {
        let tree::What::Map { pairs, .. } = &root.what else { return None };
        let text = |name: &str| {
            pairs.iter().find(|(key, _)| key.text() == Some(name)).and_then(|(_, value)| value.text())
        };
        let (version, kind) = (text("apiVersion")?, text("kind")?);
        let is = |row: &&(&[&str], &[&str], _, _)| row.0.contains(&version) && row.1.contains(&kind);
        KINDS.iter().find(is).map(|(_, _, pods, own)| Self { pods: *pods, own })
    }

    /// How the list at a path is merged; none where it is replaced.
    pub fn list(self, path: &[String]) -> Option<Keyed> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let general = self.own.iter().chain(EVERYWHERE).find(|(at, _)| *at == path);
        let of_template = path.strip_suffix(&["finalizers"]).is_some_and(|at| at.ends_with(&["metadata"]));
        if let Some((_, keyed)) = general {
            return Some(*keyed);
        }
        if of_template {
            return Some(Keyed::Itself);
        }
        let in_table = |table: &[(&str, Keyed)], name: &str| {
            table.iter().find(|(list, _)| *list == name).map(|(_, keyed)| *keyed)
        };
        match path.strip_prefix(self.pods?)? {
            [list] => in_table(OF_PODS, list),
            ["containers" | "initContainers" | "ephemeralContainers", list] => in_table(OF_CONTAINERS, list),
            _ => None,
        }
    }
}

impl Keyed {
    /// The key that an element must have.
    pub fn name(self) -> &'static str {
        match self {
            Self::By([first, ..]) => first,
            Self::By([]) | Self::Itself => "text",
        }
    }

    /// What an element is told apart by.
    pub fn of_node(self, item: &Node) -> Vec<Option<String>> {
        match (self, &item.what) {
            (Self::Itself, _) => vec![item.text().map(str::to_owned)],
            (Self::By(keys), tree::What::Map { pairs, .. }) => {
                let text = |name: &&str| {
                    let pair = pairs.iter().rfind(|(key, _)| key.text() == Some(name))?;
                    pair.1.text().map(str::to_owned)
                };
                keys.iter().map(text).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The same of what is merged into it; none where it has none of the keys.
    pub fn of_piece(self, item: &Piece) -> Option<Vec<Option<String>>> {
        let found: Vec<_> = match (self, &item.what) {
            (Self::Itself, What::Scalar(scalar)) => vec![Some(scalar.text.clone())],
            (Self::By(keys), What::Map(_)) => {
                let text = |name: &&str| item.get(name).and_then(Piece::as_text).map(str::to_owned);
                keys.iter().map(text).collect()
            }
            _ => return None,
        };
        found.iter().any(Option::is_some).then_some(found)
    }
}
