//! A chart's dependencies, built: the wanted versions in `charts/`, and `Chart.lock`.

mod lock;
mod packages;

use ferry_artifact::semver::{Constraint, Version};
use ferry_engine::credentials::Credential;
use ferry_engine::work::{WorkDir, WorkPath};
use ferry_engine::world::CredentialType;
use ferry_engine::{StepContext, StepError};
use ferry_exec::Programs;
use ferry_helm::{About, Dependency, Fetched, Locked, Place, lenient};
use ferry_net::Http;
use serde_json::Value;

pub use self::lock::Changes;
use self::lock::{Lock, changes};
use self::packages::Built;
use crate::field::Of as _;
use crate::lent::Lent;
use crate::{broke, yaml};

/// How many dependencies a chart may have.
const DEPENDENCIES: usize = 100;
/// What a chart's lock is called, and what that of a chart of Helm 2 is.
const LOCK: &str = "Chart.lock";
const OLD_LOCK: &str = "requirements.lock";

/// A chart that is a folder in the work directory.
pub struct Chart<'a> {
    ctx: &'a StepContext,
    path: WorkPath,
}

/// What is wanted and what was chosen the last time.
struct Known {
    /// None where `Chart.yaml` does not speak of any.
    wanted: Option<Vec<Dependency>>,
    /// Whether it is a chart of Helm 2, the lock of which has another name.
    is_old: bool,
    lock: Option<Lock>,
}

