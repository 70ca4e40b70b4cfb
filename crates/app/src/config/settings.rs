//! The keys, checked: what is left out has its default, what contradicts itself is refused.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use ferry_artifact::egress::Egress;
use ferry_engine::engine::Limits;
use serde::Deserialize;

use super::Flags;
use crate::Misuse;

const PORT: u16 = 7443;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How git-push integrates what others have pushed, in Kargo's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum GitPushPolicy {
    /// Own commits are replayed on top.
    #[default]
    AlwaysRebase,
    /// The branch is merged.
    AlwaysMerge,
    /// Replayed, unless a signature would be lost or given to what had none: then merged.
    RebaseOrMerge,
    /// Replayed, unless a signature would be lost or given to what had none: then the step fails.
    RebaseOrFail,
    /// Not at all: the step fails.
    None,
}

/// How much is logged, and how it looks.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// A level, or a filter.
    pub level: Option<String>,
    /// How lines look.
    pub format: LogFormat,
}

/// Whose API server is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Our own.
    Alone,
    /// The one that a kubeconfig names.
    Kubeconfig(PathBuf),
    /// That of the cluster this process is a Pod of.
    InCluster,
}

/// Namespaces with a meaning of their own.
#[derive(Clone, Debug)]
pub struct Namespaces {
    /// Ferry itself.
    pub own: String,
    /// What all Projects share.
    pub shared: String,
    /// Ferry's own Secrets.
    pub system: String,
    /// Applications, when nobody says.
    pub argocd: String,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self {
            own: "kargo".into(),
            shared: "kargo-shared-resources".into(),
            system: "kargo-system-resources".into(),
            argocd: "argocd".into(),
        }
    }
}

const EVENT_SECONDS: u64 = 3600;
const OCI_PUSH_MIB: u64 = 1024;
const MAX_REQUESTS: u32 = 400;
const OVERDUE_AFTER: Duration = Duration::from_mins(30);

/// What `ferry up` does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Whose API server.
    pub place: Place,
    /// Where our own listens.
    pub listen: SocketAddr,
    /// By which names it may be called.
    pub hosts: Vec<String>,
    /// Whether there are controllers.
    pub controllers: bool,
    /// Where Argo CD is, if elsewhere.
    pub argocd_kubeconfig: Option<PathBuf>,
    /// Whether there is a stand-in for Argo CD.
    pub standin: bool,
    /// Repositories to serve, and on which port.
    pub standin_git: Option<(PathBuf, u16)>,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// Whether credentials go over plain HTTP.
    pub credentials_over_http: bool,
    /// Which addresses steps may reach.
    pub egress: Egress,
    /// Where programs are that steps run; others are looked for on the PATH.
    pub programs: Vec<(&'static str, PathBuf)>,
    /// How much one run of such a program may use.
    pub program_limits: ferry_exec::Limits,
    /// Who commits where nobody else says: a name, an e-mail address.
    pub git_committer: (Option<String>, Option<String>),
    /// How pushes integrate what others have pushed.
    pub git_push_policy: GitPushPolicy,
    /// `git-lfs`; none: the one on the `PATH`, if any.
    pub git_lfs: Option<PathBuf>,
    /// How many bytes one checkout may bring of Git LFS, where somebody says.
    pub lfs_bytes: Option<u64>,
    /// How many bytes `oci-push` may carry from one repository to another.
    pub oci_push_bytes: u64,
    /// How long our own API server keeps Events, in seconds; 0: for ever.
    pub event_seconds: u64,
    /// How many requests it works on at a time.
    pub max_requests: u32,
    /// How many steps are at work at a time.
    pub steps: Limits,
    /// After how long a Promotion is overdue.
    pub overdue_after: Duration,
    /// Where metrics and health are answered in the open.
    pub metrics_listen: Option<SocketAddr>,
    /// Logs.
    pub log: Log,
}

