//! Merging YAML: `kargo/yaml-merge`, and that what is not addressed stays.

use std::collections::BTreeSet;

use ferry_steps::yaml;
use ferry_vectors::{Answer, Case, Rule, equal, judge, replay_with};
use serde_json::Value;

use crate::files::file_step;
use crate::local::OUTSIDE;
use crate::yaml_read::{Path, Read};

#[test]
fn vectors_yaml_merge() {
    let mut rules = vec![OUTSIDE];
    rules.extend(RULES);
    replay_with("kargo/yaml-merge", |case| match case.input["files"].as_array() {
        Some(_) => {
            let merged =
                texts(case).into_iter().try_fold(String::new(), |merged, file| yaml::merge(&merged, file));
            judge(case, &merged.map(Value::from).map_err(|e| e.to_string()), &rules)
        }
        None => file_step(case, &rules),
    });
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "what is not addressed is not written anew",
        reason: "issue, deliver: editing keeps comments, order, quotes, long lines, CRLF, several documents; only \
                 addressed lines change; recorded is the whole file written in one layout, without its empty values",
        applies: |case| case.want.clone().is_some_and(|want| written(case, &Ok(want)).is_some()),
        instead: |case, answer| {
            let want = case.want.clone().and_then(|want| written(case, &Ok(want)));
            let (Some(want), Some(got)) = (want, written(case, answer)) else { return false };
            let Some((base, patches)) = parts(case) else { return false };
            let (Some(want), Some(new)) = (Read::of(&want), Read::of(&got)) else { return false };
            let said = Read::of(base).map_or(Value::Null, |read| read.value);
            same(&want.value, &new.value, &said) && is_rest(case, answer) && stays(base, &patches, &got)
        },
    },
    Rule {
        name: "anchors stay",
        reason: "failure-modes 57: YAML edits keep anchors; recorded are values lost that an alias or << gave",
        applies: |case| texts(case).iter().any(|text| text.contains('*') || text.contains("<<")),
        instead: says_what_is_merged,
    },
    Rule {
        name: "what is written can be read",
        reason: "issue, bad input: nothing broken is written; recorded is a text that is no YAML, such as a comment's {} \
                 on a line of its own",
        applies: |case| {
            let want = case.want.clone().and_then(|want| written(case, &Ok(want)));
            want.is_some_and(|want| Read::of(&want).is_none())
        },
        instead: says_what_is_merged,
    },
    Rule {
        name: "a text keeps the empty lines it has",
        reason: "issue, deliver: only addressed lines change; recorded is one empty line more after each |+ and >+",
        applies: |case| texts(case).iter().any(|text| text.contains("|+") || text.contains(">+")),
        instead: says_what_is_merged,
    },
    Rule {
        name: "of a key that is given twice the last counts",
        reason: "surprises, editing files: only the addressed value changes, and it is read back; recorded is a change \
                 of the first, which no reader sees",
        applies: |case| reads(case).iter().any(|read| read.twice),
        instead: says_what_is_merged,
    },
    Rule {
        name: "a file that says nothing changes nothing",
        reason: "issue, deliver: only addressed lines change; recorded is an emptied file",
        applies: |case| texts(case).iter().any(|text| says_nothing(text)),
        instead: |case, answer| {
            let others: Vec<_> = texts(case).into_iter().filter(|text| !says_nothing(text)).collect();
            match others.as_slice() {
                [] => written(case, answer)
                    .is_some_and(|text| Read::of(&text).is_some_and(|r| r.value.is_null())),
                [one] => written(case, answer).as_deref() == Some(*one),
                _ => says_what_is_merged(case, answer),
            }
        },
    },
    Rule {
        name: "what is not merged need not be understood",
        reason: "issue, deliver: only addressed lines change; recorded is a refusal of keys that are empty or no texts, \
                 and of %YAML 1.2",
        applies: |case| {
            let version = texts(case).iter().any(|text| text.starts_with("%YAML"));
            version || reads(case).iter().any(|read| read.odd_keys)
        },
        instead: says_what_is_merged,
    },
    Rule {
        name: "what is asked of a list that is not there",
        reason: "issue, bad input: no silent loss; recorded is a list of the $patch alone, without its elements",
        applies: |case| {
            let reads = reads(case);
            reads.split_first().is_some_and(|(base, patches)| {
                patches.iter().any(|patch| asks_of_nothing(&base.value, &patch.value))
            })
        },
        instead: |case, answer| says_merged(case, answer, without_asking),
    },
    Rule {
        name: "a patch that cannot be meant",
        reason: "issue, bad input: a clear error; recorded is that an element without the key that its list is merged by \
                 is passed over, and that a $patch that does not exist is written into the file",
        applies: |case| {
            let reads = reads(case);
            let Some((base, patches)) = reads.split_first() else { return false };
            patches.iter().any(|patch| {
                asks_for_what_is_not(&patch.value)
                    || base.value["apiVersion"].is_string() && has_nameless(&base.value, &patch.value)
            })
        },
        instead: |case, answer| match answer {
            Ok(step) => {
                let out = case.input["config"]["outFile"].as_str().unwrap_or_default();
                step["status"] == "Errored" && step["files"].get(out) == case.input["files"].get(out)
            }
            Err(_) => true,
        },
    },
];

