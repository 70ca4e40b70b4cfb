//! The rules of one subscription's fields.

use ferry_artifact::pattern::{PathPattern, re2};
use ferry_artifact::semver::Constraint;
use jiff::Timestamp;
use serde_json::Value;

use super::{CHART_URL, GIT_BRANCH, GIT_URL, IMAGE_PLATFORM, IMAGE_URL, Kind, Subscription};
use crate::outcome::Cause;
use crate::{expressions, rules};

const BRANCH_LIMIT: usize = 255;
const DISCOVERY_RANGE: std::ops::RangeInclusive<i64> = 1..=100;

const GIT_STRATEGIES: [&str; 4] = ["Lexical", "NewestFromBranch", "NewestTag", "SemVer"];
const IMAGE_STRATEGIES: [&str; 4] = ["Digest", "Lexical", "NewestBuild", "SemVer"];

const TEXTS: [&str; 11] = [
    "repoURL",
    "commitSelectionStrategy",
    "imageSelectionStrategy",
    "branch",
    "since",
    "semverConstraint",
    "constraint",
    "expressionFilter",
    "platform",
    "name",
    "allowTags",
];
const FLAGS: [&str; 4] = ["strictSemvers", "insecureSkipTLSVerify", "blobless", "cacheByTag"];
const LISTS: [&str; 5] =
    ["allowTagsRegexes", "ignoreTagsRegexes", "includePaths", "excludePaths", "ignoreTags"];

/// A subscription, where it stands, and those that stood before.
pub(super) struct Field<'a> {
    pub(super) subscription: Subscription<'a>,
    pub(super) old: &'a [Subscription<'a>],
    pub(super) at: String,
}

