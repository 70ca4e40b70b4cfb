//! `semverParse` and `semverDiff`, and the methods of a parsed version.

use std::sync::Arc;

use ferry_artifact::semver::{Increment, Version};

use crate::host::{Functions, Kind};
use crate::value::{Form, Object, Value};

const TYPE: &str = "github.com/Masterminds/semver/v3.Version";

pub(crate) fn add_to(functions: &mut Functions) {
    let table = Functions::new(functions.now())
        .with("semverParse", &[Kind::String], Kind::Object(TYPE), |call| {
            let text = call.str(0)?;
            let version = Version::parse(text).map_err(|error| error.to_string())?;
            Ok(Value::object(Parsed { version, is_original: true }))
        })
        .with("semverDiff", &[Kind::String, Kind::String], Kind::String, |call| {
            Ok(difference(call.str(0)?, call.str(1)?).into())
        });
    functions.extend(&table);
}

/// The first part that differs; pre-releases do not count.
fn difference(from: &str, to: &str) -> &'static str {
    let (Ok(from), Ok(to)) = (Version::parse(from), Version::parse(to)) else {
        return "Incomparable";
    };
    if from.major() != to.major() {
        "Major"
    } else if from.minor() != to.minor() {
        "Minor"
    } else if from.patch() != to.patch() {
        "Patch"
    } else if from.metadata() != to.metadata() {
        "Metadata"
    } else {
        "None"
    }
}

/// A version as `semverParse` gives it, or as one of its methods does: only the first can be compared.
#[derive(Debug, Clone)]
struct Parsed {
    version: Version,
    is_original: bool,
}

/// Methods that compare a version as `semverParse` gives it with another such.
const COMPARING: &[&str] =
    &["Compare", "Equal", "LessThan", "LessThanEqual", "GreaterThan", "GreaterThanEqual", "Original"];
const PLAIN: &[&str] = &[
    "Major",
    "Minor",
    "Patch",
    "Prerelease",
    "Metadata",
    "String",
    "IncMajor",
    "IncMinor",
    "IncPatch",
    "SetPrerelease",
    "SetMetadata",
];

impl Parsed {
    fn made(version: Version) -> Value {
        Value::Object(Arc::new(Self { version, is_original: false }))
    }

    fn plain(&self, name: &str) -> Result<Value, String> {
        let version = &self.version;
        let next = |which| version.increment(which).map(Self::made).map_err(|error| error.to_string());
        match name {
            "Major" => Ok(version.major().into()),
            "Minor" => Ok(version.minor().into()),
            "Patch" => Ok(version.patch().into()),
            "Prerelease" => Ok(version.prerelease().into()),
            "Metadata" => Ok(version.metadata().into()),
            "String" => Ok(version.to_string().into()),
            "Original" => Ok(version.original().into()),
            "IncMajor" => next(Increment::Major),
            "IncMinor" => next(Increment::Minor),
            "IncPatch" => next(Increment::Patch),
            _ => Err(format!("a version has no method {name}")),
        }
    }

    /// The same numbers with another pre-release or other metadata.
    fn with(&self, name: &str, text: &str) -> Result<Value, String> {
        let version = &self.version;
        let (prerelease, metadata) =
            if name == "SetPrerelease" { (text, version.metadata()) } else { (version.prerelease(), text) };
        let mut made = format!("{}.{}.{}", version.major(), version.minor(), version.patch());
        for (sign, part) in [('-', prerelease), ('+', metadata)] {
            if !part.is_empty() {
                made.push(sign);
                made.push_str(part);
            }
        }
        Version::parse(&made).map(Self::made).map_err(|error| error.to_string())
    }
}

impl Object for Parsed {
    fn type_name(&self) -> &str {
        TYPE
    }

    fn has_method(&self, name: &str) -> bool {
        PLAIN.contains(&name) || self.is_original && COMPARING.contains(&name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        if matches!(name, "SetPrerelease" | "SetMetadata") {
            return match arguments {
                [Value::String(text)] => self.with(name, &text.to_str()),
                _ => Err(format!("{name}() takes one string")),
            };
        }
        if name == "Original" || PLAIN.contains(&name) {
            if !arguments.is_empty() {
                return Err(format!("{name}() takes no arguments"));
            }
            return self.plain(name);
        }
        let other = match arguments {
            [Value::Object(other)] if other.type_name() == TYPE && other.has_method(name) => other.display(),
            _ => return Err(format!("{name}() takes one version made by semverParse()")),
        };
        let other = Version::parse(&other).map_err(|error| error.to_string())?;
        let order = self.version.cmp(&other);
        Ok(match name {
            "LessThan" => order.is_lt().into(),
            "LessThanEqual" => order.is_le().into(),
            "GreaterThan" => order.is_gt().into(),
            "GreaterThanEqual" => order.is_ge().into(),
            "Equal" => order.is_eq().into(),
            _ => Value::Int(order as i64),
        })
    }

    fn json(&self) -> Form {
        Form::Value(self.display().into())
    }

    fn display(&self) -> String {
        self.version.to_string()
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.type_name() == TYPE && other.display() == self.display()
    }
}
