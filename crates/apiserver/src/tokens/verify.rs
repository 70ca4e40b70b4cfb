//! Whose token it is: signed here, in its time, for this audience, and of an account that is still there.

use ferry_store::Key;
use jiff::Timestamp;
use serde_json::Value;

use super::{ISSUER, USER};
use crate::{Identity, Server};

/// Where accounts are stored.
pub(crate) const ACCOUNTS: &str = "/serviceaccounts";
/// By how much the clock that wrote a token may have been ahead of ours.
const AHEAD_SECONDS: i64 = 60;

/// The user behind a token; `None`: it is not valid here and now.
pub(crate) fn identify(
    server: &Server,
    token: &str,
    audiences: &[String],
) -> Option<(Identity, Vec<String>)> {
    let claims = server.signing_key().open(token)?;
    let text = |pointer: &str| claims.pointer(pointer).and_then(Value::as_str);
    let number = |field: &str| claims.get(field).and_then(Value::as_i64);
    let now = Timestamp::now().as_second();
    if text("/iss")? != ISSUER || now >= number("exp")? || number("nbf")? > now + AHEAD_SECONDS {
        return None;
    }
    let meant: Vec<String> = claims
        .get("aud")
        .and_then(Value::as_array)?
        .iter()
        .filter_map(Value::as_str)
        .filter(|audience| audiences.iter().any(|wanted| wanted == audience))
        .map(str::to_owned)
        .collect();
    if meant.is_empty() {
        return None;
    }
    let namespace = text("/kubernetes.io/namespace")?;
    let there = |storage: &str, name: &str, uid: &str| {
        let object = server.store().get(&Key::new(storage, namespace, name));
        object.is_some_and(|object| object.uid() == uid && !is_over(&object.value(), now))
    };
    let (name, uid) =
        (text("/kubernetes.io/serviceaccount/name")?, text("/kubernetes.io/serviceaccount/uid")?);
    if !there(ACCOUNTS, name, uid) {
        return None;
    }
    if let Some(secret) = text("/kubernetes.io/secret/name")
        && !there("/secrets", secret, text("/kubernetes.io/secret/uid")?)
    {
        return None;
    }
    let groups = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
    let mut identity = Identity::user(format!("{USER}{namespace}:{name}"), groups).with_uid(uid);
    if let Some(id) = text("/jti") {
        identity
            .extra
            .insert("authentication.kubernetes.io/credential-id".to_owned(), vec![format!("JTI={id}")]);
    }
    Some((identity, meant))
}

/// Whether an object was to be gone a minute ago.
fn is_over(object: &Value, now: i64) -> bool {
    let deleted = object.pointer("/metadata/deletionTimestamp").and_then(Value::as_str);
    deleted
        .and_then(|text| text.parse::<Timestamp>().ok())
        .is_some_and(|deleted| deleted.as_second() + AHEAD_SECONDS < now)
}
