//! What an Application's sources should be: the revision of each, and the sources after the update.

use ferry_artifact::urls::normalize_git;
use serde_json::{Value, json};

use super::Error;
use super::config::{AppUpdate, HelmParameter, KustomizeImage, SourceUpdate};
use crate::application::{Source, list, text};
use crate::{AppRef, Application};

/// The revision that each source is to be synced to, in their order; empty where none is asked for.
pub fn desired_revisions(update: &AppUpdate, app: Application<'_>) -> Vec<String> {
    let updates = update.sources.as_deref().unwrap_or_default();
    let revision = |source: Source<'_>| {
        let update = updates.iter().find(|update| concerns(update, source));
        update.and_then(|update| update.desired_revision.clone()).unwrap_or_default()
    };
    app.sources().into_iter().map(revision).collect()
}

/// The sources after the update, each with all its fields. Each entry changes the first source that it concerns.
pub fn desired_sources(update: &AppUpdate, app: Application<'_>) -> Result<Vec<Value>, Error> {
    let revisions = desired_revisions(update, app);
    let mut sources = match app.source_list() {
        [] => app
            .raw()
            .pointer("/spec/source")
            .filter(|source| source.is_object())
            .cloned()
            .into_iter()
            .collect(),
        list => list.to_vec(),
    };
    for change in update.sources.as_deref().unwrap_or_default() {
        let found =
            sources.iter_mut().zip(&revisions).find(|(source, _)| concerns(change, Source::new(source)));
        let Some((source, revision)) = found else {
            return Err(Error::NoSource {
                app: AppRef::from(app),
                repo_url: change.repo_url.clone(),
                chart: change.chart.clone().unwrap_or_default(),
            });
        };
        apply(change, revision, source);
    }
    Ok(sources)
}

/// Charts by repository and name exactly, Git repositories in whatever spelling.
fn concerns(update: &SourceUpdate, source: Source<'_>) -> bool {
    let chart = update.chart.as_deref().unwrap_or_default();
    if source.chart().is_empty() && chart.is_empty() {
        return normalize_git(source.repo_url()) == normalize_git(&update.repo_url);
    }
    source.repo_url() == update.repo_url && source.chart() == chart
}

fn apply(update: &SourceUpdate, revision: &str, source: &mut Value) {
    if !source.is_object() {
        return;
    }
    if update.update_target_revision && !revision.is_empty() {
        source["targetRevision"] = revision.into();
    }
    if let Some(images) = update.kustomize.as_ref().and_then(|kustomize| kustomize.images.as_deref()) {
        let images: Vec<_> = images.iter().map(kustomize_image).collect();
        object_in(source, "kustomize")["images"] = images.into();
    }
    if let Some(helm) = &update.helm {
        set_parameters(object_in(source, "helm"), &helm.images);
    }
}

/// `name[=newName](@digest|:tag)`.
fn kustomize_image(image: &KustomizeImage) -> String {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let name = match given(&image.new_name) {
        Some(new_name) => format!("{}={new_name}", image.repo_url),
        None => image.repo_url.clone(),
    };
    match given(&image.digest) {
        Some(digest) => format!("{name}@{digest}"),
        None => format!("{name}:{}", given(&image.tag).unwrap_or_default()),
    }
}

/// Sets the first parameter of each name, or appends one; other fields of a parameter stay.
fn set_parameters(helm: &mut Value, changes: &[HelmParameter]) {
    let mut parameters = list(helm.get("parameters")).to_vec();
    for change in changes {
        let known = parameters.iter_mut().find(|parameter| text(parameter, &["name"]) == change.key);
        match known {
            Some(parameter) if parameter.is_object() => parameter["value"] = change.value.clone().into(),
            _ => parameters.push(json!({"name": change.key, "value": change.value})),
        }
    }
    helm["parameters"] = parameters.into();
}

/// The object in that field; made when there is none.
fn object_in<'a>(source: &'a mut Value, field: &str) -> &'a mut Value {
    let inside = &mut source[field];
    if !inside.is_object() {
        *inside = json!({});
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(sources: &Value) -> AppUpdate {
        serde_json::from_value(json!({"name": "shop", "sources": sources})).unwrap()
    }

    #[test]
    fn fm_26_only_the_named_source_is_updated_and_checked() {
        let object = json!({"spec": {"sources": [
            {"repoURL": "https://git.example.com/team/values", "ref": "values"},
            {"repoURL": "https://charts.example.com", "chart": "web", "targetRevision": "1.0.0",
             "helm": {"valueFiles": ["$values/web.yaml"]}},
        ]}});
        let app = Application::new(&object);
        let update = update(&json!([{"repoURL": "https://charts.example.com", "chart": "web",
            "desiredRevision": "2.0.0", "updateTargetRevision": true}]));
        assert_eq!(desired_revisions(&update, app), ["", "2.0.0"]);
        let mut want = object["spec"]["sources"].clone();
        want[1]["targetRevision"] = "2.0.0".into();
        assert_eq!(Value::from(desired_sources(&update, app).unwrap()), want);
    }

    #[test]
    fn a_differently_spelled_git_url_gets_its_revision_too() {
        let object =
            json!({"spec": {"source": {"repoURL": "https://Git.example.com/team/app.git", "path": "."}}});
        let app = Application::new(&object);
        let update = update(&json!([{"repoURL": "https://git.example.com/team/app",
            "desiredRevision": "abc", "updateTargetRevision": true}]));
        assert_eq!(desired_revisions(&update, app), ["abc"]);
        assert_eq!(desired_sources(&update, app).unwrap()[0]["targetRevision"], "abc");
    }

    #[test]
    fn parameters_and_images_keep_what_is_not_theirs() {
        let object = json!({"spec": {"source": {"repoURL": "r", "helm": {"values": "x: 1", "parameters": [
            {"name": "tag", "value": "1", "forceString": true}]}, "kustomize": {"namePrefix": "p-", "images": ["x:1"]}}}});
        let app = Application::new(&object);
        let update = update(&json!([{"repoURL": "r",
            "helm": {"images": [{"key": "tag", "value": "2"}, {"key": "new", "value": "3"}]},
            "kustomize": {"images": [{"repoURL": "a", "newName": "b", "digest": "sha256:1"}, {"repoURL": "c"}]}}]));
        assert_eq!(
            desired_sources(&update, app).unwrap()[0],
            json!({"repoURL": "r",
            "helm": {"values": "x: 1", "parameters": [{"name": "tag", "value": "2", "forceString": true},
                {"name": "new", "value": "3"}]},
            "kustomize": {"namePrefix": "p-", "images": ["a=b@sha256:1", "c:"]}})
        );
    }

    #[test]
    fn an_update_that_concerns_no_source_is_an_error() {
        let object = json!({"metadata": {"name": "shop", "namespace": "argocd"}, "spec": {"source": {"repoURL": "r"}}});
        let error =
            desired_sources(&update(&json!([{"repoURL": "r", "chart": "web"}])), Application::new(&object));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("\"shop\"") && text.contains("repoURL r and chart \"web\""), "{text}");
    }
}
