//! What nobody needs any more is out of the way in an instant, and removed while nobody waits for it. Who is killed
//! meanwhile leaves the rest to whoever comes next.

use std::io;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Where it goes, in the directory of a mirror.
const ASIDE: &str = "gone";

static COUNT: AtomicU64 = AtomicU64::new(0);

/// What tells this process from those before it, which may have had its number.
pub(crate) static SELF: LazyLock<String> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{:x}", std::process::id(), since.as_nanos())
});

/// A name that nobody has had.
pub(crate) fn name() -> String {
    format!("{}-{}", *SELF, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Puts something of a mirror aside, if it is there.
pub(crate) fn put(mirror: &Path, path: &Path) -> io::Result<()> {
    let aside = mirror.join(ASIDE);
    std::fs::create_dir_all(&aside)?;
    match std::fs::rename(path, aside.join(name())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed?,
    }
    remove_later(mirror);
    Ok(())
}

/// Puts all of a mirror aside. What is trusted without a look goes first.
pub(crate) fn put_all(mirror: &Path) -> io::Result<()> {
    put(mirror, &mirror.join("trees"))?;
    for entry in std::fs::read_dir(mirror)? {
        let entry = entry?;
        if entry.file_name() != ASIDE {
            put(mirror, &entry.path())?;
        }
    }
    Ok(())
}

/// Begins to remove what is aside, also what an earlier process has left there.
pub(crate) fn remove_later(mirror: &Path) {
    let aside = mirror.join(ASIDE);
    let remove = move || {
        for entry in std::fs::read_dir(aside).into_iter().flatten().flatten() {
            // Another one may be at it, too.
            let _gone = match entry.file_type() {
                Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(entry.path()),
                _ => std::fs::remove_file(entry.path()),
            };
        }
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(remove)),
        Err(_nobody_else) => remove(),
    }
}
