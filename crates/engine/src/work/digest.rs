//! What a step made of the work directory, in one digest: of the paths it touched, never of the whole tree.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, PermissionsExt};
use sha2::{Digest, Sha256};

use super::journal::{Journal, parents};

/// The digest after a step, which continues the one before it. The same changes give the same digest, on any machine
/// and at any time.
pub(super) fn after(previous: &str, journal: &Journal) -> io::Result<String> {
    let mut hash = Sha256::new();
    part(&mut hash, b"ferry work 1");
    part(&mut hash, previous.as_bytes());
    let mut paths: Vec<&String> = journal.touched().iter().chain(journal.notes.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        // What lies below another path of the list is part of that one.
        if !parents(path).any(|above| journal.touched().contains(above) || journal.notes.contains_key(above))
        {
            tree(&mut hash, journal, Path::new(path))?;
        }
    }
    Ok(hex::encode(hash.finalize()))
}

fn tree(hash: &mut Sha256, journal: &Journal, path: &Path) -> io::Result<()> {
    part(hash, path.as_os_str().as_bytes());
    if let Some(note) = path.to_str().and_then(|path| journal.notes.get(path)) {
        part(hash, b"noted");
        part(hash, note.as_bytes());
        return Ok(());
    }
    let metadata = match journal.work.symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            part(hash, b"absent");
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    if metadata.is_symlink() {
        part(hash, b"link");
        part(hash, journal.work.read_link_contents(path)?.as_os_str().as_bytes());
    } else if metadata.is_dir() {
        part(hash, b"directory");
        for name in names(&journal.work, path)? {
            tree(hash, journal, &path.join(name))?;
        }
    } else {
        let executable = metadata.permissions().mode() & 0o111 != 0;
        part(hash, if executable { b"executable" } else { b"file" });
        part(hash, &contents(&journal.work, path)?);
    }
    Ok(())
}

fn names(work: &Dir, path: &Path) -> io::Result<Vec<OsString>> {
    let mut names = work.read_dir(path)?.map(|e| e.map(|e| e.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

fn contents(work: &Dir, path: &Path) -> io::Result<[u8; 32]> {
    let mut file = work.open(PathBuf::from(path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            n => hash.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

/// Lengths keep neighbouring parts apart.
fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}
