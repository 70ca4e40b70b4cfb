//! One recorded scenario, played step by step against a server of its own.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use ferry_apiserver::{Identity, Options, Server, StaticTokens};
use ferry_store::Store;
use ferry_vectors::Verdict;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

use super::compare::{body, same};
use super::terminal::Terminal;
use super::tokens::Bindings;
use super::{places, rules, terminal};

const PATIENCE: Duration = Duration::from_secs(10);

pub struct Scenario {
    router: Router,
    bindings: Bindings,
    /// Objects as they were received, by uid.
    seen: HashMap<String, Value>,
    /// Bodies that later steps send, to recognise answers that were recorded too late.
    later: Vec<Value>,
    accepted: Option<&'static str>,
    terminal: Option<Terminal>,
    directory: tempfile::TempDir,
}

pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Value,
}

impl Scenario {
    pub async fn play(line: &Value) -> Verdict {
        let mut scenario = Self::new(line).await;
        scenario.set_up(line).await;
        for (i, step) in line["steps"].as_array().into_iter().flatten().enumerate() {
            match Box::pin(scenario.step(step)).await {
                Ok(true) => {}
                Ok(false) => {
                    return Verdict::NotCovered(
                        "kubectl, a connection that breaks, or what is not served".into(),
                    );
                }
                Err(why) => return Verdict::Different(format!("step {i}: {why}")),
            }
        }
        let groups: Vec<Vec<String>> =
            line.get("rv_order").and_then(|o| serde_json::from_value(o.clone()).ok()).unwrap_or_default();
        if let Err(why) = scenario.compare_tokens(&line["jwts"]) {
            return Verdict::Different(why);
        }
        match scenario.bindings.in_order(&groups) {
            Ok(()) => scenario.accepted.map_or(Verdict::Equal, Verdict::Accepted),
            Err(why) => Verdict::Different(why),
        }
    }

    async fn new(line: &Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = ferry_store::Options::new(directory.path());
        // A version that is too old needs a history that starts later.
        options.first_version = if line.to_string().contains("\"Expired\"") { 1000 } else { 0 };
        let store = Store::open(&options).unwrap();
        let tokens = StaticTokens::new()
            .with("admintoken", Identity::master("admin").with_uid("1"))
            .with("alicetoken", Identity::user("alice", ["devs"]).with_uid("2"));
        let options = Options { authenticator: Arc::new(tokens), background: false, ..Options::default() };
        let server = Server::new(store.clone(), options.with_roles(&store)).unwrap();
        server.install_roles().await;
        let router = server.router();
        let steps = line["steps"].as_array().into_iter().flatten();
        let later = steps.filter_map(|s| s.pointer("/request/body").cloned()).collect();
        Self {
            router,
            bindings: Bindings::default(),
            seen: HashMap::new(),
            later,
            accepted: None,
            terminal: None,
            directory,
        }
    }

    /// What tokens say, and how long they are valid. Ours are signed with another algorithm
    /// (docs/decisions/0005-tokens-of-accounts.md).
    fn compare_tokens(&mut self, recorded: &Value) -> Result<(), String> {
        use base64::Engine as _;
        let decode = |part: &str| -> Value {
            let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
            serde_json::from_slice(&bytes).unwrap_or_default()
        };
        for (name, recorded) in recorded.as_object().into_iter().flatten() {
            let token = self.bindings.fill(name);
            let mut parts = token.split('.').map(decode);
            let (header, payload) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            same(&mut self.bindings, &recorded["payload"], &text_of_times(payload.clone()), name)?;
            let seconds = payload["exp"].as_i64().zip(payload["iat"].as_i64()).map(|(exp, iat)| exp - iat);
            if seconds != recorded["exp_minus_iat"].as_i64() || !header["kid"].is_string() {
                return Err(format!("{name}: valid for {seconds:?} seconds, header {header}"));
            }
            match (header["alg"].as_str(), recorded["header"]["alg"].as_str()) {
                (Some("ES256"), Some("RS256")) => self.accepted = Some("tokens are signed with ES256"),
                (ours, theirs) => return Err(format!("{name}: signed with {ours:?}, recorded {theirs:?}")),
            }
        }
        Ok(())
    }

