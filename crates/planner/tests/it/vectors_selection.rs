//! Which commits and tags a Git subscription takes. Images and charts are a later part of the product.

use ferry_planner::selection::{Candidate, Error, GitSubscription, Selector, subject};
use ferry_vectors::{Answer, Case, Rule, Verdict, judge, replay_with};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::recorded::{now, read};

const RULES: &[Rule] = &[Rule {
    name: "two dots in a name",
    reason: "surprises.md, Selection: `a..b` is a name",
    applies: |case| paths(case).any(|path| is_named_with_dots(&path)),
    instead: |case, answer| match (answer, &case.want) {
        (Ok(Value::Bool(_)), _) => *answer == Ok(json!(true)),
        // Only the commits that touch such a path are found besides.
        (Ok(Value::Array(ours)), Some(Value::Array(want))) => {
            let touches = |c: &Value| changed(&case.input, c["id"].as_str().unwrap_or_default());
            let other = |c: &&Value| !touches(c).iter().any(|path| is_named_with_dots(path));
            ours.iter().filter(other).eq(want.iter().filter(other).take(ours.iter().filter(other).count()))
        }
        _ => false,
    },
}];

fn paths(case: &Case) -> impl Iterator<Item = String> {
    let lists = case.input["diffPaths"].as_object().into_iter().flat_map(|o| o.values());
    let lists = lists.chain(case.input.get("matchPaths"));
    let all: Vec<String> = lists.flat_map(|list| read::<Vec<String>>(list).unwrap_or_default()).collect();
    all.into_iter()
}

fn is_named_with_dots(path: &str) -> bool {
    path.split('/').any(|part| part.contains("..") && part != "..")
}

#[test]
fn vectors_selection() {
    replay_with("kargo/selection", |case| {
        let input = &case.input;
        let is_git = ["commits", "tags", "matchPaths"].iter().any(|key| input.get(key).is_some());
        let is_git = is_git && input.get("index").is_none() && !is_chart_or_image(input);
        match is_git {
            true => judge(case, &answer(case), RULES),
            false if input.get("matchRefs").is_some() => {
                Verdict::NotCovered("refs of inbound webhooks".to_owned())
            }
            false => Verdict::NotCovered("images and charts".to_owned()),
        }
    });
}

/// OCI charts have tags, too: mere names.
fn is_chart_or_image(input: &Value) -> bool {
    input["tags"].as_array().is_some_and(|tags| tags.iter().any(Value::is_string))
        || input["sub"].get("imageSelectionStrategy").is_some()
}

fn answer(case: &Case) -> Answer {
    let sub: GitSubscription = read(&case.input["sub"])?;
    let selector = Selector::new(&sub).map_err(|e| e.to_string())?;
    if let Some(paths) = case.input.get("matchPaths") {
        return Ok(json!(selector.paths_pass(&read::<Vec<String>>(paths)?)));
    }
    let found =
        if selector.takes_tags() { tags(&selector, &case.input) } else { commits(&selector, &case.input) };
    let found = found.map_err(|e| e.to_string())?;
    Ok(found.into_iter().map(|c| shown(c, &sub)).collect())
}

fn tags(selector: &Selector, input: &Value) -> Result<Vec<Candidate>, Error> {
    let all = input["tags"].as_array().into_iter().flatten().map(candidate).collect();
    let mut found = selector.order(all, now())?;
    found.retain(|c| selector.paths_pass(&changed(input, &c.id)));
    found.truncate(selector.tag_limit());
    Ok(found)
}

fn commits(selector: &Selector, input: &Value) -> Result<Vec<Candidate>, Error> {
    let mut found = Vec::new();
    for commit in input["commits"].as_array().into_iter().flatten().map(candidate) {
        if found.len() >= selector.limit() {
            break;
        }
        let passes = selector.takes_all()
            || (selector.passes(&commit, now())? && selector.paths_pass(&changed(input, &commit.id)));
        if passes {
            found.push(commit);
        }
    }
    Ok(found)
}

fn changed(input: &Value, id: &str) -> Vec<String> {
    read(&input["diffPaths"][id]).unwrap_or_default()
}

fn candidate(value: &Value) -> Candidate {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let date = ["creatorDate", "commitDate"].iter().find_map(|key| value[key].as_str());
    Candidate {
        id: text("id"),
        tag: value["tag"].as_str().map(str::to_owned),
        date: date.and_then(|d| d.parse::<Timestamp>().ok()),
        author: text("author"),
        committer: text("committer"),
        subject: text("subject"),
        tagger: text("tagger"),
        annotation: text("annotation"),
    }
}

fn shown(found: Candidate, sub: &GitSubscription) -> Value {
    let mut shown = Map::new();
    let fields = [
        ("id", found.id),
        ("branch", sub.branch.clone().unwrap_or_default()),
        ("tag", found.tag.unwrap_or_default()),
        ("subject", subject(&found.subject)),
        ("author", found.author),
        ("committer", found.committer),
        ("creatorDate", found.date.map(|d| d.to_string()).unwrap_or_default()),
    ];
    for (key, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        shown.insert(key.to_owned(), json!(value));
    }
    Value::Object(shown)
}
