//! Which servers may be reached: a repository's host is resolved and judged before `git` starts, and `git` is told to use the
//! addresses that were judged.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ferry_artifact::RepoUrl;
use ferry_artifact::egress::{Egress, IpNet};
use ferry_lfs::Proxies;
use ferry_net::Http;
use url::{Host, Url};

use crate::Error;
use crate::settings::Settings;

/// How long a name may take to be resolved. Git has its own patience afterwards.
const RESOLVE: Duration = Duration::from_secs(10);

/// What keeps a program to the address that was judged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pin {
    /// Nothing is needed.
    None,
    /// A name's addresses, as `http.curloptResolve` wants them.
    Http(String),
    /// The address that `ssh` is to connect to.
    Ssh(IpAddr),
}

/// Judges a server.
pub(crate) async fn judge(address: &str, settings: &Settings) -> Result<Pin, Error> {
    let Some(egress) = &settings.egress else { return Ok(Pin::None) };
    let refused = |why: String| Error::Closed { url: address.to_owned(), why };
    let (host, port, is_http) = match Url::parse(address) {
        Ok(url) => match url.host() {
            Some(Host::Ipv4(ip)) => return permits(egress, ip.into()).map(|()| Pin::None).map_err(refused),
            Some(Host::Ipv6(ip)) => return permits(egress, ip.into()).map(|()| Pin::None).map_err(refused),
            Some(Host::Domain(name)) => {
                let is_http = matches!(url.scheme(), "http" | "https");
                (name.to_owned(), url.port_or_known_default().unwrap_or(22), is_http)
            }
            None => return Ok(Pin::None),
        },
        // As ssh has it: `user@host:path`.
        Err(_) => (RepoUrl::parse(address)?.host().to_owned(), 22, false),
    };
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return permits(egress, ip).map(|()| Pin::None).map_err(refused);
    }
    // A proxy resolves names itself.
    if is_http && proxies(settings).of(address).is_some() {
        return Ok(Pin::None);
    }
    let unknown = |why: String| Error::Unreachable {
        url: address.to_owned(),
        detail: format!("its host {host} cannot be resolved: {why}"),
    };
    // What is not judged is not reached: it could be resolved to something else a moment later.
    let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host.as_str(), port))).await;
    let found = found.map_err(|_late| unknown(format!("no answer within {} s", RESOLVE.as_secs())))?;
    let found: Vec<SocketAddr> = found.map_err(|e| unknown(e.to_string()))?.collect();
    let judged: Vec<_> = found.iter().map(|address| permits(egress, address.ip())).collect();
    let open: Vec<_> =
        found.iter().zip(&judged).filter(|(_, judged)| judged.is_ok()).map(|(a, _)| a.ip()).collect();
    match judged.into_iter().find_map(Result::err) {
        Some(why) if open.is_empty() => Err(refused(why)),
        _ if is_http => Ok(Pin::Http(pinned(&host, port, &open))),
        _ => Ok(open.first().map_or(Pin::None, |address| Pin::Ssh(*address))),
    }
}

/// HTTP for what `git` itself does not fetch, by the same rules.
pub(crate) fn http(settings: &Settings) -> Http {
    let everywhere = || {
        let all = [IpAddr::from([0_u8; 4]), IpAddr::from([0_u8; 16])];
        Egress::new(all.into_iter().filter_map(|from| IpNet::new(from, 0).ok()).collect(), Vec::new())
    };
    Http::new(settings.egress.clone().unwrap_or_else(everywhere))
}

fn permits(egress: &Egress, address: IpAddr) -> Result<(), String> {
    egress.permits(address).map_err(|e| e.to_string())
}

/// The proxies that `git` is given, for what it does not fetch itself.
pub(crate) fn proxies(settings: &Settings) -> Proxies {
    Proxies::read(|name| {
        let found = settings.environment.iter().find(|(variable, _)| variable == name);
        found.map(|(_, value)| value.to_string_lossy().into_owned())
    })
}

fn pinned(host: &str, port: u16, addresses: &[IpAddr]) -> String {
    let written = addresses.iter().map(|address| match address {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    });
    format!("{host}:{port}:{}", written.collect::<Vec<_>>().join(","))
}
