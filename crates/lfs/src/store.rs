//! Contents on this disk, where `git-lfs` looks for them: `objects/4d/7a/4d7a…`. What is on its way is in `incoming`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::pointer::Pointer;

/// What is older than that is on the disk, whatever happens.
const RECENT: Duration = Duration::from_mins(10);

/// A directory of contents.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

impl Store {
    /// The store in a directory, which need not be there yet.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The directory, for `lfs.storage`.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a content is, or would be.
    pub fn path(&self, pointer: &Pointer) -> PathBuf {
        let oid = pointer.oid();
        let part = |at: std::ops::Range<usize>| oid.get(at).unwrap_or_default();
        self.directory.join("objects").join(part(0..2)).join(part(2..4)).join(oid)
    }

    /// Whether a content is here whole.
    pub fn has(&self, pointer: &Pointer) -> bool {
        let is_whole = |found: std::fs::Metadata| found.is_file() && found.len() == pointer.size();
        pointer.is_empty() || std::fs::metadata(self.path(pointer)).is_ok_and(is_whole)
    }

    /// Removes what a killed process left on its way. Nobody else may use the store meanwhile.
    pub fn sweep(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(self.incoming()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// Removes contents that are not what their names say, among those of the last minutes in which any came: a machine that
    /// went down may not have written all of what `git-lfs` had made. Nobody else may use the store meanwhile.
    pub fn heal(&self) -> io::Result<()> {
        let mut contents = Vec::new();
        for first in entries(&self.directory.join("objects"))? {
            for second in entries(&first)? {
                for content in entries(&second)? {
                    contents.push((content.metadata()?.modified()?, content));
                }
            }
        }
        let Some(newest) = contents.iter().map(|(modified, _)| *modified).max() else { return Ok(()) };
        for (modified, content) in contents {
            let is_recent = newest.duration_since(modified).is_ok_and(|before| before < RECENT);
            if is_recent && content.file_name() != Some(hash_of(&content)?.as_ref()) {
                tracing::warn!(content = %content.display(), "a large file is damaged and is removed");
                std::fs::remove_file(&content)?;
            }
        }
        Ok(())
    }

    fn incoming(&self) -> PathBuf {
        self.directory.join("incoming")
    }

    /// A content that is about to come.
    pub(crate) fn begin(&self, pointer: &Pointer) -> io::Result<Incoming> {
        let path = self.path(pointer);
        std::fs::create_dir_all(path.parent().unwrap_or(&self.directory))?;
        std::fs::create_dir_all(self.incoming())?;
        let file = NamedTempFile::new_in(self.incoming())?;
        Ok(Incoming { file, path, hash: Sha256::new(), left: pointer.size(), pointer: pointer.clone() })
    }
}

fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

fn hash_of(content: &Path) -> io::Result<std::ffi::OsString> {
    let mut hash = Sha256::new();
    io::copy(&mut std::fs::File::open(content)?, &mut hash)?;
    Ok(hex::encode(hash.finalize()).into())
}

/// A content that comes in parts. Nobody sees it before it is whole.
pub(crate) struct Incoming {
    file: NamedTempFile,
    path: PathBuf,
    hash: Sha256,
    left: u64,
    pointer: Pointer,
}

impl Incoming {
    /// The next part.
    pub fn write(&mut self, part: &[u8]) -> Result<(), String> {
        let size = u64::try_from(part.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(size).ok_or_else(|| {
            format!("more came than the {} bytes that the pointer says", self.pointer.size())
        })?;
        self.hash.update(part);
        io::Write::write_all(&mut self.file, part).map_err(|e| e.to_string())
    }

    /// Keeps it, if it is what the pointer names.
    pub fn keep(self) -> Result<(), String> {
        if self.left > 0 {
            return Err(format!("{} bytes less came than the pointer says", self.left));
        }
        if hex::encode(self.hash.finalize()) != self.pointer.oid() {
            return Err("what came has another SHA-256 than the pointer says".to_owned());
        }
        // Its size is all that is looked at later, so the content has to be on the disk before the name is.
        self.file.as_file().sync_all().map_err(|e| e.to_string())?;
        self.file.persist(&self.path).map(drop).map_err(|e| e.error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn only_the_content_itself_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path().join("lfs"));
        let hello = Pointer::new(HELLO, 5).unwrap();
        for (parts, wanted) in [
            (&[&b"hel"[..], b"lo!"][..], "more came"),
            (&[&b"hell"[..]][..], "1 bytes less"),
            (&[&b"HELLO"[..]][..], "another SHA-256"),
        ] {
            let mut incoming = store.begin(&hello).unwrap();
            let written = parts.iter().try_for_each(|part| incoming.write(part));
            let refused = written.and_then(|()| incoming.keep()).unwrap_err();
            assert!(refused.contains(wanted), "{refused}");
            assert!(!store.has(&hello));
        }
        let mut incoming = store.begin(&hello).unwrap();
        incoming.write(b"hel").and_then(|()| incoming.write(b"lo")).unwrap();
        assert!(!store.has(&hello), "not before it is whole");
        incoming.keep().unwrap();
        assert!(store.has(&hello));
        assert_eq!(store.path(&hello), place.path().join(format!("lfs/objects/2c/f2/{HELLO}")));
        std::fs::write(store.path(&hello), "hel").unwrap();
        assert!(!store.has(&hello), "cut off");
    }

    #[test]
    fn what_a_machine_that_went_down_has_not_written_goes() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path().join("lfs"));
        store.heal().unwrap();
        let names = [HELLO, &HELLO.replace("2cf2", "0000"), &HELLO.replace("2cf2", "1111")];
        let path = |name: &str| store.path(&Pointer::new(name, 5).unwrap());
        for (name, text, seconds) in
            [(names[0], "hello", 5000), (names[1], "", 4990), (names[2], "old", 1000)]
        {
            std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            std::fs::write(path(name), text).unwrap();
            let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            std::fs::File::open(path(name)).unwrap().set_modified(time).unwrap();
        }
        store.heal().unwrap();
        assert_eq!(names.map(|name| path(name).exists()), [true, false, true], "what is old was on the disk");
    }

    #[test]
    fn what_was_left_on_its_way_goes() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path().join("lfs"));
        let incoming = store.begin(&Pointer::new(HELLO, 5).unwrap()).unwrap();
        std::mem::forget(incoming);
        store.sweep().and_then(|()| store.sweep()).unwrap();
        assert!(!store.incoming().exists() && store.directory().exists());
    }
}