    async fn set_up(&mut self, line: &Value) {
        let definitions = ferry_vectors::document("apiserver/crds.json").unwrap_or_default();
        let definitions_path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        // The recorded server had them all; a scenario names what it relies on.
        let all = definitions.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        for name in all
            .filter(|_| line["namespace"].is_string() || !line["crds"].as_array().is_none_or(Vec::is_empty))
        {
            let made = self
                .send(&json!({"method": "POST", "path": definitions_path, "body": definitions[name]}))
                .await;
            assert_eq!(made.status, 201, "{name}: {}", made.body);
        }
        for namespace in [Some("default"), line["namespace"].as_str()].into_iter().flatten() {
            let object = json!({"metadata": {"name": namespace}});
            let made =
                self.send(&json!({"method": "POST", "path": "/api/v1/namespaces", "body": object})).await;
            assert_eq!(made.status, 201, "{}", made.body);
        }
    }

    /// Performs a step. `false`: it cannot be performed here.
    async fn step(&mut self, step: &Value) -> Result<bool, String> {
        if step.get("kubectl").is_some() {
            return self.kubectl(step).await;
        }
        if let Some(wait) = step.get("wait") {
            return self.wait(wait).await.map(|()| true);
        }
        if step.get("watch").is_some() {
            return self.watch(step).await.map(|()| true);
        }
        let Some(request) = step.get("request") else { return Ok(true) };
        if rules::is_of_a_kind_not_served(request) {
            self.accepted = Some(rules::NOT_SERVED);
            return Ok(true);
        }
        let recorded = &step["response"];
        let what = format!(
            "{} {}",
            request["method"].as_str().unwrap_or_default(),
            request["path"].as_str().unwrap_or_default()
        );
        let answer = self.send(request).await;
        let before = self.bindings.clone();
        if let Err(why) = self.judge(recorded, &answer) {
            let Some(rule) = rules::accept(request, recorded, &answer, &self.later) else {
                return Err(format!("{what}: {why}"));
            };
            self.bindings = before;
            if let Some(identity) = rules::identity(&recorded["body"]) {
                let ours = rules::identity(&answer.body).unwrap_or_default();
                same(&mut self.bindings, &identity, &ours, "")?;
            }
            self.accepted = Some(rule);
        }
        Ok(true)
    }

