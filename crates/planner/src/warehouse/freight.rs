//! Makes Freight of the newest of everything that was found.

use ferry_api::freight::{Chart, GitCommit, Image};
use ferry_api::warehouse::DiscoveredArtifacts;
use ferry_api::{Freight, ObjectMeta, Time, Warehouse};
use jiff::Timestamp;

/// The Freight of the newest of everything; its name is its id.
pub fn build(warehouse: &Warehouse, found: &DiscoveredArtifacts, now: Timestamp) -> Freight {
    let commits = found.git.iter().filter_map(|result| {
        let commit = result.commits.first()?;
        Some(GitCommit {
            repo_url: result.repo_url.clone(),
            id: commit.id.clone(),
            branch: commit.branch.clone(),
            tag: commit.tag.clone(),
            message: commit.subject.clone(),
            author: commit.author.clone(),
            committer: commit.committer.clone(),
            subscription_name: result.subscription_name.clone(),
        })
    });
    let images = found.images.iter().filter_map(|result| {
        let image = result.references.first()?;
        Some(Image {
            repo_url: result.repo_url.clone(),
            tag: image.tag.clone(),
            digest: image.digest.clone(),
            annotations: image.annotations.clone(),
            subscription_name: result.subscription_name.clone(),
        })
    });
    let charts = found.charts.iter().filter_map(|result| {
        Some(Chart {
            repo_url: result.repo_url.clone(),
            name: result.name.clone(),
            version: result.versions.first()?.clone(),
            subscription_name: result.subscription_name.clone(),
        })
    });
    let mut freight = Freight {
        metadata: ObjectMeta { namespace: warehouse.metadata.namespace.clone(), ..ObjectMeta::default() },
        origin: warehouse.origin(),
        commits: commits.collect(),
        images: images.collect(),
        charts: charts.collect(),
        artifacts: found.results.iter().filter_map(|r| r.artifact_references.first().cloned()).collect(),
        discovered_at: Some(Time(now)),
        ..Freight::default()
    };
    freight.metadata.name = Some(freight.id());
    freight
}
