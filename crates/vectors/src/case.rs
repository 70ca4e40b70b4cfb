//! What is recorded: the folder, a file's lines, one case.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One line of a file: what was asked of the real program and what it answered.
#[derive(Debug, Clone)]
pub struct Case {
    /// The line's `name`, or `line N` where it has none.
    pub name: String,
    /// The line's `in`, null where it has none.
    pub input: Value,
    /// The line's `want`: `Some(Null)` when it says null, `None` when it says nothing.
    pub want: Option<Value>,
    /// The line's `error`: a text, an object, or `true` where only "is an error" was kept.
    pub error: Option<Value>,
    /// The whole line, for files that have other members.
    pub line: Value,
}

impl Case {
    /// Reads the line with the given number (from 1). A line that is not JSON is an error with its text.
    fn parse(number: usize, text: &str) -> Result<Self, String> {
        let line: Value = serde_json::from_str(text).map_err(|e| format!("line {number}: not JSON: {e}"))?;
        let name = line.get("name").and_then(Value::as_str);
        Ok(Self {
            name: name.map_or_else(|| format!("line {number}"), str::to_owned),
            input: line.get("in").cloned().unwrap_or(Value::Null),
            want: line.get("want").cloned(),
            error: line.get("error").cloned(),
            line,
        })
    }
}

/// The folder that is replayed: `FERRY_VECTORS`, or else the repository's `vectors/`.
///
/// A relative `FERRY_VECTORS` counts from the repository's root: Cargo runs tests in their own crate's directory.
pub fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join(std::env::var_os("FERRY_VECTORS").map_or_else(|| PathBuf::from("vectors"), PathBuf::from))
}

/// The cases of AREA/FILE.jsonl (`"kargo/ids"`), or `None` where the folder has no such file.
///
/// # Panics
/// When the file cannot be read or a line is not JSON: the folder is broken then, not the code under test.
pub fn read(file: &str) -> Option<Vec<Case>> {
    let text = text(&format!("{file}.jsonl"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    Some(lines.map(|(i, line)| Case::parse(i + 1, line).unwrap_or_else(|e| broken(file, &e))).collect())
}

/// A whole JSON file of the folder (`"apiserver/crds.json"`), or `None` where there is none.
///
/// # Panics
/// When the file cannot be read or is not JSON.
pub fn document(path: &str) -> Option<Value> {
    Some(serde_json::from_str(&text(path)?).unwrap_or_else(|e| broken(path, &e.to_string())))
}

fn text(path: &str) -> Option<String> {
    match std::fs::read_to_string(folder().join(path)) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => broken(path, &e.to_string()),
    }
}

#[expect(clippy::panic, reason = "runs in tests only; a broken folder must not pass as a skipped one")]
fn broken(path: &str, what: &str) -> ! {
    panic!("vectors {path}: {what}")
}
