//! Proxies, as Git reads them from the environment.

use url::Url;

/// Which proxy is for what. Empty: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http://`.
    pub http: String,
    /// For `https://`.
    pub https: String,
    /// For hosts that are reached without one: names, which also stand for all below them, or `*`.
    pub none: Vec<String>,
}

impl Proxies {
    /// From variables, by their names: `https_proxy`, `no_proxy`, …; the name in small letters counts where there are two.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            // A server that is asked by CGI gets `HTTP_PROXY` from whoever asks.
            let large = Some(name.to_uppercase()).filter(|name| name != "HTTP_PROXY");
            variable(name).or_else(|| variable(&large?)).filter(|value| !value.is_empty())
        };
        let all = either("all_proxy");
        let proxy = |name: &str| either(name).or_else(|| all.clone()).map(with_scheme).unwrap_or_default();
        let none = either("no_proxy").unwrap_or_default();
        let none = none.split([',', ' ']).map(|host| host.trim_start_matches('.').to_owned());
        Self {
            http: proxy("http_proxy"),
            https: proxy("https_proxy"),
            none: none.filter(|host| !host.is_empty()).collect(),
        }
    }

    /// The one for an address.
    pub fn of(&self, url: &str) -> Option<String> {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?;
        let is_below =
            |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if self.none.iter().any(|name| name == "*" || is_below(name)) {
            return None;
        }
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http };
        (!proxy.is_empty()).then(|| proxy.clone())
    }
}

fn with_scheme(proxy: String) -> String {
    if proxy.contains("://") { proxy } else { format!("http://{proxy}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_for_what_they_are_named_after() {
        let variables = [
            ("https_proxy", "http://small:1"),
            ("HTTPS_PROXY", "http://large:1"),
            ("HTTP_PROXY", "http://whoever-asks:1"),
            ("ALL_PROXY", "all:3128"),
            ("no_proxy", "localhost, .example.com,10.0.0.1"),
        ];
        let read = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let proxies = Proxies::read(read);
        for (url, wanted) in [
            ("https://git.test/a", Some("http://small:1")),
            ("http://git.test/a", Some("http://all:3128")),
            ("https://git.example.com/a", None),
            ("https://example.com/a", None),
            ("https://notexample.com/a", Some("http://small:1")),
            ("http://localhost:80/a", None),
            ("http://10.0.0.1/a", None),
            ("no url", None),
        ] {
            assert_eq!(proxies.of(url).as_deref(), wanted, "{url}");
        }
        assert_eq!(Proxies::read(|_| None), Proxies::default());
        assert_eq!(Proxies { none: vec!["*".to_owned()], ..proxies }.of("https://git.test"), None);
    }
}
