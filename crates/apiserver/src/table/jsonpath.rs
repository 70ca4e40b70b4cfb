//! The JSONPath of printer columns: `.a.b[0]`, `['x']`, `.labels.kargo\.akuity\.io/alias`,
//! `[?(@.type=="Ready")].status`, `[*]`. A path that finds nothing is no error.

use serde_json::Value;

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Member(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    All,
    /// Every value at any depth below.
    Descend,
    Filter(Operand, Option<(Comparison, Operand)>),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(JsonPath),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

const MAX_FOUND: usize = 10_000;

impl JsonPath {
    /// Reads a path; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (path, rest) = Self::read(text.trim())?;
        rest.is_empty().then_some(path)
    }

    /// Reads as much as is a path and returns the rest.
    fn read(mut text: &str) -> Option<(Self, &str)> {
        let mut steps = Vec::new();
        loop {
            let rest = if let Some(inner) = text.strip_prefix('[') {
                let (step, rest) = bracket(inner)?;
                steps.push(step);
                rest
            } else if let Some(rest) = text.strip_prefix("..") {
                steps.push(Step::Descend);
                if rest.starts_with('[') {
                    rest
                } else {
                    let (name, rest) = member(rest)?;
                    steps.push(name);
                    rest
                }
            } else if let Some(rest) = text.strip_prefix('.') {
                if rest.is_empty() || rest.starts_with('[') {
                    rest
                } else {
                    let (name, rest) = member(rest)?;
                    steps.push(name);
                    rest
                }
            } else {
                return Some((Self { steps }, text));
            };
            text = rest;
        }
    }

    /// All values it finds, in order.
    pub(super) fn find<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![root];
        for step in &self.steps {
            let mut next = Vec::new();
            for value in found {
                step.follow(value, &mut next);
                next.truncate(MAX_FOUND);
            }
            found = next;
        }
        found
    }
}

impl Step {
    fn follow<'v>(&self, value: &'v Value, found: &mut Vec<&'v Value>) {
        match (self, value) {
            (Self::Member(name), Value::Object(map)) => found.extend(map.get(name)),
            (Self::Index(index), Value::Array(items)) => {
                found.extend(place(*index, items.len()).and_then(|at| items.get(at)));
            }
            (Self::Slice(from, to), Value::Array(items)) => {
                let edge = |index: i64| {
                    let index =
                        if index < 0 { index.saturating_add_unsigned(items.len() as u64) } else { index };
                    usize::try_from(index).unwrap_or(0).min(items.len())
                };
                let (from, to) = (from.map_or(0, edge), to.map_or(items.len(), edge));
                found.extend(items.get(from..to).unwrap_or_default());
            }
            (Self::All, Value::Array(items)) => found.extend(items),
            (Self::All, Value::Object(map)) => found.extend(map.values()),
            (Self::Descend, value) => descend(value, found),
            (Self::Filter(left, right), Value::Array(items)) => {
                found.extend(items.iter().filter(|item| holds(left, right.as_ref(), item)));
            }
            (Self::Filter(left, right), Value::Object(map)) => {
                found.extend(map.values().filter(|item| holds(left, right.as_ref(), item)));
            }
            _ => {}
        }
    }
}

fn descend<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    if found.len() >= MAX_FOUND {
        return;
    }
    found.push(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| descend(item, found)),
        Value::Object(map) => map.values().for_each(|item| descend(item, found)),
        _ => {}
    }
}

fn place(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
    usize::try_from(index).ok()
}

fn holds(left: &Operand, right: Option<&(Comparison, Operand)>, item: &Value) -> bool {
    let value = |operand: &Operand| match operand {
        Operand::Path(path) => path.find(item).first().map(|found| (*found).clone()),
        Operand::Literal(literal) => Some(literal.clone()),
    };
    let Some(left) = value(left) else { return false };
    let Some((comparison, right)) = right else { return true };
    let Some(right) = value(right) else { return false };
    let order = match (&left, &right) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().zip(b.as_f64()).and_then(|(a, b)| a.partial_cmp(&b))
        }
        _ => None,
    };
    match comparison {
        Comparison::Equal => order.map_or(left == right, std::cmp::Ordering::is_eq),
        Comparison::NotEqual => order.map_or(left != right, std::cmp::Ordering::is_ne),
        Comparison::Less => order.is_some_and(std::cmp::Ordering::is_lt),
        Comparison::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
        Comparison::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
        Comparison::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
    }
}

