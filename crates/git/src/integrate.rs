//! Own commits and those of others: replaying and merging, from trees alone. No file of the work tree is touched,
//! nothing points to what comes out.

use std::fmt::Write as _;

use ferry_artifact::{BranchName, CommitId};
use jiff::Timestamp;

use crate::Error;
use crate::branch::PushPolicy;
use crate::commit::write_object;
use crate::error::Integration;
use crate::invocation::Output;
use crate::mirror::View;
use crate::sign::signed;
use crate::work_tree::{Head, WorkTree};

/// The tree without a file, by SHA-1 and by SHA-256.
const EMPTY_TREES: [&str; 2] = [
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
];

/// What is integrated into what.
pub(crate) struct Integrating<'a> {
    pub(crate) tree: &'a WorkTree,
    pub(crate) branch: &'a BranchName,
    pub(crate) url: &'a str,
    /// The branch's head on the remote.
    pub(crate) head: &'a CommitId,
    /// The work tree's head.
    pub(crate) own: &'a CommitId,
}

/// A commit object in parts; what is kept is kept byte by byte.
struct Parsed {
    tree: String,
    parents: Vec<CommitId>,
    author: Vec<u8>,
    encoding: Option<Vec<u8>>,
    /// Replayed it is signed, or not, by whom it was before: here, where nothing is signed.
    keeps_its_signature: bool,
    message: Vec<u8>,
}

/// How many commits only `theirs` and only `ours` has.
pub(crate) async fn apart(tree: &WorkTree, theirs: &CommitId, ours: &CommitId) -> Result<(u64, u64), Error> {
    let command = tree.command("compare with the branch").args(["rev-list", "--left-right", "--count"]);
    let text = command.arg(format!("{theirs}...{ours}")).arg("--").success().await?.text();
    let mut counts = text.split_whitespace().map(|count| count.parse::<u64>().unwrap_or_default());
    Ok((counts.next().unwrap_or_default(), counts.next().unwrap_or_default()))
}

/// A commit that contains the branch's head and the own commits.
pub(crate) async fn integrate(what: &Integrating<'_>, policy: PushPolicy) -> Result<CommitId, Error> {
    match policy {
        PushPolicy::AlwaysRebase => what.rebase(&what.own_commits().await?).await,
        PushPolicy::AlwaysMerge => what.merge().await,
        PushPolicy::RebaseOrMerge | PushPolicy::RebaseOrFail => {
            let commits = what.own_commits().await?;
            match commits.iter().find(|(_, commit)| !commit.keeps_its_signature) {
                None => what.rebase(&commits).await,
                Some(_) if policy == PushPolicy::RebaseOrMerge => what.merge().await,
                Some((id, _)) => {
                    let (url, reference) = what.place();
                    Err(Error::RebaseUnsafe { url, reference, commit: id.to_string() })
                }
            }
        }
        PushPolicy::None => {
            let (url, reference) = what.place();
            Err(Error::Diverged { url, reference })
        }
    }
}

impl View {
    /// Whether a commit is in the history of another; `false` if the mirror does not have it at all.
    pub async fn is_ancestor(&self, old: &CommitId, new: &CommitId) -> Result<bool, Error> {
        let command = self.mirror.command("compare commits of").args(["merge-base", "--is-ancestor"]);
        let output = command.args([old.as_str(), new.as_str()]).run().await?;
        match output.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ if !self.has_commit(old).await? => Ok(false),
            _ => Err(failure("compare commits of", self.mirror.url(), &output)),
        }
    }
}

fn failure(operation: &str, place: &str, output: &Output) -> Error {
    let detail = crate::classify::essence(&output.stderr);
    Error::Git { operation: operation.to_owned(), place: place.to_owned(), detail }
}

