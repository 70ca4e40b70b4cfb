//! A commit of somebody else, as a stream for `git fast-import`.

use std::fmt::Write as _;

/// A commit to make on a branch.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    branch: &'a str,
    from: Option<&'a str>,
    orphan: bool,
    message: &'a str,
    author: (&'a str, &'a str),
    seconds: i64,
    files: Vec<(&'a str, Option<&'a [u8]>, &'static str)>,
}

impl<'a> Change<'a> {
    /// A commit on `branch` by `Dev <dev@example.test>`, on top of the branch if it exists.
    pub fn on(branch: &'a str, message: &'a str) -> Self {
        let author = ("Dev", "dev@example.test");
        let seconds = jiff::Timestamp::now().as_second();
        Self { branch, from: None, orphan: false, message, author, seconds, files: Vec::new() }
    }

    /// Starts the branch from another one instead of continuing it.
    #[must_use]
    pub fn from(mut self, branch: &'a str) -> Self {
        self.from = Some(branch);
        self
    }

    /// Starts the branch anew, without a parent.
    #[must_use]
    pub fn orphan(mut self) -> Self {
        self.orphan = true;
        self
    }

    /// Who wrote it.
    #[must_use]
    pub fn by(mut self, name: &'a str, email: &'a str) -> Self {
        self.author = (name, email);
        self
    }

    /// When, in seconds since 1970.
    #[must_use]
    pub fn at(mut self, seconds: i64) -> Self {
        self.seconds = seconds;
        self
    }

    /// Writes a file.
    #[must_use]
    pub fn file(mut self, path: &'a str, content: &'a str) -> Self {
        self.files.push((path, Some(content.as_bytes()), "100644"));
        self
    }

    /// Writes a file of any bytes.
    #[must_use]
    pub fn bytes(mut self, path: &'a str, content: &'a [u8]) -> Self {
        self.files.push((path, Some(content), "100644"));
        self
    }

    /// Makes a symbolic link.
    #[must_use]
    pub fn link(mut self, path: &'a str, target: &'a str) -> Self {
        self.files.push((path, Some(target.as_bytes()), "120000"));
        self
    }

    /// Refers to a commit of another repository (a submodule).
    #[must_use]
    pub fn submodule(mut self, path: &'a str, commit: &'a str) -> Self {
        self.files.push((path, Some(commit.as_bytes()), "160000"));
        self
    }

    /// Removes a file.
    #[must_use]
    pub fn remove(mut self, path: &'a str) -> Self {
        self.files.push((path, None, ""));
        self
    }

    /// The branch whose head becomes the parent, if it exists.
    pub(super) fn parent(&self) -> Option<&str> {
        (!self.orphan).then(|| self.from.unwrap_or(self.branch))
    }
}

pub(super) fn stream(change: &Change<'_>, parent: Option<&str>) -> Vec<u8> {
    let mut head = String::new();
    let (name, email) = change.author;
    let who = format!("{name} <{email}> {} +0000", change.seconds);
    let message = change.message;
    // Writing to a String cannot fail.
    let _ok = write!(
        head,
        "reset refs/heads/{branch}\n\ncommit refs/heads/{branch}\nmark :1\nauthor {who}\ncommitter {who}\ndata {}\n{message}\n",
        message.len(),
        branch = change.branch,
    );
    if let Some(parent) = parent {
        let _ok = writeln!(head, "from {parent}");
    }
    let mut stream = head.into_bytes();
    for (path, content, mode) in &change.files {
        let path = quoted(path);
        match content {
            None => stream.extend(format!("D {path}\n").into_bytes()),
            Some(commit) if *mode == "160000" => {
                stream.extend(format!("M 160000 {} {path}\n", String::from_utf8_lossy(commit)).into_bytes());
            }
            Some(content) => {
                stream.extend(format!("M {mode} inline {path}\ndata {}\n", content.len()).into_bytes());
                stream.extend_from_slice(content);
                stream.push(b'\n');
            }
        }
    }
    stream.extend_from_slice(b"\nget-mark :1\ndone\n");
    stream
}

fn quoted(path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
