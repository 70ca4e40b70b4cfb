//! Which commits and tags of a repository a Git subscription takes, and in which order.

use ferry_artifact::pattern::{self, NamePattern, PathPattern};
use ferry_artifact::semver::{self, Constraint, Version};
use ferry_expr::{Expression, Functions, Map, Time, Value, Zone};
use jiff::Timestamp;
use serde::Deserialize;

/// A subscription to a Git repository.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitSubscription {
    /// The repository.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// How to choose.
    pub commit_selection_strategy: Strategy,
    /// The branch; the default one where absent.
    pub branch: Option<String>,
    /// Nothing older than this, on a branch.
    pub since: Option<String>,
    /// Whether versions must be complete. Admission sets it to true where nobody says.
    pub strict_semvers: Option<bool>,
    /// Which versions.
    pub semver_constraint: Option<String>,
    /// A tag must match one of these, if there are any.
    pub allow_tags_regexes: Vec<String>,
    /// A tag must match none of these.
    pub ignore_tags_regexes: Vec<String>,
    /// A bare expression over the commit or tag.
    pub expression_filter: Option<String>,
    /// Some changed path must match one of these, if there are any, …
    pub include_paths: Vec<String>,
    /// … and none of these.
    pub exclude_paths: Vec<String>,
    /// Whether the server's certificate is not checked.
    #[serde(rename = "insecureSkipTLSVerify")]
    pub insecure_skip_tls_verify: bool,
    /// How many to keep; 20 where absent.
    pub discovery_limit: Option<i64>,
    /// No longer supported.
    pub allow_tags: Option<String>,
    /// No longer supported.
    pub ignore_tags: Vec<String>,
}

/// How to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Strategy {
    /// The newest commits of a branch.
    #[default]
    NewestFromBranch,
    /// Tags that are versions, highest first.
    SemVer,
    /// Tags, last in the alphabet first.
    Lexical,
    /// Tags, newest first.
    NewestTag,
}

/// A commit, or a tag on one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// The commit id.
    pub id: String,
    /// The tag; none for a commit of a branch.
    pub tag: Option<String>,
    /// Commit date; for tags the date that git sorts them by.
    pub date: Option<Timestamp>,
    /// `Name <email>`.
    pub author: String,
    /// `Name <email>`.
    pub committer: String,
    /// First line of the message.
    pub subject: String,
    /// `Name <email>` of an annotated tag.
    pub tagger: String,
    /// Message of an annotated tag.
    pub annotation: String,
}

/// Why a subscription cannot be obeyed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that Kargo gave up, too.
    #[error("{0} is no longer supported: use {1}")]
    Unsupported(&'static str, &'static str),
    /// A regular expression.
    #[error("{field}: {source}")]
    Regex {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        source: pattern::Error,
    },
    /// A path pattern.
    #[error("{field}: {source}")]
    Path {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        source: pattern::Error,
    },
    /// The version constraint.
    #[error("semverConstraint: {0}")]
    Constraint(semver::Error),
    /// The filter.
    #[error("expressionFilter: {0}")]
    Expression(String),
}

/// A subscription whose patterns were read.
#[derive(Debug)]
pub struct Selector {
    strategy: Strategy,
    strict: bool,
    constraint: Option<Constraint>,
    allow: Vec<NamePattern>,
    ignore: Vec<NamePattern>,
    filter: Option<Expression>,
    include: Vec<PathPattern>,
    exclude: Vec<PathPattern>,
    limit: usize,
}

/// Subjects are kept up to this many bytes.
const SUBJECT_BYTES: usize = 80;

/// A subject as discovered commits keep it: long ones are cut and end in dots.
pub fn subject(text: &str) -> String {
    if text.len() <= SUBJECT_BYTES {
        return text.to_owned();
    }
    let end = (0..=SUBJECT_BYTES - 3).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}

/// How many commits a subscription keeps where it does not say.
const DEFAULT_LIMIT: i64 = 20;

