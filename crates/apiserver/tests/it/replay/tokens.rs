//! Placeholders of recorded texts: what they may stand for, and what they were bound to.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"<(listrv|rv\?|rv|uid|gen|continue|jwt|time\.6|time\.diff|time|n|age|unix|kid|etag|server)(:\d+)?>",
    )
    .unwrap()
});

fn class(name: &str) -> &'static str {
    match name {
        "rv" | "rv?" | "listrv" | "unix" | "n" => r"\d+",
        "uid" => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "gen" => "[a-z0-9]{5}",
        "continue" => "[A-Za-z0-9_=-]+",
        "time" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "time.6" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
        "time.diff" => r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4}",
        // In kubectl's tables as wide as the longest.
        "age" => "(?:[0-9smhdy]+|<unknown>|<invalid>) *",
        _ => "(?s).+?",
    }
}

#[derive(Clone, Default)]
pub struct Bindings {
    values: HashMap<String, String>,
}

impl Bindings {
    /// The text with every bound token replaced.
    pub fn fill(&self, text: &str) -> String {
        TOKEN
            .replace_all(text, |found: &regex::Captures<'_>| {
                self.values.get(&found[0]).cloned().unwrap_or_else(|| found[0].to_owned())
            })
            .into_owned()
    }

    pub fn number(&self, token: &str) -> Option<u64> {
        self.values.get(token)?.parse().ok()
    }

    /// Whether `actual` is what was recorded; binds tokens that are new.
    pub fn accept(&mut self, recorded: &str, actual: &str) -> bool {
        if !recorded.contains('<') {
            return recorded == actual;
        }
        let (mut pattern, mut tokens, mut last) = (String::from("^"), Vec::new(), 0);
        for found in TOKEN.captures_iter(recorded) {
            let whole = found.get(0).unwrap();
            pattern.push_str(&regex::escape(&recorded[last..whole.start()]));
            pattern.push('(');
            pattern.push_str(class(&found[1]));
            pattern.push(')');
            tokens.push((whole.as_str().to_owned(), found.get(2).is_some()));
            last = whole.end();
        }
        pattern.push_str(&regex::escape(&recorded[last..]));
        pattern.push('$');
        let Some(found) = Regex::new(&pattern).unwrap().captures(actual) else { return false };
        tokens.iter().enumerate().all(|(i, (token, numbered))| {
            let value = found[i + 1].to_owned();
            !numbered || *self.values.entry(token.clone()).or_insert_with(|| value.clone()) == value
        })
    }

    /// Whether the bound versions are in the recorded order; those of lists may be larger.
    pub fn in_order(&self, groups: &[Vec<String>]) -> Result<(), String> {
        let mut before = 0;
        for group in groups {
            let exact: Vec<u64> =
                group.iter().filter(|t| t.starts_with("<rv")).filter_map(|t| self.number(t)).collect();
            if exact.iter().any(|v| *v <= before || Some(v) != exact.first()) {
                return Err(format!("versions {group:?} are {exact:?}, after {before}"));
            }
            before = exact.first().copied().unwrap_or(before);
            let list = group.iter().filter(|t| t.starts_with("<listrv")).filter_map(|t| self.number(t));
            if let Some(low) = list.min().filter(|v| *v < before) {
                return Err(format!("list version {low} of {group:?} is below {before}"));
            }
        }
        Ok(())
    }
}
