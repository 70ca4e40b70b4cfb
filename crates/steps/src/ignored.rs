//! What `copy`, `tar` and `untar` leave out: patterns as in a `.gitignore`.

use ferry_engine::StepError;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Patterns of what is left out.
#[derive(Clone, Debug)]
pub struct Ignored(Gitignore);

impl Ignored {
    /// Reads patterns, one a line; spaces around them mean nothing.
    pub fn read(text: &str) -> Result<Self, StepError> {
        Self::of(text.lines().map(str::trim))
    }

    /// Reads patterns, one a line, where spaces before one are part of it.
    pub fn read_as_written(text: &str) -> Result<Self, StepError> {
        Self::of(text.lines())
    }

    fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Self, StepError> {
        let mut builder = GitignoreBuilder::new("");
        for line in lines {
            builder
                .add_line(None, line)
                .map_err(|e| StepError::Retryable(format!("ignore pattern {line:?} cannot be read: {e}")))?;
        }
        let read = builder.build();
        read.map(Self).map_err(|e| StepError::Retryable(format!("the ignore patterns cannot be read: {e}")))
    }

    /// Whether a path is left out, looked at by itself. It is counted from where the patterns apply.
    pub fn has(&self, below: &str, is_directory: bool) -> bool {
        self.0.matched(below, is_directory).is_ignore()
    }

    /// Whether a path is left out, by itself or with a directory above it.
    pub fn has_with_parents(&self, below: &str, is_directory: bool) -> bool {
        self.0.matched_path_or_any_parents(below, is_directory).is_ignore()
    }
}
