//! A chart's dependencies, built: the wanted versions in `charts/`, and `Chart.lock`.

use std::collections::BTreeMap;
use std::io::Read as _;

use ferry_artifact::semver::{Constraint, Version};
use ferry_engine::credentials::Credential;
use ferry_engine::work::{Entry, Kind, WorkDir, WorkPath};
use ferry_engine::world::CredentialType;
use ferry_engine::{StepContext, StepError};
use ferry_exec::Programs;
use ferry_helm::{About, Dependency, Fetched, Locked, Place};
use ferry_net::Http;
use flate2::{Compression, GzBuilder, read::GzDecoder};
use jiff::Timestamp;
use serde_json::Value;

use crate::lent::Lent;
use crate::yaml::piece::{Map, Piece, Scalar, What};
use crate::{broke, yaml};

/// How many dependencies a chart may have.
const DEPENDENCIES: usize = 100;
/// How large a package may be that we write anew.
const PACKAGE: u64 = 100 << 20;

/// A chart that is a folder in the work directory.
pub struct Chart<'a> {
    ctx: &'a StepContext,
    path: WorkPath,
}

/// What is wanted and what was chosen the last time.
struct Known {
    /// None where `Chart.yaml` does not speak of any.
    wanted: Option<Vec<Dependency>>,
    lock: Option<Lock>,
}

/// What `Chart.lock` says.
struct Lock {
    chosen: Vec<Locked>,
    digest: String,
}

/// A dependency with its package; one that is in `charts/` has none.
struct Built {
    locked: Locked,
    package: Option<Vec<u8>>,
}

impl Built {
    /// What its package is called.
    fn file(&self) -> Option<String> {
        let Locked { name, version, .. } = &self.locked;
        self.package.as_ref().map(|_| format!("{name}-{version}.tgz"))
    }
}

/// What is different now: names, and the versions before and after.
pub type Changes = BTreeMap<String, (Option<String>, Option<String>)>;

impl<'a> Chart<'a> {
    pub fn new(ctx: &'a StepContext, path: WorkPath) -> Self {
        Self { ctx, path }
    }

    /// Gives dependencies new versions in `Chart.yaml`.
    pub async fn want(&self, versions: Vec<(String, String, String)>) -> Result<(), StepError> {
        let path = self.path.clone();
        let changed = self.ctx.work.blocking(move |work| Ok(want(work, &path, &versions))).await;
        changed.map_err(broke)?
    }

    /// Builds the dependencies: the newest versions that will do, or with `locked` those of `Chart.lock`, if there is one.
    pub async fn build(&self, locked: bool) -> Result<Changes, StepError> {
        let path = self.path.clone();
        let known = self.ctx.work.blocking(move |work| Ok(known(work, &path))).await.map_err(broke)??;
        // As helm has it: an empty list is something to build, none is not.
        let Some(wanted) = known.wanted else { return Ok(Changes::new()) };
        if wanted.len() > DEPENDENCIES {
            return Err(StepError::Failed(format!("the chart has more than {DEPENDENCIES} dependencies")));
        }
        let pinned = known.lock.as_ref().filter(|_| locked);
        if let Some(lock) = pinned
            && digest(&wanted, &lock.chosen)? != lock.digest
        {
            return Err(StepError::Retryable(
                "Chart.lock does not fit Chart.yaml: update the dependencies and commit the lock".to_owned(),
            ));
        }
        let mut built = Vec::new();
        for (n, one) in wanted.iter().enumerate() {
            let version =
                pinned.and_then(|lock| lock.chosen.get(n)).map_or(&one.version, |chosen| &chosen.version);
            built.push(self.one(one, version).await?);
        }
        let chosen: Vec<Locked> = built.iter().map(|built| built.locked.clone()).collect();
        let digest = digest(&wanted, &chosen)?;
        let before = known.lock.map(|lock| (lock.chosen, lock.digest));
        let changes = changes(before.as_ref().map_or(&[], |(chosen, _)| chosen), &chosen);
        let new_lock = (before != Some((chosen.clone(), digest.clone())))
            .then(|| lock_text(&chosen, &digest, self.ctx.started_at));
        let (path, started_at) = (self.path.clone(), self.ctx.started_at);
        let written = self
            .ctx
            .work
            .blocking(move |work| Ok(write(work, &path, &built, new_lock.as_deref(), started_at)));
        written.await.map_err(broke)??;
        Ok(changes)
    }