impl Field<'_> {
    /// Everything that is wrong.
    pub(super) fn check(&self, causes: &mut Vec<Cause>) {
        self.check_types(causes);
        self.check_limit(causes);
        match self.subscription.kind {
            Kind::Git => self.check_git(causes),
            Kind::Image => self.check_image(causes),
            Kind::Chart => self.check_chart(causes),
        }
    }

    fn text(&self, field: &str) -> &str {
        self.subscription.text(field)
    }

    fn push(&self, causes: &mut Vec<Cause>, field: &str, why: impl std::fmt::Display) {
        let value = self.subscription.config.get(field.split('[').next().unwrap_or(field)).cloned();
        causes.push(Cause::invalid(format!("{}.{field}", self.at), value.unwrap_or("".into()), why));
    }

    /// Whether a field has the value that it had before in a subscription of this kind.
    fn stood(&self, field: &str) -> bool {
        let kind = self.subscription.kind;
        let now = self.subscription.config.get(field);
        self.old.iter().any(|old| old.kind == kind && old.config.get(field) == now)
    }

    fn check_types(&self, causes: &mut Vec<Cause>) {
        let is_text = Value::is_string;
        let is_list = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
        for (field, value) in self.subscription.config.iter().filter(|(_, value)| !value.is_null()) {
            let field = field.as_str();
            if TEXTS.contains(&field) && !is_text(value) {
                self.push(causes, field, "it must be a text");
            } else if FLAGS.contains(&field) && !value.is_boolean() {
                self.push(causes, field, "it must be true or false");
            } else if LISTS.contains(&field) && !is_list(value) {
                self.push(causes, field, "it must be a list of texts");
            }
        }
    }

    fn check_limit(&self, causes: &mut Vec<Cause>) {
        let Some(limit) = self.subscription.config.get("discoveryLimit") else { return };
        if !limit.as_i64().is_some_and(|limit| DISCOVERY_RANGE.contains(&limit)) {
            self.push(causes, "discoveryLimit", "it must be a whole number from 1 to 100");
        }
    }

    fn check_url(&self, pattern: &rules::Pattern, what: &str, causes: &mut Vec<Cause>) {
        let url = self.text("repoURL");
        let given = self.subscription.config.get("repoURL");
        if given.is_some_and(|value| !value.is_string() && !value.is_null()) {
            return;
        }
        if url.is_empty() {
            self.push(causes, "repoURL", "it must not be empty");
        }
        if !rules::matches(pattern, url) {
            self.push(causes, "repoURL", format!("it must be the URL of {what}"));
        }
    }

    fn check_strategy(&self, field: &str, words: &[&str], causes: &mut Vec<Cause>) {
        let strategy = self.text(field);
        if !strategy.is_empty() && !words.contains(&strategy) {
            causes.push(Cause::not_supported(format!("{}.{field}", self.at), strategy, words));
        }
    }

    fn check_constraint(&self, field: &str, causes: &mut Vec<Cause>) {
        let constraint = self.text(field);
        if constraint.is_empty() {
            return;
        }
        if let Err(error) = Constraint::parse(constraint) {
            self.push(causes, field, error);
        }
    }

    fn check_regexes(&self, causes: &mut Vec<Cause>) {
        for field in ["allowTagsRegexes", "ignoreTagsRegexes"] {
            self.check_each(field, causes, |text| re2::compile(text).err().map(|error| error.to_string()));
        }
    }

    /// Each text of a list must be readable, unless the list stood before.
    fn check_each(&self, field: &str, causes: &mut Vec<Cause>, wrong: impl Fn(&str) -> Option<String>) {
        let Some(list) = self.subscription.config.get(field).and_then(Value::as_array) else { return };
        if self.stood(field) {
            return;
        }
        for (index, text) in list.iter().enumerate() {
            if let Some(text) = text.as_str()
                && let Some(why) = wrong(text)
            {
                causes.push(Cause::invalid(format!("{}.{field}[{index}]", self.at), text, why));
            }
        }
    }

    fn check_git(&self, causes: &mut Vec<Cause>) {
        self.check_url(&GIT_URL, "a Git repository (https://, ssh:// or user@host:path)", causes);
        self.check_strategy("commitSelectionStrategy", &GIT_STRATEGIES, causes);
        let branch = self.text("branch");
        if !branch.is_empty() && (branch.len() > BRANCH_LIMIT || !rules::matches(&GIT_BRANCH, branch)) {
            self.push(causes, "branch", "it must be a branch's name of at most 255 bytes");
        }
        self.check_constraint("semverConstraint", causes);
        let since = self.text("since");
        if !since.is_empty() && since.parse::<Timestamp>().is_err() {
            self.push(causes, "since", "it must be a time such as 2026-01-31T12:00:00Z");
        }
        if !self.stood("expressionFilter")
            && let Some(why) = expressions::broken(self.text("expressionFilter"))
        {
            self.push(causes, "expressionFilter", why);
        }
        self.check_regexes(causes);
        for field in ["includePaths", "excludePaths"] {
            self.check_each(field, causes, |text| {
                PathPattern::parse(text).err().map(|error| error.to_string())
            });
        }
    }

    fn check_image(&self, causes: &mut Vec<Cause>) {
        self.check_url(&IMAGE_URL, "an image repository, without a tag", causes);
        self.check_strategy("imageSelectionStrategy", &IMAGE_STRATEGIES, causes);
        match self.text("imageSelectionStrategy") {
            "Digest" if self.text("constraint").is_empty() => {
                self.push(causes, "constraint", "Digest follows one tag: name it");
            }
            "SemVer" => self.check_constraint("constraint", causes),
            _ => {}
        }
        let platform = self.text("platform");
        if !platform.is_empty() && !self.stood("platform") && !rules::matches(&IMAGE_PLATFORM, platform) {
            self.push(causes, "platform", "it must be os/arch or os/arch/variant");
        }
        self.check_regexes(causes);
    }

    fn check_chart(&self, causes: &mut Vec<Cause>) {
        self.check_url(&CHART_URL, "a chart repository (https:// or oci://)", causes);
        let (url, name) = (self.text("repoURL"), self.text("name"));
        if url.starts_with("oci://") && !name.is_empty() {
            self.push(causes, "name", "it must be empty: an oci:// URL names the chart");
        }
        if (url.starts_with("http://") || url.starts_with("https://")) && name.is_empty() {
            self.push(causes, "name", "name a chart of this repository");
        }
        self.check_constraint("semverConstraint", causes);
    }
}