impl Known {
    /// The lock, if it is one of what is wanted.
    fn pinned(&self, wanted: &[Dependency]) -> Result<Option<&Lock>, StepError> {
        match &self.lock {
            Some(lock) if !lock.fits(wanted, self.is_old)? => Err(StepError::Retryable(format!(
                "{} does not fit {}: update the dependencies and commit the lock",
                if self.is_old { OLD_LOCK } else { LOCK },
                if self.is_old { "requirements.yaml" } else { "Chart.yaml" },
            ))),
            lock => Ok(lock.as_ref()),
        }
    }
}

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
        if known.wanted.as_ref().is_some_and(|wanted| wanted.len() > DEPENDENCIES) {
            return Err(StepError::Failed(format!("the chart has more than {DEPENDENCIES} dependencies")));
        }
        if !locked {
            self.checked().await?;
        }
        // As helm has it: an empty list is something to build, none is not.
        let Some(wanted) = &known.wanted else { return Ok(Changes::new()) };
        let pinned = if locked { known.pinned(wanted)? } else { None };
        let mut built = Vec::new();
        for (n, one) in wanted.iter().enumerate() {
            let version =
                pinned.and_then(|lock| lock.chosen.get(n)).map_or(&one.version, |chosen| &chosen.version);
            built.push(self.one(one, version).await?);
        }
        let lock = Lock::of(wanted, built.iter().map(|built| built.locked.clone()).collect())?;
        let changes = changes(known.lock.as_ref().map_or(&[], |before| &before.chosen), &lock.chosen);
        let new_lock = (known.lock.as_ref() != Some(&lock)).then(|| lock.text(self.ctx.started_at));
        let (path, started_at) = (self.path.clone(), self.ctx.started_at);
        let name = if known.is_old { OLD_LOCK } else { LOCK };
        let written = self.ctx.work.blocking(move |work| {
            if let Err(error) = packages::write(work, &path, &built, started_at) {
                return Ok(Err(error));
            }
            new_lock.map_or(Ok(()), |text| work.write(&path.join(name)?, text.as_bytes())).map(Ok)
        });
        written.await.map_err(broke)??;
        Ok(changes)
    }

    /// Helm reads the chart before it looks at what the chart wants, and says what is wrong with it.
    async fn checked(&self) -> Result<(), StepError> {
        let path = self.path.clone();
        let lent = self.ctx.work.blocking(move |work| Lent::of(work, &path)).await.of("path")?;
        let programs = self.ctx.service::<Programs>()?;
        let name = self.path.as_written();
        let checked = ferry_helm::check(&programs, &lent.at, vec![lent.root.clone()]).await;
        checked.map_err(|e| StepError::Retryable(format!("{name:?}: {}", lent.told(&e.to_string(), name))))
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
            self.vendored(name, version).await?;
            return Ok(Built { locked: locked(version.to_owned()), package: None });
        }
        if let Some(folder) = repository.strip_prefix("file://") {
            let (version, package) = self.packaged(name, version, folder).await?;
            return Ok(Built { locked: locked(version), package: Some(package) });
        }
        let Fetched { version, bytes } = self.fetched(wanted, version).await?;
        Ok(Built { locked: locked(version), package: Some(bytes) })
    }

    /// A chart that has no repository is in `charts/`, in a version that will do.
    async fn vendored(&self, name: &str, wanted: &str) -> Result<(), StepError> {
        let folder = self.below(&format!("charts/{name}"))?;
        let about = self.ctx.work.blocking(move |work| {
            if work.kind(&folder)?.is_none() {
                return Ok(None);
            }
            let about = folder.join("Chart.yaml")?;
            Ok(Some((work.read_text(&about)?, about)))
        });
        let Some((text, file)) = about.await.of(format!("charts/{name}"))? else {
            return Err(StepError::Retryable(format!("{name} has no repository and is not in charts/")));
        };
        let about = read(&file, &text)?;
        let no = |why: String| StepError::Retryable(format!("{:?}: {why}", file.as_written()));
        let version = lenient::text(&about, "version").map_err(no)?;
        fits(&version, wanted).map_err(|why| StepError::Retryable(format!("charts/{name} {why}")))
    }

    /// A path seen from the chart.
    fn below(&self, path: &str) -> Result<WorkPath, StepError> {
        self.path.join(path).map_err(|e| StepError::Retryable(e.to_string()))
    }

    /// A chart beside this one, packaged.
    async fn packaged(&self, name: &str, wanted: &str, folder: &str) -> Result<(String, Vec<u8>), StepError> {
        if folder.starts_with('/') {
            return Err(StepError::Retryable(format!(
                "file://{folder} leaves the work directory; write it as file://../name"
            )));
        }
        let path = self.below(folder)?;
        let lent = self.ctx.work.blocking(move |work| Lent::of(work, &path)).await;
        let lent = lent.of(format!("file://{folder}"))?;
        let programs = self.ctx.service::<Programs>()?;
        let no = |why: String| StepError::Retryable(format!("file://{folder} {why}"));
        let package = ferry_helm::package(&programs, &lent.at, vec![lent.root.clone()]).await;
        let package =
            package.map_err(|e| no(format!("cannot be packaged: {}", lent.told(&e.to_string(), folder))))?;
        let about = About::of_package(&package).map_err(|e| no(e.to_string()))?;
        if about.name != name {
            return Err(no(format!("is the chart {:?}, not {name:?}", about.name)));
        }
        fits(&about.version, wanted).map_err(no)?;
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

/// Whether a version will do, and why not.
fn fits(version: &str, wanted: &str) -> Result<(), String> {
    let constraint = Constraint::parse(wanted).map_err(|e| format!("cannot be {wanted:?}: {e}"))?;
    if Version::parse(version).is_ok_and(|version| constraint.matches(&version)) {
        return Ok(());
    }
    Err(format!("has version {version}, not {wanted}"))
}

/// A name that is one name of a file.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

fn want(work: &WorkDir, path: &WorkPath, versions: &[(String, String, String)]) -> Result<(), StepError> {
    let file = path.join("Chart.yaml").map_err(|e| StepError::Failed(e.to_string()))?;
    let text = work.read_text(&file).of("path")?;
    let about = read(&file, &text)?;
    let wanted = dependencies(&about)?.unwrap_or_default();
    let mut updates = Vec::new();
    for (repository, name, version) in versions {
        let same = |d: &Dependency| d.repository == *repository && d.name == *name;
        let found: Vec<_> = wanted.iter().enumerate().filter(|(_, d)| same(d)).map(|(n, _)| n).collect();
        if found.is_empty() {
            let file = file.as_written();
            return Err(StepError::Retryable(format!("{file:?} has no dependency {name} from {repository}")));
        }
        updates.extend(found.into_iter().map(|n| (version_key(&about, n), Value::from(version.as_str()))));
    }
    let updates = updates.iter().map(|(key, value)| (key.as_str(), value));
    let text = yaml::update(&text, updates)
        .map_err(|e| StepError::Retryable(format!("cannot update {:?}: {e}", file.as_written())))?;
    work.write(&file, text.as_bytes()).map_err(broke)
}

/// The key of a dependency's version, in the case in which it is written.
fn version_key(about: &Value, n: usize) -> String {
    let (list, items) = lenient::member(about, "dependencies").unwrap_or(("dependencies", &Value::Null));
    let version = items.get(n).and_then(|item| lenient::member(item, "version"));
    format!("{list}.{n}.{}", version.map_or("version", |(name, _)| name))
}

fn known(work: &WorkDir, path: &WorkPath) -> Result<Known, StepError> {
    let inside = |name: &str| path.join(name).map_err(|e| StepError::Failed(e.to_string()));
    let file = inside("Chart.yaml")?;
    let about = read(&file, &work.read_text(&file).of("path")?)?;
    let mut wanted = dependencies(&about)?;
    // Charts of Helm 2 have them in a file of their own.
    let requirements = inside("requirements.yaml")?;
    if work.exists(&requirements).map_err(broke)? {
        let text = work.read_text(&requirements).map_err(broke)?;
        wanted = dependencies(&read(&requirements, &text)?)?.or(wanted);
    }
    let is_old = lenient::text(&about, "apiVersion").is_ok_and(|version| matches!(&*version, "" | "v1"));
    let old = Lock::there(work, &inside(OLD_LOCK)?)?;
    let lock = if old.is_some() { old } else { Lock::there(work, &inside(LOCK)?)? };
    Ok(Known { wanted, is_old, lock })
}

fn read(file: &WorkPath, text: &str) -> Result<Value, StepError> {
    yaml::read(text).map_err(|e| StepError::Retryable(format!("{:?}: {e}", file.as_written())))
}

fn dependencies(chart: &Value) -> Result<Option<Vec<Dependency>>, StepError> {
    ferry_helm::dependencies(chart)
        .map_err(|e| StepError::Retryable(format!("the chart's dependencies cannot be read: {e}")))
}