/// The texts that are merged.
fn texts(case: &Case) -> Vec<&str> {
    if let Some(files) = case.input["files"].as_array() {
        return files.iter().filter_map(Value::as_str).collect();
    }
    let names = case.input["config"]["inFiles"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.filter_map(|name| case.input["files"][name].as_str()).collect()
}

fn reads(case: &Case) -> Vec<Read> {
    texts(case).into_iter().filter_map(Read::of).collect()
}

/// The first text that says something, and what is merged into it.
fn parts(case: &Case) -> Option<(&str, Vec<Read>)> {
    let mut texts = texts(case).into_iter();
    let base =
        texts.find(|text| Read::of(text).is_some_and(|read| !read.value.is_null())).unwrap_or_default();
    Some((base, texts.map(Read::of).collect::<Option<_>>()?))
}

/// What was written, by the function or by the step.
fn written(case: &Case, answer: &Answer) -> Option<String> {
    match answer.as_ref().ok()? {
        Value::String(text) if case.input["files"].is_array() => Some(text.clone()),
        step => Some(step["files"][case.input["config"]["outFile"].as_str()?].as_str()?.to_owned()),
    }
}

/// Whether all is as recorded but for what was written.
fn is_rest(case: &Case, answer: &Answer) -> bool {
    let rest = |answer: &Value| {
        let mut rest = answer.clone();
        match case.input["config"]["outFile"].as_str() {
            Some(out) => rest["files"][out] = Value::Null,
            None => rest = Value::Null,
        }
        rest
    };
    let want = case.want.as_ref().map(rest);
    answer.as_ref().is_ok_and(|answer| want.is_some_and(|want| equal(&want, &rest(answer))))
}

/// Whether two documents say the same, but for keys without a value that the base has.
fn same(want: &Value, got: &Value, base: &Value) -> bool {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let empty = |key: &String| base.get(key).is_some_and(Value::is_null);
            want.keys().all(|key| got.contains_key(key))
                && got.iter().all(|(key, got)| match want.get(key) {
                    Some(want) => same(want, got, &base[key.as_str()]),
                    None => got.is_null() && empty(key),
                })
        }
        _ => equal(want, got),
    }
}

/// Whether the answer says what the files say that are merged, and what it does not speak of stays.
fn says_what_is_merged(case: &Case, answer: &Answer) -> bool {
    says_merged(case, answer, Value::clone)
}

