//! `http`: make an HTTP request, and judge the answer.

use std::borrow::Cow;
use std::time::Duration;

use ferry_artifact::schema::at_most_one;
use ferry_engine::document::{Document, Function, Map as Fields, Value as Host};
use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult, Wake};
use ferry_net::{self as net, Error, Http as Network, Request};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::config::{self, Pair, Text, given, pairs};
use crate::{go_json, yaml};

/// How large bodies may be, in bytes.
const LIMIT: usize = 2 << 20;
/// How long a request may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(10);
/// When to ask again where nothing is said.
const POLL: Duration = Duration::from_secs(30);
/// How long a server may ask us to stay away, and how long it is left alone where it says less than that.
const LONGEST: Duration = Duration::from_mins(10);
const SHORTEST: Duration = Duration::from_secs(1);

/// Make an HTTP request, and judge the answer.
///
/// Bare expressions, without `${{ }}`, judge it by `response`: its `status`, its `body`, which is read as JSON, YAML or
/// text by its type, its `headers`, and `header(name)`. Where `failureExpression` holds the step fails, with what
/// `errorExpression` says; else where `successExpression` holds it succeeds; else it asks again after `pollInterval`.
/// With neither of them, an answer of success is one; asked to wait (429, 5xx), for ten minutes at most, it reads
/// again, and anything else fails it. The outputs are what `outputs` makes of the answer. A request that changes
/// something is sent once an attempt: where nobody can tell whether it has arrived, the step ends with
/// `OutcomeUnknown`.
/// ```yaml
/// - uses: http
///   as: check
///   config:
///     url: https://example.com/api/freeze
///     headers:
///     - name: Accept
///       value: application/json
///     successExpression: response.status == 200
///     outputs:
///     - name: frozen
///       fromExpression: response.body.frozen
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("allOf" = at_most_one(&["body", "bodyFromFile"])))]
pub struct Http {
    /// Where to.
    url: Text,
    /// The method; `GET` where nothing is said.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Verb")]
    method: Option<Verb>,
    /// Headers of the request.
    #[serde(default)]
    headers: Vec<Pair>,
    /// Parameters that are added to the URL.
    #[serde(default)]
    query_params: Vec<Pair>,
    /// The body; or `bodyFromFile`.
    #[serde(default)]
    body: String,
    /// The file that is the body; or `body`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "WorkPath")]
    body_from_file: Option<WorkPath>,
    /// Accept any certificate of the server.
    #[serde(default, rename = "insecureSkipTLSVerify")]
    insecure_skip_tls_verify: bool,
    /// A proxy to go through, `http://host:port`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "ProxyUrl")]
    proxy: Option<ProxyUrl>,
    /// How long the request may take; ten seconds where nothing is said, and an hour where it says `0s`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "config::Duration")]
    timeout: Option<config::Duration>,
    /// After how long to ask again; 30 seconds where nothing is said.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "config::Duration")]
    poll_interval: Option<config::Duration>,
    /// What the body is, whatever the server says.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "ContentType")]
    response_content_type: Option<ContentType>,
    /// What to take out of the answer.
    #[serde(default)]
    outputs: Vec<Extract>,
    /// Whether it is a success.
    #[serde(default)]
    success_expression: String,
    /// Whether it is a failure.
    #[serde(default)]
    failure_expression: String,
    /// What to say of a failure.
    #[serde(default)]
    error_expression: String,
}

/// A value that is taken out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Extract {
    /// The output's name.
    name: Text,
    /// A bare expression over `response`.
    from_expression: Text,
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    Delete,
    Get,
    Head,
    Patch,
    Post,
    Put,
}

impl Verb {
    fn method(self) -> Method {
        match self {
            Self::Delete => Method::DELETE,
            Self::Get => Method::GET,
            Self::Head => Method::HEAD,
            Self::Patch => Method::PATCH,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
        }
    }
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
enum ContentType {
    #[serde(rename = "application/json")]
    Json,
    #[serde(rename = "application/yaml")]
    Yaml,
    #[serde(rename = "text/plain")]
    Text,
}

/// The URL of a proxy.
#[derive(Debug)]
struct ProxyUrl(String);

impl<'de> Deserialize<'de> for ProxyUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_http = text.starts_with("http://") || text.starts_with("https://");
        if is_http && !text.contains('\n') {
            return Ok(Self(text));
        }
        Err(serde::de::Error::custom("a proxy's URL begins with http:// or https://"))
    }
}

