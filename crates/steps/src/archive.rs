//! What `tar` and `untar` have in common: how large an archive may be, and how long it may take to read one.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;

/// How large one file may be, in bytes.
pub const MAX_FILE: u64 = 50 << 20;
/// How large all files together may be, in bytes.
pub const MAX_TOTAL: u64 = 100 << 20;
/// How large a name or a header of names may be, in bytes.
pub const MAX_HEADER: u64 = 1 << 20;
/// How many entries there may be.
pub const MAX_ENTRIES: usize = 100_000;
/// How much of an archive is read at most: its files, its headers and what is passed over.
const MAX_READ: u64 = 2 * MAX_TOTAL + 1024 * MAX_ENTRIES as u64;
/// How many times as large as it is a compressed archive may become, and from which size on that counts. Texts that
/// repeat themselves stay far below it.
const MAX_RATIO: u64 = 500;
const SMALL: u64 = 16 << 20;
/// How long it may take to read an archive once.
pub const MAX_TIME: Duration = Duration::from_mins(5);
/// How gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What an archive holds, compressed by gzip or not, as far as it may be read.
pub struct Contents {
    inner: Box<dyn Read>,
    zipped: bool,
    /// How much of the file was read, and how much came of it.
    taken: Rc<Cell<u64>>,
    given: u64,
    time: Duration,
    ends: Instant,
}

impl Contents {
    /// Of a file, which may be read for so long.
    pub fn of(mut file: impl Read + 'static, time: Duration) -> io::Result<Self> {
        let mut magic = Vec::new();
        (&mut file).take(2).read_to_end(&mut magic)?;
        let zipped = magic == GZIP;
        let taken = Rc::default();
        let whole = Counted { file: io::Cursor::new(magic).chain(file), taken: Rc::clone(&taken) };
        let inner: Box<dyn Read> =
            if zipped { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
        Ok(Self { inner, zipped, taken, given: 0, time, ends: Instant::now() + time })
    }
}

impl Read for Contents {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if Instant::now() >= self.ends {
            return Err(io::Error::other(format!("it takes longer than {} s", self.time.as_secs())));
        }
        let length = self.inner.read(buffer)?;
        self.given = self.given.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if self.given > MAX_READ {
            return Err(io::Error::other(format!("it holds more than {} MiB", MAX_READ >> 20)));
        }
        if self.zipped && self.given > SMALL && self.given / MAX_RATIO > self.taken.get() {
            return Err(io::Error::other(format!(
                "it becomes more than {MAX_RATIO} times as large as it is"
            )));
        }
        Ok(length)
    }
}

/// Counts what is read of a file.
struct Counted<R> {
    file: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.taken.set(self.taken.get().saturating_add(u64::try_from(length).unwrap_or(u64::MAX)));
        Ok(length)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s21_reading_has_an_end() {
        let mut contents = Contents::of(io::repeat(b'x'), Duration::ZERO).unwrap();
        assert_eq!(contents.read(&mut [0]).unwrap_err().to_string(), "it takes longer than 0 s");
        let mut contents = Contents::of(io::repeat(b'x'), MAX_TIME).unwrap();
        let error = io::copy(&mut contents, &mut io::sink()).unwrap_err();
        assert_eq!(error.to_string(), "it holds more than 297 MiB");
    }
}
