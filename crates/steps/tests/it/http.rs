//! Steps that speak HTTP, against a local server: `kargo/steps-http`, and what must not be reached.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use ferry_artifact::egress::Egress;
use ferry_engine::{Outcome, StepError, StepResult};
use ferry_net::Http;
use ferry_vectors::{Case, Rule, Verdict, judge, replay_with};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::bench::{Bench, put, told, wanted};
use crate::local::OUTSIDE;

/// A server that answers what it was given, in order, and remembers what it was asked.
pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    /// What it was asked.
    pub fn seen(&self) -> Vec<Value> {
        self.seen.lock().clone()
    }

    pub fn answering(responses: &[Value]) -> Self {
        let responses = responses.to_vec();
        let mut responses = responses.into_iter();
        Self::start(move |stream, seen| {
            let response = responses.next().unwrap_or_else(|| json!({"status": 599}));
            serve(stream, seen, |_| response)
        })
    }

    /// One that answers each request as this says, several at a time.
    pub fn deciding(decide: impl FnMut(&Value) -> Value + Send + 'static) -> Self {
        let decide = Arc::new(Mutex::new(decide));
        Self::start(move |stream, seen| {
            let (decide, seen) = (decide.clone(), seen.clone());
            std::thread::spawn(move || serve(stream, &seen, |asked| decide.lock()(asked)));
            Ok(())
        })
    }

    fn start(
        mut serve: impl FnMut(TcpStream, &Arc<Mutex<Vec<Value>>>) -> std::io::Result<()> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Value>>>::default();
        let noted = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Who has gone has gone.
                let _ = serve(stream.unwrap(), &noted);
            }
        });
        Self { url, seen }
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Value>>,
    decide: impl FnOnce(&Value) -> Value,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let head = loop {
        let n = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..n]);
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        // Nobody there any more, or somebody who would like TLS.
        if n == 0 || bytes.first() == Some(&0x16) {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.lines();
    let mut words = lines.next().unwrap().split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let mut headers = Map::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let list = headers.entry(name.to_ascii_lowercase()).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(json!(value));
    }
    let len = headers.get("content-length").map_or(0, |v| v[0].as_str().unwrap().parse().unwrap());
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < len {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        body.extend_from_slice(&buffer[..n]);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let asked = json!({
        "method": method, "path": percent_decoded(path), "rawQuery": query,
        "body": String::from_utf8_lossy(&body), "headers": headers,
    });
    seen.lock().push(asked.clone());
    let response = decide(&asked);
    // A connection that breaks.
    if response["status"].is_null() {
        return Ok(());
    }
    if let Some(delay) = response["delay"].as_str() {
        std::thread::park_timeout(milliseconds(delay));
    }
    let body = match &response["body"] {
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(part) if part.contains_key("base64") => {
            base64::engine::general_purpose::STANDARD.decode(part["base64"].as_str().unwrap()).unwrap()
        }
        Value::Object(part) => part["repeat"]
            .as_str()
            .unwrap()
            .repeat(usize::try_from(part["count"].as_u64().unwrap()).unwrap())
            .into_bytes(),
        _ => Vec::new(),
    };
    let status = response["status"].as_u64().unwrap();
    write!(stream, "HTTP/1.1 {status} Said\r\nConnection: close\r\n")?;
    if status != 204 && status != 304 {
        let promised = response["promised"].as_u64().unwrap_or(body.len().try_into().unwrap());
        write!(stream, "Content-Length: {promised}\r\n")?;
    }
    for header in response["headers"].as_array().into_iter().flatten() {
        write!(stream, "{}: {}\r\n", header[0].as_str().unwrap(), header[1].as_str().unwrap())?;
    }
    write!(stream, "\r\n")?;
    if method != "HEAD" && status != 204 && status != 304 {
        stream.write_all(&body)?;
    }
    Ok(())
}

fn milliseconds(text: &str) -> Duration {
    Duration::from_millis(text.trim_end_matches("ms").parse().unwrap())
}

