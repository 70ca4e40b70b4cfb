//! kargo-live/admission, replayed on the API server as a whole: definitions, schema, roles, admission. No controller
//! runs, as none did when it was recorded.

use std::collections::BTreeSet;

use ferry_apiserver::Identity;
use ferry_app::config::Settings;
use ferry_app::local::Local;
use ferry_app::probes::Readiness;
use ferry_vectors::live::{filled, unlike};
use ferry_vectors::{Case, Verdict};
use kube::Client;
use serde_json::Value;

/// What the accounts of the control plane are called.
const OWN: &str = "system:serviceaccount:kargo:";

#[test]
fn vectors_admission_of_the_whole() {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::alone(directory.path().join("data"));
    let local = runtime.block_on(Local::start(&settings, Readiness::default())).unwrap();
    ferry_vectors::replay_with("kargo-live/admission", |case| runtime.block_on(judge(&local, case)));
    runtime.block_on(local.stop());
}

/// What the server said.
struct Answer {
    code: u16,
    body: Value,
}

async fn judge(local: &Local, case: &Case) -> Verdict {
    let admin = local.client(Identity::master("admin"));
    let mut existing: Vec<Value> = Vec::new();
    let mut shared: Vec<String> = Vec::new();
    for entry in case.input["existing"].as_array().into_iter().flatten() {
        let entry = filled(entry, &existing);
        let answer = if entry["op"] == "PATCH_STATUS" {
            let reference = usize::try_from(entry["ref"].as_u64().unwrap()).unwrap();
            let path = format!("{}/status", path_of(&existing[reference]));
            send(&admin, "PATCH", &path, "application/merge-patch+json", Some(&entry["patch"])).await
        } else {
            send(&admin, "POST", &collection_of(&entry), "application/json", Some(&entry)).await
        };
        if answer.code >= 300 {
            return Verdict::Different(format!("what exists was refused: {}", answer.body));
        }
        shared.extend(of_the_whole_cluster(&answer.body));
        existing.push(answer.body);
    }
    let answer = write(local, case, &existing).await;
    shared.extend(of_the_whole_cluster(&answer.body));
    for path in shared {
        send(&admin, "DELETE", &path, "application/json", None).await;
    }
    compared(case, &answer)
}

async fn write(local: &Local, case: &Case, existing: &[Value]) -> Answer {
    let input = &case.input;
    let client = local.client(match input["user"].as_str() {
        None => Identity::master("admin"),
        // What the chart's roles let its own accounts do: all of this but for the one that receives webhooks.
        Some(name) if name.starts_with(OWN) && !name.ends_with(":kargo-external-webhooks-server") => {
            Identity::master(name)
        }
        Some(name) => Identity::user(name, [""; 0]),
    });
    let mut object = filled(&input["object"], existing);
    let mut path = match input["op"].as_str().unwrap() {
        "CREATE" => collection_of(&object),
        _ => path_of(&object),
    };
    if let Some(subresource) = input["subresource"].as_str() {
        path = format!("{path}/{subresource}");
    }
    let parameters = input["params"].as_object().into_iter().flatten();
    let query: Vec<String> =
        parameters.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect();
    let path = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    match input["op"].as_str().unwrap() {
        "CREATE" => send(&client, "POST", &path, "application/json", Some(&object)).await,
        "UPDATE" => {
            let admin = local.client(Identity::master("admin"));
            if object["metadata"].get("resourceVersion").is_none() {
                let now = send(&admin, "GET", &path_of(&object), "application/json", None).await;
                object["metadata"]["resourceVersion"] = now.body["metadata"]["resourceVersion"].clone();
            }
            send(&client, "PUT", &path, "application/json", Some(&object)).await
        }
        "PATCH" => {
            let form = format!("application/{}-patch+json", input["patchType"].as_str().unwrap_or("merge"));
            send(&client, "PATCH", &path, &form, Some(&filled(&input["patch"], existing))).await
        }
        _ => send(&client, "DELETE", &path, "application/json", None).await,
    }
}

