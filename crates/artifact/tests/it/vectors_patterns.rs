//! Name and path patterns.

use ferry_artifact::pattern::{NamePattern, PathPattern};
use ferry_vectors::{Case, Rule, replay};
use serde_json::Value;

const RULES: &[Rule] = &[Rule {
    name: "dots-in-a-name",
    reason: "surprises.md, Selection: a base-directory pattern refuses any relative path containing `..`, \
             even `a..b`: mend (`a..b` is a name)",
    applies: |case| {
        let input = case.input["input"].as_str().unwrap_or_default();
        let plain = |pattern: &str| !["glob:", "regex:", "regexp:"].iter().any(|p| pattern.starts_with(p));
        case.input["fn"] == "path"
            && case.want == Some(Value::Bool(false))
            && patterns(case).iter().any(|pattern| plain(pattern))
            && input.split('/').any(|segment| segment.contains("..") && segment != "..")
            && !input.split('/').any(|segment| segment == "..")
    },
    instead: |_, answer| answer == &Ok(Value::Bool(true)),
}];

fn patterns(case: &Case) -> Vec<String> {
    match case.input["patterns"].as_array() {
        Some(list) => list.iter().filter_map(|p| p.as_str().map(str::to_owned)).collect(),
        None => case.input["pattern"].as_str().map(str::to_owned).into_iter().collect(),
    }
}

#[test]
fn vectors_patterns() {
    replay("kargo/patterns", RULES, |case| {
        let input = case.input["input"].as_str()?;
        let patterns = patterns(case);
        let answer = match case.input["fn"].as_str()? {
            "name" => NamePattern::parse_all(&patterns).map(|all| all.iter().any(|p| p.matches(input))),
            "path" => PathPattern::parse_all(&patterns).map(|all| all.iter().any(|p| p.matches(input))),
            _ => return None,
        };
        Some(answer.map(Value::Bool).map_err(|error| error.to_string()))
    });
}
