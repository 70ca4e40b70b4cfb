//! Looks at a Git repository: a listing of its refs first, the commits only where the refs moved.

use ferry_api::Time;
use ferry_api::warehouse::{DiscoveredCommit, GitDiscoveryResult, ObservedRefs, ObservedTag};
use ferry_artifact::{BranchName, RepoUrl};
use ferry_engine::credentials;
use ferry_engine::world::CredentialType;
use ferry_git::{Access, CommitInfo, Credential, Log, Mirror, Revision, TagInfo, View};
use ferry_planner::selection::{Candidate, GitSubscription, Selector, subject};
use serde_json::Value;

use super::places::Place;
use crate::Controllers;

/// With more tags than this the refs are not remembered.
const TAGS_REMEMBERED: usize = 1000;
/// How many commits are read at a time while filters look for matches.
const LARGEST_BATCH: usize = 1000;

/// What a Git subscription finds. `known` is what it found the last time.
pub(super) async fn discover(
    c: &Controllers,
    project: &str,
    name: &str,
    config: &Value,
    known: Option<&GitDiscoveryResult>,
) -> Result<GitDiscoveryResult, String> {
    let sub: GitSubscription = serde_json::from_value(config.clone()).map_err(|e| e.to_string())?;
    let selector = Selector::new(&sub).map_err(|e| e.to_string())?;
    let look = Look::new(c, project, &sub, selector).await?;
    let refs = look.refs().await?;
    let same = known.filter(|k| {
        refs.is_some() && k.observed_refs == refs && k.repo_url == sub.repo_url && !k.commits.is_empty()
    });
    let commits = match same {
        Some(known) => known.commits.clone(),
        None if look.selector.takes_tags() => look.tags().await?,
        None => look.commits().await?,
    };
    Ok(GitDiscoveryResult {
        repo_url: sub.repo_url.clone(),
        subscription_name: name.to_owned(),
        commits,
        observed_refs: refs,
    })
}

struct Look<'a> {
    c: &'a Controllers,
    sub: &'a GitSubscription,
    selector: Selector,
    mirror: Mirror,
    branch: Option<BranchName>,
    _place: Place,
}

impl<'a> Look<'a> {
    async fn new(
        c: &'a Controllers,
        project: &str,
        sub: &'a GitSubscription,
        selector: Selector,
    ) -> Result<Self, String> {
        let url = RepoUrl::parse(&sub.repo_url).map_err(|e| e.to_string())?;
        let branch = sub.branch.as_deref().filter(|b| !b.is_empty());
        let branch = branch.map(BranchName::parse).transpose().map_err(|e| format!("branch: {e}"))?;
        let shared = &c.settings.shared_resources_namespace;
        let found = credentials::find(c.world.as_ref(), project, shared, CredentialType::Git, &sub.repo_url)
            .await
            .map_err(|e| e.to_string())?;
        let access = Access {
            credential: found.map(credential),
            insecure_skip_tls_verify: sub.insecure_skip_tls_verify,
            ..Access::default()
        };
        let place = c.looks.take(&url).await;
        let mirror = c.git.mirror(&url, &access).map_err(|e| e.to_string())?;
        Ok(Self { c, sub, selector, mirror, branch, _place: place })
    }

    fn fail(error: &ferry_git::Error) -> String {
        error.to_string()
    }

    /// The refs that decide what is found; none where there are too many to remember.
    async fn refs(&self) -> Result<Option<ObservedRefs>, String> {
        let mut refs = ObservedRefs::default();
        if self.selector.takes_tags() {
            let listing = self.mirror.list_tags().await.map_err(|e| Self::fail(&e))?;
            let passing = listing.tags().filter(|(name, _)| self.selector.accepts_tag(name));
            refs.tags =
                passing.map(|(name, id)| ObservedTag { name: name.to_owned(), id: id.to_string() }).collect();
            refs.tags.sort_by(|a, b| a.name.cmp(&b.name));
            return Ok((refs.tags.len() <= TAGS_REMEMBERED).then_some(refs));
        }
        let head = match &self.branch {
            Some(branch) => self.mirror.list_branch(branch).await,
            None => self.mirror.list_head().await.map(|listing| listing.head),
        };
        let head = head.map_err(|e| Self::fail(&e))?;
        Ok(head.map(|id| ObservedRefs { branch_head: id.to_string(), ..refs }))
    }