impl JsonSchema for ProxyUrl {
    fn schema_name() -> Cow<'static, str> {
        "ProxyUrl".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^https?://.*$"})
    }
}

impl Step for Http {
    const KIND: &'static str = "http";

    fn check(&self) -> Result<(), String> {
        if !self.body.is_empty() && self.body_from_file.is_some() {
            return Err("give either body or bodyFromFile, not both".to_owned());
        }
        Ok(())
    }

    fn effect(&self) -> Effect {
        if self.reads() { Effect::Reads } else { Effect::Writes }
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        if ctx.is_resumed && !self.reads() {
            return Err(unknown("it was interrupted"));
        }
        let request = self.request(ctx).await?;
        let network = ctx.service::<Network>()?;
        let mut response = network.send(request).await.map_err(|error| match error {
            Error::Sent(why) | Error::Broken(why) if !self.reads() => unknown(&why),
            Error::Malformed(why) => StepError::Fatal(why),
            Error::Sent(why) | Error::Broken(why) | Error::Unsent(why) => StepError::Retryable(why),
        })?;
        let body = net::body(&mut response, LIMIT).await.map_err(StepError::Retryable)?;
        let body = self.read(response.headers(), &body).map_err(StepError::Retryable)?;
        self.judge(&document(response.status(), response.headers(), &body, ctx.started_at), &response)
    }
}

impl Http {
    /// Whether the request leaves all as it is.
    fn reads(&self) -> bool {
        matches!(self.method, None | Some(Verb::Get | Verb::Head))
    }

    async fn request(&self, ctx: &StepContext) -> Result<Request, StepError> {
        let body = match &self.body_from_file {
            None => self.body.clone().into_bytes(),
            Some(path) => {
                let inside = path.clone();
                let read = ctx.work.blocking(move |work| work.read(&inside)).await;
                let read = read.map_err(|e| StepError::Fatal(format!("bodyFromFile: {e}")))?;
                if read.len() > LIMIT {
                    let path = path.as_written();
                    return Err(StepError::Fatal(format!(
                        "bodyFromFile: {path:?} has more than {LIMIT} bytes"
                    )));
                }
                read
            }
        };
        Ok(Request {
            method: self.method.unwrap_or(Verb::Get).method(),
            url: self.url.to_string(),
            headers: config::headers(&self.headers),
            query: pairs(&self.query_params),
            body: body.into(),
            insecure: self.insecure_skip_tls_verify,
            proxy: self.proxy.as_ref().map(|proxy| proxy.0.clone()),
            timeout: self.timeout.map_or(TIMEOUT, config::Duration::of_a_request),
        })
    }

    /// Reads a body by its type. What has another type, or none, is JSON where it can be read so.
    fn read(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
        let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let said = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let kind = self.response_content_type.or(match said.as_str() {
            "application/json" => Some(ContentType::Json),
            "application/yaml" | "text/yaml" | "application/x-yaml" => Some(ContentType::Yaml),
            "text/plain" => Some(ContentType::Text),
            _ => None,
        });
        if body.is_empty() {
            return Ok(Value::Object(Map::new()));
        }
        match kind {
            Some(ContentType::Yaml) => {
                let text = String::from_utf8_lossy(body);
                yaml::read(&text).map_err(|e| format!("the answer cannot be read as YAML: {e}"))
            }
            Some(ContentType::Text) => Ok(Value::from(go_json::text(body))),
            json => match go_json::read(body) {
                Ok(value) => Ok(value),
                Err(go_json::Error::NoJson(_)) if json.is_none() => Ok(Value::Object(Map::new())),
                Err(why) => Err(format!("the answer cannot be read as JSON: {why}")),
            },
        }
    }