async fn send(client: &Client, method: &str, path: &str, form: &str, body: Option<&Value>) -> Answer {
    let bytes = body.map(Value::to_string).unwrap_or_default().into_bytes();
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", form)
        .body(kube::client::Body::from(bytes))
        .unwrap();
    let response = client.send(request).await.unwrap();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect_bytes().await.unwrap();
    Answer { code, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

fn collection_of(object: &Value) -> String {
    let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let plural = format!("{}s", kind.to_ascii_lowercase());
    let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{plural}"),
    }
}

fn path_of(object: &Value) -> String {
    format!("{}/{}", collection_of(object), object["metadata"]["name"].as_str().unwrap_or_default())
}

/// What other cases would find: names of Projects are of their case alone.
fn of_the_whole_cluster(object: &Value) -> Option<String> {
    let is_shared = matches!(object["kind"].as_str(), Some("ClusterConfig" | "ClusterPromotionTask"));
    is_shared.then(|| path_of(object))
}

fn compared(case: &Case, answer: &Answer) -> Verdict {
    let is_refused = answer.code >= 300;
    let difference = match (&case.error, is_refused) {
        (None, false) if case.want.as_ref().unwrap()["deleted"] == true => None,
        (None, false) => {
            let mut want = case.want.as_ref().unwrap()["object"].clone();
            if case.input["object"]["metadata"].get("generateName").is_some() {
                want["metadata"]["name"] = answer.body["metadata"]["name"].clone();
            }
            unlike(&want, &answer.body)
        }
        (Some(error), true) => refusal(error, answer),
        (None, true) => Some(format!("refused: {} {}", answer.code, answer.body["message"])),
        (Some(error), false) => Some(format!("allowed, want {error}")),
    };
    let Some(what) = difference else { return Verdict::Equal };
    let accepted = DIFFERENCES.iter().find(|d| is_refused && (d.applies)(case) && (d.instead)(answer));
    accepted.map_or(Verdict::Different(what), |difference| Verdict::Accepted(difference.name))
}

type Causes = BTreeSet<(String, String)>;

fn causes(list: &Value) -> Causes {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let list = list.as_array().into_iter().flatten();
    list.map(|cause| (text(cause, "field"), text(cause, "reason"))).collect()
}

fn refusal(error: &Value, answer: &Answer) -> Option<String> {
    let of = |status: &Value, list: &Value| {
        let reason = status["reason"].as_str().unwrap_or_default().to_owned();
        (status["code"].as_u64(), reason, causes(list))
    };
    let (wanted, got) = (of(error, &error["causes"]), of(&answer.body, &answer.body["details"]["causes"]));
    (wanted != got).then(|| format!("want {wanted:?}, got {got:?}: {}", answer.body["message"]))
}

/// An accepted difference: what was recorded, and what we say instead.
struct Difference {
    name: &'static str,
    #[expect(dead_code, reason = "for the reader")]
    reason: &'static str,
    applies: fn(&Case) -> bool,
    instead: fn(&Answer) -> bool,
}

fn code(case: &Case) -> Option<u64> {
    case.error.as_ref()?["code"].as_u64()
}

fn is_warehouse(case: &Case) -> bool {
    case.input["object"]["kind"] == "Warehouse"
}

fn names_a_field(answer: &Answer) -> bool {
    let causes = causes(&answer.body["details"]["causes"]);
    answer.code == 422 && !causes.is_empty() && causes.iter().all(|(field, _)| !field.is_empty())
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "422 with a field path instead of 400",
        reason: "surprises.md, Kargo's live API: wrong types and durations give 400 without causes; mend",
        applies: |case| code(case) == Some(400),
        instead: names_a_field,
    },
    Difference {
        name: "422 with a field path instead of 403",
        reason: "the same for a kind of subscription that nothing knows, which is no matter of rights",
        applies: |case| code(case) == Some(403) && is_warehouse(case),
        instead: names_a_field,
    },
    Difference {
        name: "403 instead of 500",
        reason: "surprises.md, Kargo's live API: no promote right is 500 wrapping forbidden; mend",
        applies: |case| code(case) == Some(500) && case.input["user"].is_string(),
        instead: |answer| answer.code == 403,
    },
    Difference {
        name: "422 with a field path instead of 500",
        reason: "surprises.md, Kargo's live API: a missing task variable is 500; mend",
        applies: |case| code(case) == Some(500) && !case.input["user"].is_string(),
        instead: names_a_field,
    },
    Difference {
        name: "what cannot be read is refused",
        reason: "surprises.md, Kargo's live API: broken regexes, expressions, platform: linux/ are accepted; mend",
        applies: |case| case.error.is_none() && is_warehouse(case),
        instead: names_a_field,
    },
];
