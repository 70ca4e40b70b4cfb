//! Who is behind a socket: bearer tokens by a trait, the `Host` check, and impersonation by those who may.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};

use crate::authorization::{Attributes, refusal};
use crate::path::{self, Place};
use crate::tokens::{self, ISSUER, USER};
use crate::{Identity, Server, Status, identity};

/// Knows bearer tokens.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The user the token belongs to; `None`: not known.
    async fn authenticate(&self, token: &str) -> Option<Identity>;
}

/// A fixed table of tokens.
#[derive(Debug, Clone, Default)]
pub struct StaticTokens {
    users: HashMap<[u8; 32], Identity>,
}

impl StaticTokens {
    /// No tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a token. Only its digest is kept.
    #[must_use]
    pub fn with(mut self, token: &str, identity: Identity) -> Self {
        self.users.insert(digest(token), identity);
        self
    }
}

// Looking up by digest makes the time of a comparison say nothing about the token.
fn digest(token: &str) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(token.as_bytes()).into()
}

#[async_trait]
impl Authenticator for StaticTokens {
    async fn authenticate(&self, token: &str) -> Option<Identity> {
        self.users.get(&digest(token)).cloned()
    }
}

/// The layer of the socket router: checks `Host`, finds out who asks, and replaces whatever identity there is.
pub(crate) async fn identify(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().remove::<Identity>();
    if !host_is_ours(&request, server.hosts()) {
        return Status::new(421, "Misdirected", "this host name is not served here").into_response();
    }
    let mut warning = None;
    let identity = match credential(request.headers()) {
        Credential::None => Identity::anonymous(),
        Credential::ExtraSpace => {
            warning = Some(HeaderValue::from_static(
                "299 - \"the provided Authorization header contains extra space before the bearer token, and is ignored\"",
            ));
            Identity::anonymous()
        }
        Credential::Bearer(token) => match whose(&server, token, &[ISSUER.to_owned()]).await {
            Some((identity, _)) => identity,
            None => return Status::unauthorized().into_response(),
        },
    };
    match impersonate(&server, identity, request.headers(), request.uri().path()).await {
        Ok(identity) => request.extensions_mut().insert(identity),
        Err(status) => return status.into_response(),
    };
    let mut response = next.run(request).await;
    if let Some(warning) = warning {
        response.headers_mut().append(header::WARNING, warning);
    }
    response
}

/// Whose token it is, and for which of the wanted audiences. Tokens that are no ServiceAccount's are for this server.
pub(crate) async fn whose(
    server: &Server,
    token: &str,
    audiences: &[String],
) -> Option<(Identity, Vec<String>)> {
    if let Some(known) = tokens::identify(server, token, audiences) {
        return Some(known);
    }
    if !audiences.iter().any(|audience| audience == ISSUER) {
        return None;
    }
    let identity = server.authenticator().authenticate(token).await?;
    Some((identity, vec![ISSUER.to_owned()]))
}

enum Credential<'a> {
    None,
    ExtraSpace,
    Bearer(&'a str),
}

fn credential(headers: &HeaderMap) -> Credential<'_> {
    let Some(text) = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()) else {
        return Credential::None;
    };
    let mut parts = text.trim().splitn(3, ' ');
    if !parts.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
        return Credential::None;
    }
    match parts.next() {
        None => Credential::None,
        Some("") => Credential::ExtraSpace,
        Some(token) => Credential::Bearer(token),
    }
}

/// Loopback names and addresses are always ours; others must be configured.
fn host_is_ours(request: &Request, configured: &[String]) -> bool {
    let host = request
        .uri()
        .host()
        .or_else(|| request.headers().get(header::HOST).and_then(|v| v.to_str().ok()))
        .unwrap_or_default();
    let name = bare(host);
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    if name.parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback()) {
        return true;
    }
    configured.iter().any(|c| c.eq_ignore_ascii_case(name))
}

/// The host without port and brackets.
fn bare(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Who may impersonate becomes the other user; who may not is refused.
async fn impersonate(
    server: &Server,
    identity: Identity,
    headers: &HeaderMap,
    target: &str,
) -> Result<Identity, Status> {
    let all = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect()
    };
    let user = all("impersonate-user").into_iter().next().unwrap_or_default();
    let (groups, uid) = (all("impersonate-group"), all("impersonate-uid").into_iter().next());
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in headers.keys().map(http::HeaderName::as_str) {
        if let Some(key) = name.strip_prefix("impersonate-extra-") {
            let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned();
            extra.insert(key, all(name));
        }
    }
    if user.is_empty() {
        return if groups.is_empty() && uid.is_none() && extra.is_empty() {
            Ok(identity)
        } else {
            Err(Status::bad_request("requested impersonation without impersonating a user name"))
        };
    }
    let about = |group: &str, resource: &str, subresource: &str, namespace: &str, name: &str| Attributes {
        verb: "impersonate".into(),
        group: group.into(),
        version: "v1".into(),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace: namespace.into(),
        name: name.into(),
        path: None,
    };
    let account = user.strip_prefix(USER).and_then(|rest| rest.split_once(':'));
    let mut wanted = vec![match account.filter(|(_, name)| !name.contains(':')) {
        Some((namespace, name)) => about("", "serviceaccounts", "", namespace, name),
        None => about("", "users", "", "", &user),
    }];
    wanted.extend(groups.iter().map(|group| about("", "groups", "", "", group)));
    wanted.extend(uid.iter().map(|uid| about("authentication.k8s.io", "uids", "", "", uid)));
    for (key, values) in &extra {
        wanted
            .extend(values.iter().map(|value| about("authentication.k8s.io", "userextras", key, "", value)));
    }
    for attributes in wanted {
        let decision = server.authorizer().authorize(&identity, &attributes).await;
        if !decision.allowed {
            let mut status = refusal(&identity, &attributes, &decision);
            // The refusal is about the request that was to be made.
            if let Some(Place::Resource(place)) = path::parse(target) {
                status.details.group = place.group;
                status.details.kind = place.plural;
                status.details.name = place.name.unwrap_or_default();
            }
            return Err(status);
        }
    }
    Ok(other(user, groups, uid.unwrap_or_default(), extra))
}

/// The user somebody acts as, with the groups that follow from the name.
fn other(
    user: String,
    mut groups: Vec<String>,
    uid: String,
    extra: BTreeMap<String, Vec<String>>,
) -> Identity {
    if user == identity::ANONYMOUS {
        return Identity::anonymous();
    }
    let mut account = user.strip_prefix("system:serviceaccount:").unwrap_or_default().split(':');
    if groups.is_empty()
        && let (Some(namespace), Some(_), None) = (account.next(), account.next(), account.next())
    {
        groups = vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")];
    }
    Identity { uid, extra, ..Identity::user(user, groups) }
}

pub(crate) type Shared = Arc<dyn Authenticator>;