    fn judge(&self, document: &Document, response: &Response) -> StepResult {
        let status = response.status();
        // What is no expression at all will not become one.
        let failed = |field: &str, expression: &str, why: String| match document.check(expression) {
            Ok(()) => StepError::Retryable(format!("{field}: {why}")),
            Err(_) => StepError::Fatal(format!("{field}: {why}")),
        };
        let holds = |field: &str, expression: &str| {
            let given = Some(expression).filter(|expression| !expression.is_empty());
            given.map(|given| document.holds(given).map_err(|why| failed(field, given, why))).transpose()
        };
        let success = holds("successExpression", &self.success_expression)?;
        let failure = holds("failureExpression", &self.failure_expression)?;
        if failure == Some(true) {
            return Err(self.failure(document, status));
        }
        let succeeded = match (success, failure) {
            (Some(success), _) => success,
            (None, Some(_)) => false,
            (None, None) if status.is_success() => true,
            (None, None) => {
                let answered = format!("{} answered {status}", net::shown(&self.url));
                let busy = net::busy(response, self.poll(), LONGEST).filter(|_| self.reads());
                let wait = busy.ok_or_else(|| StepError::Refused(answered.clone()))?;
                return Ok(again(format!("{answered}: it is asked again"), wait.max(SHORTEST)));
            }
        };
        if !succeeded {
            let why = format!(
                "{} answered {status}, which is neither success nor failure by the expressions given",
                net::shown(&self.url)
            );
            return Ok(again(why, self.poll()));
        }
        let mut outputs = Map::new();
        for (index, Extract { name, from_expression }) in self.outputs.iter().enumerate() {
            let value = document
                .evaluate(from_expression)
                .map_err(|why| failed(&format!("outputs[{index}].fromExpression"), from_expression, why))?;
            outputs.insert(name.to_string(), value);
        }
        Ok(Outcome::Succeeded(Output::values(outputs)))
    }

    fn failure(&self, document: &Document, status: StatusCode) -> StepError {
        let met = format!("HTTP ({}) response met failure criteria", status.as_u16());
        if self.error_expression.is_empty() {
            return StepError::Failed(met);
        }
        if let Err(why) = document.check(&self.error_expression) {
            return StepError::Fatal(format!("errorExpression: {why}"));
        }
        match document.text(&self.error_expression) {
            Ok(said) => StepError::Failed(format!("{met}: {said:?}")),
            Err(_) => StepError::Failed(met),
        }
    }

    /// When to ask again where the server says nothing.
    fn poll(&self) -> Duration {
        self.poll_interval.map_or(POLL, |interval| interval.0)
    }
}

fn again(why: String, after: Duration) -> Outcome {
    Outcome::Waiting { why, wake: Wake { after: Some(after), ..Wake::default() }, output: Output::none() }
}

fn unknown(why: &str) -> StepError {
    StepError::Fatal(format!("OutcomeUnknown: the request may have arrived, so it is not sent again: {why}"))
}

/// What expressions find: `response`.
fn document(status: StatusCode, headers: &HeaderMap, body: &Value, now: Timestamp) -> Document {
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut listed = Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| Value::from(text(value))).collect();
        listed.insert(canonical(name.as_str()), Value::Array(values));
    }
    let headers = headers.clone();
    let header = Function::new(Vec::new(), move |call| {
        let name = call.text(0)?.to_str();
        Ok(Host::from(headers.get(&*name).map(text).unwrap_or_default().as_str()))
    });
    let response = [
        ("status", Host::Int(status.as_u16().into())),
        ("headers", Host::from_json(&Value::Object(listed))),
        ("header", Host::Function(header)),
        ("body", Host::from_json(body)),
    ];
    let response: Fields = response.into_iter().collect();
    let environment: Fields = [("response", Host::from(response))].into_iter().collect();
    Document::of(environment.into(), now)
}

/// A header's name as it is usually written: `Content-Type`.
fn canonical(name: &str) -> String {
    let capital = |part: &str| {
        let mut chars = part.chars();
        chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    };
    name.split('-').map(capital).collect::<Vec<_>>().join("-")
}
