//! Where our answer differs from the recorded one on purpose, as rules on what was asked and answered.

use serde_json::{Value, json};

use super::scenario::Answer;

/// The rule that our answer follows, if one does.
pub fn accept(request: &Value, recorded: &Value, ours: &Answer, later: &[Value]) -> Option<&'static str> {
    let header = |name: &str| request["headers"][name].as_str().unwrap_or_default();
    let refused = |status: &Value| status.as_u64().is_some_and(|s| (400..500).contains(&s));
    // Where the real server breaks the connection, ours says what is wrong.
    if recorded.get("connection").is_some() && (400..500).contains(&ours.status) {
        return Some("a clear refusal instead of a closed connection");
    }
    // "500s may become honest 4xx" (what a re-implementer gets wrong, a real API server).
    if recorded["status"] == 500 && (400..500).contains(&ours.status) {
        return Some("an honest 4xx instead of a 500");
    }
    // Answers are never written as protobuf: clients that ask for it alone are refused in JSON.
    if header("Accept") == "application/vnd.kubernetes.protobuf" && recorded["status"] == ours.status {
        return Some("no protobuf answers");
    }
    // A warning about the fields of an object that is refused for its version says nothing.
    if refused(&recorded["status"])
        && recorded["status"] == ours.status
        && recorded["headers"].get("Warning").is_some()
    {
        return Some("no warnings beside a refusal of the version");
    }
    // The recorder kept an answer that it changed afterwards, to send it back in a later step.
    if later.contains(&recorded["body"]) && recorded["status"] == ours.status {
        return Some("recorded after it was changed");
    }
    // A token is refused from the moment its account is gone (docs/decisions/0005-tokens-of-accounts.md): the real
    // server remembers for some seconds what it said of a token.
    let is_jwt = request["body"]["spec"]["token"].as_str().is_some_and(|t| t.starts_with("<jwt:"));
    if is_jwt
        && recorded["body"]["status"]["authenticated"] == true
        && ours.body["status"]["error"] == "invalid bearer token"
    {
        return Some("tokens of accounts that are gone are refused at once");
    }
    // YAML may be written in more than one way; what it says is compared.
    if recorded["headers"]["Content-Type"] == "application/yaml" && recorded["status"] == ours.status {
        return Some("other YAML of the same value");
    }
    None
}

/// Only what promotions need is served (the issue: the built-ins we serve): nothing that runs workloads.
pub const NOT_SERVED: &str = "kinds that run workloads are not served";

/// Whether a request is about such a kind.
pub fn is_of_a_kind_not_served(request: &Value) -> bool {
    let path = request["path"].as_str().unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    path.starts_with("/api/v1/")
        && ["pods", "services"].iter().any(|kind| path.split('/').any(|part| part == *kind))
}

/// The rule that our answer to a call of kubectl follows, if one does.
pub fn accept_call(call: &Value, recorded: &Value, ours: &super::terminal::Result) -> Option<&'static str> {
    let argv: Vec<&str> = call["argv"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // Nothing is in the category `all` either.
    let not_served = [
        "all",
        "quota",
        "resourcequotas",
        "pods",
        "pod",
        "po",
        "services",
        "service",
        "svc",
        "deployments",
        "deployment",
        "deploy",
        "jobs",
        "job",
        "cronjob",
        "nodes",
        "node",
        "pvc",
        "pv",
        "ingress",
        "priorityclass",
        "pdb",
        "poddisruptionbudget",
    ];
    let says_so = ["doesn't have a resource type", "could not find the requested resource"];
    let named = |word: &&str| word.split([',', '/']).any(|kind| not_served.contains(&kind));
    if argv.iter().any(named) && says_so.iter().any(|text| ours.stderr.contains(text)) {
        return Some(NOT_SERVED);
    }
    // Describing a namespace lists its quotas and limits, where they are served.
    let text = |value: &Value| super::terminal::without_versions(value.as_str().unwrap_or_default());
    if argv.starts_with(&["describe", "ns"])
        && text(&recorded["stdout"])
            .strip_suffix("\nNo resource quota.\n\nNo LimitRange resource.\n")
            .is_some_and(|rest| rest == super::terminal::without_versions(&ours.stdout))
    {
        return Some("quotas and limits are not served");
    }
    None
}

/// What of an object names it.
pub fn identity(body: &Value) -> Option<Value> {
    let metadata = body.get("metadata")?;
    Some(json!({"uid": metadata.get("uid")?, "resourceVersion": metadata.get("resourceVersion")?}))
}