impl Integrating<'_> {
    fn place(&self) -> (String, String) {
        (self.url.to_owned(), self.branch.full())
    }

    /// Own commits that the branch does not have, also not as a cherry-pick, oldest first; merges are left out.
    async fn own_commits(&self) -> Result<Vec<(CommitId, Parsed)>, Error> {
        let command =
            self.tree.command("list own commits of").args(["rev-list", "--reverse", "--topo-order"]);
        let command = command.args(["--no-merges", "--cherry-pick", "--right-only"]);
        let listed = command.arg(format!("{}...{}", self.head, self.own)).arg("--").success().await?.text();
        let mut commits = Vec::new();
        for id in listed.lines() {
            let id = CommitId::parse(id)?;
            let parsed = self.read(&id).await?;
            commits.push((id, parsed));
        }
        Ok(commits)
    }

    async fn read(&self, id: &CommitId) -> Result<Parsed, Error> {
        let command = self.tree.command("read a commit of").args(["cat-file", "commit", id.as_str()]);
        let object = command.success().await?.stdout;
        let mut parsed = parse(&object).ok_or_else(|| Error::Git {
            operation: "read a commit of".into(),
            place: self.url.to_owned(),
            detail: format!("commit {id} is malformed"),
        })?;
        if let Some(key) = self.tree.signing_key()? {
            parsed.keeps_its_signature = key.made(&object);
        }
        Ok(parsed)
    }

    async fn rebase(&self, commits: &[(CommitId, Parsed)]) -> Result<CommitId, Error> {
        let mut onto = self.head.clone();
        let mut onto_tree = self.read(self.head).await?.tree;
        for (id, commit) in commits {
            if commit.parents.first() == Some(&onto) {
                (onto, onto_tree) = (id.clone(), commit.tree.clone());
                continue;
            }
            let tree = self.replayed(id, commit, &onto, &onto_tree).await?;
            if tree == onto_tree && !self.was_empty(commit).await? {
                // Its changes are there already.
                continue;
            }
            let object = self.signed(rewritten(commit, &tree, &onto, &self.committer()))?;
            (onto, onto_tree) = (write_object(self.tree, object).await?, tree);
        }
        Ok(onto)
    }

    fn committer(&self) -> String {
        format!("{} {} +0000", self.tree.identity(), Timestamp::now().as_second())
    }

    async fn was_empty(&self, commit: &Parsed) -> Result<bool, Error> {
        match commit.parents.first() {
            Some(parent) => Ok(self.read(parent).await?.tree == commit.tree),
            None => Ok(EMPTY_TREES.contains(&commit.tree.as_str())),
        }
    }

    /// The tree of `onto` with the changes of one commit.
    async fn replayed(
        &self,
        id: &CommitId,
        commit: &Parsed,
        onto: &CommitId,
        onto_tree: &str,
    ) -> Result<String, Error> {
        let command = self.merge_tree();
        let command = match commit.parents.first() {
            // A commit with `onto`'s files whose only parent is the replayed commit's: their merge base is that
            // parent, so the merge is exactly the replay. (A merge base of one's own choice needs a later Git.)
            Some(parent) => {
                let stage = format!(
                    "tree {onto_tree}\nparent {parent}\nauthor x <x> 0 +0000\ncommitter x <x> 0 +0000\n\nstage\n"
                );
                let stage = write_object(self.tree, stage.into_bytes()).await?;
                command.args([stage.as_str(), id.as_str()])
            }
            None => command.arg("--allow-unrelated-histories").args([onto.as_str(), id.as_str()]),
        };
        self.merged(&command.run().await?, Integration::Rebase)
    }

    async fn merge(&self) -> Result<CommitId, Error> {
        let output = self.merge_tree().args([self.own.as_str(), self.head.as_str()]).run().await?;
        if output.stderr.contains("unrelated histories") {
            let (url, reference) = self.place();
            return Err(Error::Unrelated { url, reference });
        }
        let tree = self.merged(&output, Integration::Merge)?;
        let committer = self.committer();
        let message = self.merge_message()?;
        let (own, head) = (self.own, self.head);
        let object = format!(
            "tree {tree}\nparent {own}\nparent {head}\nauthor {committer}\ncommitter {committer}\n\n{message}\n"
        );
        write_object(self.tree, self.signed(object.into_bytes())?).await
    }

    /// With the work tree's signature, where it has a key.
    fn signed(&self, object: Vec<u8>) -> Result<Vec<u8>, Error> {
        signed(object, self.tree.signing_key()?.as_ref(), Timestamp::now())
    }

    /// As `git pull` words it.
    fn merge_message(&self) -> Result<String, Error> {
        let url = self.url.trim_end_matches('/');
        let url = url.strip_suffix(".git").unwrap_or(url);
        let mut message = format!("Merge branch '{}' of {url}", self.branch);
        let into = match self.tree.head_name()? {
            Head::Branch(name) => name.to_string(),
            Head::Detached(_) => "HEAD".to_owned(),
        };
        if !["main", "master"].contains(&&*into) {
            let _ok = write!(message, " into {into}");
        }
        Ok(message)
    }

    fn merge_tree(&self) -> crate::invocation::Invocation<'_> {
        let command = self.tree.command("integrate the branch into");
        command.args(["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"])
    }

    fn merged(&self, output: &Output, during: Integration) -> Result<String, Error> {
        let text = String::from_utf8_lossy(&output.stdout);
        let mut fields = text.split_terminator('\0');
        match (output.code, fields.next()) {
            (Some(0), Some(tree)) => Ok(tree.to_owned()),
            (Some(1), Some(_tree)) => {
                let mut files: Vec<_> =
                    fields.take_while(|name| !name.is_empty()).map(str::to_owned).collect();
                files.dedup();
                let (url, reference) = self.place();
                Err(Error::Conflict { url, reference, during, files })
            }
            _ => Err(failure("integrate the branch into", self.url, output)),
        }
    }
}

