//! Paths without links in them: where a change is really made, and that this is inside the work directory.

use super::error::{Error, Result};
use super::journal::Journal;
use super::path::WorkPath;
use super::view::{DIRECTORY_MODE, Kind, WorkDir, found};

/// How many links in a row may lead to what is not there.
const MOST_LINKS: usize = 40;

impl WorkDir {
    /// The path without links in the directories above it; what is at the path itself is not followed.
    pub(super) fn real(&self, journal: &mut Journal, path: &WorkPath, make: bool) -> Result<String> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Error::Whole(path.as_written().to_owned(), "replaced or removed"));
        };
        let mode = make.then_some(DIRECTORY_MODE);
        Ok(join(&self.real_directory(journal, &parent, mode)?, name))
    }

    /// The path of a file without any link in it, there or to be made. Missing directories are made.
    pub(super) fn real_file(&self, journal: &mut Journal, path: &WorkPath) -> Result<String> {
        let mut real = self.real(journal, path, true)?;
        for _ in 0..MOST_LINKS {
            match found(path, journal.work.symlink_metadata(&real))? {
                Some(Kind::Link) => {}
                Some(Kind::Directory) => return Err(Error::Directory(path.as_written().to_owned())),
                _ => return Ok(real),
            }
            // What a link leads to need not be there yet.
            match self.follow(&real, path) {
                Ok(file) => {
                    self.expect_file(&WorkPath::of_clean(file.clone()))?;
                    return Ok(file);
                }
                Err(Error::Missing(_)) => real = self.real(journal, &self.target(&real, path)?, true)?,
                Err(error) => return Err(error),
            }
        }
        Err(Error::Loop(path.as_written().to_owned()))
    }

    /// Where a link says that it leads to, by its words.
    fn target(&self, link: &str, path: &WorkPath) -> Result<WorkPath> {
        let escapes = || Error::Escapes(path.as_written().to_owned());
        let target = self.read_link(&WorkPath::of_clean(link.to_owned()))?;
        if target.starts_with('/') {
            return Err(escapes());
        }
        let above = link.rsplit_once('/').map_or("", |(above, _)| above);
        WorkPath::parse(&join(above, &target)).map_err(|_| escapes())
    }

    /// The path of a directory without any link in it. Where a mode is given, what is missing is made with it.
    pub(super) fn real_directory(
        &self,
        journal: &mut Journal,
        path: &WorkPath,
        make: Option<u32>,
    ) -> Result<String> {
        let mut real = String::new();
        for name in path.clean().split('/').filter(|name| !name.is_empty()) {
            let next = join(&real, name);
            real = match found(path, journal.work.symlink_metadata(&next))? {
                Some(Kind::Directory) => next,
                Some(Kind::Link) => self.follow(&next, path)?,
                None => {
                    let Some(mode) = make else {
                        return Err(Error::Missing(path.as_written().to_owned()));
                    };
                    journal.make_directory(&next, mode)?;
                    next
                }
                Some(_) => return Err(Error::NotDirectory(path.as_written().to_owned())),
            };
        }
        match found(path, journal.work.symlink_metadata(if real.is_empty() { "." } else { &real }))? {
            Some(Kind::Directory) => Ok(real),
            _ => Err(Error::NotDirectory(path.as_written().to_owned())),
        }
    }

    /// The path without any link in it, for a program that will follow them all.
    pub(super) fn followed(&self, journal: &mut Journal, path: &WorkPath) -> Result<String> {
        let real = self.real(journal, path, true)?;
        if found(path, journal.work.symlink_metadata(&real))? != Some(Kind::Link) {
            return Ok(real);
        }
        let real = self.follow(&real, path)?;
        if real.is_empty() {
            return Err(Error::Whole(path.as_written().to_owned(), "given to a program to change"));
        }
        Ok(real)
    }

    /// Where a link leads to, inside the work directory.
    fn follow(&self, link: &str, path: &WorkPath) -> Result<String> {
        let real = self.work(path)?.canonicalize(link);
        let real = real.map_err(|e| Error::io("follow", path.as_written(), e))?;
        let real = real.to_str().ok_or_else(|| Error::Name(path.as_written().to_owned()))?;
        Ok(if real == "." { String::new() } else { real.to_owned() })
    }
}

pub(super) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}
