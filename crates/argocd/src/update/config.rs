//! The config of `argocd-update`, after evaluation.

use ferry_artifact::schema::{at_most_one, needs, one_of};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::selector::Selector;

/// The config.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Config {
    /// Which Applications, and what to change in them. At least one.
    #[schemars(length(min = 1))]
    pub apps: Vec<AppUpdate>,
}

/// One Application, or those that a selector finds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("allOf" = one_of("name", "selector")))]
pub struct AppUpdate {
    /// Its name; else `selector`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String", length(min = 1))]
    pub name: Option<String>,
    /// Which ones, by labels; else `name`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Selector")]
    pub selector: Option<Selector>,
    /// Where; Argo CD's namespace when absent.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String", length(min = 1))]
    pub namespace: Option<String>,
    /// What to change. Without, the Application is synced as it is.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Vec<SourceUpdate>", length(min = 1))]
    pub sources: Option<Vec<SourceUpdate>>,
}

/// What to change in one source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("not" = needs("updateTargetRevision", "desiredRevision")))]
pub struct SourceUpdate {
    /// The source's repository.
    #[serde(rename = "repoURL")]
    #[schemars(length(min = 1))]
    pub repo_url: String,
    /// The source's chart.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String", length(min = 1))]
    pub chart: Option<String>,
    /// The revision that the source is to be synced to.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String", length(min = 1))]
    pub desired_revision: Option<String>,
    /// Whether the source's `targetRevision` becomes the desired revision.
    #[serde(default)]
    pub update_target_revision: bool,
    /// Helm parameters to set.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "HelmParameters")]
    pub helm: Option<HelmParameters>,
    /// Kustomize images to set.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "KustomizeImages")]
    pub kustomize: Option<KustomizeImages>,
}

/// Helm parameters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HelmParameters {
    /// At least one.
    #[schemars(length(min = 1))]
    pub images: Vec<HelmParameter>,
}

/// A Helm parameter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HelmParameter {
    /// Its name.
    #[schemars(length(min = 1))]
    pub key: String,
    /// Its new value.
    pub value: String,
}

/// Kustomize images; the list replaces the one in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KustomizeImages {
    /// At least one, if given.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Vec<KustomizeImage>", length(min = 1))]
    pub images: Option<Vec<KustomizeImage>>,
}

/// A Kustomize image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("allOf" = at_most_one(&["tag", "digest"])))]
pub struct KustomizeImage {
    /// The image to replace.
    #[serde(rename = "repoURL")]
    #[schemars(length(min = 1))]
    pub repo_url: String,
    /// Another name for it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String", length(min = 1))]
    pub new_name: Option<String>,
    /// Its new tag; else `digest`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String")]
    pub tag: Option<String>,
    /// Its new digest; else `tag`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String")]
    pub digest: Option<String>,
}

/// An optional field may be left out, but not be null.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Config {
    /// What the types cannot say; the text names the place.
    pub fn check(&self) -> Result<(), String> {
        at_least_one(&self.apps, "apps")?;
        for (i, app) in self.apps.iter().enumerate() {
            app.check().map_err(|problem| format!("apps.{i}{problem}"))?;
        }
        Ok(())
    }
}

impl AppUpdate {
    fn check(&self) -> Result<(), String> {
        check_target(self.name.as_deref(), self.selector.as_ref(), self.namespace.as_deref())?;
        if let Some(sources) = &self.sources {
            at_least_one(sources, ".sources")?;
            for (i, source) in sources.iter().enumerate() {
                source.check().map_err(|problem| format!(".sources.{i}{problem}"))?;
            }
        }
        Ok(())
    }
}

