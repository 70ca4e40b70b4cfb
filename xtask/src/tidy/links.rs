//! Links of the documentation: each relative one leads to a file of the repository, and to a heading that is there.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

use super::Finding;

pub fn check(root: &Path, paths: &[String]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in paths.iter().filter(|path| is_page(path)) {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("reading {path}"))?;
        for (number, link) in links(&text) {
            if let Some(what) = dead(root, path, &text, &link) {
                let place = format!("{path}:{number}");
                findings.push(Finding::new(place, what, "mend the link, or add what it names"));
            }
        }
    }
    Ok(findings)
}

fn is_page(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "md")
}

/// The lines outside of code blocks, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Targets of `[text](target)` that are not of another site.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let targets =
            line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        let ours = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
        found.extend(ours.map(|target| (number, target.to_owned())));
    }
    found
}

fn dead(root: &Path, page: &str, own: &str, link: &str) -> Option<String> {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = Path::new(page).parent().unwrap_or(Path::new("")).join(file);
    let Some(target) = inside(&target) else { return Some(format!("the link {link} leaves the repository")) };
    if !file.is_empty() && !root.join(&target).exists() {
        return Some(format!("the link {link} leads nowhere"));
    }
    if heading.is_empty() || !(file.is_empty() || is_page(file)) {
        return None;
    }
    let there = if file.is_empty() { own.to_owned() } else { fs::read_to_string(root.join(target)).ok()? };
    let known = prose(&there).any(|(_, line)| line.starts_with('#') && slug(line) == heading);
    (!known).then(|| format!("the link {link} names a heading that is not there"))
}

/// The path without `.` and `..`, or `None` where it leaves the repository.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut kept = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => kept.push(name),
            Component::CurDir => {}
            Component::ParentDir if kept.pop() => {}
            _ => return None,
        }
    }
    Some(kept)
}

/// A heading's name in links, as forges make it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter_map(
            |c| if c == ' ' { Some('-') } else { (c.is_alphanumeric() || "-_".contains(c)).then_some(c) },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{inside, links, slug};
    use std::path::Path;

    #[test]
    fn links_are_found_outside_of_code() {
        let page = "[a](b.md) and [c](https://d)\n```\n[e](f.md)\n```\n[g](#h)\n";
        assert_eq!(links(page), [(1, "b.md".to_owned()), (5, "#h".to_owned())]);
    }

    #[test]
    fn headings_and_paths() {
        assert_eq!(slug("## Two `ways` to run: 1."), "two-ways-to-run-1");
        assert_eq!(inside(Path::new("docs/../a/./b")).as_deref(), Some(Path::new("a/b")));
        assert_eq!(inside(Path::new("docs/../../a")), None);
    }
}
