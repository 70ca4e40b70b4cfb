//! Versions, constraints and their order.

use std::cmp::Ordering;

use ferry_artifact::semver::{Constraint, Version};
use ferry_vectors::replay;
use serde_json::{Value, json};

#[test]
fn vectors_semver() {
    replay("kargo/semver", &[], |case| {
        let input = &case.input;
        let text = |key: &str| input[key].as_str().map(str::to_owned);
        Some(match input["fn"].as_str()? {
            "parse" => Ok(parsed(&text("version")?, input["strict"].as_bool()?)),
            "check" => check(&text("constraint")?, input["versions"].as_array()?),
            "constraint" => Constraint::parse(&text("constraint")?)
                .map(|c| c.to_string().into())
                .map_err(|e| e.to_string()),
            "compare" => compare(&text("a")?, &text("b")?),
            "sort" => Ok(sorted(input["versions"].as_array()?, input["strict"].as_bool()?)),
            _ => return None,
        })
    });
}

fn parsed(text: &str, strict: bool) -> Value {
    Version::parse_as(text, strict).map_or(Value::Null, |v| {
        json!({
            "major": v.major(), "minor": v.minor(), "patch": v.patch(), "prerelease": v.prerelease(),
            "metadata": v.metadata(), "original": v.original(), "string": v.to_string(),
        })
    })
}

fn check(constraint: &str, versions: &[Value]) -> Result<Value, String> {
    let constraint = Constraint::parse(constraint).map_err(|error| error.to_string())?;
    let answer = |text: &str| Version::parse(text).map_or(Value::Null, |v| constraint.matches(&v).into());
    Ok(Value::Object(
        versions.iter().map(|v| v.as_str().unwrap()).map(|v| (v.to_owned(), answer(v))).collect(),
    ))
}

fn compare(a: &str, b: &str) -> Result<Value, String> {
    let (a, b) = (Version::parse(a), Version::parse(b));
    let order = a.map_err(|e| e.to_string())?.cmp(&b.map_err(|e| e.to_string())?);
    Ok(match order {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
    .into())
}

fn sorted(versions: &[Value], strict: bool) -> Value {
    let mut read: Vec<_> =
        versions.iter().filter_map(|v| Version::parse_as(v.as_str().unwrap(), strict).ok()).collect();
    read.sort_by(Version::newest_first);
    read.iter().map(|v| v.original().to_owned()).collect::<Vec<_>>().into()
}