fn percent_decoded(path: &str) -> String {
    url::form_urlencoded::parse(format!("p={}", path.replace('+', "%2B")).as_bytes())
        .next()
        .unwrap()
        .1
        .into_owned()
}

pub fn bench(egress: Egress) -> Bench {
    bench_with(Http::new(egress))
}

pub fn bench_with(http: Http) -> Bench {
    let mut bench = Bench::new();
    bench.services = bench.services.clone().with(Arc::new(http));
    bench
}

const RULES: &[Rule] = &[
    OUTSIDE,
    Rule {
        name: "a server that asks to wait is asked again",
        reason: "issue, network rules: retry on 429/5xx with Retry-After (Kargo: Failed without an error, tried again later)",
        applies: |case| {
            let status = case.input["responses"][0]["status"].as_u64().unwrap_or_default();
            case.input["kind"] == "http" && (status == 429 || status >= 500)
        },
        instead: |case, answer| {
            let asked = waits(case);
            answer.as_ref().is_ok_and(|a| a["status"] == "Running" && a["retryAfter"] == asked.as_str())
        },
    },
    Rule {
        name: "a function is no output",
        reason: "recorded as what cannot be stored: a value without a form in JSON",
        applies: |case| case.input["config"]["outputs"][0]["fromExpression"] == "response.header",
        instead: |_, answer| answer.as_ref().is_ok_and(|a| a["status"] == "Errored"),
    },
    Rule {
        name: "nothing half done",
        reason: "issue, bad input: no effect half done (Kargo leaves the directory of a download that failed)",
        applies: |case| {
            let want = case.want.as_ref().unwrap();
            want["status"] != "Succeeded" && want["files"].as_object().is_some_and(|files| !files.is_empty())
        },
        instead: |case, answer| {
            let (want, Ok(answer)) = (case.want.as_ref().unwrap(), answer) else { return false };
            answer["files"] == json!({})
                && answer["status"] == want["status"]
                && answer["terminal"] == want["terminal"]
        },
    },
];

/// How long a server that is busy is left alone: as it says, or else for the poll interval; a second at least.
fn waits(case: &Case) -> String {
    let headers = case.input["responses"][0]["headers"].as_array().into_iter().flatten();
    let mut said =
        headers.filter(|h| h[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case("retry-after")));
    let said = said.next().and_then(|h| h[1].as_str()?.parse().ok()).map(Duration::from_secs);
    let poll = case.input["config"]["pollInterval"].as_str();
    let poll = poll.map_or(Duration::from_secs(30), |text| ferry_api::duration::parse(text).unwrap());
    in_words(said.unwrap_or(poll).max(Duration::from_secs(1)))
}

#[test]
fn vectors_steps_http() {
    replay_with("kargo/steps-http", replay);
}

fn replay(case: &Case) -> Verdict {
    let responses = case.input["responses"].as_array().cloned().unwrap_or_default();
    let server = Server::answering(&responses);
    let own = |text: &str| text.replace("<server>", &server.url);
    let want = case.want.as_ref().unwrap();
    // Where the recording has it refused, it is not ours to open.
    let mut bench = bench(Egress::default().with_loopback());
    bench.set(&case.input["context"], &Value::Null);
    for (path, file) in case.input["files"].as_object().into_iter().flatten() {
        put(&bench.work().join(path), file);
    }
    let config = serde_json::from_str(&own(&case.input["config"].to_string())).unwrap();
    let config = match bench.evaluated(&config, "step-under-test") {
        Ok(config) => config,
        Err(_) if want.get("contextError").is_some() => return Verdict::Equal,
        Err(e) => return Verdict::Different(e),
    };
    let before = bench.files();
    let kind = case.input["kind"].as_str().unwrap();
    let result = bench.run(kind, config);
    let mut answer = told(&result);
    if let Ok(Outcome::Waiting { wake, .. }) = &result {
        let after = wake.after.unwrap_or_default();
        answer.insert("retryAfter".to_owned(), json!(in_words(after)));
        answer.remove("output");
    }
    answer.insert("files".to_owned(), crate::local::changes(&before, &bench.files()));
    let keys = ["status", "terminal", "output", "files", "retryAfter"];
    let mut reduced = wanted(want, &keys);
    if let Some(requests) = want["requests"].as_array() {
        reduced["requests"] = requests.iter().map(essential).collect();
        answer.insert("requests".to_owned(), server.seen.lock().iter().map(essential).collect());
    }
    judge(&Case { want: Some(reduced), ..case.clone() }, &Ok(Value::Object(answer)), RULES)
}

