//! `warehouse`, `commitFrom`, `imageFrom`, `chartFrom`, `artifactFrom`: what the Promotion's Freight holds.
//!
//! Without an origin, the origin is the one requested Warehouse that subscribes to the repository.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferry_api::freight::{ArtifactReference, Chart, GitCommit, Image};
use ferry_api::{FreightCollection, FreightOrigin};
use ferry_artifact::urls;
use ferry_expr::{Call, Function, Functions, Interrupt, Kind, Lookup, Record, Signature, Value};
use serde_json::Value as Json;

use super::{Known, Scope, kind};

const ORIGIN: &str = "FreightOrigin";

/// What the functions know.
struct Facts {
    collection: FreightCollection,
    origins: Vec<FreightOrigin>,
    known: Known,
}

pub(super) fn add(functions: &mut Functions, scope: &Scope<'_>) {
    let facts = Arc::new(Facts::of(scope));
    let origin = Kind::Object(ORIGIN);
    let text = Kind::String;
    functions.insert("warehouse", function(&[&[text]], origin, warehouse));
    let with = |f: fn(&Facts, &Call<'_>) -> Result<Value, Interrupt>| {
        let facts = facts.clone();
        move |call: &Call<'_>| f(&facts, call)
    };
    let one: &[&[Kind]] = &[&[text], &[text, origin]];
    let two: &[&[Kind]] = &[&[text], &[text, origin], &[text, text], &[text, text, origin]];
    functions.insert("commitFrom", function(one, Kind::Any, with(commit_from)));
    functions.insert("imageFrom", function(one, Kind::Any, with(image_from)));
    functions.insert("chartFrom", function(two, Kind::Any, with(chart_from)));
    functions.insert("artifactFrom", function(one, Kind::Any, with(artifact_from)));
}

pub(super) fn function(
    ways: &[&[Kind]],
    result: Kind,
    body: impl Fn(&Call<'_>) -> Result<Value, Interrupt> + Send + Sync + 'static,
) -> Function {
    Function::new(ways.iter().map(|way| Signature::new(way.to_vec(), result)).collect::<Vec<_>>(), body)
}

fn warehouse(call: &Call<'_>) -> Result<Value, Interrupt> {
    let name = call.str(0)?;
    if name.is_empty() {
        return Err(Interrupt::from("the name of a Warehouse must not be empty"));
    }
    Ok(Value::object(
        Record::new(ORIGIN).plain().always("Kind", "kind", "Warehouse").always("Name", "name", name),
    ))
}

fn given_origin(value: &Value) -> Result<Option<FreightOrigin>, Interrupt> {
    match value {
        Value::Nil => Ok(None),
        Value::Object(object) if object.type_name() == ORIGIN => {
            let name = object.field("Name").map(|n| n.display()).unwrap_or_default();
            Ok(Some(FreightOrigin::warehouse(name)))
        }
        other => Err(Interrupt::from(format!(
            "an origin must be given by warehouse(), not by {}",
            other.type_name()
        ))),
    }
}

/// All images of the Freight, each from the one requested Warehouse that subscribes to its repository.
pub(super) fn images(scope: &Scope<'_>) -> Result<Vec<Image>, Interrupt> {
    let facts = Facts::of(scope);
    let repositories: BTreeSet<&str> = facts
        .collection
        .items
        .values()
        .flat_map(|f| &f.images)
        .map(|image| image.repo_url.as_str())
        .collect();
    let found = repositories.into_iter().map(|repository| facts.image(repository, None));
    Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().cloned().collect())
}

impl Facts {
    fn of(scope: &Scope<'_>) -> Self {
        let collection = scope.promotion.status.as_ref().and_then(|s| s.freight_collection.clone());
        Self {
            collection: collection.unwrap_or_default(),
            origins: scope.requests.iter().map(|r| r.origin.clone()).collect(),
            known: scope.known.clone(),
        }
    }

    /// The image of a repository, of the given origin or of the only one that could have it.
    fn image(&self, wanted: &str, origin: Option<FreightOrigin>) -> Result<Option<&Image>, Interrupt> {
        let origin = match origin {
            Some(origin) => Some(origin),
            None => self
                .derive(&format!("an image from {wanted}"), |s| url(s, "image").as_deref() == Some(wanted))?,
        };
        let reference = origin.and_then(|o| self.collection.of_origin(&o));
        Ok(reference.and_then(|r| r.images.iter().find(|i| i.repo_url == wanted)))
    }

    /// The one requested origin with a subscription that `matches`.
    fn derive(
        &self,
        what: &str,
        matches: impl Fn(&Json) -> bool,
    ) -> Result<Option<FreightOrigin>, Interrupt> {
        let mut found: Vec<&FreightOrigin> = Vec::new();
        for origin in &self.origins {
            let lookup = Lookup::new(kind::WAREHOUSE, &origin.name);
            let Some(subscriptions) = self.known.get(&lookup) else { return Err(Interrupt::Need(lookup)) };
            if subscriptions.is_null() {
                return Err(Interrupt::from(format!("Warehouse {:?} does not exist", origin.name)));
            }
            if subscriptions.as_array().into_iter().flatten().any(&matches) && !found.contains(&origin) {
                found.push(origin);
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some((*one).clone())),
            _ => Err(Interrupt::from(format!(
                "several requested Warehouses could provide {what}: name one with warehouse()"
            ))),
        }
    }
}