    async fn one(&self, wanted: &Dependency, version: &str) -> Result<Built, StepError> {
        let (name, repository) = (wanted.name.as_str(), wanted.repository.as_str());
        let locked =
            |version: String| Locked { name: name.to_owned(), version, repository: repository.to_owned() };
        if !is_name(name) {
            return Err(StepError::Failed(format!(
                "a dependency is called {name:?}, which is no name of a chart"
            )));
        }
        if repository.is_empty() {
            let inside = self.below(&format!("charts/{name}"))?;
            let there = self.ctx.work.blocking(move |work| work.kind(&inside)).await.map_err(broke)?;
            return match there {
                Some(_) => Ok(Built { locked: locked(version.to_owned()), package: None }),
                None => Err(StepError::Retryable(format!("{name} has no repository and is not in charts/"))),
            };
        }
        if let Some(folder) = repository.strip_prefix("file://") {
            let (version, package) = self.packaged(name, version, folder).await?;
            return Ok(Built { locked: locked(version), package: Some(package) });
        }
        let Fetched { version, bytes } = self.fetched(wanted, version).await?;
        Ok(Built { locked: locked(version), package: Some(bytes) })
    }

    /// A path seen from the chart.
    fn below(&self, path: &str) -> Result<WorkPath, StepError> {
        self.path.join(path).map_err(|e| StepError::Failed(e.to_string()))
    }

    /// A chart beside this one, packaged.
    async fn packaged(&self, name: &str, wanted: &str, folder: &str) -> Result<(String, Vec<u8>), StepError> {
        if folder.starts_with('/') {
            return Err(StepError::Failed(format!(
                "file://{folder} leaves the work directory; write it as file://../name"
            )));
        }
        let path = self.below(folder)?;
        let lent = self.ctx.work.blocking(move |work| Lent::of(work, &path)).await.map_err(broke)?;
        let programs = self.ctx.service::<Programs>()?;
        let no = |why: String| StepError::Retryable(format!("file://{folder} {why}"));
        let package = ferry_helm::package(&programs, &lent.at, vec![lent.root.clone()]).await;
        let package =
            package.map_err(|e| no(format!("cannot be packaged: {}", lent.told(&e.to_string(), folder))))?;
        let about = About::of_package(&package).map_err(|e| no(e.to_string()))?;
        if about.name != name {
            return Err(no(format!("is the chart {:?}, not {name:?}", about.name)));
        }
        let constraint = Constraint::parse(wanted).map_err(|e| no(format!("cannot be {wanted:?}: {e}")))?;
        if !Version::parse(&about.version).is_ok_and(|version| constraint.matches(&version)) {
            return Err(no(format!("has version {}, not {wanted}", about.version)));
        }
        Ok((about.version, package))
    }

    async fn fetched(&self, wanted: &Dependency, version: &str) -> Result<Fetched, StepError> {
        let (http, programs) = (self.ctx.service::<Http>()?, self.ctx.service::<Programs>()?);
        let repository = wanted.repository.as_str();
        // In a registry each chart has a repository of its own.
        let named = match repository.strip_prefix("oci://") {
            Some(rest) => format!("oci://{}/{}", rest.trim_end_matches('/'), wanted.name),
            None => repository.to_owned(),
        };
        let credential = match self.ctx.credential(CredentialType::Helm, &named).await? {
            Some(Credential::Basic { username, password }) => {
                Some(ferry_oci::Credential { username, password })
            }
            Some(Credential::SshKey { .. }) | None => None,
        };
        let place = Place {
            http: &http,
            programs: &programs,
            repository,
            name: &wanted.name,
            credential,
            credentials_over_http: self.ctx.settings.credentials_over_http,
        };
        let fetched = ferry_helm::fetch(&place, version).await;
        fetched.map_err(|e| StepError::Retryable(format!("dependency {}: {e}", wanted.name)))
    }
}