/// As Go writes it: `1m30s`, `1.5s`, `250ms`.
fn in_words(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let part = |unit: u128, name: &str| {
        let text =
            format!("{}.{:0width$}", nanoseconds / unit, nanoseconds % unit, width = unit.ilog10() as usize);
        let text = if unit == 1 { nanoseconds.to_string() } else { text };
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        format!("{text}{name}")
    };
    match nanoseconds {
        0 => "0s".to_owned(),
        1..1_000 => part(1, "ns"),
        1_000..1_000_000 => part(1_000, "µs"),
        1_000_000..1_000_000_000 => part(1_000_000, "ms"),
        _ => {
            let seconds = duration.as_secs();
            let rest = Duration::new(seconds % 60, duration.subsec_nanos()).as_nanos();
            let rest = format!("{}.{:09}", rest / 1_000_000_000, rest % 1_000_000_000);
            let rest = format!("{}s", rest.trim_end_matches('0').trim_end_matches('.'));
            match (seconds / 3600, seconds / 60 % 60) {
                (0, 0) => rest,
                (0, minutes) => format!("{minutes}m{rest}"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
            }
        }
    }
}

#[test]
fn durations_are_told_as_go_does() {
    for text in ["1ns", "1.5µs", "250ms", "1s", "1.5s", "30s", "1m0s", "1m30s", "1h0m0s", "26h3m4.25s"] {
        assert_eq!(in_words(ferry_api::duration::parse(text).unwrap()), text);
    }
}

/// A request without what every client says in its own way.
fn essential(request: &Value) -> Value {
    const OWN: &[&str] =
        &["accept", "accept-encoding", "connection", "content-length", "host", "referer", "user-agent"];
    let mut headers = Map::new();
    for (name, values) in request["headers"].as_object().into_iter().flatten() {
        let name = name.to_ascii_lowercase();
        if !OWN.contains(&name.as_str()) || name == "user-agent" && values[0] == "mine" {
            headers.insert(name, values.clone());
        }
    }
    json!({
        "method": request["method"], "path": request["path"], "rawQuery": request["rawQuery"],
        "body": request["body"], "headers": headers,
    })
}

pub fn refused(result: StepResult) -> String {
    match result {
        Err(StepError::Retryable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_write_whose_outcome_nobody_knows_is_not_repeated() {
    let server = Server::answering(&[json!({"status": 200, "delay": "700ms"})]);
    let bench = bench(Egress::default().with_loopback());
    let config = json!({"url": server.url, "method": "POST", "body": "x", "timeout": "100ms"});
    let ended = bench.run("http", config.clone());
    assert!(matches!(&ended, Err(StepError::Fatal(why)) if why.starts_with("OutcomeUnknown")), "{ended:?}");
    let resumed = bench.run_in("http", config, |ctx| ctx.is_resumed = true);
    assert!(
        matches!(&resumed, Err(StepError::Fatal(why)) if why.starts_with("OutcomeUnknown")),
        "{resumed:?}"
    );
    assert_eq!(server.seen.lock().len(), 1);
}

#[test]
fn a_server_that_is_busy_is_left_alone_as_long_as_it_asks() {
    let busy = |status: u16, headers: Value| json!({"status": status, "headers": headers});
    let date = ["Date", "Sun, 06 Nov 1994 08:49:37 GMT"];
    let long = "Sun, 06 Nov 1994 09:49:37 GMT";
    let server = Server::answering(&[
        busy(429, json!([["Retry-After", "45"]])),
        busy(503, json!([date, ["Retry-After", "Sun, 06 Nov 1994 08:51:37 GMT"]])),
        busy(503, json!([["Retry-After", "0"]])),
        busy(500, json!([])),
        busy(429, json!([["Retry-After", "3600"]])),
        busy(503, json!([date, ["Retry-After", long]])),
        busy(418, json!([["Retry-After", "45"]])),
    ]);
    let bench = bench(Egress::default().with_loopback());
    let config = json!({"url": server.url, "pollInterval": "7s"});
    for seconds in [45, 120, 1, 7] {
        let result = bench.run("http", config.clone());
        let Ok(Outcome::Waiting { wake, .. }) = &result else { panic!("{result:?}") };
        assert_eq!(wake.after, Some(Duration::from_secs(seconds)));
    }
    // Longer than anybody waits: it is not asked earlier than told.
    for status in ["429", "503", "418"] {
        let result = bench.run("http", config.clone());
        assert!(matches!(&result, Err(StepError::Refused(why)) if why.contains(status)), "{result:?}");
    }
}

#[test]
fn s21_an_answer_without_an_end_is_cut_off() {
    let endless = json!({"status": 200, "body": {"repeat": "0123456789", "count": 11 << 20}});
    let server = Server::answering(&[endless.clone(), endless]);
    let bench = bench(Egress::default().with_loopback());
    let why = refused(bench.run("http", json!({"url": server.url})));
    assert!(why.contains("more than 2097152 bytes"), "{why}");
    let ended = bench.run("http-download", json!({"url": server.url, "outPath": "x"}));
    assert!(matches!(&ended, Err(StepError::Fatal(why)) if why.contains("100 MiB")), "{ended:?}");
    assert!(bench.files().is_empty());
}

#[test]
fn s8_no_secret_of_a_request_is_told() {
    const CANARY: &str = "c4n4ry";
    let to_nowhere =
        json!({"status": 302, "headers": [["Location", format!("http://169.254.169.254/{CANARY}")]]});
    let server = Server::answering(&[
        json!({"status": 500}),
        json!({"status": 404}),
        to_nowhere,
        json!({"status": 200, "body": "{", "headers": [["Content-Type", "application/json"]]}),
    ]);
    let bench = bench(Egress::default().with_loopback());
    let path = format!("/services/{CANARY}?token={CANARY}");
    let host = server.url.trim_start_matches("http://");
    let own = format!("http://user:{CANARY}@{host}{path}");
    let refused = format!("http://127.0.0.1:1{path}");
    let urls = [&own, &own, &own, &own, &refused, &format!("gopher://x{path}"), &format!("no url {path}")];
    for url in urls {
        let config = json!({
            "url": url, "headers": [{"name": "Authorization", "value": CANARY}, {"name": "X", "value": "a"}],
            "queryParams": [{"name": "q", "value": CANARY}], "timeout": "5s",
        });
        let told = format!("{:?}", bench.run("http", config));
        assert!(!told.contains(CANARY), "{told}");
    }
    for (field, value) in [
        ("proxy", format!("http://{CANARY}:{CANARY}@[")),
        ("proxy", CANARY.to_owned()),
        ("headers", format!("{CANARY}\n")),
    ] {
        let mut config = json!({"url": own, "timeout": "5s"});
        config[field] =
            if field == "headers" { json!([{"name": "X", "value": value}]) } else { json!(value) };
        let told = format!("{:?}", bench.run("http", config));
        assert!(!told.contains(CANARY), "{told}");
    }
    let download = json!({"url": refused, "outPath": "x", "timeout": "5s"});
    let told = format!("{:?}", bench.run("http-download", download));
    assert!(!told.contains(CANARY), "{told}");
}
