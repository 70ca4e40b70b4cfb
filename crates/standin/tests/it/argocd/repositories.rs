//! Repositories in memory: commits with files, branches and tags, and a switch that takes one off the net.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use ferry_standin::argocd::{File, Ref, Repositories, RepositoryError};

/// Every repository by URL.
#[derive(Default)]
pub struct Memory(Mutex<BTreeMap<String, Repository>>);

#[derive(Default)]
struct Repository {
    refs: BTreeMap<String, String>,
    commits: BTreeMap<String, BTreeMap<String, String>>,
    is_down: bool,
}

impl Memory {
    /// Commits files on top of a branch (`None` removes one) and gives the commit's id.
    pub fn push(&self, url: &str, branch: &str, files: &[(&str, Option<&str>)]) -> String {
        let mut all = self.0.lock().unwrap();
        let repository = all.entry(url.to_owned()).or_default();
        let name = format!("refs/heads/{branch}");
        let mut tree =
            repository.refs.get(&name).and_then(|c| repository.commits.get(c)).cloned().unwrap_or_default();
        for (path, text) in files {
            match text {
                Some(text) => tree.insert((*path).to_owned(), (*text).to_owned()),
                None => tree.remove(*path),
            };
        }
        let id = format!("{:040x}", repository.commits.len() + 0xabc_0000);
        repository.commits.insert(id.clone(), tree);
        repository.refs.insert(name, id.clone());
        if branch == "main" {
            repository.refs.insert("HEAD".to_owned(), id.clone());
        }
        id
    }

    /// Makes a branch where another one is.
    pub fn branch(&self, url: &str, name: &str, base: &str) {
        let mut all = self.0.lock().unwrap();
        let refs = &mut all.entry(url.to_owned()).or_default().refs;
        if let Some(commit) = refs.get(&format!("refs/heads/{base}")).cloned() {
            refs.insert(format!("refs/heads/{name}"), commit);
        }
    }

    /// Puts a tag on a commit.
    pub fn tag(&self, url: &str, tag: &str, commit: &str) {
        let mut all = self.0.lock().unwrap();
        all.entry(url.to_owned()).or_default().refs.insert(format!("refs/tags/{tag}"), commit.to_owned());
    }

    /// Takes a repository off the net, or brings it back.
    pub fn set_down(&self, url: &str, is_down: bool) {
        self.0.lock().unwrap().entry(url.to_owned()).or_default().is_down = is_down;
    }

    fn with<T>(&self, url: &str, look: impl FnOnce(&Repository) -> T) -> Result<T, RepositoryError> {
        let all = self.0.lock().unwrap();
        let found = all.get(url).filter(|repository| !repository.is_down);
        found.map(look).ok_or_else(|| RepositoryError(format!("repository {url} not found")))
    }
}

#[async_trait]
impl Repositories for Memory {
    async fn refs(&self, url: &str) -> Result<Vec<Ref>, RepositoryError> {
        self.with(url, |repository| repository.refs.clone().into_iter().collect())
    }

    async fn commit(&self, url: &str, prefix: &str) -> Result<String, RepositoryError> {
        let found = self
            .with(url, |repository| repository.commits.keys().find(|id| id.starts_with(prefix)).cloned())?;
        found.ok_or_else(|| RepositoryError(format!("no commit {prefix}")))
    }

    async fn files(
        &self,
        url: &str,
        commit: &str,
        path: &str,
        recurse: bool,
    ) -> Result<Option<Vec<File>>, RepositoryError> {
        self.with(url, |repository| {
            let tree = repository
                .commits
                .get(commit)
                .ok_or_else(|| RepositoryError(format!("no commit {commit}")))?;
            let prefix = if path == "." { String::new() } else { format!("{path}/") };
            let below = tree
                .iter()
                .filter_map(|(file, text)| Some((file.strip_prefix(&prefix)?, text)))
                .collect::<Vec<_>>();
            let wanted = below.iter().filter(|(file, _)| recurse || !file.contains('/'));
            let files = wanted.map(|(file, text)| ((*file).to_owned(), text.as_bytes().to_vec())).collect();
            Ok((!below.is_empty()).then_some(files))
        })?
    }
}
