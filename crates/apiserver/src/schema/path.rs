//! Field paths as a chain on the stack: nothing is allocated unless there is something to report.

use std::fmt;

/// The way from the root of an object to a value in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'a> {
    Root,
    Child(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
    /// The entry of a map, written in brackets.
    Key(&'a Path<'a>, &'a str),
}

impl<'a> Path<'a> {
    pub(crate) fn child(&'a self, name: &'a str) -> Self {
        Path::Child(self, name)
    }

    pub(crate) fn index(&'a self, index: usize) -> Self {
        Path::Index(self, index)
    }

    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Path::Key(self, key)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Child(Path::Root, name) => f.write_str(name),
            Path::Child(parent, name) => {
                parent.write(f)?;
                write!(f, ".{name}")
            }
            Path::Index(parent, index) => {
                parent.write(f)?;
                write!(f, "[{index}]")
            }
            Path::Key(parent, key) => {
                parent.write(f)?;
                write!(f, "[{key}]")
            }
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => f.write_str(super::Cause::NOWHERE),
            path => path.write(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_like_the_real_ones() {
        let spec = Path::Root.child("spec");
        let steps = spec.child("steps");
        assert_eq!(steps.index(0).child("uses").to_string(), "spec.steps[0].uses");
        assert_eq!(spec.key("a/b").to_string(), "spec[a/b]");
        assert_eq!(Path::Root.to_string(), "<nil>");
    }
}
