//! A Warehouse's subscriptions: free JSON to the schema, so that their form, their defaults and their rules are here.

mod checks;

use std::sync::LazyLock;

use ferry_artifact::urls::{normalize_chart, normalize_git, normalize_image};
use serde_json::{Map, Value, json};

use crate::outcome::Cause;
use crate::rules::{self, Pattern};
use checks::Field;

pub(crate) static GIT_URL: Pattern = LazyLock::new(|| {
    rules::compiled(
        r"(?:^(ssh|https?)://(?:([\w-]+)(:(.+))?@)?([\w-]+(?:\.[\w-]+)*)(?::(\d{1,5}))?(/.*)$)|(?:^([\w-]+)@([\w+]+(?:\.[\w-]+)*):(/?.*))",
    )
});
pub(crate) static GIT_BRANCH: Pattern =
    LazyLock::new(|| rules::compiled(r"^[a-zA-Z0-9]([a-zA-Z0-9._/-]*[a-zA-Z0-9_-])?$"));
pub(crate) static IMAGE_URL: Pattern =
    LazyLock::new(|| rules::compiled(r"^(\w+([\.-]\w+)*(:[\d]+)?/)?(\w+([\.-]\w+)*)(/\w+([\.-]\w+)*)*$"));
pub(crate) static IMAGE_PLATFORM: Pattern =
    LazyLock::new(|| rules::compiled(r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$"));
pub(crate) static CHART_URL: Pattern =
    LazyLock::new(|| rules::compiled(r"^(((https?)|(oci))://)([\w\d\.\-]+)(:[\d]+)?(/.*)*$"));
pub(crate) static LABEL_NAME: Pattern = LazyLock::new(|| rules::compiled("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"));

const LABEL_NAME_LIMIT: usize = 63;
const DISCOVERY_LIMIT: i64 = 20;

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Git,
    Image,
    Chart,
}

impl Kind {
    const WORDS: [&'static str; 3] = ["git", "image", "chart"];

    fn of(word: &str) -> Option<Self> {
        match word {
            "git" => Some(Self::Git),
            "image" => Some(Self::Image),
            "chart" => Some(Self::Chart),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Image => "image",
            Self::Chart => "chart",
        }
    }
}

/// One subscription, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: Option<&'a Value>,
    pub(crate) config: &'a Map<String, Value>,
}

impl<'a> Subscription<'a> {
    /// Takes it apart: one key that names its kind, perhaps `name`.
    pub(crate) fn read(value: &'a Value, field: &str) -> Result<Self, Cause> {
        let wrong = |why: String| Err(Cause::invalid(field, value.clone(), why));
        let Some(map) = value.as_object() else { return wrong("it must be an object".into()) };
        let mut kinds = map.iter().filter(|(key, _)| *key != "name");
        let (Some((word, config)), None) = (kinds.next(), kinds.next()) else {
            let words = Kind::WORDS.join(", ");
            return wrong(format!("it must have one key that says its kind ({words}), and may have a name"));
        };
        let Some(kind) = Kind::of(word) else { return Err(Cause::not_supported(field, word, &Kind::WORDS)) };
        let Some(config) = config.as_object() else { return wrong(format!("{word} must be an object")) };
        Ok(Self { kind, name: map.get("name"), config })
    }

    pub(crate) fn text(&self, field: &str) -> &'a str {
        self.config.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// What no two subscriptions may share: the repository, with a chart's name.
    pub(crate) fn key(&self) -> String {
        let url = self.text("repoURL");
        match self.kind {
            Kind::Git => normalize_git(url),
            Kind::Image => normalize_image(url),
            Kind::Chart if url.starts_with("http") => {
                format!("{}:{}", normalize_chart(url), self.text("name"))
            }
            Kind::Chart => normalize_chart(url),
        }
    }
}

/// Fills in what is not said. What has another form is left for [`check`].
pub(crate) fn set_defaults(subscription: &mut Value) {
    let Some(map) = subscription.as_object_mut() else { return };
    for (word, config) in map.iter_mut().filter(|(key, _)| *key != "name") {
        let Some(config) = config.as_object_mut() else { continue };
        let (strategy, has_versions) = match Kind::of(word) {
            Some(Kind::Git) => (Some(("commitSelectionStrategy", "NewestFromBranch")), true),
            Some(Kind::Image) => (Some(("imageSelectionStrategy", "SemVer")), true),
            Some(Kind::Chart) => (None, false),
            None => continue,
        };
        if let Some((field, value)) = strategy {
            set_default(config, field, json!(value), |old| old == "");
        }
        if has_versions {
            set_default(config, "strictSemvers", json!(true), |_| false);
        }
        set_default(config, "discoveryLimit", json!(DISCOVERY_LIMIT), |old| old.as_f64() == Some(0.0));
    }
}

fn set_default(
    config: &mut Map<String, Value>,
    field: &str,
    value: Value,
    is_unset: impl Fn(&Value) -> bool,
) {
    if config.get(field).is_none_or(|old| old.is_null() || is_unset(old)) {
        config.insert(field.to_owned(), value);
    }
}

/// What is wrong with a Warehouse's subscriptions. What newly has to compile may stand where it stood before.
pub(crate) fn check(subscriptions: &[Value], old: &[Value], causes: &mut Vec<Cause>) {
    let old: Vec<Subscription<'_>> =
        old.iter().filter_map(|value| Subscription::read(value, "").ok()).collect();
    let mut seen: Vec<(usize, Subscription<'_>)> = Vec::new();
    for (index, value) in subscriptions.iter().enumerate() {
        let field = format!("spec.subscriptions[{index}]");
        let subscription = match Subscription::read(value, &field) {
            Ok(subscription) => subscription,
            Err(cause) => {
                causes.push(cause);
                continue;
            }
        };
        let kind = subscription.kind.as_str();
        Field { subscription, old: &old, at: format!("{field}.{kind}") }.check(causes);
        check_name(subscription, &field, &seen, causes);
        check_unique(subscription, &field, &seen, causes);
        seen.push((index, subscription));
    }
}

fn check_name(
    subscription: Subscription<'_>,
    field: &str,
    seen: &[(usize, Subscription<'_>)],
    causes: &mut Vec<Cause>,
) {
    let Some(value) = subscription.name.filter(|name| !name.is_null() && *name != "") else { return };
    let field = format!("{field}.name");
    let Some(name) = value.as_str() else {
        causes.push(Cause::invalid(field, value.clone(), "it must be a text"));
        return;
    };
    if name.len() > LABEL_NAME_LIMIT || !rules::matches(&LABEL_NAME, name) {
        let why = "it must be at most 63 lower-case letters, digits and '-', with '-' neither first nor last";
        causes.push(Cause::invalid(field, name, why));
    } else if let Some((first, _)) = seen.iter().find(|(_, other)| other.name == Some(value)) {
        causes.push(Cause::invalid(field, name, format!("spec.subscriptions[{first}] has this name")));
    }
}

fn check_unique(
    subscription: Subscription<'_>,
    field: &str,
    seen: &[(usize, Subscription<'_>)],
    causes: &mut Vec<Cause>,
) {
    let same =
        |other: &Subscription<'_>| other.kind == subscription.kind && other.key() == subscription.key();
    if let Some((first, _)) = seen.iter().find(|(_, other)| same(other)) {
        let kind = subscription.kind.as_str();
        let why = format!("spec.subscriptions[{first}].{kind} is of this repository already");
        causes.push(Cause::invalid(format!("{field}.{kind}.{kind}"), subscription.text("repoURL"), why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn causes(subscriptions: Value, old: Value) -> Vec<String> {
        let mut causes = Vec::new();
        let list = |value: Value| value.as_array().cloned().unwrap_or_default();
        check(&list(subscriptions), &list(old), &mut causes);
        causes.into_iter().map(|cause| cause.field).collect()
    }

    #[test]
    fn what_newly_has_to_compile_may_stand_where_it_stood() {
        let broken =
            |url: &str| json!([{"image": {"repoURL": url, "allowTagsRegexes": ["("], "platform": "linux/"}}]);
        let fields =
            ["spec.subscriptions[0].image.platform", "spec.subscriptions[0].image.allowTagsRegexes[0]"];
        assert_eq!(causes(broken("app"), json!([])), fields);
        assert_eq!(causes(broken("other"), broken("app")), [""; 0]);
        let changed =
            json!([{"image": {"repoURL": "app", "allowTagsRegexes": ["(("], "platform": "linux/"}}]);
        assert_eq!(causes(changed, broken("app")), ["spec.subscriptions[0].image.allowTagsRegexes[0]"]);
    }

    #[test]
    fn wrong_types_are_named_by_their_field() {
        let given = json!([
            {"git": {"repoURL": 7, "discoveryLimit": 20.5, "strictSemvers": "no", "since": "2026-01-01"}},
            {"chart": []},
            null,
            {},
            {"git": {}, "image": {}},
            {"ftp": {}},
        ]);
        let fields = causes(given, json!([]));
        for field in [
            "[0].git.repoURL",
            "[0].git.discoveryLimit",
            "[0].git.strictSemvers",
            "[0].git.since",
            "[1]",
            "[2]",
            "[3]",
            "[4]",
            "[5]",
        ] {
            assert!(fields.contains(&format!("spec.subscriptions{field}")), "{field} in {fields:?}");
        }
    }
}
