//! What a remote has, by name, without fetching anything.

use ferry_artifact::{BranchName, CommitId};

use crate::Error;
use crate::mirror::Mirror;

/// A ref of a remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRef {
    /// `refs/heads/main`
    pub name: String,
    /// What it points to: a commit, or the object of an annotated tag.
    pub id: CommitId,
    /// The commit of an annotated tag.
    pub peeled: Option<CommitId>,
}

/// The refs of a remote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The branch `HEAD` names, if it names one that is there.
    pub default_branch: Option<BranchName>,
    /// The commit of `HEAD`.
    pub head: Option<CommitId>,
    /// Branches and tags in order of name.
    pub refs: Vec<RemoteRef>,
}

impl Listing {
    /// The head of a branch.
    pub fn branch(&self, name: &BranchName) -> Option<&CommitId> {
        let full = name.full();
        self.refs.iter().find(|reference| reference.name == full).map(|reference| &reference.id)
    }

    /// Tags by name (without `refs/tags/`) with their commits.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &CommitId)> {
        self.refs.iter().filter_map(|reference| {
            let name = reference.name.strip_prefix("refs/tags/")?;
            Some((name, reference.peeled.as_ref().unwrap_or(&reference.id)))
        })
    }
}

impl Mirror {
    /// Lists all branches and tags of the remote.
    pub async fn list(&self) -> Result<Listing, Error> {
        self.list_matching(&["HEAD", "refs/heads/*", "refs/tags/*"]).await
    }

    /// Lists `HEAD` only: the cheapest question a server can be asked.
    pub async fn list_head(&self) -> Result<Listing, Error> {
        self.list_matching(&["HEAD"]).await
    }

    /// Lists one branch.
    pub async fn list_branch(&self, name: &BranchName) -> Result<Option<CommitId>, Error> {
        Ok(self.list_matching(&[&name.full()]).await?.branch(name).cloned())
    }

    /// Lists all tags.
    pub async fn list_tags(&self) -> Result<Listing, Error> {
        self.list_matching(&["refs/tags/*"]).await
    }

    async fn list_matching(&self, patterns: &[&str]) -> Result<Listing, Error> {
        let remote = &self.shared().remote;
        // Outside of any repository: the mirror may not be there yet.
        let command = self.runner().bare("list", &self.runner().home).remote(remote);
        let command = command.deadline(self.runner().settings.list_deadline).reading();
        let command = command.args(["ls-remote", "--quiet", "--symref", "--end-of-options", &remote.address]);
        let output = command.args(patterns).success().await?;
        Ok(parse(&output.text()))
    }
}

fn parse(text: &str) -> Listing {
    let mut listing = Listing::default();
    for line in text.lines() {
        let Some((what, name)) = line.split_once('\t') else { continue };
        if let Some(target) = what.strip_prefix("ref: ") {
            if name == "HEAD" {
                let branch = target.strip_prefix("refs/heads/").map(BranchName::parse);
                listing.default_branch = branch.and_then(Result::ok);
            }
            continue;
        }
        let Ok(id) = CommitId::parse(what) else { continue };
        if name == "HEAD" {
            listing.head = Some(id);
        } else if let Some(tag) = name.strip_suffix("^{}") {
            if let Some(last) = listing.refs.last_mut().filter(|last| last.name == tag) {
                last.peeled = Some(id);
            }
        } else {
            listing.refs.push(RemoteRef { name: name.to_owned(), id, peeled: None });
        }
    }
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_head_branches_and_peeled_tags() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let text = format!(
            "ref: refs/heads/main\tHEAD\n{a}\tHEAD\n{a}\trefs/heads/main\n{b}\trefs/tags/v1\n{a}\trefs/tags/v1^{{}}\n"
        );
        let listing = parse(&text);
        assert_eq!(listing.default_branch.as_ref().map(BranchName::as_str), Some("main"));
        assert_eq!(listing.head.as_ref().map(CommitId::as_str), Some(&*a));
        assert_eq!(listing.branch(&BranchName::parse("main").unwrap()).map(CommitId::as_str), Some(&*a));
        assert_eq!(listing.branch(&BranchName::parse("ain").unwrap()), None);
        let tags: Vec<_> = listing.tags().collect();
        assert_eq!(tags, [("v1", &CommitId::parse(&a).unwrap())]);
        assert_eq!(parse(""), Listing::default());
    }
}
