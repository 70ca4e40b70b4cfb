//! `steps`: makes the reference of the promotion steps anew, in `docs/steps/`, from what the steps say of themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use ferry_cli::steps::{StepInfo, index, reference};

use crate::say;

/// Where the pages lie, seen from the repository's root.
const PLACE: &str = "docs/steps";

/// Writes every page, and nothing else, into the folder.
pub fn run(root: &Path, _: &[String]) -> anyhow::Result<ExitCode> {
    let place = root.join(PLACE);
    if place.exists() {
        fs::remove_dir_all(&place).context("removing the old pages")?;
    }
    fs::create_dir_all(&place).context("making the folder")?;
    let pages = pages();
    for (name, text) in &pages {
        fs::write(place.join(name), text).with_context(|| format!("writing {name}"))?;
    }
    say(&format!("{PLACE}: {} pages", pages.len()));
    Ok(ExitCode::SUCCESS)
}

/// The pages by name.
fn pages() -> BTreeMap<String, String> {
    let steps: Vec<_> = ferry_steps::BUILTIN
        .iter()
        .map(|def| StepInfo { kind: def.kind, timeout: def.timeout, schema: def.schema() })
        .collect();
    let mut pages: BTreeMap<_, _> =
        steps.iter().map(|step| (format!("{}.md", step.kind), reference(step))).collect();
    pages.insert("README.md".to_owned(), index(&steps));
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_what_the_steps_say() {
        let place = crate::root().join(PLACE);
        let there: BTreeMap<_, _> = fs::read_dir(place)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        assert_eq!(there, pages(), "run `cargo xtask steps`");
    }
}
