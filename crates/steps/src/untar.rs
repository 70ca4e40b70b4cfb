//! `untar`: take apart an archive, compressed by gzip or not.

use std::io;

use ferry_engine::work::{Kind, WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;
use tar::{Archive, EntryType};

use crate::archive::{Contents, MAX_HEADER, MAX_TIME, Meter};
use crate::broke;
use crate::config::{Text, given, many};
use crate::field::Of;
use crate::ignored::Ignored;

/// The mode of `outPath`.
const OUT_MODE: u32 = 0o700;
/// The mode of directories in it.
const DIRECTORY_MODE: u32 = 0o750;
/// The most that the mode of a file may say: nobody else writes.
const MODE: u32 = 0o755;
/// What is left out where nothing is said.
const IGNORED: &str = ".git";
/// Take apart an archive, compressed by gzip or not.
///
/// `outPath` then holds what the archive holds, and nothing else; `.` adds to the work directory instead. The first
/// `stripComponents` parts of each name are cut off. `.git` is left out; with `ignore`, in the syntax of `.gitignore`
/// and counted from `outPath`, that is left out instead. Entries whose names lead out, links that are absolute or lead
/// upwards, hard links and devices are passed over. A file may have 50 MiB, all together 100 MiB, entries 100,000; an
/// archive may become 500 times as large as it is, and take five minutes to read. There is no output.
/// ```yaml
/// - uses: untar
///   config:
///     inPath: chart.tgz
///     outPath: chart
///     stripComponents: 1
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Untar {
    /// The archive.
    in_path: WorkPath,
    /// The directory to make.
    out_path: WorkPath,
    /// How many parts of each name are cut off.
    #[serde(default, deserialize_with = "many")]
    #[schemars(with = "u32")]
    strip_components: Option<u32>,
    /// Patterns, one a line, of what is left out; the syntax is that of `.gitignore`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Text")]
    ignore: Option<Text>,
}

impl Step for Untar {
    const KIND: &'static str = "untar";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let taken = ctx.work.blocking(move |work| Ok(self.unpack(work))).await;
        taken.map_err(broke)??;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

impl Untar {
    fn unpack(&self, work: &WorkDir) -> Result<(), StepError> {
        let ignored = Ignored::read(self.ignore.as_deref().unwrap_or(IGNORED))?;
        judge(self.open(work)?).map_err(|why| self.told(why))?;
        let archive = self.open(work)?;
        if !self.out_path.is_root() {
            self.make_room(work).of("outPath")?;
        }
        Taking { step: self, work, ignored }.all(archive).map_err(|why| self.told(why))
    }

    /// Makes `outPath`, in the place of a directory that is there.
    fn make_room(&self, work: &WorkDir) -> Result<(), StepError> {
        match work.kind(&self.out_path).map_err(broke)? {
            Some(Kind::Directory) => work.remove(&self.out_path).map_err(broke)?,
            Some(_) => {
                let path = self.out_path.as_written();
                return Err(StepError::Retryable(format!("{path:?} is there and is no directory")));
            }
            // A link that leads nowhere.
            None if work.exists(&self.out_path).map_err(broke)? => {
                work.remove(&self.out_path).map_err(broke)?;
            }
            None => {}
        }
        if let Some(parent) = self.out_path.parent().filter(|parent| !parent.is_root()) {
            work.create_dir_all_with_mode(&parent, DIRECTORY_MODE).map_err(broke)?;
        }
        work.create_dir_all_with_mode(&self.out_path, OUT_MODE).map_err(broke)
    }

    fn told(&self, why: Stop) -> StepError {
        match why {
            Stop::Work(e) => broke(e),
            Stop::Archive(why) => {
                let path = self.in_path.as_written();
                StepError::Retryable(format!("inPath: {path:?} cannot be unpacked: {why}"))
            }
        }
    }

    fn open(&self, work: &WorkDir) -> Result<Archive<Contents>, StepError> {
        let file = work.open(&self.in_path).of("inPath")?;
        let contents = Contents::of(file, MAX_TIME).map_err(|e| {
            StepError::Retryable(format!("inPath: {:?} cannot be read: {e}", self.in_path.as_written()))
        });
        Ok(Archive::new(contents?))
    }
}

/// Whether an archive is small enough, in all and each part; nothing of it is kept in memory for that.
fn judge(mut archive: Archive<Contents>) -> Result<(), Stop> {
    let mut meter = Meter::default();
    for entry in archive.entries()?.raw(true) {
        let entry = entry?;
        let header = entry.header();
        let kind = header.entry_type();
        let of_names = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        let (name, len) = (String::from_utf8_lossy(&header.path_bytes()).into_owned(), entry.size());
        if of_names && len > MAX_HEADER {
            return Err(Stop::Archive(format!("a name or its header has {len} bytes")));
        }
        meter.count(&name, len).map_err(Stop::Archive)?;
    }
    Ok(())
}

/// Why an archive was not taken apart.
enum Stop {
    /// The work directory.
    Work(ferry_engine::work::Error),
    /// The archive.
    Archive(String),
}

impl From<ferry_engine::work::Error> for Stop {
    fn from(e: ferry_engine::work::Error) -> Self {
        Self::Work(e)
    }
}

impl From<io::Error> for Stop {
    fn from(e: io::Error) -> Self {
        Self::Archive(e.to_string())
    }
}

struct Taking<'a> {
    step: &'a Untar,
    work: &'a WorkDir,
    ignored: Ignored,
}

impl Taking<'_> {
    fn all(&self, mut archive: Archive<Contents>) -> Result<(), Stop> {
        for entry in archive.entries()? {
            let mut entry = entry?;
            let name = entry.path_bytes();
            let name = String::from_utf8_lossy(&name).into_owned();
            let kind = entry.header().entry_type();
            let Some(below) = self.below(&name) else { continue };
            if self.ignored.has_with_parents(&below, kind == EntryType::Directory) {
                continue;
            }
            let Ok(path) = self.step.out_path.join(&below) else { continue };
            match kind {
                EntryType::Directory => self.directory(&path)?,
                EntryType::Regular | EntryType::Continuous => self.file(&path, &mut entry)?,
                EntryType::Symlink => {
                    let target = entry.link_name_bytes();
                    let target = target.and_then(|target| String::from_utf8(target.into_owned()).ok());
                    let target = target.filter(|target| stays_below(target));
                    // What came first stays.
                    if let Some(target) = target.filter(|_| !self.is_there(&path)) {
                        self.above(&path)?;
                        self.work.symlink(&target, &path)?;
                    }
                }
                // Hard links and devices.
                _ => {}
            }
        }
        Ok(())
    }

    /// Where an entry belongs below `outPath`; none where it is to be passed over.
    fn below(&self, name: &str) -> Option<String> {
        let strip = usize::try_from(self.step.strip_components.unwrap_or(0)).unwrap_or(usize::MAX);
        let parts: Vec<_> = name.split('/').skip(strip).collect();
        // What is cut off does no harm.
        if parts.len() > 1 && parts.first() == Some(&"") || parts.contains(&"..") || name.contains('\\') {
            return None;
        }
        let parts: Vec<_> = parts.into_iter().filter(|part| !matches!(*part, "" | ".")).collect();
        (!parts.is_empty()).then(|| parts.join("/"))
    }

    fn is_there(&self, path: &WorkPath) -> bool {
        matches!(self.work.kind_of_link(path), Ok(Some(_)))
    }

    fn directory(&self, path: &WorkPath) -> Result<(), Stop> {
        // A directory stays as it is where an entry names it again.
        if self.work.kind_of_link(path)? != Some(Kind::Directory) {
            self.work.create_dir_all_with_mode(path, DIRECTORY_MODE)?;
        }
        Ok(())
    }

    fn above(&self, path: &WorkPath) -> Result<(), Stop> {
        match path.parent().filter(|parent| !parent.is_root()) {
            Some(parent) => self.directory(&parent),
            None => Ok(()),
        }
    }

    fn file(&self, path: &WorkPath, entry: &mut tar::Entry<'_, Contents>) -> Result<(), Stop> {
        let (size, mode) = (entry.size(), entry.header().mode()? & MODE);
        self.above(path)?;
        self.work.write_from(path, mode, |file| match io::copy(entry, file)? {
            copied if copied == size => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends too early")),
        })?;
        Ok(())
    }
}

/// Whether a link's target is in the directory that the link is in, by its words. One that begins with `./` is passed
/// over too, as recorded.
fn stays_below(target: &str) -> bool {
    let is_relative = !target.is_empty() && !target.starts_with('/') && !target.starts_with("./");
    is_relative && !target.contains('\\') && target.split('/').all(|part| part != "..")
}