/// The same with something else in the place of what is merged into the first.
fn says_merged(case: &Case, answer: &Answer, meant: fn(&Value) -> Value) -> bool {
    let Some((base, patches)) = parts(case) else { return false };
    let Some(got) = written(case, answer) else { return false };
    let says = |read: fn(&str) -> Option<Value>| {
        let wanted =
            patches.iter().try_fold(read(base)?, |base, patch| Some(merged(base, &meant(&patch.value))))?;
        Some(equal(&settled(&wanted), &settled(&read(&got)?)))
    };
    // An alias says what its anchor says from now on.
    let is_said = says(|text| Read::of(text).map(|read| read.value)) == Some(true)
        || says(Read::unresolved) == Some(true);
    is_said && stays(base, &patches, &got)
}

fn merged(base: Value, patch: &Value) -> Value {
    match (base, patch) {
        (base, Value::Null) => base,
        (Value::Object(mut base), Value::Object(patch)) => {
            for (key, value) in patch {
                // What << gives is changed in the map that has it.
                let given = base.get("<<").and_then(|given| given.get(key)).cloned();
                let old = base.remove(key).or(given).unwrap_or(Value::Null);
                if !value.is_null() {
                    base.insert(key.clone(), merged(old, value));
                }
            }
            Value::Object(base)
        }
        (_, Value::Object(patch)) => {
            let said = patch.iter().filter(|(_, value)| !value.is_null());
            said.map(|(key, value)| (key.clone(), merged(Value::Null, value))).collect()
        }
        (_, patch) => patch.clone(),
    }
}

/// With what `<<` gives in the maps that have it.
fn settled(value: &Value) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    let mut all: serde_json::Map<_, _> = map
        .iter()
        .filter(|(key, _)| *key != "<<")
        .map(|(key, value)| (key.clone(), settled(value)))
        .collect();
    let given = match map.get("<<") {
        Some(Value::Array(maps)) => maps.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for (key, value) in given.into_iter().filter_map(|given| settled(given).as_object().cloned()).flatten() {
        all.entry(key).or_insert(value);
    }
    Value::Object(all)
}

/// Whether each line of `base` that holds nothing of what is addressed or has changed is in `got`, in order and byte for
/// byte, what is new is no longer than what it comes from, and no comment is made up or lost.
fn stays(base: &str, patches: &[Read], got: &str) -> bool {
    let (Some(old), Some(new)) = (Read::of(base), Read::of(got)) else { return false };
    let lines: Vec<_> = base.split_terminator('\n').collect();
    let touched = touched(&old, &new.value, patches, &lines);
    let mut rest = got.split_terminator('\n');
    let kept = lines.iter().enumerate().filter(|(n, _)| !touched.contains(n));
    let all_stay = kept.clone().all(|(_, line)| rest.any(|other| other == *line));
    let one_end = |text: &str| {
        let carriage = text.split_inclusive('\n').filter(|line| line.ends_with("\r\n")).count();
        carriage == 0 || carriage == text.matches('\n').count()
    };
    let given: Vec<_> = old.comments.iter().chain(patches.iter().flat_map(|patch| &patch.comments)).collect();
    let gone = |comment: &String| !touched.iter().any(|n| lines[*n].contains(comment.as_str()));
    all_stay
        && (!one_end(base) || one_end(got))
        && new.comments.iter().all(|comment| given.contains(&comment))
        && old.comments.iter().filter(|comment| gone(comment)).all(|comment| new.comments.contains(comment))
}

/// The lines of `old` that hold something that a patch addresses or that is not what it was.
fn touched(old: &Read, new: &Value, patches: &[Read], lines: &[&str]) -> BTreeSet<usize> {
    let mut paths = Vec::new();
    let mut gone = Vec::new();
    differences(&old.value, new, &mut Vec::new(), &mut paths, &mut gone);
    for patch in patches {
        addressed(&old.value, &patch.value, &mut Vec::new(), &mut paths);
    }
    let mut touched: BTreeSet<usize> = old.open_end().into_iter().collect();
    touched.extend(paths.iter().chain(&gone).flat_map(|path| old.lines_of(path)).flatten());
    for mut line in gone.iter().flat_map(|path| old.lines_of(path)).map(|lines| *lines.start()) {
        // What is said above goes with it.
        while line > 0 && lines[line - 1].trim_start().starts_with('#') {
            line -= 1;
            touched.insert(line);
        }
    }
    touched
}