/// A member name up to the next unescaped `.` or `[` (or what ends an operand).
fn member(text: &str) -> Option<(Step, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    let mut end = text.len();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => name.push(chars.next()?.1),
            '.' | '[' | ']' | ')' | '=' | '!' | '<' | '>' | ' ' | '{' | '}' => {
                end = at;
                break;
            }
            char => name.push(char),
        }
    }
    let step = match name.as_str() {
        "" => return None,
        "*" => Step::All,
        _ => Step::Member(name),
    };
    Some((step, text.get(end..)?))
}

/// What stands in brackets, after the opening one.
fn bracket(text: &str) -> Option<(Step, &str)> {
    if let Some(inner) = text.strip_prefix("?(") {
        let (left, rest) = operand(inner.trim_start())?;
        let rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix(")]") {
            return Some((Step::Filter(left, None), rest));
        }
        let (comparison, rest) = COMPARISONS
            .iter()
            .find_map(|(sign, comparison)| rest.strip_prefix(sign).map(|rest| (*comparison, rest)))?;
        let (right, rest) = operand(rest.trim_start())?;
        let rest = rest.trim_start().strip_prefix(")]")?;
        return Some((Step::Filter(left, Some((comparison, right))), rest));
    }
    if text.starts_with(['\'', '"']) {
        let (name, rest) = quoted(text)?;
        return Some((Step::Member(name), rest.strip_prefix(']')?));
    }
    let (inner, rest) = text.split_once(']')?;
    let number = |text: &str| text.trim().parse::<i64>().ok();
    let step = match (inner.trim(), inner.split_once(':')) {
        ("*", _) => Step::All,
        (_, Some((from, to))) => {
            let side = |text: &str| if text.trim().is_empty() { Some(None) } else { number(text).map(Some) };
            Step::Slice(side(from)?, side(to)?)
        }
        (index, None) => Step::Index(number(index)?),
    };
    Some((step, rest))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next()?;
    let mut out = String::new();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => out.push(chars.next()?.1),
            char if char == quote => return Some((out, text.get(at + 1..)?)),
            char => out.push(char),
        }
    }
    None
}

fn operand(text: &str) -> Option<(Operand, &str)> {
    if let Some(rest) = text.strip_prefix('@') {
        let (path, rest) = JsonPath::read(rest)?;
        return Some((Operand::Path(path), rest));
    }
    if text.starts_with(['\'', '"']) {
        let (literal, rest) = quoted(text)?;
        return Some((Operand::Literal(Value::String(literal)), rest));
    }
    let end = text.find([')', ' ', '=', '!', '<', '>'])?;
    let (word, rest) = text.split_at(end);
    Some((Operand::Literal(serde_json::from_str(word).ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_paths_find() {
        let object = json!({
            "metadata": {"labels": {"kargo.akuity.io/alias": "fit-fox", "x": "y"}},
            "spec": {"parts": ["p", "q", "r"], "a b": 1},
            "status": {"conditions": [{"type": "Ready", "status": "True", "n": 3}, {"type": "Healthy", "status": "False"}]},
        });
        let cases = [
            (r".metadata.labels.kargo\.akuity\.io/alias", json!(["fit-fox"])),
            (".metadata.labels['kargo.akuity.io/alias']", json!(["fit-fox"])),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!(["True"])),
            (".status.conditions[?(@.type != 'Ready')].status", json!(["False"])),
            (".status.conditions[?(@.n)].type", json!(["Ready"])),
            (".status.conditions[?(@.n>2)].type", json!(["Ready"])),
            (".status.conditions[?(@.n<=2)].type", json!([])),
            (".spec.parts[0]", json!(["p"])),
            (".spec.parts[-1]", json!(["r"])),
            (".spec.parts[1:]", json!(["q", "r"])),
            (".spec.parts[*]", json!(["p", "q", "r"])),
            (".spec.parts[9]", json!([])),
            (".spec.parts", json!([["p", "q", "r"]])),
            ("..type", json!(["Ready", "Healthy"])),
            (".spec.none.deeper", json!([])),
            (".spec[\"a b\"]", json!([1])),
        ];
        for (path, want) in cases {
            let found: Vec<Value> =
                JsonPath::parse(path).unwrap().find(&object).into_iter().cloned().collect();
            assert_eq!(Value::Array(found), want, "{path}");
        }
    }

    #[test]
    fn what_is_no_path() {
        for path in ["spec.n", ".spec[?(", ".a[", ".a['b", ".a[x]", ".a[?(@.b==)]", ".a{", "..", ".a\\"] {
            assert_eq!(JsonPath::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[.\\[\\]'\"a-c?(@=<>!*:0-9\\\\) -]{0,24}", value in crate::schema::arbitrary::value()) {
            if let Some(path) = JsonPath::parse(&text) {
                path.find(&value);
            }
        }
    }
}
