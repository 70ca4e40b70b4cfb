//! Requests and answers of `http` near those that were recorded: what Go sends, and how it reads JSON.

use ferry_artifact::egress::Egress;
use ferry_engine::{Outcome, StepError, StepResult};
use serde_json::{Value, json};

use crate::http::{Server, bench};

fn asked(server: &Server, config: &Value) -> StepResult {
    let mut config = config.clone();
    config["url"] = json!(server.url);
    bench(Egress::default().with_loopback()).run("http", config)
}

#[test]
fn what_a_request_is_is_not_said_by_its_headers() {
    for (name, value) in [
        ("Content-Length", "1"),
        ("content-length", "10"),
        ("Transfer-Encoding", "chunked"),
        ("Trailer", "x"),
    ] {
        let server = Server::answering(&[json!({"status": 200})]);
        let headers = json!([{"name": name, "value": value}, {"name": "X-Mine", "value": "1"}]);
        asked(&server, &json!({"method": "POST", "body": "xyz", "headers": headers})).unwrap();
        let seen = server.seen();
        assert_eq!(seen[0]["body"], "xyz", "{name}");
        assert_eq!(seen[0]["headers"]["content-length"], json!(["3"]), "{name}");
        assert_eq!(seen[0]["headers"]["x-mine"], json!(["1"]), "{name}");
        assert!(seen[0]["headers"].get("trailer").is_none(), "{name}");
        assert!(seen[0]["headers"].get("transfer-encoding").is_none(), "{name}");
    }
}

#[test]
fn what_go_cannot_read_of_a_query_is_left_out_where_something_is_added() {
    for (added, sent) in [(json!([]), "a;b=1&x=%zz&&c=+"), (json!([{"name": "q", "value": "1"}]), "c=+&q=1")]
    {
        let server = Server::answering(&[json!({"status": 200})]);
        let url = format!("{}/?a;b=1&x=%zz&&c=+", server.url);
        let config = json!({"url": url, "queryParams": added});
        bench(Egress::default().with_loopback()).run("http", config).unwrap();
        assert_eq!(server.seen()[0]["rawQuery"], sent);
    }
}

#[test]
fn a_redirect_to_what_is_no_url_is_an_error() {
    for (location, fails) in [("http://[::1", true), ("/else%", false), ("", false)] {
        let headers = json!([["Location", location]]);
        let answers = [json!({"status": 302, "headers": headers}), json!({"status": 200})];
        let result = asked(&Server::answering(&answers), &json!({"successExpression": "true"}));
        match result {
            Err(StepError::Retryable(why)) => {
                assert!(fails && why.contains("302") && !why.contains("::1"), "{location}: {why}");
            }
            other => assert!(!fails && matches!(other, Ok(Outcome::Succeeded(_))), "{location}: {other:?}"),
        }
    }
}

#[test]
fn a_timeout_of_nothing_is_none() {
    let server = Server::answering(&[json!({"status": 200, "delay": "50ms"})]);
    assert!(matches!(asked(&server, &json!({"timeout": "0s"})), Ok(Outcome::Succeeded(_))));
}

/// Bytes that are no text are in a body as `{"base64": …}`.
#[test]
fn a_body_is_read_as_go_reads_json() {
    let no_text = json!({"base64": "eyJhIjoi6SJ9"});
    let deep = json!("[".repeat(200) + &"]".repeat(200));
    for (body, kind, becomes) in [
        (&no_text, "application/json", Some("\u{fffd}")),
        (&no_text, "", Some("\u{fffd}")),
        (&json!(r#"{"a":"\ud800"}"#), "application/json", Some("\u{fffd}")),
        (&json!(r#"{"a":1e400}"#), "", None),
        (&json!(r#"{"a":1e400}"#), "application/json", None),
        (&deep, "", None),
    ] {
        let headers = if kind.is_empty() { json!([]) } else { json!([["Content-Type", kind]]) };
        let server = Server::answering(&[json!({"status": 200, "headers": headers, "body": body})]);
        let outputs = json!([{"name": "a", "fromExpression": "response.body.a"}]);
        let result = asked(&server, &json!({"outputs": outputs}));
        match (becomes, &result) {
            (Some(text), Ok(Outcome::Succeeded(output))) => {
                assert_eq!(output.values.as_ref().unwrap()["a"], text, "{body} {kind}");
            }
            (None, Err(StepError::Retryable(why))) => assert!(why.contains("read as JSON"), "{why}"),
            _ => panic!("{body} {kind}: {result:?}"),
        }
    }
}
