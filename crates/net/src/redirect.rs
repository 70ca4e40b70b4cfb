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

/// The request that an answer leads to; none where it is no redirect, or does not say where to. `before` is what was
/// answered.
pub(crate) fn next(response: &Response, mut before: Request) -> Result<Option<Request>, String> {
    let drops_body = match response.status() {
        // A write is not repeated elsewhere unless the server asks for just that.
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => true,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => return Ok(None),
    };
    let Some(url) = place(response)? else { return Ok(None) };
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
    Ok(Some(before))
}

fn place(response: &Response) -> Result<Option<Url>, String> {
    let Some(place) = response.headers().get(LOCATION).filter(|place| !place.is_empty()) else {
        return Ok(None);
    };
    // What it says may be a secret.
    let none = || format!("the server answered {} and leads to what is no URL", response.status());
    let place = str::from_utf8(place.as_bytes()).map_err(|_not_text| none())?;
    response.url().join(place).map(Some).map_err(|_malformed| none())
}
