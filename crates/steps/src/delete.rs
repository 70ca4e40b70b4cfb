//! `delete`: remove files and directories inside the work directory.

use std::collections::BTreeSet;

use ferry_artifact::pattern::Glob;
use ferry_engine::work::{self, WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::broke;
use crate::config::{AtLeastOne, Text, given};
use crate::field::Of as _;

/// Remove files and directories inside the work directory.
///
/// Give either `path` or `paths`. A symbolic link is removed itself, never what it points to. What does not exist is
/// passed over, unless `strict` is set. With `pathsAreGlobs` the paths are patterns (`*`, `**`, `?`, `[…]`, `{a,b}`)
/// counted from the work directory. There is no output.
/// ```yaml
/// - uses: delete
///   config:
///     paths: ["out/**/*.tmp", "out/.cache"]
///     pathsAreGlobs: true
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"required": ["path"]}, {"required": ["paths"]}]))]
pub struct Delete {
    /// What to remove; either this or `paths`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Text")]
    path: Option<Text>,
    /// What to remove; either this or `path`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "AtLeastOne<Text>")]
    paths: Option<AtLeastOne<Text>>,
    /// Whether the paths are patterns.
    #[serde(default)]
    paths_are_globs: bool,
    /// Whether a path that does not exist, or a pattern that matches nothing, is an error.
    #[serde(default)]
    strict: bool,
}

impl Step for Delete {
    const KIND: &'static str = "delete";

    fn check(&self) -> Result<(), String> {
        match (&self.path, &self.paths) {
            (Some(_), Some(_)) => Err("give either path or paths, not both".to_owned()),
            (None, None) => Err("give either path or paths".to_owned()),
            _ => Ok(()),
        }
    }

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let given: Vec<&str> = self
            .path
            .iter()
            .chain(self.paths.iter().flat_map(|paths| paths.iter()))
            .map(|text| &**text)
            .collect();
        let strict = self.strict;
        let field = if self.paths.is_some() { "paths" } else { "path" };
        if self.paths_are_globs {
            let globs = given.into_iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
            ctx.work.blocking(move |work| matching(work, &globs, strict)?.remove(work)).await
        } else {
            let paths = given.into_iter().map(|path| WorkPath::parse(path).map_err(|e| broke(e.into())));
            let paths = paths.collect::<Result<Vec<_>, _>>()?;
            ctx.work.blocking(move |work| existing(work, paths, strict)?.remove(work)).await
        }
        .of(field)?;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

/// What is going to be removed: all is known before anything goes.
struct Found(BTreeSet<WorkPath>);

impl Found {
    fn remove(self, work: &WorkDir) -> work::Result<()> {
        for path in self.0 {
            // What lay in a directory of the list is gone with it.
            match work.remove(&path) {
                Err(e) if e.is_missing() => {}
                result => result?,
            }
        }
        Ok(())
    }
}

fn existing(work: &WorkDir, paths: Vec<WorkPath>, strict: bool) -> work::Result<Found> {
    let mut found = BTreeSet::new();
    for path in paths {
        if work.exists(&path)? {
            // The same thing written in two ways is one thing.
            found.insert(WorkPath::parse(path.as_str())?);
        } else if strict {
            return Err(work::Error::Missing(path.as_written().to_owned()));
        }
    }
    Ok(Found(found))
}

/// A pattern as it was written, read, and the directory below which all that it matches is.
struct Pattern {
    written: String,
    base: WorkPath,
    glob: Glob,
    /// Whether it matches the work directory itself, as only `**` alone does.
    is_all: bool,
    /// Whether it ends with a slash, and so is for directories and links to them.
    is_for_directories: bool,
}

fn pattern(written: &str) -> Result<Pattern, StepError> {
    let text = written.strip_prefix("./").unwrap_or(written);
    let (text, is_for_directories) = match text.strip_suffix('/') {
        Some(before) if !before.is_empty() => (before, true),
        _ => (text, false),
    };
    let glob = Glob::parse(text).map_err(|e| StepError::Fatal(e.to_string()))?;
    let literal = text.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
    let base: Vec<&str> = literal.collect();
    // A pattern that climbs out matches nothing, as everything else that no path inside can be.
    let base = WorkPath::parse(&base.join("/")).unwrap_or_else(|_| WorkPath::root());
    let is_all = text.split('/').all(|part| part == "**");
    Ok(Pattern { written: written.to_owned(), base, glob, is_all, is_for_directories })
}

fn matching(work: &WorkDir, patterns: &[Pattern], strict: bool) -> work::Result<Found> {
    let mut all = BTreeSet::new();
    for pattern in patterns {
        let mut found = BTreeSet::new();
        if pattern.is_all {
            found.insert(WorkPath::root());
        }
        if !pattern.base.is_root() && work.exists(&pattern.base)? {
            found.insert(pattern.base.clone());
        }
        if work.kind(&pattern.base)? == Some(work::Kind::Directory) {
            found.extend(work.walk(&pattern.base, |_| true)?.into_iter().map(|entry| entry.path));
        }
        found.retain(|path| path.is_root() || pattern.glob.matches(path.as_str()));
        if pattern.is_for_directories {
            let mut directories = BTreeSet::new();
            for path in found {
                if work.kind(&path)? == Some(work::Kind::Directory) {
                    directories.insert(path);
                }
            }
            found = directories;
        }
        if found.is_empty() && strict {
            return Err(work::Error::Missing(pattern.written.clone()));
        }
        all.extend(found);
    }
    Ok(Found(all))
}