/// The pairs of elements of two lists that have the same name; none where they are not told apart so.
fn by_name<'a>(old: &'a [Value], new: &'a [Value]) -> Option<Vec<(usize, Option<&'a Value>)>> {
    let names = |list: &'a [Value]| list.iter().map(|item| item["name"].as_str()).collect::<Option<Vec<_>>>();
    let (a, b) = (names(old)?, names(new)?);
    let is_set = |names: &[&str]| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    let pairs = |(n, name): (usize, &&str)| (n, b.iter().position(|other| other == name).map(|at| &new[at]));
    (is_set(&a) && is_set(&b)).then(|| a.iter().enumerate().map(pairs).collect())
}

fn differences(old: &Value, new: &Value, path: &mut Path, changed: &mut Vec<Path>, gone: &mut Vec<Path>) {
    let mut pair = |part: String, old: &Value, new: Option<&Value>, changed: &mut Vec<Path>| {
        path.push(part);
        match new {
            Some(new) => differences(old, new, path, changed, gone),
            None => gone.push(path.clone()),
        }
        path.pop();
    };
    match (old, new) {
        (old, new) if equal(old, new) => {}
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                pair(key.clone(), value, new.get(key), changed);
            }
            for key in new.keys().filter(|key| !old.contains_key(*key)) {
                changed.push(path.iter().chain([key]).cloned().collect());
            }
            if old.is_empty() || old.keys().all(|key| !new.contains_key(key)) {
                changed.push(path.clone());
            }
        }
        (Value::Array(old), Value::Array(new)) if by_name(old, new).is_some() => {
            let pairs = by_name(old, new).unwrap();
            for (n, other) in &pairs {
                pair(n.to_string(), &old[*n], *other, changed);
            }
            if pairs.iter().all(|(_, other)| other.is_none()) {
                changed.push(path.clone());
            }
            changed.push(path.iter().cloned().chain([old.len().to_string()]).collect());
        }
        _ => changed.push(path.clone()),
    }
}

/// What a patch gives a value of its own.
fn addressed(old: &Value, asked: &Value, path: &mut Path, given: &mut Vec<Path>) {
    let pairs: Vec<(String, &Value, &Value)> = match (old, asked) {
        (Value::Object(old), Value::Object(asked)) if !asked.is_empty() && asked.get("$patch").is_none() => {
            asked
                .iter()
                .map(|(key, value)| (key.clone(), old.get(key).unwrap_or(&Value::Null), value))
                .collect()
        }
        (Value::Array(old), Value::Array(asked)) if by_name(old, asked).is_some() => by_name(old, asked)
            .into_iter()
            .flatten()
            .filter_map(|(n, other)| Some((n.to_string(), &old[n], other?)))
            .collect(),
        _ => return given.push(path.clone()),
    };
    for (part, old, asked) in pairs {
        path.push(part);
        addressed(old, asked, path, given);
        path.pop();
    }
}

/// Whether there is nothing in a text but marks of documents and comments.
fn says_nothing(text: &str) -> bool {
    let mark = |line: &str| line.starts_with("---") || line.starts_with("...");
    let first = text.split("\n---").next().unwrap_or_default().trim_start_matches("---");
    let said =
        first.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#') && !mark(line));
    text.lines().any(mark) && !said
}

/// Whether an element is nothing but a `$patch`.
fn only_asks(item: &Value) -> bool {
    item.as_object().is_some_and(|item| item.len() == 1 && item.contains_key("$patch"))
}