/// The same author, time and message on another tree and parent; the signature would not fit any more.
fn rewritten(commit: &Parsed, tree: &str, parent: &CommitId, committer: &str) -> Vec<u8> {
    let mut object = format!("tree {tree}\nparent {parent}\n").into_bytes();
    object.extend_from_slice(&commit.author);
    object.extend_from_slice(format!("\ncommitter {committer}\n").as_bytes());
    if let Some(encoding) = &commit.encoding {
        object.extend_from_slice(encoding);
        object.push(b'\n');
    }
    object.push(b'\n');
    object.extend_from_slice(&commit.message);
    object
}

fn parse(object: &[u8]) -> Option<Parsed> {
    let end = object.windows(2).position(|window| window == b"\n\n")?;
    let (headers, message) = (object.get(..end)?, object.get(end + 2..)?.to_vec());
    let mut parsed = Parsed {
        tree: String::new(),
        parents: Vec::new(),
        author: Vec::new(),
        encoding: None,
        keeps_its_signature: true,
        message,
    };
    for line in headers.split(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        match text.split_once(' ') {
            Some(("tree", id)) => parsed.tree = CommitId::parse(id).ok()?.to_string(),
            Some(("parent", id)) => parsed.parents.push(CommitId::parse(id).ok()?),
            Some(("author", _)) => parsed.author = line.to_vec(),
            Some(("encoding", _)) => parsed.encoding = Some(line.to_vec()),
            Some(("gpgsig" | "gpgsig-sha256", _)) => parsed.keeps_its_signature = false,
            _ => {}
        }
    }
    (!parsed.tree.is_empty() && !parsed.author.is_empty()).then_some(parsed)
}

/// A path, as far as it can be named.
fn nameable(path: &[u8]) -> String {
    let text = match std::str::from_utf8(path) {
        Ok(text) => return text.to_owned(),
        Err(error) => path.get(..error.valid_up_to()).unwrap_or_default(),
    };
    let above = String::from_utf8_lossy(text);
    above.rsplit_once('/').map(|(above, _)| above.to_owned()).unwrap_or_default()
}

impl WorkTree {
    /// The paths whose files differ between two commits. Where a name is not UTF-8, the directory that it is in; the
    /// empty path is the whole work tree.
    pub(crate) async fn differing(&self, old: &CommitId, new: &CommitId) -> Result<Vec<String>, Error> {
        let command = self.command("compare commits of").args(["diff-tree", "-r", "-z", "--name-only"]);
        let output = command.arg("--no-renames").args([old.as_str(), new.as_str()]).success().await?;
        let paths = output.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(nameable).collect())
    }

    /// Moves head and files to a commit. Changes that are not committed stay; where they are in the way of the new
    /// files, all files stay as they are and only the head moves.
    pub(crate) async fn advance(&self, commit: &CommitId) -> Result<(), Error> {
        let head = self.head_commit()?;
        if head == *commit {
            return Ok(());
        }
        let follow = || {
            let command = self.command("update the files of").args(["read-tree", "-m", "-u"]);
            command.args([head.as_str(), commit.as_str()]).run()
        };
        let mut output = follow().await?;
        if !output.success {
            // Files that were copied or restored look changed to the index until it has read them again.
            self.command("refresh the index of").args(["update-index", "-q", "--refresh"]).run().await?;
            output = follow().await?;
        }
        if !output.success {
            self.command("update the index of").args(["read-tree", commit.as_str()]).success().await?;
        }
        self.set_head(commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_named_is_in_something_that_can() {
        for (path, wanted) in [
            (&b"a/b"[..], "a/b"),
            ("k/żółw".as_bytes(), "k/żółw"),
            (b"a/b/\xff", "a/b"),
            (b"a/\xff/c", "a"),
            (b"\xff", ""),
            (b"x\xff/y", ""),
        ] {
            assert_eq!(nameable(path), wanted);
        }
    }

    #[test]
    fn a_rewritten_commit_keeps_author_message_and_encoding() {
        let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
        let object = [
            format!("tree {a}\nparent {b}\nauthor Ann <a@b> 1 +0200\ncommitter X <x@y> 2 +0000\n").as_bytes(),
            b"encoding ISO-8859-1\ngpgsig -----BEGIN\n abc\n -----END\n\nGr\xf6\xdfe\n\nbody",
        ]
        .concat();
        let parsed = parse(&object).unwrap();
        assert!(!parsed.keeps_its_signature && parsed.parents.len() == 1);
        let parent = CommitId::parse(&b).unwrap();
        let again = rewritten(&parsed, &c, &parent, "F <f@f> 3 +0000");
        let wanted = [
            format!("tree {c}\nparent {b}\nauthor Ann <a@b> 1 +0200\ncommitter F <f@f> 3 +0000\n").as_bytes(),
            b"encoding ISO-8859-1\n\nGr\xf6\xdfe\n\nbody",
        ]
        .concat();
        assert_eq!(again, wanted);
        assert!(parse(b"tree x\n\nm").is_none() && parse(b"nothing").is_none());
    }
}
