//! Mirrors without contents: commits and directories come at once, the contents of files when somebody needs them. Git would
//! fetch what it misses by itself, one by one and from anywhere; so what a command will need is fetched before it runs. A
//! server that cannot leave contents out sends all of them, and nothing is missing then.

use std::collections::BTreeSet;

use ferry_artifact::CommitId;

use crate::Error;
use crate::fetch;
use crate::invocation::Invocation;
use crate::mirror::Mirror;
use crate::state::State;
use crate::work_tree::WorkTree;

/// Brings the files of a commit of the mirror that will be checked out in such a work tree, which need not be there yet.
pub(crate) async fn files(mirror: &Mirror, tree: &WorkTree, commit: &CommitId) -> Result<(), Error> {
    if !tree.blobless() {
        return Ok(());
    }
    bring(mirror, mirror.command(LOOK), &[commit], &pathspecs(tree.state())).await
}

/// The same for a commit that may be in the work tree alone.
pub(crate) async fn own_files(mirror: &Mirror, tree: &WorkTree, commit: &CommitId) -> Result<(), Error> {
    if !tree.blobless() {
        return Ok(());
    }
    bring(mirror, tree.command(LOOK), &[commit], &pathspecs(tree.state())).await
}

/// What is done first, for messages.
const LOOK: &str = "look for missing files of";

/// Brings what replaying or merging one's own commits may look into: the files that they change, on both sides and where
/// they part.
pub(crate) async fn sides(
    mirror: &Mirror,
    tree: &WorkTree,
    theirs: &CommitId,
    own: &CommitId,
) -> Result<(), Error> {
    if !tree.blobless() {
        return Ok(());
    }
    let base =
        tree.command("look for where they part in").args(["merge-base", theirs.as_str(), own.as_str()]);
    let base = base.run().await?;
    // Where nothing is common, the one that integrates them says so.
    let Ok(base) = CommitId::parse(&base.text()) else { return Ok(()) };
    let paths = tree.differing(&base, own).await?;
    let paths: Vec<_> = paths.into_iter().map(|path| format!(":(literal){path}")).collect();
    bring(mirror, tree.command(LOOK), &[&base, theirs], &paths).await
}

/// Fetches what is missing of these commits at these paths; no path is all of them.
async fn bring(
    mirror: &Mirror,
    list: Invocation<'_>,
    commits: &[&CommitId],
    paths: &[String],
) -> Result<(), Error> {
    let list = list.args(["rev-list", "--objects", "--missing=print", "--no-walk"]);
    // Commits themselves would be left out where they change nothing at these paths.
    let list = list.args(commits.iter().map(|commit| format!("{commit}^{{tree}}"))).arg("--").args(paths);
    let listed = list.success().await?.text();
    let missing: BTreeSet<&str> = listed.lines().filter_map(|line| line.strip_prefix('?')).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let ids = missing.into_iter().flat_map(|id| [id, "\n"]).collect::<String>();
    fetch::contents(mirror, ids.into_bytes()).await
}

/// Which files a work tree has: those of the directories that were named and of the ones above them.
fn pathspecs(state: &State) -> Vec<String> {
    if state.sparse.is_empty() {
        return Vec::new();
    }
    let mut pathspecs = BTreeSet::from([":(glob)*".to_owned()]);
    for path in &state.sparse {
        pathspecs.insert(format!(":(literal){path}"));
        let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        pathspecs.extend(above.map(|above| format!(":(glob){above}/*")));
    }
    pathspecs.into_iter().collect()
}
