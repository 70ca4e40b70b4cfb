//! Redirects, followed one by one: where each leads is judged before anything is sent there.

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderName, LOCATION,
    PROXY_AUTHORIZATION, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use reqwest::{Method, Request, Response, StatusCode, Url};

/// What says who we are: for one server only.
const PROOFS: [HeaderName; 5] =
    [AUTHORIZATION, COOKIE, HeaderName::from_static("cookie2"), PROXY_AUTHORIZATION, WWW_AUTHENTICATE];
/// What tells of a body.
const OF_BODY: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING];

/// The request that an answer leads to; none where it is no redirect. `before` is what was answered.
pub(crate) fn next(response: &Response, mut before: Request) -> Option<Request> {
    let drops_body = match response.status() {
        // A write is not repeated elsewhere unless the server asks for just that.
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => true,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => return None,
    };
    let url = place(response)?;
    if drops_body {
        if *before.method() != Method::HEAD {
            *before.method_mut() = Method::GET;
        }
        *before.body_mut() = None;
        for name in &OF_BODY {
            before.headers_mut().remove(name);
        }
    }
    if url.origin() != before.url().origin() {
        for name in &PROOFS {
            before.headers_mut().remove(name);
        }
    }
    *before.url_mut() = url;
    Some(before)
}

fn place(response: &Response) -> Option<Url> {
    let place = str::from_utf8(response.headers().get(LOCATION)?.as_bytes()).ok()?;
    response.url().join(place).ok()
}