    /// One call of kubectl, with what is done while it runs. `false`: there is no kubectl.
    async fn kubectl(&mut self, step: &Value) -> Result<bool, String> {
        if self.terminal.is_none() {
            self.terminal = Terminal::open(self.router.clone(), self.directory.path()).await;
        }
        let Some(terminal) = self.terminal.take() else { return Ok(false) };
        let call: Value =
            serde_json::from_str(&self.bindings.fill(&step["kubectl"].to_string())).unwrap_or_default();
        let mut meanwhile = Ok(());
        let run = async {
            let during = async {
                if step.get("after").is_none() {
                    return;
                }
                terminal.watching().await;
                for after in step["after"].as_array().into_iter().flatten() {
                    if let Err(why) = Box::pin(self.step(after)).await {
                        meanwhile = Err(why);
                    }
                }
            };
            let (mut run, mut during) = (std::pin::pin!(terminal.run(&call)), std::pin::pin!(during));
            tokio::select! {
                ours = &mut run => ours,
                () = &mut during => run.await,
            }
        };
        let ours = run.await;
        self.terminal = Some(terminal);
        meanwhile?;
        let recorded = &step["result"];
        let said = |why: &str| {
            let argv: Vec<&str> =
                call["argv"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            format!(
                "kubectl {}: {why}\n--- stdout\n{}--- stderr\n{}---",
                argv.join(" "),
                ours.stdout,
                ours.stderr
            )
        };
        let wanted = terminal::without_versions(recorded["stdout"].as_str().unwrap_or_default());
        let code = ours.code.map(i64::from) == recorded["rc"].as_i64();
        if code && self.bindings.accept(&wanted, &terminal::without_versions(&ours.stdout)) {
            return Ok(true);
        }
        // What is printed as it came is JSON, whose members have no order.
        let json = |text: &str| serde_json::from_str::<Value>(text).ok().filter(|value| !value.is_number());
        let raw = json(&wanted).zip(json(&ours.stdout));
        if code && raw.is_some_and(|(wanted, ours)| body(&mut self.bindings, &wanted, &ours).is_ok()) {
            return Ok(true);
        }
        match rules::accept_call(&call, recorded, &ours) {
            Some(rule) => {
                self.accepted = Some(rule);
                Ok(true)
            }
            None => Err(said(&format!("recorded {} {}", recorded["rc"], recorded["stdout"]))),
        }
    }

    fn judge(&mut self, recorded: &Value, answer: &Answer) -> Result<(), String> {
        if recorded["status"] != answer.status {
            return Err(format!(
                "{} {}, recorded {}",
                answer.status,
                super::compare::short(&answer.body),
                recorded["status"]
            ));
        }
        if let Some(recorded) = recorded.get("body") {
            body(&mut self.bindings, recorded, &answer.body)?;
        }
        for (pointer, wanted) in recorded.get("select").and_then(Value::as_object).into_iter().flatten() {
            same(&mut self.bindings, wanted, &places::find(&answer.body, pointer), pointer)?;
        }
        for (name, wanted) in recorded["headers"].as_object().into_iter().flatten() {
            let values: Vec<&str> =
                answer.headers.get_all(name.as_str()).iter().filter_map(|v| v.to_str().ok()).collect();
            let actual = json!(values.join(", "));
            let wanted = match wanted {
                Value::Array(list) => {
                    json!(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
                }
                other => other.clone(),
            };
            same(&mut self.bindings, &wanted, &actual, name)?;
        }
        Ok(())
    }

    fn request(&self, request: &Value) -> Request<Body> {
        let path = self.bindings.fill(request["path"].as_str().unwrap_or_default());
        let mut headers: HashMap<String, Option<String>> = HashMap::from([
            ("user-agent".into(), Some("vectors/1.0".into())),
            ("accept".into(), Some("application/json".into())),
            ("host".into(), Some("localhost".into())),
        ]);
        let bytes = self.bytes(request.get("body"));
        if !bytes.is_empty() {
            headers.insert("content-type".into(), Some("application/json".into()));
        }
        match request["token"].as_str() {
            None | Some("admin") => headers.insert("authorization".into(), Some("Bearer admintoken".into())),
            Some("alice") => headers.insert("authorization".into(), Some("Bearer alicetoken".into())),
            Some("none") => None,
            Some(other) => {
                headers.insert("authorization".into(), Some(format!("Bearer {}", self.bindings.fill(other))))
            }
        };
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            headers.insert(name.to_lowercase(), value.as_str().map(str::to_owned));
        }
        let mut builder =
            Request::builder().method(request["method"].as_str().unwrap_or("GET")).uri(escape(&path));
        for (name, value) in headers {
            if let Some(value) = value {
                builder = builder.header(name, value);
            }
        }
        builder.body(Body::from(bytes)).unwrap()
    }

    fn bytes(&self, body: Option<&Value>) -> Vec<u8> {
        let Some(body) = body else { return Vec::new() };
        if let Some(raw) = body.get("raw").and_then(Value::as_str) {
            return self.bindings.fill(raw).into_bytes();
        }
        if let Some(repeat) = body.get("repeat") {
            let text = |field: &str| repeat[field].as_str().unwrap_or_default();
            let times = usize::try_from(repeat["times"].as_u64().unwrap_or_default()).unwrap();
            return format!("{}{}{}", text("before"), text("unit").repeat(times), text("after")).into_bytes();
        }
        let mut body: Value = serde_json::from_str(&self.bindings.fill(&body.to_string())).unwrap();
        let uid = body.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
        let seen = self.seen.get(&uid).cloned().unwrap_or_default();
        times(&mut body, &seen);
        body.to_string().into_bytes()
    }

    async fn send(&mut self, request: &Value) -> Answer {
        let request = self.request(request);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| json!({"raw": String::from_utf8_lossy(&bytes)}));
        if let Some(uid) = body.pointer("/metadata/uid").and_then(Value::as_str) {
            self.seen.insert(uid.to_owned(), body.clone());
        }
        Answer { status, headers, body }
    }