/// A name that is one name of a file.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

fn digest(wanted: &[Dependency], chosen: &[Locked]) -> Result<String, StepError> {
    ferry_helm::digest(wanted, chosen).map_err(|e| StepError::Retryable(e.to_string()))
}

fn want(work: &WorkDir, path: &WorkPath, versions: &[(String, String, String)]) -> Result<(), StepError> {
    let file = path.join("Chart.yaml").map_err(|e| StepError::Failed(e.to_string()))?;
    let text = work.read_text(&file).map_err(broke)?;
    let wanted = dependencies(&read(&file, &text)?)?.unwrap_or_default();
    let mut updates = Vec::new();
    for (repository, name, version) in versions {
        let same = |d: &Dependency| d.repository == *repository && d.name == *name;
        let found: Vec<_> = wanted.iter().enumerate().filter(|(_, d)| same(d)).map(|(n, _)| n).collect();
        if found.is_empty() {
            let file = file.as_written();
            return Err(StepError::Retryable(format!("{file:?} has no dependency {name} from {repository}")));
        }
        updates.extend(
            found.into_iter().map(|n| (format!("dependencies.{n}.version"), Value::from(version.as_str()))),
        );
    }
    let updates = updates.iter().map(|(key, value)| (key.as_str(), value));
    let text = yaml::update(&text, updates)
        .map_err(|e| StepError::Retryable(format!("cannot update {:?}: {e}", file.as_written())))?;
    work.write(&file, text.as_bytes()).map_err(broke)
}

fn known(work: &WorkDir, path: &WorkPath) -> Result<Known, StepError> {
    let inside = |name: &str| path.join(name).map_err(|e| StepError::Failed(e.to_string()));
    let file = inside("Chart.yaml")?;
    let wanted = dependencies(&read(&file, &work.read_text(&file).map_err(broke)?)?)?;
    if wanted.as_ref().is_none_or(Vec::is_empty)
        && work.exists(&inside("requirements.yaml")?).map_err(broke)?
    {
        return Err(StepError::Failed(
            "the chart has a requirements.yaml: write its dependencies into Chart.yaml, with apiVersion v2"
                .to_owned(),
        ));
    }
    let file = inside("Chart.lock")?;
    let lock = match work.read_text(&file) {
        Err(e) if e.is_missing() => None,
        text => {
            let lock = read(&file, &text.map_err(broke)?)?;
            let digest = lock.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned();
            Some(Lock { chosen: listed(&lock, "dependencies", &file)?, digest })
        }
    };
    Ok(Known { wanted, lock })
}

fn read(file: &WorkPath, text: &str) -> Result<Value, StepError> {
    yaml::read(text).map_err(|e| StepError::Retryable(format!("{:?}: {e}", file.as_written())))
}

fn dependencies(chart: &Value) -> Result<Option<Vec<Dependency>>, StepError> {
    match chart.get("dependencies") {
        None | Some(Value::Null) => Ok(None),
        Some(list) => serde_json::from_value(list.clone())
            .map(Some)
            .map_err(|e| StepError::Retryable(format!("the chart's dependencies cannot be read: {e}"))),
    }
}

fn listed(lock: &Value, key: &str, file: &WorkPath) -> Result<Vec<Locked>, StepError> {
    match lock.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(list) => serde_json::from_value(list.clone())
            .map_err(|e| StepError::Retryable(format!("{:?} cannot be read: {e}", file.as_written()))),
    }
}

fn changes(before: &[Locked], after: &[Locked]) -> Changes {
    let mut changes = Changes::new();
    for locked in before {
        changes.entry(locked.name.clone()).or_default().0 = Some(locked.version.clone());
    }
    for locked in after {
        changes.entry(locked.name.clone()).or_default().1 = Some(locked.version.clone());
    }
    changes.retain(|_, (before, after)| before != after);
    changes
}

