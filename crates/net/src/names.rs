//! Where names lead: their addresses, as far as they may be reached.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ferry_artifact::egress::Egress;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::CONNECT;

/// Names under which clouds tell machines their secrets. A proxy may know them although we do not.
const METADATA: &[&str] = &[
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "instance-data",
    "instance-data.ec2.internal",
];
/// Where they lead.
const METADATA_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// Invents the addresses of a name.
type Invented = Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;

/// Addresses of names, and which of them may be reached.
#[derive(Clone)]
pub(crate) struct Names {
    egress: Arc<Egress>,
    invented: Option<Invented>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("egress", &self.egress).finish_non_exhaustive()
    }
}

impl Names {
    /// As this machine resolves them.
    pub fn new(egress: Egress) -> Self {
        Self { egress: Arc::new(egress), invented: None }
    }

    /// As a test invents them.
    pub fn invented(egress: Egress, invented: Invented) -> Self {
        Self { egress: Arc::new(egress), invented: Some(invented) }
    }

    /// Judges an address in a URL: it is connected to without asking for a name.
    pub fn judge(&self, url: &Url) -> Result<(), String> {
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
            Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
            Some(url::Host::Domain(_)) | None => return Ok(()),
        };
        self.egress.permits(address).map_err(|e| e.to_string())
    }

    /// A proxy connects for us: what it is to connect to is judged by what the name is to us.
    pub async fn judge_behind_proxy(&self, url: &Url) -> Result<(), String> {
        self.judge(url)?;
        let Some(url::Host::Domain(name)) = url.host() else { return Ok(()) };
        if METADATA.contains(&name.trim_end_matches('.')) {
            self.egress.permits(METADATA_ADDRESS).map_err(|refused| format!("{name}: {refused}"))?;
        }
        // A name that only the proxy knows is the proxy's business.
        let Ok(Ok(found)) = tokio::time::timeout(CONNECT, self.addresses(name)).await else { return Ok(()) };
        let refused = found.into_iter().find_map(|address| self.egress.permits(address).err());
        refused.map_or(Ok(()), |refused| Err(format!("{name}: {refused}")))
    }

    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(invented) = &self.invented {
            return Ok(invented(name));
        }
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            let judged = found.iter().map(|address| names.egress.permits(*address));
            let refused = judged.clone().find_map(Result::err);
            let open: Vec<_> = found
                .iter()
                .zip(judged)
                .filter(|(_, j)| j.is_ok())
                .map(|(a, _)| (*a, 0_u16).into())
                .collect();
            match refused {
                Some(refused) if open.is_empty() => Err(format!("{}: {refused}", name.as_str()).into()),
                _ => Ok(Box::new(open.into_iter()) as Addrs),
            }
        })
    }
}
