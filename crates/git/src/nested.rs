//! Work trees inside work trees. Git would look into their `.git`, whose configuration nobody checked, and would
//! commit them as submodules; so they are left out of everything that is done outside.

use std::path::Path;

use crate::Error;

/// Deeper trees are not looked into; Git cannot hold them either (paths are limited to 4096 bytes).
const DEEPEST: usize = 2048;

/// Arguments after `--`: everything but nested repositories.
pub(crate) async fn pathspecs(directory: &Path) -> Result<Vec<String>, Error> {
    let failed = format!("read {}", directory.display());
    let directory = directory.to_owned();
    let search = tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        find(&directory, "", 0, &mut found).map(|()| found)
    });
    let found = search.await.map_err(std::io::Error::other).flatten().map_err(Error::io(failed))?;
    let mut pathspecs = vec![".".to_owned()];
    pathspecs.extend(found.into_iter().map(|path| format!(":(exclude,literal){path}")));
    Ok(pathspecs)
}

fn find(directory: &Path, prefix: &str, depth: usize, found: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if !entry.file_type()?.is_dir() || name == ".git" || depth > DEEPEST {
            continue;
        }
        let path = format!("{prefix}{}", name.to_string_lossy());
        if std::fs::symlink_metadata(entry.path().join(".git")).is_ok() {
            found.push(path);
        } else {
            find(&entry.path(), &format!("{path}/"), depth + 1, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nested_repositories_are_found_and_not_entered() {
        let place = tempfile::tempdir().unwrap();
        for path in [".git", "a/.git", "a/b/.git", "c/d/.git", "c/e"] {
            std::fs::create_dir_all(place.path().join(path)).unwrap();
        }
        std::fs::create_dir_all(place.path().join("f")).unwrap();
        std::fs::write(place.path().join("f/.git"), "gitdir: /elsewhere").unwrap();
        let mut pathspecs = pathspecs(place.path()).await.unwrap();
        pathspecs.sort();
        assert_eq!(pathspecs, [".", ":(exclude,literal)a", ":(exclude,literal)c/d", ":(exclude,literal)f"]);
    }
}
