//! What `ferry up` can be told: one table of keys, which are flags, `FERRY_*` variables and lines of the config file
//! at once. A flag beats the environment, the environment beats the file.

mod file;
mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ferry_artifact::egress::IpNet;
use serde::Deserialize;

pub(crate) use settings::default_data_dir;
pub use settings::{GitPushPolicy, Log, LogFormat, Namespaces, Place, Settings};

/// The keys. In the config file they are called as the flags are, without the dashes in front.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Flags {
    /// YAML file with the same keys as the flags, without the dashes in front
    #[arg(long, env = "FERRY_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Where everything is kept [default: $XDG_DATA_HOME/ferry or ~/.local/share/ferry]
    #[arg(long, env = "FERRY_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where the own API server listens; port 0 picks one [default: 127.0.0.1:7443]
    #[arg(long, env = "FERRY_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Host name or address beside the loopback ones by which the own API server may be called (repeatable)
    #[arg(long = "host", env = "FERRY_HOST", value_name = "NAME", value_delimiter = ',')]
    #[serde(rename = "host")]
    pub hosts: Vec<String>,
    /// Only the API server with its admission, no controllers
    #[arg(long, env = "FERRY_API_ONLY", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub api_only: Option<bool>,
    /// Run on this cluster instead of with an API server of our own
    #[arg(long, env = "FERRY_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Run on the cluster this process is a Pod of
    #[arg(long, env = "FERRY_IN_CLUSTER", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub in_cluster: Option<bool>,
    /// Where Argo CD is, if not on the same API server
    #[arg(long, env = "FERRY_ARGOCD_KUBECONFIG", value_name = "FILE")]
    pub argocd_kubeconfig: Option<PathBuf>,
    /// Namespace of Applications when nobody says [default: argocd]
    #[arg(long, env = "FERRY_ARGOCD_NAMESPACE", value_name = "NAMESPACE")]
    pub argocd_namespace: Option<String>,
    /// Start a stand-in for Argo CD (plain manifests only) and install its two CRDs
    #[arg(long, env = "FERRY_STANDIN", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub standin: Option<bool>,
    /// With --standin: serve the bare Git repositories below this directory on a loopback port
    #[arg(long, env = "FERRY_STANDIN_GIT_DIR", value_name = "DIR")]
    pub standin_git_dir: Option<PathBuf>,
    /// Port of that Git server; 0 picks one [default: 0]
    #[arg(long, env = "FERRY_STANDIN_GIT_PORT", value_name = "PORT")]
    pub standin_git_port: Option<u16>,
    /// Namespace of Ferry itself: leases [default: kargo]
    #[arg(long, env = "FERRY_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Namespace of Secrets and ConfigMaps shared by all Projects [default: kargo-shared-resources]
    #[arg(long, env = "FERRY_SHARED_RESOURCES_NAMESPACE", value_name = "NAMESPACE")]
    pub shared_resources_namespace: Option<String>,
    /// Namespace of Ferry's own Secrets [default: kargo-system-resources]
    #[arg(long, env = "FERRY_SYSTEM_RESOURCES_NAMESPACE", value_name = "NAMESPACE")]
    pub system_resources_namespace: Option<String>,
    /// Whether Git credentials may be sent over http:// where anybody on the way can read them
    #[arg(long, env = "FERRY_CREDENTIALS_OVER_HTTP", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub credentials_over_http: Option<bool>,
    /// Network that steps may reach although it is refused by itself, such as 127.0.0.0/8 (repeatable)
    #[arg(long = "egress-open", env = "FERRY_EGRESS_OPEN", value_name = "CIDR", value_delimiter = ',')]
    pub egress_open: Vec<IpNet>,
    /// Network that steps may not reach, such as 10.0.0.0/8 (repeatable)
    #[arg(long = "egress-close", env = "FERRY_EGRESS_CLOSE", value_name = "CIDR", value_delimiter = ',')]
    pub egress_close: Vec<IpNet>,
    /// Where helm is [default: helm on the PATH]
    #[arg(long, env = "FERRY_HELM", value_name = "FILE")]
    pub helm: Option<PathBuf>,
    /// Where kustomize is [default: kustomize on the PATH]
    #[arg(long, env = "FERRY_KUSTOMIZE", value_name = "FILE")]
    pub kustomize: Option<PathBuf>,
    /// Who commits where neither a step nor the ClusterConfig says [default: Kargo]
    #[arg(long, env = "FERRY_GIT_NAME", value_name = "NAME")]
    pub git_name: Option<String>,
    /// The e-mail address of who commits [default: no-reply@kargo.io]
    #[arg(long, env = "FERRY_GIT_EMAIL", value_name = "ADDRESS")]
    pub git_email: Option<String>,
    /// How git-push integrates what others have pushed [default: AlwaysRebase]
    #[arg(long, env = "FERRY_GIT_PUSH_POLICY", value_enum, value_name = "POLICY")]
    pub git_push_policy: Option<GitPushPolicy>,
    /// Where git-lfs is; without one, large files of Git LFS are their pointers [default: git-lfs on the PATH]
    #[arg(long, env = "FERRY_GIT_LFS", value_name = "FILE")]
    pub git_lfs: Option<PathBuf>,
    /// How much one checkout may bring of Git LFS, in MiB [default: 1024]
    #[arg(long, env = "FERRY_MAX_LFS_SIZE", value_name = "MIB", value_parser = clap::value_parser!(u64).range(..=1_073_741_824))]
    pub max_lfs_size: Option<u64>,
    /// How much memory one run of helm or kustomize may use, in MiB [default: 1024]
    #[arg(long, env = "FERRY_PROGRAM_MEMORY", value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..=1_048_576))]
    pub program_memory: Option<u64>,
    /// How much time of a processor one run of helm or kustomize may use, in seconds [default: 300]
    #[arg(long, env = "FERRY_PROGRAM_CPU", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub program_cpu: Option<u64>,
    /// How much oci-push may carry from one repository to another, in MiB; 0: nothing [default: 1024]
    #[arg(long, env = "FERRY_MAX_OCI_PUSH_SIZE", value_name = "MIB", value_parser = clap::value_parser!(u64).range(..=1_073_741_824))]
    pub max_oci_push_size: Option<u64>,
    /// How long the own API server keeps Events, in seconds; 0: for ever [default: 3600]
    #[arg(long, env = "FERRY_EVENT_TTL", value_name = "SECONDS")]
    pub event_ttl: Option<u64>,
    /// How many requests the own API server works on at a time; one user gets a quarter of them [default: 400]
    #[arg(long, env = "FERRY_MAX_REQUESTS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_requests: Option<u32>,
    /// How many steps of Promotions are at work at a time; one that waits does not count [default: 64]
    #[arg(long, env = "FERRY_MAX_STEPS_AT_WORK", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_steps_at_work: Option<u32>,
    /// How many of them may be those of one Project [default: 32]
    #[arg(long, env = "FERRY_MAX_STEPS_AT_WORK_PER_PROJECT", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_steps_at_work_per_project: Option<u32>,
    /// After how many seconds at one step, or first in its queue, a Promotion is overdue [default: 1800]
    #[arg(long, env = "FERRY_OVERDUE_AFTER", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub overdue_after: Option<u64>,
    /// Where /livez, /readyz and /metrics are answered without TLS and credentials (the own API server answers them too)
    #[arg(long, env = "FERRY_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// error, warn, info, debug, trace, or a filter such as info,ferry_engine=debug [default: info]
    #[arg(long, env = "FERRY_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// How log lines look [default: text]
    #[arg(long, env = "FERRY_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

