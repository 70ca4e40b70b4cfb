//! What `copy`, `tar` and `untar` leave out: patterns as in a `.gitignore`.

use ferry_engine::StepError;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A pattern whose braces are meant as they are: Git knows no alternatives.
fn without_alternatives(line: &str) -> String {
    let mut pattern = String::with_capacity(line.len());
    let (mut escaped, mut in_class) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => {}
            '[' => in_class = true,
            ']' => in_class = false,
            '{' | '}' if !in_class => pattern.push('\\'),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        pattern.push(c);
    }
    pattern
}

/// Patterns of what is left out.
#[derive(Clone, Debug)]
pub struct Ignored(Gitignore);

impl Ignored {
    /// Reads patterns, one a line; spaces around them mean nothing. What is no pattern fits nothing, as in Git.
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
            if let Err(why) = builder.add_line(None, &without_alternatives(line)) {
                tracing::debug!(line, %why, "no pattern");
            }
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
