//! Fetching a chart from where a dependency says it is: the newest version that will do.

use std::time::Duration;

use ferry_artifact::semver::{Constraint, Version};
use ferry_exec::Programs;
use ferry_net::{Http, Patience, Payload, Request};
use ferry_oci::{Credential, Kind, Reference, Repository, Target};
use reqwest::{Method, Response};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::archive::{About, NoChart};
use crate::index::{Index, Release};
use crate::resolve::{self, NotChosen};

/// How large an index and a chart may be.
const INDEX: usize = 100 << 20;
const CHART: usize = 100 << 20;
/// How long each may take.
const TIME: Duration = Duration::from_mins(5);
/// What the layer of a chart is.
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Why a chart was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository is of a kind that has no address.
    #[error(
        "repository {0:?}: write the repository's URL; names of helm's own configuration are not known here"
    )]
    Kind(String),
    /// The wanted versions cannot be read.
    #[error("version {0:?} is no constraint of versions")]
    Constraint(String),
    /// There is no such chart.
    #[error("{repository} has no chart {name:?}")]
    Unknown {
        /// The repository.
        repository: String,
        /// The chart.
        name: String,
    },
    /// None of its versions will do.
    #[error("{repository} has no version of {name} that is {constraint:?}")]
    NoVersion {
        /// The repository.
        repository: String,
        /// The chart.
        name: String,
        /// What was wanted.
        constraint: String,
    },
    /// Nothing was chosen of what there is.
    #[error(transparent)]
    NotChosen(#[from] NotChosen),
    /// A registry said no.
    #[error(transparent)]
    Registry(#[from] ferry_oci::Error),
    /// The repository gave no answer, or a bad one.
    #[error("{repository}: {why}")]
    Repository {
        /// The repository.
        repository: String,
        /// Why.
        why: String,
    },
    /// What came is no chart.
    #[error(
        "{repository}: what came as {name} {version} {why}; check the URL and what is there, and whether a log-in is wanted"
    )]
    NoChart {
        /// The repository.
        repository: String,
        /// The chart.
        name: String,
        /// The version that was asked for.
        version: String,
        /// Why it is none.
        why: NoChart,
    },
    /// What came is another chart.
    #[error("{repository}: what came as {name} {version} is {found}; whoever publishes it has to mend that")]
    Other {
        /// The repository.
        repository: String,
        /// The chart.
        name: String,
        /// The version that was asked for.
        version: String,
        /// What it says of itself.
        found: String,
    },
}

/// Where a chart is, and who asks.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// For requests.
    pub http: &'a Http,
    /// Helm, which chooses among the versions that there are.
    pub programs: &'a Programs,
    /// The repository's URL.
    pub repository: &'a str,
    /// The chart's name.
    pub name: &'a str,
    /// Who we are, for this repository.
    pub credential: Option<Credential>,
    /// Whether credentials go over plain HTTP.
    pub credentials_over_http: bool,
}

/// A chart that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its version.
    pub version: String,
    /// Its package.
    pub bytes: Vec<u8>,
}

/// Fetches the newest version that will do.
pub async fn fetch(place: &Place<'_>, wanted: &str) -> Result<Fetched, Error> {
    Constraint::parse(wanted).map_err(|_| Error::Constraint(wanted.to_owned()))?;
    let fetched = if place.repository.starts_with("oci://") {
        place.in_registry(wanted).await?
    } else if place.repository.starts_with("http://") || place.repository.starts_with("https://") {
        place.in_index(wanted).await?
    } else {
        return Err(Error::Kind(place.repository.to_owned()));
    };
    // It may be much: others go on meanwhile.
    let (about, fetched) = tokio::task::spawn_blocking(move || (About::of_package(&fetched.bytes), fetched))
        .await
        .map_err(|e| place.wrong(e.to_string()))?;
    place.judge(about, &fetched.version)?;
    Ok(fetched)
}