/// Whether a list has such an element where `base` has no list.
fn asks_of_nothing(base: &Value, patch: &Value) -> bool {
    match patch {
        Value::Object(map) => map.iter().any(|(key, value)| asks_of_nothing(&base[key.as_str()], value)),
        Value::Array(items) => base.is_null() && items.iter().any(only_asks),
        _ => false,
    }
}

/// With lists that have what they ask for.
fn without_asking(patch: &Value) -> Value {
    match patch {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), without_asking(value))).collect(),
        Value::Array(items) if items.iter().any(|item| only_asks(item) && item["$patch"] == "delete") => {
            Value::Null
        }
        Value::Array(items) => items.iter().filter(|item| !only_asks(item)).cloned().collect(),
        other => other.clone(),
    }
}

/// Whether there is a `$patch` that does not exist.
fn asks_for_what_is_not(patch: &Value) -> bool {
    match patch {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let known = ["merge", "replace", "delete"].iter().any(|known| value == known);
            key == "$patch" && !known || asks_for_what_is_not(value)
        }),
        Value::Array(items) => items.iter().any(asks_for_what_is_not),
        _ => false,
    }
}

/// Whether both have a list in one place, that of `base` of maps with names or of texts, and the other an element that is
/// none of these.
fn has_nameless(base: &Value, patch: &Value) -> bool {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            patch.iter().any(|(key, value)| base.get(key).is_some_and(|base| has_nameless(base, value)))
        }
        (Value::Array(base), Value::Array(patch)) => {
            const NAMES: [&str; 8] =
                ["name", "containerPort", "port", "ip", "type", "mountPath", "devicePath", "uid"];
            let named = |item: &Value| NAMES.iter().any(|name| item.get(name).is_some());
            let texts = base.iter().all(Value::is_string);
            patch.iter().any(|item| !only_asks(item) && if texts { item.is_object() } else { !named(item) })
                || patch.iter().any(|item| {
                    let same =
                        base.iter().find(|base| item.get("name").is_some() && base["name"] == item["name"]);
                    same.is_some_and(|base| has_nameless(base, item))
                })
        }
        _ => false,
    }
}

#[test]
fn no_defect_hides_in_a_layout() {
    let base =
        "# head\na: 1 # of a\n\nk:\n    x: \"1\"\n    y: 'z' # of y\nl:\n  - one\n  - two\n---\nsecond: 1\n";
    let patch = "k: {x: 2, w: 3}\n";
    let want = "# head\na: 1 # of a\nk:\n  x: \"2\"\n  y: 'z' # of y\n  w: 3\nl:\n- one\n- two\n";
    let right = yaml::merge(base, patch).unwrap();
    let accepted = |answer: &str| {
        let case = Case {
            input: serde_json::json!({"files": [base, patch]}),
            want: Some(want.into()),
            name: String::new(),
            error: None,
            line: Value::Null,
        };
        let answer = Ok(answer.into());
        RULES.iter().any(|rule| (rule.applies)(&case) && (rule.instead)(&case, &answer))
    };
    assert!(accepted(&right), "{right}");
    for (part, other) in [
        ("# head\n", ""),
        ("# head", "# Head"),
        (" # of a", ""),
        ("\n\nk", "\nk"),
        ("\"2\"", "2"),
        ("\"2\"", "\"3\""),
        ("    w: 3\n", ""),
        ("    w: 3\n", "    w: 3\n    v: 4\n"),
        ("    w: 3\n", "    w: 3\n    # made up\n"),
        ("'z'", "z"),
        (" # of y", ""),
        ("  - one", "- one"),
        ("  - two\n", ""),
        ("second: 1", "second: 2"),
        ("---\nsecond: 1\n", ""),
        ("a: 1 # of a\n\nk:", "k:"),
        ("\n", "\r\n"),
    ] {
        let wrong = right.replace(part, other);
        assert!(wrong != right && !accepted(&wrong), "{wrong}");
    }
}
