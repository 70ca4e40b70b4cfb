//! Which crate sees which: arrows, what must stay out of sight, purity, and who may name a dependency.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::table::{ARMED, EVERYBODY_SEES, IMPURE, LAYERS, NEVER, ONLY_IN, PURE_CLIPPY};
use super::{Finding, output};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    features: Vec<String>,
}

/// Directory of a crate → what it needs to run, by package name.
type Needs = BTreeMap<String, BTreeSet<String>>;

pub fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let packages = read(root)?;
    let mut findings = disarmed(&packages);
    let needs = needs(packages);
    for (name, needed) in &needs {
        findings.extend(arrows(name, needed));
        findings.extend(named(name, needed));
    }
    findings.extend(out_of_sight(&needs));
    for layer in LAYERS.iter().filter(|layer| layer.pure && needs.contains_key(layer.name)) {
        findings.extend(purity(root, layer.name)?);
    }
    Ok(findings)
}

fn read(root: &Path) -> anyhow::Result<Vec<Package>> {
    let text = output(root, "cargo", &["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
    let metadata: Metadata = serde_json::from_str(&text).context("reading cargo metadata")?;
    Ok(metadata.packages)
}

fn needs(packages: Vec<Package>) -> Needs {
    let packages = packages.into_iter().map(|package| {
        let runs = package.dependencies.into_iter().filter(|dependency| dependency.kind.is_none());
        (directory(&package.name).to_owned(), runs.map(|dependency| dependency.name).collect())
    });
    packages.collect()
}

/// What can kill the process is for tests only: no package needs it armed to run.
fn disarmed(packages: &[Package]) -> Vec<Finding> {
    let armed = |dependency: &Dependency| {
        dependency.kind.as_deref() != Some("dev")
            && dependency.features.iter().any(|feature| feature == ARMED.1)
    };
    let is_armed = |package: &&Package| {
        package.dependencies.iter().any(|dependency| dependency.name == ARMED.0 && armed(dependency))
    };
    let advice = "make it a dev-dependency: a release must not know a place to die at";
    let wrong = packages.iter().filter(is_armed).map(|package| directory(&package.name));
    wrong.map(|name| Finding::new(manifest(name), format!("{name} arms {}", ARMED.0), advice)).collect()
}

/// Packages have a prefix, directories have not.
fn directory(package: &str) -> &str {
    package.strip_prefix("ferry-").unwrap_or(package)
}

fn manifest(name: &str) -> String {
    if name == "xtask" { "xtask/Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") }
}

fn arrows(name: &str, needed: &BTreeSet<String>) -> Vec<Finding> {
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        let what = format!("the crate {name} is not in the table");
        return vec![Finding::new(
            manifest(name),
            what,
            "add it to xtask/src/tidy/table.rs and to ARCHITECTURE.md",
        )];
    };
    let ours = needed.iter().filter_map(|package| package.strip_prefix("ferry-"));
    let wrong = ours.filter(|other| !layer.sees.contains(other) && !EVERYBODY_SEES.contains(other));
    let advice = "hand in what it needs, or move the code; the arrows are in xtask/src/tidy/table.rs";
    wrong.map(|other| Finding::new(manifest(name), format!("{name} must not see {other}"), advice)).collect()
}

fn named(name: &str, needed: &BTreeSet<String>) -> Vec<Finding> {
    let wrong =
        ONLY_IN.iter().filter(|(dependency, who, _)| needed.contains(*dependency) && !who.contains(&name));
    let finding = |(dependency, _, advice): &(&str, &[&str], &'static str)| {
        Finding::new(manifest(name), format!("{name} must not depend on {dependency}"), advice)
    };
    wrong.map(finding).collect()
}

fn out_of_sight(needs: &Needs) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (who, whom, why) in NEVER {
        let seen = closure(needs, who);
        for other in whom.iter().filter(|other| seen.contains(**other)) {
            findings.push(Finding::new(
                manifest(who),
                format!("{who} sees {other}, maybe through others"),
                why,
            ));
        }
    }
    findings
}

/// Every crate of ours that one reaches.
fn closure(needs: &Needs, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![from.to_owned()];
    while let Some(name) = todo.pop() {
        let next =
            needs.get(&name).into_iter().flatten().filter_map(|package| package.strip_prefix("ferry-"));
        todo.extend(next.filter(|other| seen.insert((*other).to_owned())).map(str::to_owned));
    }
    seen
}

fn purity(root: &Path, name: &str) -> anyhow::Result<Vec<Finding>> {
    let package = format!("ferry-{name}");
    // The tree of this package alone: with the whole workspace's features it would have others' dependencies.
    let tree = [
        "tree",
        "--locked",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--package",
        &package,
    ];
    let tree = output(root, "cargo", &tree)?;
    let needed: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let wrong = IMPURE.iter().filter(|impure| needed.contains(**impure));
    let mut findings: Vec<Finding> = wrong
        .map(|impure| {
            let what =
                format!("{name} is pure but depends on {impure} (see cargo tree -i {impure} -p {package})");
            Finding::new(manifest(name), what, "turn the feature off, or hand the answer in")
        })
        .collect();
    let own = format!("crates/{name}/clippy.toml");
    if fs::read(root.join(&own)).ok() != fs::read(root.join(PURE_CLIPPY)).ok() {
        findings.push(Finding::new(own, format!("not the same as {PURE_CLIPPY}"), "copy that one over it"));
    }
    Ok(findings)
}
