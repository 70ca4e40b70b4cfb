//! What Git and servers say in words, turned into classes. The texts are those of Git 2.39 and later in the C locale
//! and of the common Git hosts.

use crate::Error;

/// What the answer to a push was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PushRefusal {
    /// Somebody else was faster, or is pushing right now.
    Moved,
    /// The server does not want it.
    Refused(String),
    /// Whatever else; whether it arrived is unknown.
    Other,
}

/// Said by servers while another push holds the branch, or after one has moved it.
const MOVED: &[&str] = &[
    "stale info",
    "fetch first",
    "non-fast-forward",
    "cannot lock ref",
    "failed to lock",
    "unable to lock",
    "failed to update ref",
    "incorrect old value provided",
    "reference already exists",
    "ref updates were rejected because the ref changed",
    "remote ref updated since checkout",
    " but expected ",
    "push was rejected because the reference changed",
    "tf401028",
];

/// Said when a name is in the way; waiting does not help.
const IN_THE_WAY: &[&str] = &["; cannot create '", "directory/file conflict", "refname conflict"];

const MISSING: &[&str] = &[
    "not found",
    "does not appear to be a git repository",
    "repository does not exist",
    "could not be found",
    "project you were looking for",
    "does not exist",
    "the requested url returned error: 404",
];

const UNAUTHORIZED: &[&str] = &[
    "authentication failed",
    "could not read username",
    "could not read password",
    "the requested url returned error: 401",
    "the requested url returned error: 403",
    "permission denied",
    "access denied",
    "host key verification failed",
    "invalid credentials",
    "not authorized",
    "you are not allowed to",
    "you don't have permission",
    "error in libcrypto",
    "tf401019",
];

/// The class of a failed conversation with a server.
pub(crate) fn remote(operation: &str, url: &str, stderr: &str) -> Error {
    let (url, detail) = (url.to_owned(), essence(stderr));
    let said = stderr.to_lowercase();
    let any = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    if any(UNAUTHORIZED) {
        return Error::Unauthorized { url, detail };
    }
    // A name that does not resolve is no missing repository, whatever words are used.
    let unreachable =
        ["could not resolve host", "unable to access", "could not read from remote", "hung up", "rpc failed"];
    if any(MISSING) && !any(&["could not resolve host", "couldn't find remote ref"]) {
        return Error::NotFound { url, detail };
    }
    if any(&unreachable)
        || any(&["connection", "early eof", "timed out", "operation too slow", "expected flush"])
    {
        return Error::Unreachable { url, detail };
    }
    Error::Git { operation: operation.to_owned(), place: url, detail }
}

/// The class of a push that was not accepted, from the porcelain lines and the server's words.
pub(crate) fn push(stdout: &str, stderr: &str) -> PushRefusal {
    let line = stdout.lines().find(|line| line.starts_with('!')).unwrap_or_default();
    let all = format!("{line}\n{stderr}").to_lowercase();
    if line.is_empty() {
        return PushRefusal::Other;
    }
    let in_the_way = IN_THE_WAY.iter().any(|text| all.contains(text));
    let local = line.contains("[rejected]");
    let moved = MOVED.iter().any(|text| all.contains(text));
    if !in_the_way && (local || (moved && !all.contains("hook declined"))) {
        return PushRefusal::Moved;
    }
    let reason = line.rsplit_once('\t').map_or(line, |(_, reason)| reason);
    let said: Vec<_> =
        stderr.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim).collect();
    let said = said.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    PushRefusal::Refused(if said.is_empty() { reason.to_owned() } else { format!("{reason}: {said}") })
}

/// The names of refs that a fetch asked for and the server does not have.
pub(crate) fn missing_ref(stderr: &str) -> Option<&str> {
    stderr.lines().find_map(|line| line.strip_prefix("fatal: couldn't find remote ref ")).map(str::trim)
}

/// Whether objects or refs of the mirror itself are damaged.
pub(crate) fn corrupt(stderr: &str) -> bool {
    let said = stderr.to_lowercase();
    let damage =
        ["is corrupt", "bad object", "is empty", "invalid sha1 pointer", "unable to unpack", "inflate: data"];
    let remote = said.lines().any(|line| line.starts_with("remote:"));
    !remote
        && (damage.iter().any(|text| said.contains(text))
            || said.contains("did not send all necessary objects"))
}

/// Whether a server named another place, where we did not follow.
pub(crate) fn redirected(stderr: &str) -> bool {
    ["301", "302", "303", "307", "308"]
        .iter()
        .any(|code| stderr.contains(&format!("The requested URL returned error: {code}")))
}

/// Whether a server has no time now.
pub(crate) fn is_busy(stderr: &str) -> bool {
    ["429", "500", "502", "503", "504"]
        .iter()
        .any(|code| stderr.contains(&format!("The requested URL returned error: {code}")))
}

/// Whether a repository is not where it was asked for.
pub(crate) fn is_elsewhere(stderr: &str) -> bool {
    redirected(stderr)
        || stderr.contains("The requested URL returned error: 404")
        || stderr.contains("' not found")
}

/// Whether what came may be what is damaged, not what was there.
pub(crate) fn mangled(stderr: &str) -> bool {
    let said = stderr.to_lowercase();
    ["unpack-objects", "index-pack", "pack has bad object", "pack is corrupted"]
        .iter()
        .any(|text| said.contains(text))
}

/// Whether a server cannot leave out a history.
pub(crate) fn refused_depth(stderr: &str) -> bool {
    stderr.contains("does not support shallow")
}

/// Whether a server refused to give a single commit by its id.
pub(crate) fn refused_id(stderr: &str) -> bool {
    [
        "not our ref",
        "unadvertised object",
        "no such ref was fetched",
        "remote error: upload-pack: not our ref",
    ]
    .iter()
    .any(|text| stderr.contains(text))
}

/// The lines that say something, on one line, shortened.
pub(crate) fn essence(stderr: &str) -> String {
    const LONGEST: usize = 500;
    let noise =
        ["hint:", "Please make sure", "and the repository exists", "To http", "warning: Permanently added"];
    let lines = stderr.split(['\n', '\r']).map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !noise.iter().any(|noise| line.starts_with(noise)));
    let text = lines.collect::<Vec<_>>().join("; ");
    if text.is_empty() {
        return "it gave no reason".into();
    }
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// Takes secrets out: the known ones, and user names and passwords in URLs.
pub(crate) fn redacted(text: &str, secrets: &[impl AsRef<str>]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().map(AsRef::as_ref).filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
        let encoded =
            percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        text = text.replace(&encoded, "***");
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        result.push_str(head);
        let end = tail.find(|c: char| c.is_whitespace() || "/'\"".contains(c)).unwrap_or(tail.len());
        let (authority, after) = tail.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => {
                result.extend(["***@", host]);
            }
            _ => result.push_str(authority),
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests;
