//! Submodules: their files are brought into a fresh work tree as plain files, without a `.git` of their own. The
//! commit they are at stays recorded as it is.

use std::collections::HashMap;
use std::path::Path;

use ferry_artifact::{CommitId, RepoUrl};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::Error;
use crate::lfs::Files;
use crate::mirror::{Mirror, Revision};

/// Deeper nesting is a loop.
const DEEPEST: usize = 10;

/// Brings the files of all submodules of a commit that was just checked out.
pub(crate) async fn fill(mirror: &Mirror, directory: &Path, commit: &CommitId) -> Result<(), Error> {
    below(mirror, directory, commit, 0).await
}

fn below<'a>(
    mirror: &'a Mirror,
    directory: &'a Path,
    commit: &'a CommitId,
    depth: usize,
) -> BoxFuture<'a, Result<(), Error>> {
    async move {
        let links = links(mirror, commit).await?;
        if links.is_empty() {
            return Ok(());
        }
        let wrong = |detail: String| {
            let place = mirror.url().to_owned();
            Err(Error::Git { operation: "check out the submodules of".into(), place, detail })
        };
        if depth > DEEPEST {
            return wrong(format!("they are nested more than {DEEPEST} deep"));
        }
        let urls = urls(mirror, commit).await?;
        for (path, id) in links {
            let Some(url) = urls.get(&path) else {
                return wrong(format!("the file .gitmodules does not name a URL for {path}"));
            };
            let target = directory.join(&path);
            // Not there in a sparse checkout that leaves it out.
            if !std::fs::symlink_metadata(&target).is_ok_and(|found| found.is_dir()) {
                continue;
            }
            let service = mirror.service();
            let url = RepoUrl::parse(&absolute(&mirror.shared().remote.address, url))?;
            let remote = mirror.shared().remote.sibling(&url, service.settings(), service.salt())?;
            let other = service.mirror_of(remote.shallow(service.salt()));
            other.fetch_revision(&Revision::Commit(id.clone().into())).await?;
            export(&other, &target, &id).await?;
            below(&other, &target, &id, depth + 1).await?;
        }
        Ok(())
    }
    .boxed()
}

/// Path → commit of every submodule.
async fn links(mirror: &Mirror, commit: &CommitId) -> Result<Vec<(String, CommitId)>, Error> {
    let command = mirror.command("list the submodules of").args(["ls-tree", "-r", "-z", "--full-tree"]);
    let output = command.arg(commit.as_str()).success().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let link = |entry: &str| {
        let (meta, path) = entry.split_once('\t')?;
        let id = meta.strip_prefix("160000 commit ")?;
        Some((path.to_owned(), CommitId::parse(id).ok()?))
    };
    Ok(text.split_terminator('\0').filter_map(link).collect())
}

/// Path → URL, as `.gitmodules` has them.
async fn urls(mirror: &Mirror, commit: &CommitId) -> Result<HashMap<String, String>, Error> {
    let command =
        mirror.command("read .gitmodules of").args(["config", "--no-includes", "-z", "--list", "--blob"]);
    let output = command.arg(format!("{commit}:.gitmodules")).success().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut modules: HashMap<&str, (Option<&str>, Option<&str>)> = HashMap::new();
    for (key, value) in text.split_terminator('\0').filter_map(|entry| entry.split_once('\n')) {
        let Some((name, field)) = key.strip_prefix("submodule.").and_then(|rest| rest.rsplit_once('.'))
        else {
            continue;
        };
        let module = modules.entry(name).or_default();
        match field {
            "path" => module.0 = Some(value),
            "url" => module.1 = Some(value),
            _ => {}
        }
    }
    let whole = modules.into_values().filter_map(|(path, url)| Some((path?.to_owned(), url?.to_owned())));
    Ok(whole.collect())
}

async fn export(mirror: &Mirror, target: &Path, commit: &CommitId) -> Result<(), Error> {
    let index =
        tempfile::tempdir_in(&mirror.runner().keys).map_err(Error::io("make a directory for an index"))?;
    let files = Files::exported(mirror, target, index.path().join("index"));
    files.command("check out").args(["read-tree", "--reset", "-u", commit.as_str()]).success().await?;
    files.bring(commit).await
}

/// `./x` and `../x` are relative to the repository that names them.
fn absolute(base: &str, url: &str) -> String {
    if !url.starts_with("./") && !url.starts_with("../") {
        return url.to_owned();
    }
    let mut base = base.trim_end_matches('/');
    let mut rest = url;
    loop {
        if let Some(below) = rest.strip_prefix("./") {
            rest = below;
        } else if let Some(beside) = rest.strip_prefix("../") {
            rest = beside;
            base = match base.rsplit_once('/').or_else(|| base.rsplit_once(':')) {
                Some((parent, _)) if !parent.ends_with('/') => parent,
                _ => base,
            };
        } else {
            break;
        }
    }
    // `git@host:repo` and `../other` lose their last part at the colon.
    let separator = if base.contains([':', '/']) { '/' } else { ':' };
    format!("{base}{separator}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_urls_start_at_the_repository() {
        for (base, url, wanted) in [
            ("https://h/team/app.git", "../lib.git", "https://h/team/lib.git"),
            ("https://h/team/app", "../../x/lib", "https://h/x/lib"),
            ("https://h/team/app/", "./sub", "https://h/team/app/sub"),
            ("git@h:team/app", "../lib", "git@h:team/lib"),
            ("git@h:app", "../lib", "git@h:lib"),
            ("https://h/app", "../../../../x", "https://h/x"),
            ("https://h/app", "https://other/x", "https://other/x"),
            ("https://h/app", "ext::sh -c id", "ext::sh -c id"),
        ] {
            assert_eq!(absolute(base, url), wanted, "{base} {url}");
        }
    }
}
