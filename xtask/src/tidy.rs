//! `tidy`: what the compiler and clippy do not check, all of it from one table: arrows between crates, purity, sizes,
//! forms and words of files, links of the documentation.

mod arrows;
mod files;
mod links;
mod table;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};

use crate::say;
pub use files::begins_a_path;
pub use table::MACHINE_PATHS;

/// Something to mend: where, what, and what to do about it.
struct Finding {
    place: String,
    what: String,
    advice: &'static str,
    /// Only a warning: it is shown and does not fail.
    mild: bool,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>, advice: &'static str) -> Self {
        Self { place: place.into(), what: what.into(), advice, mild: false }
    }

    fn mild(self) -> Self {
        Self { mild: true, ..self }
    }

    fn line(&self) -> String {
        let grade = if self.mild { "warning" } else { "error" };
        format!("{grade}: {}: {}; {}", self.place, self.what, self.advice)
    }
}

/// Checks everything; fails when there is anything but warnings.
pub fn run(root: &Path, _: &[String]) -> anyhow::Result<ExitCode> {
    let paths = committed(root)?;
    let mut findings = arrows::check(root)?;
    findings.extend(files::check(root, &paths)?);
    findings.extend(links::check(root, &paths)?);
    findings.sort_by(|a, b| b.mild.cmp(&a.mild).then_with(|| a.place.cmp(&b.place)));
    for finding in &findings {
        say(&finding.line());
    }
    let bad = findings.iter().filter(|finding| !finding.mild).count();
    let mild = findings.len() - bad;
    say(&format!("tidy: {} files, {bad} errors, {mild} warnings", paths.len()));
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every file that is committed or would be, as paths from the root.
fn committed(root: &Path) -> anyhow::Result<Vec<String>> {
    let list = output(root, "git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    let mut paths: Vec<String> =
        list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    paths.retain(|path| root.join(path).is_file());
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// What a program prints, run in the root.
fn output(root: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let told = || format!("running {program} {}", arguments.join(" "));
    let out = Command::new(program).args(arguments).current_dir(root).output().with_context(told)?;
    ensure!(out.status.success(), "{}: {}", told(), String::from_utf8_lossy(&out.stderr).trim());
    String::from_utf8(out.stdout).with_context(told)
}
