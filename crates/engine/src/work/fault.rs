//! Where a kill can happen: a point before every change of the file system, which tests make deadly.

use std::io;

/// A point at which the process may die. In a test that armed [`after`], an error from there on.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "the test version fails")]
pub(super) fn point(name: &str) -> io::Result<()> {
    ferry_failpoint::point!("{name}");
    Ok(())
}

#[cfg(test)]
thread_local! {
    static LEFT: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) };
}

/// A point at which the process may die.
#[cfg(test)]
pub(super) fn point(_name: &str) -> io::Result<()> {
    LEFT.with(|left| match left.get() {
        None => Ok(()),
        Some(0) => Err(io::Error::other("killed")),
        Some(n) => {
            left.set(Some(n - 1));
            Ok(())
        }
    })
}

/// Lets `n` more points pass and dies at every later one; none for ever.
#[cfg(test)]
pub(super) fn after(n: Option<usize>) {
    LEFT.with(|left| left.set(n));
}