impl Selector {
    /// Reads the patterns.
    pub fn new(sub: &GitSubscription) -> Result<Self, Error> {
        if sub.allow_tags.as_ref().is_some_and(|t| !t.is_empty()) {
            return Err(Error::Unsupported("allowTags", "allowTagsRegexes"));
        }
        if !sub.ignore_tags.is_empty() {
            return Err(Error::Unsupported("ignoreTags", "ignoreTagsRegexes"));
        }
        let strategy = sub.commit_selection_strategy;
        // What a strategy does not use may be anything.
        let regexes = |field: &'static str, list: &[String]| match strategy {
            Strategy::NewestFromBranch => Ok(Vec::new()),
            _ => regexes(field, list),
        };
        let constraint = sub.semver_constraint.as_deref().filter(|c| !c.is_empty());
        let constraint = constraint.filter(|_| strategy == Strategy::SemVer);
        let filter = sub.expression_filter.as_deref().filter(|f| !f.is_empty());
        let paths = |field: &'static str, list: &[String]| {
            PathPattern::parse_all(list).map_err(|source| Error::Path { field, source })
        };
        Ok(Self {
            strategy,
            strict: sub.strict_semvers.unwrap_or(false),
            constraint: constraint.map(Constraint::parse).transpose().map_err(Error::Constraint)?,
            allow: regexes("allowTagsRegexes", &sub.allow_tags_regexes)?,
            ignore: regexes("ignoreTagsRegexes", &sub.ignore_tags_regexes)?,
            filter: filter
                .map(Expression::parse)
                .transpose()
                .map_err(|e| Error::Expression(e.to_string()))?,
            include: paths("includePaths", &sub.include_paths)?,
            exclude: paths("excludePaths", &sub.exclude_paths)?,
            limit: usize::try_from(sub.discovery_limit.unwrap_or(DEFAULT_LIMIT)).unwrap_or(0),
        })
    }

    /// How many to keep.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many tags to keep. As recorded, 0 is no limit, but with a path filter it gives one.
    pub fn tag_limit(&self) -> usize {
        match (self.limit, self.needs_paths()) {
            (0, true) => 1,
            (0, false) => usize::MAX,
            (limit, _) => limit,
        }
    }

    /// Whether it takes tags, not commits of a branch.
    pub fn takes_tags(&self) -> bool {
        self.strategy != Strategy::NewestFromBranch
    }

    /// Whether the changed paths of each commit must be known.
    pub fn needs_paths(&self) -> bool {
        !self.include.is_empty() || !self.exclude.is_empty()
    }

    /// Whether the first commits of the branch are it, without a look at any of them.
    pub fn takes_all(&self) -> bool {
        self.filter.is_none() && !self.needs_paths()
    }

    /// Whether a tag's name passes.
    pub fn accepts_tag(&self, tag: &str) -> bool {
        let named = !self.ignore.iter().any(|r| r.matches(tag))
            && (self.allow.is_empty() || self.allow.iter().any(|r| r.matches(tag)));
        named && (self.strategy != Strategy::SemVer || self.version(tag).is_some())
    }

    fn version(&self, tag: &str) -> Option<Version> {
        let version = Version::parse_as(tag, self.strict).ok()?;
        self.constraint.as_ref().is_none_or(|c| c.matches(&version)).then_some(version)
    }

    /// The tags that pass by name, version and filter, best first. `tags` is newest first, as git lists them.
    pub fn order(&self, tags: Vec<Candidate>, now: Timestamp) -> Result<Vec<Candidate>, Error> {
        let mut kept = Vec::new();
        for tag in tags {
            if tag.tag.as_deref().is_some_and(|t| self.accepts_tag(t)) && self.passes(&tag, now)? {
                kept.push(tag);
            }
        }
        let name = |c: &Candidate| c.tag.clone().unwrap_or_default();
        match self.strategy {
            Strategy::NewestFromBranch | Strategy::NewestTag => {}
            Strategy::Lexical => kept.sort_by_key(|c| std::cmp::Reverse(name(c))),
            Strategy::SemVer => {
                let version = |c: &Candidate| self.version(&name(c));
                kept.sort_by(|a, b| match (version(a), version(b)) {
                    (Some(a), Some(b)) => Version::newest_first(&a, &b),
                    (a, b) => b.is_some().cmp(&a.is_some()),
                });
            }
        }
        Ok(kept)
    }

    /// Whether a commit or tag passes the filter.
    pub fn passes(&self, candidate: &Candidate, now: Timestamp) -> Result<bool, Error> {
        let Some(filter) = &self.filter else { return Ok(true) };
        let env = environment(candidate);
        let value =
            filter.evaluate(&env, &Functions::new(now)).map_err(|e| Error::Expression(e.to_string()))?;
        as_bool(&value).ok_or_else(|| {
            Error::Expression(format!("it must come out as true or false, not as {}", value.display()))
        })
    }

    /// Whether changed paths pass.
    pub fn paths_pass(&self, paths: &[String]) -> bool {
        !self.needs_paths()
            || paths.iter().any(|path| {
                (self.include.is_empty() || self.include.iter().any(|p| p.matches(path)))
                    && !self.exclude.iter().any(|p| p.matches(path))
            })
    }
}

/// True and false, and the texts and numbers that read as such.
pub(crate) fn as_bool(value: &Value) -> Option<bool> {
    match value.as_bool() {
        Some(value) => Some(value),
        None => match value.display().as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        },
    }
}

fn environment(candidate: &Candidate) -> Map {
    let date = candidate.date.map_or(Value::Nil, |d| Value::Time(Time::new(d, Zone::UTC)));
    let mut env = Map::new()
        .with("id", candidate.id.as_str())
        .with("author", candidate.author.as_str())
        .with("committer", candidate.committer.as_str())
        .with("subject", candidate.subject.as_str());
    match &candidate.tag {
        None => env.insert("commitDate", date),
        Some(tag) => {
            env.insert("tag", tag.as_str());
            env.insert("tagger", candidate.tagger.as_str());
            env.insert("annotation", candidate.annotation.as_str());
            env.insert("creatorDate", date);
        }
    }
    env
}

fn regexes(field: &'static str, list: &[String]) -> Result<Vec<NamePattern>, Error> {
    let parse = |text: &String| NamePattern::parse(&format!("regex:{text}"));
    list.iter().map(|text| parse(text).map_err(|source| Error::Regex { field, source })).collect()
}
