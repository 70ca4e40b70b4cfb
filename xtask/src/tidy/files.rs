//! Each file by itself: how it opens, how long it is, what it must not say.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::Finding;
use super::table::{LINES, MACHINE_PATHS, NOT_READ, REGISTRY_HOSTS, RUST_TEXTS, SLEEPS, VIRTUAL_TIME};

pub fn check(root: &Path, paths: &[String]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in paths.iter().filter(|path| !NOT_READ.iter().any(|skipped| path.starts_with(skipped))) {
        let bytes = fs::read(root.join(path)).with_context(|| format!("reading {path}"))?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        findings.extend(words(path, &text));
        if Path::new(path).extension().is_some_and(|extension| extension == "rs") {
            findings.extend(rust(path, &text));
        }
    }
    Ok(findings)
}

fn words(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let place = format!("{path}:{number}");
        if let Some(found) = MACHINE_PATHS.iter().find(|word| begins_a_path(line, word)) {
            let what = format!("a path of one machine ({found}…)");
            findings.push(Finding::new(&*place, what, "use a relative path or a temporary directory"));
        }
        if let Some(host) = REGISTRY_HOSTS.iter().find(|host| line.contains(**host)) {
            findings.push(Finding::new(
                place,
                format!("the registry host {host}"),
                "leave it to the configuration",
            ));
        }
    }
    findings
}

/// Whether the word stands at the beginning of a path: `/mine/x` does, `/apis/mine/` does not.
pub fn begins_a_path(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}*>)/".contains(c))
    })
}

fn rust(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !text.starts_with("//!") {
        let advice = "open it with 1 to 5 lines of //!: what it is and why it is apart";
        findings.push(Finding::new(format!("{path}:1"), "no //! at the top", advice));
    }
    let tests = tests_begin(path, text);
    let on_real_time = !VIRTUAL_TIME.iter().any(|folder| path.starts_with(folder));
    findings.extend(size(path, text.lines().count().min(tests)));
    for (i, line) in text.lines().enumerate() {
        let place = format!("{path}:{}", i + 1);
        for (_, what, advice) in RUST_TEXTS.iter().filter(|(wrong, ..)| line.contains(wrong)) {
            findings.push(Finding::new(&*place, *what, advice));
        }
        if i >= tests && on_real_time && SLEEPS.iter().any(|call| calls(line, call)) {
            findings.push(Finding::new(
                place,
                "a test that sleeps",
                "wait for the event itself, with a deadline",
            ));
        }
    }
    findings
}

/// The line (from 0) where test code begins, the number of lines and beyond where there is none.
fn tests_begin(path: &str, text: &str) -> usize {
    let apart = path.contains("/tests/") || path.ends_with("/tests.rs");
    if apart {
        0
    } else {
        text.lines().position(|line| line.starts_with("#[cfg(test)]")).unwrap_or(usize::MAX)
    }
}

fn size(path: &str, lines: usize) -> Option<Finding> {
    let (think, most) = LINES;
    let finding = |advice| Finding::new(path, format!("{lines} lines"), advice);
    if path.contains("/data/") || lines <= think {
        None
    } else if lines <= most {
        Some(finding("think of a second subject that could have its own file").mild())
    } else {
        Some(finding("at most 600 are allowed: give each subject its own file"))
    }
}

fn calls(line: &str, call: &str) -> bool {
    let code = line.split("//").next().unwrap_or(line);
    code.match_indices(call).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_') && !code[..at].ends_with("fn ")
    })
}

#[cfg(test)]
mod tests {
    use super::{SLEEPS, begins_a_path, calls, rust, size, tests_begin};

    #[test]
    fn machine_paths() {
        for (line, found) in [
            ("see /mine/x", true),
            ("(\"/mine/x\")", true),
            ("/apis/mine/x", false),
            ("GET <server>/mine/x", false),
            ("a/mine/x", false),
        ] {
            assert_eq!(begins_a_path(line, "/mine/"), found, "{line}");
        }
    }

    #[test]
    fn sleeping_is_seen_in_tests_only() {
        let call = "tokio::time::sleep".to_owned() + "(x).await;";
        let text = format!("//! Doc.\nfn a() {{ {call} }}\n#[cfg(test)]\nmod tests {{ {call} }}\n");
        let places: Vec<String> = rust("crates/a/src/b.rs", &text).into_iter().map(|f| f.place).collect();
        assert_eq!(places, ["crates/a/src/b.rs:4"]);
        for line in ["fn asleep() {", "    async fn sleep(&self) {}"] {
            assert!(!SLEEPS.iter().any(|call| calls(line, call)), "{line}");
        }
        assert_eq!(tests_begin("crates/a/tests/it/b.rs", ""), 0);
    }

    #[test]
    fn lengths() {
        assert!(size("a.rs", 400).is_none());
        assert!(size("a.rs", 401).is_some_and(|finding| finding.mild));
        assert!(size("a.rs", 601).is_some_and(|finding| !finding.mild));
        assert!(size("crates/a/src/data/b.rs", 9000).is_none());
    }

    #[test]
    fn a_file_opens_with_its_subject() {
        assert_eq!(rust("a.rs", "use x;\n").len(), 1);
        assert_eq!(rust("a.rs", "//! What.\nuse x;\n").len(), 0);
    }
}
