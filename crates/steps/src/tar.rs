//! `tar`: put a file or a directory into an archive.

use std::io::{self, Write};

use ferry_engine::work::{Entry, Kind, WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;
use tar::{Builder, EntryType, Header};

use crate::archive::Meter;
use crate::broke;
use crate::config::{Text, given};
use crate::field::Of as _;
use crate::ignored::Ignored;

/// The mode of the archive.
const MODE: u32 = 0o600;
/// What is left out where nothing is said.
const IGNORED: &str = ".git";

/// Put a file or a directory into an archive.
///
/// The archive holds what is in the directory, named from there, or the one file. `.git` is left out; with `ignore`,
/// in the syntax of `.gitignore`, that is left out instead. Symbolic links stay links. An archive that is there is
/// replaced. A file may have 50 MiB, all together 100 MiB. There is no output.
/// ```yaml
/// - uses: tar
///   config:
///     inPath: out
///     outPath: release.tgz
///     gzip: true
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Tar {
    /// The file or directory.
    in_path: WorkPath,
    /// The archive.
    out_path: WorkPath,
    /// Patterns, one a line, of what is left out; the syntax is that of `.gitignore`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Text")]
    ignore: Option<Text>,
    /// Whether the archive is compressed.
    #[serde(default)]
    gzip: bool,
}

impl Step for Tar {
    const KIND: &'static str = "tar";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let seconds = u64::try_from(ctx.started_at.as_second()).unwrap_or_default();
        let made = ctx.work.blocking(move |work| Ok(self.pack(work, seconds))).await;
        made.map_err(broke)??;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

impl Tar {
    /// `seconds` is the time that everything in the archive bears: the same when the step is replayed.
    fn pack(&self, work: &WorkDir, seconds: u64) -> Result<(), StepError> {
        let ignored = Ignored::read(self.ignore.as_deref().unwrap_or(IGNORED))?;
        let (base, entries) = self.entries(work, &ignored)?;
        let packer = Packer { work, base, seconds };
        let written = work.write_from(&self.out_path, MODE, |file| {
            if self.gzip {
                let compressed = flate2::GzBuilder::new().write(file, flate2::Compression::default());
                packer.write(compressed, &entries)?.finish()?;
            } else {
                packer.write(file, &entries)?;
            }
            Ok(())
        });
        written.of("outPath")
    }

    /// What goes in, and the directory that it is named from.
    fn entries(&self, work: &WorkDir, ignored: &Ignored) -> Result<(WorkPath, Vec<Entry>), StepError> {
        let (base, entries) = match work.kind(&self.in_path).of("inPath")? {
            Some(Kind::Directory) => {
                if let Some(below) = self.out_path.relative_to(&self.in_path)
                    && !ignored.has_with_parents(below, false)
                {
                    return Err(StepError::Retryable(format!(
                        "outPath {:?} lies inside inPath {:?}; ignore it or choose another",
                        self.out_path.as_written(),
                        self.in_path.as_written(),
                    )));
                }
                let kept = |entry: &Entry| {
                    let below = entry.path.relative_to(&self.in_path).unwrap_or_default();
                    !ignored.has(below, entry.kind == Kind::Directory)
                };
                (self.in_path.clone(), work.walk(&self.in_path, kept).of("inPath")?)
            }
            Some(kind) => {
                let base = self.in_path.parent().unwrap_or_else(WorkPath::root);
                let name = self.in_path.file_name().unwrap_or_default();
                let kept = !ignored.has(name, false);
                (base, kept.then(|| Entry { path: self.in_path.clone(), kind }).into_iter().collect())
            }
            None => {
                let missing = self.in_path.as_written();
                return Err(StepError::Retryable(format!("inPath {missing:?} does not exist")));
            }
        };
        let mut meter = Meter::default();
        for entry in &entries {
            let len = if let Kind::File { len, .. } = entry.kind { len } else { 0 };
            meter.count(entry.path.as_str(), len).map_err(StepError::Retryable)?;
        }
        Ok((base, entries))
    }
}

struct Packer<'a> {
    work: &'a WorkDir,
    base: WorkPath,
    seconds: u64,
}

impl Packer<'_> {
    fn write<W: Write>(&self, out: W, entries: &[Entry]) -> io::Result<W> {
        let mut archive = Builder::new(out);
        for entry in entries {
            let name = entry.path.relative_to(&self.base).unwrap_or_default();
            match entry.kind {
                Kind::File { len, mode } => {
                    let mut header = self.header(EntryType::Regular, mode, len);
                    let contents = self.work.open(&entry.path).map_err(io::Error::other)?;
                    archive.append_data(&mut header, name, contents)?;
                }
                Kind::Directory => {
                    let mut header = self.header(EntryType::Directory, 0o755, 0);
                    archive.append_data(&mut header, format!("{name}/"), io::empty())?;
                }
                Kind::Link => {
                    let target = self.work.read_link(&entry.path).map_err(io::Error::other)?;
                    let mut header = self.header(EntryType::Symlink, 0o777, 0);
                    archive.append_link(&mut header, name, target)?;
                }
                // Sockets and pipes are nothing that could be carried.
                Kind::Special => {}
            }
        }
        archive.into_inner()
    }

    fn header(&self, kind: EntryType, mode: u32, len: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(len);
        header.set_mtime(self.seconds);
        header
    }
}
