//! What `tar` and `untar` have in common: how large an archive may be.

/// How large one file may be, in bytes.
pub const MAX_FILE: u64 = 50 << 20;
/// How large all files together may be, in bytes.
pub const MAX_TOTAL: u64 = 100 << 20;
/// How large a name or a header of names may be, in bytes.
pub const MAX_HEADER: u64 = 1 << 20;
/// How many entries there may be.
pub const MAX_ENTRIES: usize = 100_000;

/// Counts what goes in or comes out, and says what is too much.
#[derive(Debug, Default)]
pub struct Meter {
    entries: usize,
    bytes: u64,
}

impl Meter {
    /// Counts an entry of `len` bytes.
    pub fn count(&mut self, name: &str, len: u64) -> Result<(), String> {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(len);
        if len > MAX_FILE {
            return Err(format!("{name:?} has {len} bytes; a file may have {} MiB", MAX_FILE >> 20));
        }
        if self.bytes > MAX_TOTAL {
            return Err(format!("the files have more than {} MiB together", MAX_TOTAL >> 20));
        }
        if self.entries > MAX_ENTRIES {
            return Err(format!("there are more than {MAX_ENTRIES} entries"));
        }
        Ok(())
    }
}