impl SourceUpdate {
    fn check(&self) -> Result<(), String> {
        not_empty(Some(&self.repo_url), ".repoURL")?;
        not_empty(self.chart.as_deref(), ".chart")?;
        not_empty(self.desired_revision.as_deref(), ".desiredRevision")?;
        if self.update_target_revision && self.desired_revision.is_none() {
            return Err(": updateTargetRevision requires desiredRevision".to_owned());
        }
        if let Some(helm) = &self.helm {
            at_least_one(&helm.images, ".helm.images")?;
            for (i, image) in helm.images.iter().enumerate() {
                not_empty(Some(&image.key), &format!(".helm.images.{i}.key"))?;
            }
        }
        if let Some(images) = self.kustomize.as_ref().and_then(|kustomize| kustomize.images.as_ref()) {
            at_least_one(images, ".kustomize.images")?;
            for (i, image) in images.iter().enumerate() {
                image.check().map_err(|problem| format!(".kustomize.images.{i}{problem}"))?;
            }
        }
        Ok(())
    }
}

impl KustomizeImage {
    fn check(&self) -> Result<(), String> {
        not_empty(Some(&self.repo_url), ".repoURL")?;
        not_empty(self.new_name.as_deref(), ".newName")?;
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if given(&self.tag) && given(&self.digest) {
            return Err(": tag and digest exclude each other".to_owned());
        }
        Ok(())
    }
}

/// Exactly one of name and selector; no empty texts.
pub(crate) fn check_target(
    name: Option<&str>,
    selector: Option<&Selector>,
    namespace: Option<&str>,
) -> Result<(), String> {
    match (name, selector) {
        (None, None) => return Err(": name or selector is required".to_owned()),
        (Some(_), Some(_)) => return Err(": name and selector exclude each other".to_owned()),
        _ => {}
    }
    not_empty(name, ".name")?;
    not_empty(namespace, ".namespace")?;
    let Some(selector) = selector else { return Ok(()) };
    if selector.match_labels.is_empty() && selector.match_expressions.is_empty() {
        return Err(".selector: at least one match criterion is required".to_owned());
    }
    for (i, requirement) in selector.match_expressions.iter().enumerate() {
        not_empty(Some(&requirement.key), &format!(".selector.matchExpressions.{i}.key"))?;
    }
    Ok(())
}

pub(crate) fn at_least_one<T>(list: &[T], place: &str) -> Result<(), String> {
    if list.is_empty() { Err(format!("{place}: at least one is required")) } else { Ok(()) }
}

fn not_empty(text: Option<&str>, place: &str) -> Result<(), String> {
    if text == Some("") { Err(format!("{place} must not be empty")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn problem(config: Value) -> Option<String> {
        match serde_json::from_value::<Config>(config) {
            Ok(config) => config.check().err(),
            Err(error) => Some(error.to_string()),
        }
    }

    #[test]
    fn wrong_configs_name_the_place() {
        for (config, want) in [
            (json!({"apps": []}), "apps: at least one"),
            (json!({"apps": [{}]}), "apps.0: name or selector"),
            (json!({"apps": [{"name": "a", "selector": {"matchLabels": {"a": "b"}}}]}), "exclude each other"),
            (json!({"apps": [{"name": "a"}, {"name": ""}]}), "apps.1.name must not be empty"),
            (json!({"apps": [{"selector": {}}]}), "apps.0.selector: at least one"),
            (json!({"apps": [{"name": "a", "sources": []}]}), "apps.0.sources: at least one"),
            (
                json!({"apps": [{"name": "a", "sources": [{"repoURL": "r", "updateTargetRevision": true}]}]}),
                "requires desiredRevision",
            ),
            (json!({"apps": [{"name": null}]}), "invalid type: null"),
            (json!({"apps": [{"name": "a", "bogus": 1}]}), "unknown field `bogus`"),
        ] {
            let text = problem(config.clone()).unwrap();
            assert!(text.contains(want), "{config}: {text}");
        }
        assert_eq!(
            problem(json!({"apps": [{"name": "a", "sources": [{"repoURL": "r", "kustomize": {}}]}]})),
            None
        );
    }
}