fn url(subscription: &Json, kind: &str) -> Option<String> {
    subscription.get(kind)?.get("repoURL")?.as_str().map(ToOwned::to_owned)
}

fn commit_from(facts: &Facts, call: &Call<'_>) -> Result<Value, Interrupt> {
    let wanted = urls::normalize_git(call.str(0)?);
    let origin = match given_origin(call.argument(1))? {
        Some(origin) => Some(origin),
        None => facts.derive(&format!("a commit from {}", call.str(0)?), |s| {
            url(s, "git").is_some_and(|u| urls::normalize_git(&u) == wanted)
        })?,
    };
    let reference = origin.and_then(|o| facts.collection.of_origin(&o));
    let commit =
        reference.and_then(|r| r.commits.iter().find(|c| urls::normalize_git(&c.repo_url) == wanted));
    Ok(commit.map_or(Value::Nil, commit_value))
}

fn image_from(facts: &Facts, call: &Call<'_>) -> Result<Value, Interrupt> {
    let image = facts.image(call.str(0)?, given_origin(call.argument(1))?)?;
    Ok(image.map_or(Value::Nil, image_value))
}

fn chart_from(facts: &Facts, call: &Call<'_>) -> Result<Value, Interrupt> {
    let wanted = call.str(0)?;
    let (name, origin) = match call.argument(1) {
        Value::String(_) => (call.str(1)?, call.argument(2)),
        other => ("", other),
    };
    let origin = match given_origin(origin)? {
        Some(origin) => Some(origin),
        None => facts.derive(&format!("a chart from {wanted}"), |s| {
            let chart_name =
                s.get("chart").and_then(|c| c.get("name")).and_then(Json::as_str).unwrap_or_default();
            url(s, "chart").as_deref() == Some(wanted) && chart_name == name
        })?,
    };
    let reference = origin.and_then(|o| facts.collection.of_origin(&o));
    let chart = reference.and_then(|r| r.charts.iter().find(|c| c.repo_url == wanted && c.name == name));
    chart
        .map(chart_value)
        .ok_or_else(|| Interrupt::from(format!("no chart {name:?} from {wanted} in the Freight")))
}

fn artifact_from(facts: &Facts, call: &Call<'_>) -> Result<Value, Interrupt> {
    let wanted = call.str(0)?;
    let origin = match given_origin(call.argument(1))? {
        Some(origin) => Some(origin),
        None => facts.derive(&format!("an artifact from subscription {wanted}"), |s| {
            s.get("name").and_then(Json::as_str) == Some(wanted)
        })?,
    };
    let reference = origin.and_then(|o| facts.collection.of_origin(&o));
    let artifact = reference.and_then(|r| r.artifacts.iter().find(|a| a.subscription_name == wanted));
    Ok(artifact.map_or(Value::Nil, artifact_value))
}

fn commit_value(commit: &GitCommit) -> Value {
    Value::object(
        Record::new("GitCommit")
            .with("RepoURL", "repoURL", commit.repo_url.as_str())
            .with("ID", "id", Value::exact(commit.id.as_str()))
            .with("Branch", "branch", commit.branch.as_str())
            .with("Tag", "tag", commit.tag.as_str())
            .with("Message", "message", commit.message.as_str())
            .with("Author", "author", commit.author.as_str())
            .with("Committer", "committer", commit.committer.as_str())
            .with("SubscriptionName", "subscriptionName", commit.subscription_name.as_str()),
    )
}

fn image_value(image: &Image) -> Value {
    let annotations =
        ferry_expr::Map::of_texts(image.annotations.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    Value::object(
        Record::new("Image")
            .with("RepoURL", "repoURL", image.repo_url.as_str())
            .with("Tag", "tag", image.tag.as_str())
            .with("Digest", "digest", Value::exact(image.digest.as_str()))
            .with("Annotations", "annotations", annotations)
            .with("SubscriptionName", "subscriptionName", image.subscription_name.as_str()),
    )
}

pub(super) fn chart_value(chart: &Chart) -> Value {
    Value::object(
        Record::new("Chart")
            .with("RepoURL", "repoURL", chart.repo_url.as_str())
            .with("Name", "name", chart.name.as_str())
            .with("Version", "version", chart.version.as_str())
            .with("SubscriptionName", "subscriptionName", chart.subscription_name.as_str()),
    )
}

pub(super) fn artifact_value(artifact: &ArtifactReference) -> Value {
    let metadata = artifact.metadata.as_ref().map_or(Value::Nil, Value::from_json);
    Value::object(
        Record::new("ArtifactReference")
            .always("ArtifactType", "ArtifactType", artifact.artifact_type.as_str())
            .always("SubscriptionName", "SubscriptionName", artifact.subscription_name.as_str())
            .always("Version", "Version", artifact.version.as_str())
            .always("Metadata", "Metadata", metadata),
    )
}
