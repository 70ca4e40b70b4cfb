//! Which server has the large files of a repository, and how it is spoken to.

use std::collections::BTreeMap;

use ferry_artifact::repo_url::Transport;
use ferry_artifact::{CommitId, RepoUrl};
use ferry_lfs::{Login, Operation, Server};
use serde::Deserialize;

use super::{Files, failed};
use crate::Error;
use crate::classify;
use crate::mirror::Mirror;
use crate::reach;
use crate::remote::{self, Remote, encoded};

/// What the repository says in `.lfsconfig`, as far as it concerns us.
#[derive(Debug, Default)]
pub(super) struct Configured {
    pub(super) url: Option<String>,
    pub(super) push_url: Option<String>,
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
}

impl Configured {
    pub(super) async fn read(files: &Files<'_>, commit: &CommitId) -> Result<Self, Error> {
        let mut configured = Self::default();
        let blob = format!("{commit}:.lfsconfig");
        let look = files.command("look for .lfsconfig in").args(["cat-file", "-e", &blob]);
        // Mostly there is none.
        if !look.run().await?.success {
            return Ok(configured);
        }
        let command = files.command("read .lfsconfig of").args(["config", "--no-includes", "-z", "--list"]);
        let output = command.args(["--blob", &blob]).run().await?;
        if !output.success {
            return Err(files.failed(format!(".lfsconfig: {}", classify::essence(&output.stderr))));
        }
        let list =
            |value: &str| value.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect();
        let text = String::from_utf8_lossy(&output.stdout);
        for (key, value) in text.split_terminator('\0').filter_map(|entry| entry.split_once('\n')) {
            match key {
                "lfs.url" => configured.url = Some(value.to_owned()),
                // The name that a clone gives to where it comes from.
                "remote.origin.lfsurl" if configured.url.is_none() => configured.url = Some(value.to_owned()),
                "lfs.pushurl" => configured.push_url = Some(value.to_owned()),
                "lfs.fetchinclude" => configured.include = list(value),
                "lfs.fetchexclude" => configured.exclude = list(value),
                _ => {}
            }
        }
        Ok(configured)
    }
}

/// Who has the contents of a repository: the server it names, or else the one that has the repository. The login goes to
/// the repository's own server only.
pub(super) async fn server(
    mirror: &Mirror,
    named: Option<&str>,
    operation: Operation,
) -> Result<Server, Error> {
    let service = mirror.service();
    let (remote, is_named) = match named {
        Some(url) => {
            let wrong = |e: &dyn std::fmt::Display| failed(mirror, format!(".lfsconfig: {e}"));
            let url = RepoUrl::parse(url).map_err(|e| wrong(&e))?;
            let own = &mirror.shared().remote;
            (own.sibling(&url, service.settings(), service.salt()).map_err(|e| wrong(&e))?, true)
        }
        None => (mirror.shared().remote.clone(), false),
    };
    let transport = RepoUrl::parse(&remote.address)?.transport();
    let (url, headers) = match transport {
        Transport::Ssh => authenticate(mirror, &remote, operation).await?,
        Transport::Http | Transport::Https if is_named => (remote.address.clone(), Vec::new()),
        Transport::Http | Transport::Https => (api_of(&remote.address), Vec::new()),
    };
    let login = remote.basic().map(|(scope, username, password)| Login {
        origin: scope.to_owned(),
        authorization: format!("Basic {}", encoded(username, password)),
    });
    let settings = service.settings();
    Ok(Server {
        http: mirror.runner().http.clone(),
        url: url.trim_end_matches('/').to_owned(),
        login,
        headers,
        proxies: reach::proxies(settings),
        insecure: remote.insecure_skip_tls_verify,
        deadline: settings.fetch_deadline,
        stall: settings.stall,
    })
}

/// Where the API is that belongs to a repository.
fn api_of(address: &str) -> String {
    let address = address.trim_end_matches('/');
    format!("{}.git/info/lfs", address.strip_suffix(".git").unwrap_or(address))
}

/// What a server says over SSH of where its contents are.
#[derive(Deserialize)]
struct Authenticated {
    #[serde(default)]
    href: String,
    #[serde(default)]
    header: BTreeMap<String, String>,
}

/// Asks over SSH where the API is and what it wants to see.
async fn authenticate(
    mirror: &Mirror,
    remote: &Remote,
    operation: Operation,
) -> Result<(String, Vec<(String, String)>), Error> {
    let target =
        remote::ssh_target(&remote.address).ok_or_else(|| failed(mirror, "the address names no path"))?;
    let port = target.port.map(|port| vec!["-p".to_owned(), port.to_string()]).unwrap_or_default();
    let path = target.path.replace('\'', "'\\''");
    let ask = format!("git-lfs-authenticate '{path}' {}", operation.as_str());
    let host = target.host.rsplit_once('@').map_or(&*target.host, |(_, host)| host);
    let guessed = api_of(&format!("https://{host}/{}", target.path.trim_start_matches('/')));
    // As `git` itself starts it.
    let command = mirror.command("ask for the large files of").remote(remote).program("/bin/sh");
    let command = command.args(["-c", r#"eval "$GIT_SSH_COMMAND \"\$@\"""#, "ssh"]).args(port);
    let deadline = mirror.runner().settings.list_deadline;
    let output = command.args([&target.host, &ask]).deadline(deadline).run().await?;
    // A server that does not know the question may have an API all the same.
    if !output.success && (output.code == Some(127) || output.stderr.contains("git-lfs-authenticate")) {
        return Ok((guessed, Vec::new()));
    }
    if !output.success {
        return Err(classify::remote("ask for the large files of", &remote.shown, &output.stderr));
    }
    let answer: Authenticated = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed(mirror, "what the server says to git-lfs-authenticate is not readable"))?;
    let url = if answer.href.is_empty() { guessed } else { answer.href };
    Ok((url, answer.header.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_beside_the_repository() {
        for address in ["https://h/a/b", "https://h/a/b/", "https://h/a/b.git", "https://h/a/b.git/"] {
            assert_eq!(api_of(address), "https://h/a/b.git/info/lfs", "{address}");
        }
    }
}
