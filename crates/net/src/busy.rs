//! Servers that are busy: when they may be asked again.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Response, StatusCode};

/// How long to stay away from a server that is busy (429, 5xx): as long as it asks (`Retry-After`), or `otherwise` where
/// it does not say. None where it is not busy, and where it asks for longer than `most`: nobody asks earlier than told, so
/// that its answer is all there is.
pub fn busy(response: &Response, otherwise: Duration, most: Duration) -> Option<Duration> {
    let status = response.status();
    if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
        return None;
    }
    match retry_after(response.headers(), SystemTime::now()) {
        Some(asked) if asked > most => None,
        asked => Some(asked.unwrap_or(otherwise)),
    }
}

/// How often a server that is busy, or whose connection breaks, is asked, and how long one is willing to wait for that in
/// all. One for each request.
#[derive(Debug)]
pub struct Patience {
    tries: u32,
    left: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: TRIES, left: Duration::from_mins(10) }
    }
}

/// How often by default.
const TRIES: u32 = 4;

impl Patience {
    /// Waits where the server is busy; whether to ask it again. Where it does not say how long, each time twice as long.
    pub async fn lasts(&mut self, response: &Response) -> bool {
        let usual = self.next();
        self.waits(busy(response, usual, self.left)).await
    }

    /// Waits where a connection broke; whether to try it again.
    pub async fn outlasts(&mut self) -> bool {
        let usual = self.next();
        self.waits(Some(usual)).await
    }

    fn next(&mut self) -> Duration {
        self.tries = self.tries.saturating_sub(1);
        Duration::from_secs(1 << TRIES.saturating_sub(self.tries))
    }

    async fn waits(&mut self, wait: Option<Duration>) -> bool {
        let Some(wait) = wait.filter(|wait| self.tries > 0 && *wait <= self.left) else { return false };
        self.left = self.left.saturating_sub(wait);
        tokio::time::sleep(wait).await;
        true
    }
}

/// Seconds, or a date; none where it says nothing that can be read.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // What is no number for its size is longer than anybody waits.
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    // A date is meant by the server's clock, where it tells what that shows.
    let now = date(headers, &DATE).unwrap_or(now);
    Some(until.duration_since(now).unwrap_or_default())
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let asked = |given: &[(HeaderName, &str)]| {
            let headers = given.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        for (text, wait) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10)),
            ("Sun Nov  6 08:49:47 1994", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(asked(&[(RETRY_AFTER, text)]), wait, "{text}");
        }
        assert_eq!(asked(&[]), None);
        let until = (RETRY_AFTER, "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(asked(&[until.clone(), (DATE, "Sun, 06 Nov 1994 08:49:42 GMT")]), Some(5));
        assert_eq!(asked(&[until, (DATE, "yesterday")]), Some(10));
    }
}
