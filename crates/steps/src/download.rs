//! What `http-download` and `oci-download` have in common: a file that is written as it comes, and is there only when
//! all of it has come.

use std::io;

use bytes::Bytes;
use ferry_engine::work::{Kind, WorkPath};
use ferry_engine::{StepContext, StepError};
use tokio::sync::mpsc;

use crate::broke;
use crate::field::Of;

/// How large a file may be, in bytes.
pub const LIMIT: u64 = 100 << 20;
/// The mode of the file.
const MODE: u32 = 0o600;
/// The mode of directories that are made for it.
const DIRECTORY_MODE: u32 = 0o700;

/// Where a file comes from.
pub trait Source: Send {
    /// The next piece; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, StepError>> + Send;
}

/// Whether a file may be made there; `outPath`.
pub async fn check(ctx: &StepContext, out: &WorkPath, overwrite: bool) -> Result<(), StepError> {
    judge(ctx, out, overwrite).await.of("outPath")
}

async fn judge(ctx: &StepContext, out: &WorkPath, overwrite: bool) -> Result<(), StepError> {
    let at = out.clone();
    let found = ctx.work.blocking(move |work| work.kind(&at)).await.map_err(broke)?;
    let path = out.as_written();
    match found {
        Some(Kind::Directory) if overwrite => {
            Err(StepError::Fatal(format!("{path:?} is a directory; name a file")))
        }
        Some(_) if !overwrite => {
            Err(StepError::Fatal(format!("{path:?} is there already; set allowOverwrite to replace it")))
        }
        _ => Ok(()),
    }
}

/// Writes what comes, piece by piece; only what has come to its end becomes a file.
pub async fn keep(ctx: &StepContext, out: WorkPath, mut source: impl Source) -> Result<(), StepError> {
    let (sender, mut receiver) = mpsc::channel::<Piece>(8);
    let written = ctx.work.blocking(move |work| {
        if let Some(parent) = out.parent().filter(|parent| !parent.is_root()) {
            work.create_dir_all_with_mode(&parent, DIRECTORY_MODE)?;
        }
        work.write_from(&out, MODE, |file| {
            loop {
                match receiver.blocking_recv() {
                    Some(Piece::Bytes(bytes)) => file.write_all(&bytes)?,
                    Some(Piece::End) => return Ok(()),
                    None => return Err(io::Error::other("the download was given up")),
                }
            }
        })
    });
    let read = async move {
        let mut left = LIMIT;
        while let Some(piece) = source.next().await? {
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(length).ok_or_else(too_large)?;
            if sender.send(Piece::Bytes(piece)).await.is_err() {
                // Whoever writes says why.
                return Ok(());
            }
        }
        let _ = sender.send(Piece::End).await;
        Ok(())
    };
    // What could not be read is why nothing was written.
    let (written, read) = tokio::join!(written, read);
    read?;
    written.of("outPath")
}

/// A part of what comes, or its end.
enum Piece {
    Bytes(Bytes),
    End,
}

/// It is more than may be.
pub fn too_large() -> StepError {
    StepError::Fatal(format!("the file has more than {} MiB", LIMIT >> 20))
}