impl Settings {
    /// Alone in a data directory, on a port that is free: what tests and the demo start from.
    pub fn alone(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            place: Place::Alone,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            hosts: Vec::new(),
            controllers: true,
            argocd_kubeconfig: None,
            standin: false,
            standin_git: None,
            namespaces: Namespaces::default(),
            credentials_over_http: false,
            egress: Egress::default().with_loopback(),
            programs: Vec::new(),
            program_limits: ferry_exec::Limits::default(),
            git_committer: (None, None),
            git_push_policy: GitPushPolicy::default(),
            git_lfs: None,
            lfs_bytes: None,
            oci_push_bytes: OCI_PUSH_MIB << 20,
            event_seconds: EVENT_SECONDS,
            max_requests: MAX_REQUESTS,
            steps: Limits::default(),
            overdue_after: OVERDUE_AFTER,
            metrics_listen: None,
            log: Log::default(),
        }
    }

    pub(super) fn new(flags: Flags) -> anyhow::Result<Self> {
        contradictions(&flags)?;
        let data_dir = match flags.data_dir {
            Some(given) => given,
            None => default_data_dir()?,
        };
        let usual = Namespaces::default();
        let place = match (flags.kubeconfig, flags.in_cluster.unwrap_or_default()) {
            (Some(file), _) => Place::Kubeconfig(file),
            (None, true) => Place::InCluster,
            (None, false) => Place::Alone,
        };
        let egress = Egress::new(flags.egress_open, flags.egress_close);
        // Where everything is on this machine, so is what is to be reached.
        let is_local = matches!(place, Place::Alone) || flags.standin_git_dir.is_some();
        let egress = if is_local { egress.with_loopback() } else { egress };
        Ok(Self {
            place,
            listen: flags.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))),
            hosts: flags.hosts,
            controllers: !flags.api_only.unwrap_or_default(),
            argocd_kubeconfig: flags.argocd_kubeconfig,
            standin: flags.standin.unwrap_or_default(),
            standin_git: flags.standin_git_dir.map(|dir| (dir, flags.standin_git_port.unwrap_or_default())),
            namespaces: Namespaces {
                own: flags.namespace.unwrap_or(usual.own),
                shared: flags.shared_resources_namespace.unwrap_or(usual.shared),
                system: flags.system_resources_namespace.unwrap_or(usual.system),
                argocd: flags.argocd_namespace.unwrap_or(usual.argocd),
            },
            credentials_over_http: flags.credentials_over_http.unwrap_or_default(),
            egress,
            programs: [("helm", flags.helm), ("kustomize", flags.kustomize)]
                .into_iter()
                .filter_map(|(name, path)| Some((name, path?)))
                .collect(),
            git_committer: (flags.git_name, flags.git_email),
            git_push_policy: flags.git_push_policy.unwrap_or_default(),
            git_lfs: flags.git_lfs,
            lfs_bytes: flags.max_lfs_size.map(|mib| mib << 20),
            oci_push_bytes: flags.max_oci_push_size.unwrap_or(OCI_PUSH_MIB) << 20,
            program_limits: program_limits(flags.program_memory, flags.program_cpu),
            event_seconds: flags.event_ttl.unwrap_or(EVENT_SECONDS),
            max_requests: flags.max_requests.unwrap_or(MAX_REQUESTS).max(1),
            steps: steps(flags.max_steps_at_work, flags.max_steps_at_work_per_project),
            overdue_after: flags.overdue_after.map_or(OVERDUE_AFTER, Duration::from_secs),
            metrics_listen: flags.metrics_listen,
            log: Log { level: flags.log_level, format: flags.log_format.unwrap_or_default() },
            data_dir,
        })
    }
}

fn program_limits(memory_mib: Option<u64>, cpu_seconds: Option<u64>) -> ferry_exec::Limits {
    let usual = ferry_exec::Limits::default();
    ferry_exec::Limits {
        memory: memory_mib.map_or(usual.memory, |mib| mib << 20),
        cpu: cpu_seconds.map_or(usual.cpu, Duration::from_secs),
        ..usual
    }
}

fn steps(all: Option<u32>, each: Option<u32>) -> Limits {
    let usual = Limits::default();
    let number = |given: Option<u32>, usual| given.and_then(|n| usize::try_from(n).ok()).unwrap_or(usual);
    Limits {
        steps_at_work: number(all, usual.steps_at_work),
        steps_at_work_per_project: number(each, usual.steps_at_work_per_project),
    }
}

fn contradictions(flags: &Flags) -> Result<(), Misuse> {
    let on_cluster = flags.kubeconfig.is_some() || flags.in_cluster == Some(true);
    let both = |a: bool, b: bool, text: &str| if a && b { Err(Misuse(text.to_owned())) } else { Ok(()) };
    both(
        flags.kubeconfig.is_some(),
        flags.in_cluster == Some(true),
        "kubeconfig and in-cluster name two clusters: give one of them",
    )?;
    both(
        on_cluster,
        flags.api_only == Some(true),
        "api-only starts an API server of our own: leave out kubeconfig and in-cluster",
    )?;
    both(
        on_cluster,
        flags.listen.is_some(),
        "listen is for an API server of our own, on a cluster there is none: leave it out",
    )?;
    both(
        flags.standin == Some(true),
        flags.argocd_kubeconfig.is_some(),
        "standin takes the place of Argo CD, argocd-kubeconfig names a real one: give one of them",
    )?;
    both(flags.standin_git_dir.is_some(), flags.standin != Some(true), "standin-git-dir needs standin")
}

pub(crate) fn default_data_dir() -> Result<PathBuf, Misuse> {
    ferry_cli::connection::default_data_dir()
        .ok_or_else(|| Misuse("no HOME to keep data in: give --data-dir".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> Flags {
        Flags { data_dir: Some("/d".into()), ..Flags::default() }
    }

    #[test]
    fn defaults_are_alone_on_loopback() {
        let settings = Settings::new(flags()).unwrap();
        assert_eq!((settings.place, settings.listen.to_string().as_str()), (Place::Alone, "127.0.0.1:7443"));
        assert!(settings.controllers && !settings.standin);
        assert_eq!(settings.namespaces.argocd, "argocd");
    }

    #[test]
    fn contradictions_are_misuse() {
        let cases = [
            Flags { kubeconfig: Some("/k".into()), in_cluster: Some(true), ..flags() },
            Flags { kubeconfig: Some("/k".into()), api_only: Some(true), ..flags() },
            Flags { in_cluster: Some(true), listen: "127.0.0.1:1".parse().ok(), ..flags() },
            Flags { standin: Some(true), argocd_kubeconfig: Some("/k".into()), ..flags() },
            Flags { standin_git_dir: Some("/r".into()), ..flags() },
        ];
        for case in cases {
            assert!(Settings::new(case.clone()).unwrap_err().is::<Misuse>(), "{case:?}");
        }
    }

    #[test]
    fn a_flag_beats_the_file() {
        let file = Flags { namespace: Some("file".into()), standin: Some(true), ..Flags::default() };
        let over = Flags { namespace: Some("flag".into()), ..flags() }.over(file);
        assert_eq!((over.namespace.as_deref(), over.standin), (Some("flag"), Some(true)));
    }
}