impl Flags {
    /// These, and below them what the config file says; checked.
    pub fn settle(self) -> anyhow::Result<Settings> {
        let all = match &self.config {
            Some(path) => {
                let below = file::read(path)?;
                self.over(below)
            }
            None => self,
        };
        Settings::new(all)
    }

    /// Each key from here, or else from `below`.
    fn over(self, below: Self) -> Self {
        Self {
            config: self.config,
            data_dir: self.data_dir.or(below.data_dir),
            listen: self.listen.or(below.listen),
            hosts: if self.hosts.is_empty() { below.hosts } else { self.hosts },
            api_only: self.api_only.or(below.api_only),
            kubeconfig: self.kubeconfig.or(below.kubeconfig),
            in_cluster: self.in_cluster.or(below.in_cluster),
            argocd_kubeconfig: self.argocd_kubeconfig.or(below.argocd_kubeconfig),
            argocd_namespace: self.argocd_namespace.or(below.argocd_namespace),
            standin: self.standin.or(below.standin),
            standin_git_dir: self.standin_git_dir.or(below.standin_git_dir),
            standin_git_port: self.standin_git_port.or(below.standin_git_port),
            namespace: self.namespace.or(below.namespace),
            shared_resources_namespace: self.shared_resources_namespace.or(below.shared_resources_namespace),
            system_resources_namespace: self.system_resources_namespace.or(below.system_resources_namespace),
            credentials_over_http: self.credentials_over_http.or(below.credentials_over_http),
            egress_open: if self.egress_open.is_empty() { below.egress_open } else { self.egress_open },
            egress_close: if self.egress_close.is_empty() { below.egress_close } else { self.egress_close },
            helm: self.helm.or(below.helm),
            kustomize: self.kustomize.or(below.kustomize),
            git_name: self.git_name.or(below.git_name),
            git_email: self.git_email.or(below.git_email),
            git_push_policy: self.git_push_policy.or(below.git_push_policy),
            git_lfs: self.git_lfs.or(below.git_lfs),
            max_lfs_size: self.max_lfs_size.or(below.max_lfs_size),
            program_memory: self.program_memory.or(below.program_memory),
            program_cpu: self.program_cpu.or(below.program_cpu),
            max_oci_push_size: self.max_oci_push_size.or(below.max_oci_push_size),
            event_ttl: self.event_ttl.or(below.event_ttl),
            max_requests: self.max_requests.or(below.max_requests),
            max_steps_at_work: self.max_steps_at_work.or(below.max_steps_at_work),
            max_steps_at_work_per_project: self
                .max_steps_at_work_per_project
                .or(below.max_steps_at_work_per_project),
            overdue_after: self.overdue_after.or(below.overdue_after),
            metrics_listen: self.metrics_listen.or(below.metrics_listen),
            log_level: self.log_level.or(below.log_level),
            log_format: self.log_format.or(below.log_format),
        }
    }
}
