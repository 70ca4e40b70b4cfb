//! The functions of a Warehouse's creation criteria: the newest of what each subscription found.

use std::sync::Arc;

use ferry_api::freight::Chart;
use ferry_api::warehouse::{DiscoveredArtifacts, DiscoveredCommit, DiscoveredImageReference};
use ferry_artifact::urls;
use ferry_expr::{Call, Functions, Interrupt, Kind, Record, Time, Value, Zone};
use jiff::Timestamp;

use super::artifacts::{artifact_value, chart_value, function};

/// The functions over what was found.
pub fn criteria_functions(found: &DiscoveredArtifacts, now: Timestamp) -> Functions {
    let found = Arc::new(found.clone());
    let mut functions = Functions::new(now);
    let with = |f: fn(&DiscoveredArtifacts, &Call<'_>) -> Result<Value, Interrupt>| {
        let found = found.clone();
        move |call: &Call<'_>| f(&found, call)
    };
    let one: &[&[Kind]] = &[&[Kind::String]];
    functions.insert("commitFrom", function(one, Kind::Any, with(commit_from)));
    functions.insert("imageFrom", function(one, Kind::Any, with(image_from)));
    functions.insert("artifactFrom", function(one, Kind::Any, with(artifact_from)));
    let charts: &[&[Kind]] = &[&[Kind::String], &[Kind::String, Kind::String]];
    functions.insert("chartFrom", function(charts, Kind::Any, with(chart_from)));
    functions
}

fn commit_from(found: &DiscoveredArtifacts, call: &Call<'_>) -> Result<Value, Interrupt> {
    let wanted = urls::normalize_git(call.str(0)?);
    let result = found.git.iter().find(|g| urls::normalize_git(&g.repo_url) == wanted);
    Ok(result.and_then(|g| g.commits.first()).map_or(Value::Nil, commit))
}

fn image_from(found: &DiscoveredArtifacts, call: &Call<'_>) -> Result<Value, Interrupt> {
    let wanted = urls::normalize_image(call.str(0)?);
    let result = found.images.iter().find(|i| urls::normalize_image(&i.repo_url) == wanted);
    Ok(result.and_then(|i| i.references.first()).map_or(Value::Nil, image))
}

fn chart_from(found: &DiscoveredArtifacts, call: &Call<'_>) -> Result<Value, Interrupt> {
    let wanted = urls::normalize_chart(call.str(0)?);
    let name = if call.arguments().len() > 1 { Some(call.str(1)?) } else { None };
    let result = found
        .charts
        .iter()
        .find(|c| urls::normalize_chart(&c.repo_url) == wanted && name.is_none_or(|n| c.name == n));
    let newest = result.and_then(|c| Some((c, c.versions.first()?)));
    Ok(newest.map_or(Value::Nil, |(c, version)| {
        chart_value(&Chart {
            repo_url: urls::normalize_chart(&c.repo_url),
            name: c.name.clone(),
            version: version.clone(),
            subscription_name: c.subscription_name.clone(),
        })
    }))
}

fn artifact_from(found: &DiscoveredArtifacts, call: &Call<'_>) -> Result<Value, Interrupt> {
    let wanted = call.str(0)?;
    let result = found.results.iter().find(|r| r.name == wanted);
    Ok(result.and_then(|r| r.artifact_references.first()).map_or(Value::Nil, artifact_value))
}

fn time(at: Option<&ferry_api::Time>) -> Value {
    at.map_or(Value::Nil, |t| Value::Time(Time::new(t.0, Zone::UTC)))
}

fn commit(commit: &DiscoveredCommit) -> Value {
    Value::object(
        Record::new("DiscoveredCommit")
            .with("ID", "id", Value::exact(commit.id.as_str()))
            .with("Branch", "branch", commit.branch.as_str())
            .with("Tag", "tag", commit.tag.as_str())
            .with("Subject", "subject", commit.subject.as_str())
            .with("Author", "author", commit.author.as_str())
            .with("Committer", "committer", commit.committer.as_str())
            .with("CreatorDate", "creatorDate", time(commit.creator_date.as_ref())),
    )
}

fn image(image: &DiscoveredImageReference) -> Value {
    let annotations =
        ferry_expr::Map::of_texts(image.annotations.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    Value::object(
        Record::new("DiscoveredImageReference")
            .with("Tag", "tag", image.tag.as_str())
            .with("Digest", "digest", Value::exact(image.digest.as_str()))
            .with("Annotations", "annotations", annotations)
            .with("CreatedAt", "createdAt", time(image.created_at.as_ref())),
    )
}
