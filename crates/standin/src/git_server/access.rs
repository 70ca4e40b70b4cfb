//! Basic authentication per path prefix.

use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use parking_lot::Mutex;

/// Which prefixes want which credential.
#[derive(Debug, Default)]
pub(super) struct Access {
    protected: Mutex<Vec<(String, String)>>,
}

impl Access {
    pub(super) fn protect(&self, prefix: &str, username: &str, password: &str) {
        let mut protected = self.protected.lock();
        protected.retain(|(known, _)| known != prefix);
        protected.push((prefix.to_owned(), STANDARD.encode(format!("{username}:{password}"))));
        protected.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    }

    pub(super) fn admits(&self, path: &str, headers: &HeaderMap) -> bool {
        let protected = self.protected.lock();
        let Some((_, wanted)) = protected.iter().find(|(prefix, _)| path.starts_with(prefix.as_str())) else {
            return true;
        };
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        given.strip_prefix("Basic ").is_some_and(|given| given == wanted)
    }
}

/// 401, so that a client comes again with its password.
pub(super) fn challenge() -> Response {
    let mut answer = (StatusCode::UNAUTHORIZED, "a user name and a password are needed\n").into_response();
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"ferry stand-in\""));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let access = Access::default();
        access.protect("/private/", "me", "one");
        access.protect("/private/other/", "me", "two");
        let headers = |password: &str| {
            let value = format!("Basic {}", STANDARD.encode(format!("me:{password}")));
            HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
        };
        assert!(access.admits("/app.git/info/refs", &HeaderMap::new()));
        assert!(!access.admits("/private/app.git/info/refs", &HeaderMap::new()));
        assert!(access.admits("/private/app.git/info/refs", &headers("one")));
        assert!(!access.admits("/private/other/app.git/info/refs", &headers("one")));
        assert!(access.admits("/private/other/app.git/info/refs", &headers("two")));
    }
}