    async fn wait(&mut self, wait: &Value) -> Result<(), String> {
        let request = json!({"method": "GET", "path": wait["path"]});
        for _ in 0..10_000 {
            let answer = self.send(&request).await;
            let arrived = match wait.get("condition") {
                None => wait["http_status"] == answer.status,
                Some(wanted) => {
                    let list = answer.body.pointer("/status/conditions").and_then(Value::as_array);
                    list.into_iter().flatten().any(|c| {
                        c.get("type") == wanted.get("type") && c.get("status") == wanted.get("status")
                    })
                }
            };
            if arrived {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        Err(format!("never came: {wait}"))
    }

    async fn watch(&mut self, step: &Value) -> Result<(), String> {
        let request = self.request(&step["watch"]);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut stream = response.into_body();
        if let Some(recorded) = step.get("response") {
            let bytes = stream.collect().await.unwrap().to_bytes();
            let body = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| json!({"raw": String::from_utf8_lossy(&bytes)}));
            return self.judge(recorded, &Answer { status, headers, body });
        }
        for after in step["after"].as_array().into_iter().flatten() {
            Box::pin(self.step(after)).await?;
        }
        let recorded = step["events"].as_array().cloned().unwrap_or_default();
        let closes = step["closed_by_server"] == true;
        let mut events: Vec<Value> = Vec::new();
        let mut rest = Vec::new();
        while closes || events.len() < recorded.len() {
            let Ok(frame) = tokio::time::timeout(PATIENCE, stream.frame()).await else {
                return Err(format!(
                    "the watch is silent after {} events of {}",
                    events.len(),
                    recorded.len()
                ));
            };
            let Some(frame) = frame else { break };
            rest.extend_from_slice(&frame.unwrap().into_data().unwrap_or_default());
            while let Some(end) = rest.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).map_err(|e| e.to_string())?;
                let repeated = event["type"] == "BOOKMARK"
                    && event.pointer("/object/metadata/annotations").is_none()
                    && events.last().is_some_and(|l| {
                        l["type"] == "BOOKMARK" && l.pointer("/object/metadata/annotations").is_none()
                    });
                if repeated {
                    events.pop();
                }
                events.push(event);
            }
        }
        for (i, (recorded, actual)) in recorded.iter().zip(&events).enumerate() {
            same(&mut self.bindings, &recorded["type"], &actual["type"], "type")
                .map_err(|w| format!("event {i}: {w}"))?;
            body(&mut self.bindings, &recorded["object"], &actual["object"])
                .map_err(|w| format!("event {i}: {w}"))?;
        }
        if events.len() != recorded.len() {
            return Err(format!(
                "{} events, recorded {}: {}",
                events.len(),
                recorded.len(),
                json!(events.last())
            ));
        }
        Ok(())
    }
}

/// Times that were recorded as a placeholder are those of the object as it was received.
fn times(body: &mut Value, seen: &Value) {
    match body {
        Value::String(text) if text == "<time>" => {
            seen.as_str().unwrap_or("2026-01-01T00:00:00Z").clone_into(text);
        }
        Value::Object(map) => {
            for (key, value) in map {
                times(value, seen.get(key).unwrap_or(&Value::Null));
            }
        }
        Value::Array(list) => {
            for (i, value) in list.iter_mut().enumerate() {
                times(value, seen.get(i).unwrap_or(&Value::Null));
            }
        }
        _ => {}
    }
}

/// Characters that a URI cannot hold as they are.
fn escape(path: &str) -> String {
    path.replace(' ', "%20").replace('"', "%22").replace('<', "%3C").replace('>', "%3E")
}

/// Placeholders stand for texts, so numbers of seconds are compared as texts.
fn text_of_times(mut claims: Value) -> Value {
    for field in ["exp", "iat", "nbf"] {
        claims[field] = claims[field].to_string().into();
    }
    claims
}