fn lock_text(chosen: &[Locked], digest: &str, generated: Timestamp) -> String {
    let map = |pairs: &[(&str, Piece)]| -> Piece {
        let pairs = pairs.iter().map(|(key, value)| (Scalar::text(key), value.clone())).collect();
        What::Map(Map { pairs, ..Map::default() }).into()
    };
    let items = chosen.iter().map(|locked| {
        map(&[
            ("name", Piece::text(&locked.name)),
            ("repository", Piece::text(&locked.repository)),
            ("version", Piece::text(&locked.version)),
        ])
    });
    let items = What::List { flow: false, items: items.collect() };
    yaml::write(&map(&[
        ("dependencies", items.into()),
        ("digest", Piece::text(digest)),
        ("generated", Piece::text(&generated.to_string())),
    ]))
}

/// Puts the packages into `charts/`, in the place of those that were there.
fn write(
    work: &WorkDir,
    path: &WorkPath,
    built: &[Built],
    lock: Option<&str>,
    started_at: Timestamp,
) -> Result<(), StepError> {
    let inside = |name: &str| path.join(name).map_err(|e| StepError::Failed(e.to_string()));
    let charts = inside("charts")?;
    if work.exists(&charts).map_err(broke)? {
        for old in outdated(work, &charts, built)? {
            work.remove(&old).map_err(broke)?;
        }
    }
    for built in built {
        let (Some(package), Some(file)) = (&built.package, built.file()) else { continue };
        work.create_dir_all(&charts).map_err(broke)?;
        let Locked { name, repository, .. } = &built.locked;
        let file = inside(&format!("charts/{file}"))?;
        // What we packaged ourselves says when; that must be the same each time.
        let package = if repository.starts_with("file://") {
            settled(package, started_at)
                .map_err(|e| StepError::Retryable(format!("the package of {name}: {e}")))?
        } else {
            package.clone()
        };
        work.write(&file, &package).map_err(broke)?;
    }
    if let Some(text) = lock {
        work.write(&inside("Chart.lock")?, text.as_bytes()).map_err(broke)?;
    }
    Ok(())
}

/// Packages in `charts/` that are none of the dependencies any more. What is no chart stays, and so does a chart that
/// is to be there without a repository.
fn outdated(work: &WorkDir, charts: &WorkPath, built: &[Built]) -> Result<Vec<WorkPath>, StepError> {
    let mut outdated = Vec::new();
    for Entry { path, .. } in work.entries(charts).map_err(broke)? {
        let name = path.file_name().unwrap_or_default();
        // A link that leads out is nothing of ours.
        let Ok(Some(Kind::File { len, .. })) = work.kind(&path) else { continue };
        if len > PACKAGE || built.iter().any(|built| built.file().as_deref() == Some(name)) {
            continue;
        }
        let Ok(About { name, .. }) = About::of_package(&work.read(&path).map_err(broke)?) else { continue };
        if !built.iter().any(|built| built.package.is_none() && built.locked.name == name) {
            outdated.push(path);
        }
    }
    Ok(outdated)
}

/// The same package with the same files, all of one time.
fn settled(package: &[u8], time: Timestamp) -> std::io::Result<Vec<u8>> {
    let seconds = u64::try_from(time.as_second()).unwrap_or_default();
    let unzipped = GzDecoder::new(package);
    let mut marked = GzBuilder::new();
    if let Some(header) = unzipped.header() {
        marked =
            marked.extra(header.extra().unwrap_or_default()).comment(header.comment().unwrap_or_default());
    }
    let mut archive = tar::Archive::new(unzipped.take(PACKAGE));
    let mut anew = tar::Builder::new(marked.write(Vec::new(), Compression::default()));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mut header = entry.header().clone();
        header.set_mtime(seconds);
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents)?;
        anew.append_data(&mut header, path, contents.as_slice())?;
    }
    anew.into_inner()?.finish()
}