    /// The newest commits of the branch that pass.
    async fn commits(&self) -> Result<Vec<DiscoveredCommit>, String> {
        let revision = self.branch.clone().map_or(Revision::Default, Revision::Branch);
        let (view, head) = self.mirror.fetch_revision(&revision).await.map_err(|e| Self::fail(&e))?;
        let since = self.sub.since.as_deref().filter(|s| !s.is_empty());
        let since = since.map(str::parse).transpose().map_err(|e| format!("since: {e}"))?;
        let limit = self.selector.limit();
        let mut found = Vec::new();
        let (mut skip, mut batch) = (0, limit.max(1));
        while found.len() < limit {
            let log = Log { from: head.clone(), skip, limit: batch, since };
            let commits = view.log(&log).await.map_err(|e| Self::fail(&e))?;
            let read = commits.len();
            for commit in self.passing(&view, commits).await? {
                found.push(self.commit(&commit));
            }
            if read < batch || self.selector.takes_all() {
                break;
            }
            skip += read;
            batch = (batch * 2).min(LARGEST_BATCH);
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn passing(&self, view: &View, commits: Vec<CommitInfo>) -> Result<Vec<CommitInfo>, String> {
        if self.selector.takes_all() {
            return Ok(commits);
        }
        let now = self.c.world.now();
        let mut kept = Vec::new();
        for commit in commits {
            if self.selector.passes(&of_commit(&commit), now).map_err(|e| e.to_string())? {
                kept.push(commit);
            }
        }
        if self.selector.needs_paths() {
            let ids: Vec<_> = kept.iter().map(|c| c.id.clone()).collect();
            let paths = view.changed_paths_of(&ids).await.map_err(|e| Self::fail(&e))?;
            kept.retain(|c| paths.get(&c.id).is_some_and(|p| self.selector.paths_pass(p)));
        }
        Ok(kept)
    }

    fn commit(&self, commit: &CommitInfo) -> DiscoveredCommit {
        DiscoveredCommit {
            id: commit.id.to_string(),
            branch: self.sub.branch.clone().unwrap_or_default(),
            subject: subject(&commit.subject),
            author: commit.author.clone(),
            committer: commit.committer.clone(),
            creator_date: Some(Time(commit.commit_date)),
            ..DiscoveredCommit::default()
        }
    }

    /// The best tags that pass.
    async fn tags(&self) -> Result<Vec<DiscoveredCommit>, String> {
        let (view, tags) = self.mirror.tags().await.map_err(|e| Self::fail(&e))?;
        let candidates = tags.iter().map(of_tag).collect();
        let ordered = self.selector.order(candidates, self.c.world.now()).map_err(|e| e.to_string())?;
        let limit = self.selector.tag_limit();
        let mut found = Vec::new();
        for candidate in ordered {
            if found.len() >= limit {
                break;
            }
            if self.selector.needs_paths() {
                let id = ferry_artifact::CommitId::parse(&candidate.id).map_err(|e| e.to_string())?;
                let paths = view.changed_paths(&id).await.map_err(|e| Self::fail(&e))?;
                if !self.selector.paths_pass(&paths) {
                    continue;
                }
            }
            found.push(self.tagged(candidate));
        }
        Ok(found)
    }

    fn tagged(&self, candidate: Candidate) -> DiscoveredCommit {
        DiscoveredCommit {
            id: candidate.id,
            branch: self.sub.branch.clone().unwrap_or_default(),
            tag: candidate.tag.unwrap_or_default(),
            subject: subject(&candidate.subject),
            author: candidate.author,
            committer: candidate.committer,
            creator_date: candidate.date.map(Time),
        }
    }
}

fn of_commit(commit: &CommitInfo) -> Candidate {
    Candidate {
        id: commit.id.to_string(),
        date: Some(commit.commit_date),
        author: commit.author.clone(),
        committer: commit.committer.clone(),
        subject: commit.subject.clone(),
        ..Candidate::default()
    }
}

fn of_tag(tag: &TagInfo) -> Candidate {
    Candidate {
        id: tag.id.to_string(),
        tag: Some(tag.name.to_string()),
        date: Some(tag.creator_date),
        author: tag.author.clone(),
        committer: tag.committer.clone(),
        subject: tag.subject.clone(),
        tagger: tag.tagger.clone().unwrap_or_default(),
        annotation: tag.annotation.clone().unwrap_or_default(),
    }
}

fn credential(found: credentials::Credential) -> Credential {
    match found {
        credentials::Credential::Basic { username, password } => Credential::Basic { username, password },
        credentials::Credential::SshKey { private_key } => Credential::SshKey { private_key },
    }
}
