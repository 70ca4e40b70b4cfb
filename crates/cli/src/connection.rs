//! Which API server a command talks to: `--kubeconfig`, `FERRY_KUBECONFIG`, `KUBECONFIG`, the data directory of a
//! Ferry on this machine, `~/.kube/config`; the first that is there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// How to reach the API server.
#[derive(Args, Clone, Debug, Default)]
pub struct Connection {
    /// Kubeconfig of the API server [default: $KUBECONFIG, or that of the default data directory]
    #[arg(long, env = "FERRY_KUBECONFIG", value_name = "FILE", global = true)]
    pub kubeconfig: Option<PathBuf>,
}

impl Connection {
    /// A client. Nothing is asked yet.
    pub async fn client(&self) -> Result<Client> {
        let (found, named) = self.find()?;
        let options = KubeConfigOptions::default();
        let mut config =
            Config::from_custom_kubeconfig(found, &options).await.with_context(|| named.clone())?;
        config.connect_timeout = Some(Duration::from_secs(10));
        config.read_timeout = Some(Duration::from_secs(330));
        Client::try_from(config).context(named)
    }

    fn find(&self) -> Result<(Kubeconfig, String)> {
        if let Some(file) = &self.kubeconfig {
            return read(file);
        }
        let is_set = std::env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty());
        if !is_set
            && let Some(file) = default_data_dir().map(|dir| dir.join("kubeconfig"))
            && file.exists()
        {
            return read(&file);
        }
        let merged = Kubeconfig::read().map_err(|error| {
            anyhow!("no kubeconfig: start Ferry (ferry up), or give --kubeconfig FILE ({error})")
        })?;
        Ok((merged, "the kubeconfig of $KUBECONFIG or ~/.kube/config".to_owned()))
    }
}

fn read(file: &Path) -> Result<(Kubeconfig, String)> {
    let named = format!("kubeconfig {}", file.display());
    if !file.exists() {
        return Err(anyhow!("{named}: there is no such file; start Ferry (ferry up), or name another"));
    }
    Ok((Kubeconfig::read_from(file).with_context(|| named.clone())?, named))
}

/// `$XDG_DATA_HOME/ferry`, or else `~/.local/share/ferry`: where `ferry up` keeps everything by default.
pub fn default_data_dir() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = from("XDG_DATA_HOME").or_else(|| from("HOME").map(|home| home.join(".local/share")))?;
    Some(base.join("ferry"))
}
