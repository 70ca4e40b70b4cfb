//! Identity of Freight: the id that is its name, and the id of a collection. Both are SHA-1 over text, so what goes
//! into the text must never change: everybody's Freight would be new Freight.

use std::collections::BTreeMap;

use ferry_artifact::urls::{normalize_chart, normalize_git};
use sha1::{Digest, Sha1};

use crate::freight::{
    ArtifactReference, Chart, Freight, FreightCollection, FreightOrigin, FreightReference, GitCommit, Image,
};

/// The id of a piece of Freight, which is its name: 40 hex digits over its origin and its artifacts in any order.
///
/// Of a commit repository, tag and id count; of an image repository (as written), tag and digest; of a chart
/// repository, name and version. Branches, messages, authors and annotations do not.
pub fn freight_id(freight: &Freight) -> String {
    content_id(&freight.origin, &freight.commits, &freight.images, &freight.charts, &freight.artifacts)
}

/// [`freight_id`] of the parts.
pub fn content_id(
    origin: &FreightOrigin,
    commits: &[GitCommit],
    images: &[Image],
    charts: &[Chart],
    artifacts: &[ArtifactReference],
) -> String {
    let mut parts: Vec<String> = commits.iter().map(commit_part).collect();
    parts.extend(images.iter().map(image_part));
    parts.extend(charts.iter().map(chart_part));
    parts.extend(
        artifacts.iter().map(|a| format!("{}:{}:{}", a.artifact_type, a.subscription_name, a.version)),
    );
    parts.sort();
    sha1_hex(&format!("{origin}:{}", parts.join("|")))
}

fn commit_part(commit: &GitCommit) -> String {
    let url = normalize_git(&commit.repo_url);
    let part = if commit.tag.is_empty() {
        format!("{url}:{}", commit.id)
    } else {
        format!("{url}:{}:{}", commit.tag, commit.id)
    };
    with_subscription(part, &commit.subscription_name)
}

fn image_part(image: &Image) -> String {
    with_subscription(format!("{}:{}@{}", image.repo_url, image.tag, image.digest), &image.subscription_name)
}

fn chart_part(chart: &Chart) -> String {
    let path = join_path(&normalize_chart(&chart.repo_url), &chart.name);
    with_subscription(format!("{path}:{}", chart.version), &chart.subscription_name)
}

fn with_subscription(mut part: String, subscription: &str) -> String {
    if !subscription.is_empty() {
        part.push(':');
        part.push_str(subscription);
    }
    part
}

/// Joins two paths with a slash and takes out empty, `.` and `..` elements, as Go's `path.Join` does.
fn join_path(first: &str, second: &str) -> String {
    let joined = match (first.is_empty(), second.is_empty()) {
        (true, true) => return String::new(),
        (true, false) => second.to_owned(),
        (false, true) => first.to_owned(),
        (false, false) => format!("{first}/{second}"),
    };
    let rooted = joined.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for element in joined.split('/') {
        match element {
            "" | "." => {}
            ".." => match kept.last() {
                Some(&last) if last != ".." => {
                    kept.pop();
                }
                _ if rooted => {}
                _ => kept.push(".."),
            },
            name => kept.push(name),
        }
    }
    match (rooted, kept.is_empty()) {
        (true, _) => format!("/{}", kept.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => kept.join("/"),
    }
}

impl Freight {
    /// The name that it must have: [`freight_id`].
    pub fn id(&self) -> String {
        freight_id(self)
    }
}

impl FreightCollection {
    /// A collection of these references.
    pub fn of(references: impl IntoIterator<Item = FreightReference>) -> Self {
        let mut collection = Self::default();
        collection.update_or_push(references);
        collection
    }

    /// Puts references in, each in the place of what was there of its origin, and computes the id anew.
    pub fn update_or_push(&mut self, references: impl IntoIterator<Item = FreightReference>) {
        self.items.extend(references.into_iter().map(|reference| (reference.origin_key(), reference)));
        self.id = collection_id(&self.items);
    }

    /// The references, ordered by origin.
    pub fn references(&self) -> impl Iterator<Item = &FreightReference> {
        self.items.values()
    }

    /// What it has of an origin.
    pub fn of_origin(&self, origin: &FreightOrigin) -> Option<&FreightReference> {
        self.items.get(&origin.to_string())
    }
}

impl FreightReference {
    /// The key of a collection's items: `Warehouse/<name>`, or `/` where the origin is not known.
    pub fn origin_key(&self) -> String {
        self.origin.as_ref().map_or_else(|| "/".to_owned(), ToString::to_string)
    }
}

fn collection_id(items: &BTreeMap<String, FreightReference>) -> String {
    let mut names: Vec<&str> = items.values().map(|item| item.name.as_str()).collect();
    names.sort_unstable();
    sha1_hex(&names.join(","))
}

fn sha1_hex(text: &str) -> String {
    hex::encode(Sha1::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_artifacts_does_not_count() {
        let commit = |id: &str| GitCommit {
            repo_url: "https://a.example/r".into(),
            id: id.into(),
            ..GitCommit::default()
        };
        let of =
            |commits| Freight { origin: FreightOrigin::warehouse("w"), commits, ..Freight::default() }.id();
        assert_eq!(of(vec![commit("1"), commit("2")]), of(vec![commit("2"), commit("1")]));
        assert_ne!(of(vec![commit("1")]), of(vec![commit("2")]));
    }

    #[test]
    fn fm_41_identical_content_of_two_warehouses_is_distinct_freight() {
        let of = |name| Freight { origin: FreightOrigin::warehouse(name), ..Freight::default() }.id();
        assert_ne!(of("a"), of("b"));
    }

    #[test]
    fn paths_join_as_in_go() {
        for (first, second, joined) in [
            ("", "", ""),
            ("a", "", "a"),
            ("", "b", "b"),
            ("https://x//a/", "b", "https:/x/a/b"),
            ("a/b", "../c", "a/c"),
            ("a", "../../c", "../c"),
            ("/a", "../../c", "/c"),
            ("a", "..", "."),
        ] {
            assert_eq!(join_path(first, second), joined, "{first} + {second}");
        }
    }

    #[test]
    fn a_later_reference_takes_the_place_of_its_origin() {
        let reference = |name: &str, origin: &str| FreightReference {
            name: name.into(),
            origin: Some(FreightOrigin::warehouse(origin)),
            ..FreightReference::default()
        };
        let mut collection = FreightCollection::of([reference("a", "w"), reference("b", "v")]);
        let before = collection.id.clone();
        collection.update_or_push([reference("c", "w")]);
        assert_ne!(collection.id, before);
        assert_eq!(collection.references().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    }
}
