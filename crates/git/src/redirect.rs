//! Servers that send us elsewhere. Git would follow without anybody judging where to, and would repeat a login there; so it
//! follows nothing, and we find out where the repository is before it is asked again.

use std::time::Duration;

use ferry_net::{Payload, Request};
use reqwest::Method;

use crate::Error;
use crate::invocation::Runner;
use crate::reach;
use crate::remote::{Remote, encoded};

/// What Git asks for first, after a repository's address.
const FIRST: &str = "/info/refs";
/// How long a server may take to send us elsewhere.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the requests for a repository end. Each place on the way is judged; the login goes to the repository's own server.
pub(crate) async fn followed(remote: &Remote, runner: &Runner) -> Result<String, Error> {
    let lost = |why: String| Error::Unreachable {
        url: remote.shown.clone(),
        detail: format!(
            "it sends us elsewhere, where we do not go: {why}; use the URL where the repository is"
        ),
    };
    let login =
        remote.basic().map(|(_, username, password)| format!("Basic {}", encoded(username, password)));
    let url = format!("{}{FIRST}?service=git-upload-pack", remote.address.trim_end_matches('/'));
    let request = Request {
        method: Method::GET,
        headers: login.map(|login| ("authorization".to_owned(), login)).into_iter().collect(),
        query: Vec::new(),
        body: Payload::default(),
        insecure: remote.insecure_skip_tls_verify,
        proxy: reach::proxies(&runner.settings).of(&url),
        url,
        timeout: PATIENCE,
    };
    let response = runner.http.send(request).await.map_err(|e| lost(e.to_string()))?;
    let mut end = response.url().clone();
    end.set_query(None);
    let end = end.as_str().strip_suffix(FIRST).ok_or_else(|| lost("that is no repository".to_owned()))?;
    Ok(end.to_owned())
}