impl Place<'_> {
    fn wrong(&self, why: impl Into<String>) -> Error {
        Error::Repository { repository: self.repository.to_owned(), why: why.into() }
    }

    fn no_version(&self, wanted: &str) -> Error {
        Error::NoVersion {
            repository: self.repository.to_owned(),
            name: self.name.to_owned(),
            constraint: wanted.to_owned(),
        }
    }

    /// Whether a package is of the chart that was asked for.
    fn judge(&self, about: Result<About, NoChart>, asked: &str) -> Result<(), Error> {
        let (repository, name) = (self.repository.to_owned(), self.name.to_owned());
        let version = asked.to_owned();
        let About { name: its, version: of } = match about {
            Ok(about) => about,
            Err(why) => return Err(Error::NoChart { repository, name, version, why }),
        };
        let same = of == asked || Version::parse(&of).ok().is_some_and(|of| Version::parse(asked) == Ok(of));
        if its == name && same {
            return Ok(());
        }
        Err(Error::Other { repository, name, version, found: format!("{its} {of}") })
    }

    async fn in_index(&self, wanted: &str) -> Result<Fetched, Error> {
        let base = format!("{}/", self.repository.trim_end_matches('/'));
        let base = Url::parse(&base).map_err(|e| self.wrong(e.to_string()))?;
        let at = |place: &str| base.join(place).map_err(|e| self.wrong(format!("{place:?}: {e}")));
        let index = self.get(&base, at("index.yaml")?, INDEX).await?;
        let index = Index::read(&String::from_utf8_lossy(&index)).map_err(|why| self.wrong(why))?;
        let unknown =
            || Error::Unknown { repository: self.repository.to_owned(), name: self.name.to_owned() };
        let release = self.chosen(&index.releases(self.name).ok_or_else(unknown)?, wanted).await?;
        let place = release.urls.first().map(String::as_str).unwrap_or_default();
        let bytes = self.get(&base, at(place)?, CHART).await?;
        if let Some(digest) = release.digest.as_deref().filter(|digest| !digest.is_empty()) {
            let digest = digest.strip_prefix("sha256:").unwrap_or(digest);
            if hex::encode(Sha256::digest(&bytes)) != digest.to_ascii_lowercase() {
                let what =
                    format!("{} {} has another digest than its index says", self.name, release.version);
                return Err(self.wrong(what));
            }
        }
        Ok(Fetched { version: release.version.clone(), bytes })
    }

    /// The release that is wanted.
    async fn chosen<'r>(&self, releases: &[&'r Release], wanted: &str) -> Result<&'r Release, Error> {
        let of = |version: &str| releases.iter().find(|release| release.version == version).copied();
        // One that is said exactly is there or is not.
        if Version::parse_strict(wanted).is_ok()
            && let Some(release) = of(wanted)
        {
            return Ok(release);
        }
        let versions: Vec<_> = releases.iter().map(|release| release.version.as_str()).collect();
        of(self.newest(&versions, wanted).await?).ok_or_else(|| self.no_version(wanted))
    }

    /// The newest that will do; of several that are equally new, the first.
    async fn newest<'v>(&self, versions: &[&'v str], wanted: &str) -> Result<&'v str, Error> {
        let all = versions.iter().copied().collect();
        let newest = resolve::newest(self.programs, &all, wanted).await?;
        let newest = newest.and_then(|newest| Version::parse(&newest).ok());
        let newest = newest.ok_or_else(|| self.no_version(wanted))?;
        let as_new = |version: &Version| version.cmp(&newest).is_eq();
        let first = versions.iter().find(|version| Version::parse(version).as_ref().is_ok_and(as_new));
        first.copied().ok_or_else(|| self.no_version(wanted))
    }

    /// The credential is for the repository's own host only.
    async fn get(&self, base: &Url, url: Url, most: usize) -> Result<Vec<u8>, Error> {
        let is_plain = url.scheme() == "http";
        let ours = url.origin() == base.origin() && (!is_plain || self.credentials_over_http);
        let credential = self.credential.as_ref().filter(|_| ours);
        let mut response = self.answer(&url, credential).await?;
        if !response.status().is_success() {
            return Err(self.wrong(format!("answered {}", response.status())));
        }
        ferry_net::body(&mut response, most).await.map_err(|why| self.wrong(why))
    }

    /// What is answered, asked again where the repository is busy.
    async fn answer(&self, url: &Url, credential: Option<&Credential>) -> Result<Response, Error> {
        let mut patience = Patience::default();
        loop {
            let request = Request {
                method: Method::GET,
                url: url.to_string(),
                headers: credential.map(|c| ("authorization".to_owned(), c.basic())).into_iter().collect(),
                query: Vec::new(),
                body: Payload::default(),
                insecure: false,
                proxy: None,
                timeout: TIME,
            };
            let response = self.http.send(request).await.map_err(|e| self.wrong(e.to_string()))?;
            if !patience.lasts(&response).await {
                return Ok(response);
            }
            tracing::debug!(repository = self.repository, status = %response.status(), "was busy");
        }
    }

    async fn in_registry(&self, wanted: &str) -> Result<Fetched, Error> {
        let name = format!("{}/{}", self.repository.trim_end_matches('/'), self.name);
        let reference =
            |tag: &str| Reference::parse(&format!("{name}:{tag}")).map_err(|e| self.wrong(e.to_string()));
        let any = reference("any")?;
        let repository = Repository::new(self.http.clone(), &any, self.credential.clone(), false)
            .with_credentials_over_http(self.credentials_over_http);
        let exactly = wanted.replace('+', "_");
        let tag = if Version::parse_strict(wanted).is_ok() {
            // There may be thousands of others.
            exactly
        } else {
            let tags = repository.tags().await?;
            if Version::parse(wanted).is_ok() && tags.contains(&exactly) {
                exactly
            } else {
                let versions: Vec<_> = tags.iter().filter_map(|tag| version(tag)).collect();
                let versions: Vec<_> = versions.iter().map(String::as_str).collect();
                self.newest(&versions, wanted).await?.replace('+', "_")
            }
        };
        let manifest = repository.manifest(&Target::Tag(tag.clone())).await?;
        let Kind::Image { layers, .. } = manifest.kind().map_err(|why| self.wrong(why))? else {
            return Err(self.wrong(format!("{}:{tag} is an index, no chart", self.name)));
        };
        let chart = layers.iter().find(|layer| layer.media_type == CHART_LAYER);
        let chart = chart.ok_or_else(|| self.wrong(format!("{}:{tag} is no chart", self.name)))?;
        let mut blob = repository.blob(&chart.digest, u64::try_from(CHART).unwrap_or(u64::MAX)).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = blob.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(Fetched { version: tag.replace('_', "+"), bytes })
    }
}

/// The version that a tag is: `_` in a tag is `+` in a version, and `v1.0.0` is none.
fn version(tag: &str) -> Option<String> {
    let version = tag.replace('_', "+");
    Version::parse_strict(&version).is_ok_and(|_| !version.starts_with('v')).then_some(version)
}
