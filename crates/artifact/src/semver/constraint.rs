//! Constraints: groups joined by `||`, each a list of comparisons that must all hold. A group that names no
//! pre-release anywhere accepts none.

use std::fmt;

use super::version::compare_prereleases;
use super::{Error, Version, scan};

const MAX_LENGTH: usize = 512;
const MAX_GROUPS: usize = 32;

/// A condition on versions, such as `>=1.2 <2 || ~3.4`.
#[derive(Debug, Clone)]
pub struct Constraint {
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    comparisons: Vec<Comparison>,
    with_prereleases: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Which part of the version is a wildcard or missing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Major,
}

#[derive(Debug, Clone)]
struct Comparison {
    operator: Operator,
    open: Open,
    version: Version,
    /// Operator and version as written.
    written: String,
}

impl Constraint {
    /// Reads a constraint. White space, commas and `||` separate; `a - b` is a range; `x`, `X`, `*` and missing
    /// numbers are wildcards; operators are `=`, `!=`, `>`, `<`, `>=`, `=>`, `<=`, `=<`, `~`, `~>`, `^`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |problem| Error::Constraint { text: text.chars().take(64).collect(), problem };
        if text.len() > MAX_LENGTH {
            return Err(wrong("it is longer than 512 bytes"));
        }
        let plain = scan::without_ranges(text);
        let groups: Vec<_> = plain.split("||").collect();
        if groups.len() > MAX_GROUPS {
            return Err(wrong("it has more than 32 groups"));
        }
        let groups = groups.into_iter().map(Group::parse).collect::<Result<_, _>>()?;
        Ok(Self { groups })
    }

    /// Whether the version satisfies it.
    pub fn matches(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.matches(version))
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, group) in self.groups.iter().enumerate() {
            f.write_str(if i > 0 { " || " } else { "" })?;
            for (k, comparison) in group.comparisons.iter().enumerate() {
                f.write_str(if k > 0 { " " } else { "" })?;
                f.write_str(&comparison.written)?;
            }
        }
        Ok(())
    }
}

impl Group {
    fn parse(text: &str) -> Result<Self, Error> {
        let comparisons: Vec<_> =
            scan::group(text)?.iter().map(Comparison::from_scanned).collect::<Result<_, _>>()?;
        let with_prereleases = comparisons.iter().any(|c| !c.version.prerelease.is_empty());
        Ok(Self { comparisons, with_prereleases })
    }

    fn matches(&self, version: &Version) -> bool {
        (self.with_prereleases || version.prerelease.is_empty())
            && self.comparisons.iter().all(|comparison| comparison.holds(version))
    }
}

impl Comparison {
    fn from_scanned(scanned: &scan::Scanned<'_>) -> Result<Self, Error> {
        let operator = match scanned.operator {
            "" | "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" | "=>" => Operator::GreaterOrEqual,
            "<=" | "=<" => Operator::LessOrEqual,
            "~" | "~>" => Operator::Tilde,
            _ => Operator::Caret,
        };
        // What follows a wildcard is not looked at.
        let major = scanned.number(0)?;
        let minor = if major.is_some() { scanned.number(1)? } else { None };
        let patch = if minor.is_some() { scanned.number(2)? } else { None };
        scanned.check_prerelease()?;
        let open = match (major, minor, patch) {
            (None, ..) => Open::Major,
            (_, None, _) => Open::Minor,
            (_, _, None) => Open::Patch,
            _ => Open::Nothing,
        };
        let (major, minor, patch) = (major.unwrap_or(0), minor.unwrap_or(0), patch.unwrap_or(0));
        let version = Version::of(major, minor, patch, scanned.prerelease);
        if version.to_string().len() > super::version::MAX_LENGTH {
            return Err(scanned.wrong("it is too long"));
        }
        Ok(Self { operator, open, version, written: format!("{}{}", scanned.operator, scanned.written) })
    }

    fn holds(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.operator {
            Operator::Equal if self.open == Open::Nothing => version == wanted,
            Operator::Equal | Operator::Tilde => self.within_minor(version),
            Operator::NotEqual => self.differs(version),
            Operator::Greater => self.is_below(version),
            Operator::Less => version < wanted,
            Operator::GreaterOrEqual => version >= wanted,
            Operator::LessOrEqual => self.is_at_least(version),
            Operator::Caret => self.is_compatible(version),
        }
    }

    /// `>1` means above everything that is `1.*`.
    fn is_below(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Minor => version.major > wanted.major,
            Open::Patch => (version.major, version.minor) > (wanted.major, wanted.minor),
            Open::Nothing | Open::Major => version > wanted,
        }
    }

    /// `<=1.2` includes everything that is `1.2.*`.
    fn is_at_least(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Nothing => version <= wanted,
            Open::Minor => version.major <= wanted.major,
            Open::Patch | Open::Major => (version.major, version.minor) <= (wanted.major, wanted.minor),
        }
    }

    fn differs(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Minor => version.major != wanted.major,
            Open::Patch => {
                (version.major, version.minor) != (wanted.major, wanted.minor)
                    || compare_prereleases_or_none(&version.prerelease, &wanted.prerelease)
            }
            Open::Nothing | Open::Major => version != wanted,
        }
    }

    /// `~1.2.3` is `>=1.2.3 <1.3`, `~1` is `1.*`; `~0.0.0` and `~*` take everything.
    fn within_minor(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if version < wanted {
            return false;
        }
        let everything = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0)
            && matches!(self.open, Open::Nothing | Open::Major);
        everything
            || version.major == wanted.major && (self.open == Open::Minor || version.minor == wanted.minor)
    }

    /// `^1.2.3` is `>=1.2.3 <2`, `^0.2.3` is `>=0.2.3 <0.3`, `^0.0.3` is `=0.0.3`.
    fn is_compatible(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if version < wanted || version.major != wanted.major {
            return false;
        }
        if wanted.major > 0 || self.open == Open::Minor {
            return true;
        }
        if wanted.minor > 0 || self.open == Open::Patch {
            return version.minor == wanted.minor;
        }
        version.minor == 0 && version.patch == wanted.patch
    }
}

fn compare_prereleases_or_none(a: &str, b: &str) -> bool {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => false,
        (false, false) => compare_prereleases(a, b).is_ne(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators() {
        for (constraint, inside, outside) in [
            ("^0.2.3", "0.2.9", "0.3.0"),
            ("^0.0.3", "0.0.3", "0.0.4"),
            ("~>1.2", "1.2.9", "1.3.0"),
            (">1.2", "1.3.0", "1.2.9"),
            ("<=1", "1.9.9", "2.0.0"),
            ("!=1.2.x", "1.3.0", "1.2.7"),
            ("1.2 - 2", "2.9.9", "3.0.0"),
            (">=1.2, <2 || 5", "5.1.0", "4.0.0"),
            (">=1.0.0-0", "2.0.0-rc.1", "0.9.0"),
        ] {
            let parsed = Constraint::parse(constraint).unwrap();
            assert!(parsed.matches(&Version::parse(inside).unwrap()), "{constraint} takes {inside}");
            assert!(!parsed.matches(&Version::parse(outside).unwrap()), "{constraint} refuses {outside}");
        }
    }

    #[test]
    fn an_error_says_what_to_write() {
        let error = Constraint::parse(">=1.2 and <2").unwrap_err().to_string();
        assert!(error.contains(">=1.2 and <2") && error.contains("such as"), "{error}");
        assert!(Constraint::parse(&"1 || ".repeat(200)).is_err());
    }
}
