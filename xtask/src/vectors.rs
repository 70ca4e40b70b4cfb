//! `vectors`: brings what our tests need of the recorded answers into `vectors/`, without the texts that are only
//! informative. The same recordings give the same bytes.

mod edit;
mod table;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};

use crate::say;
use crate::tidy::{MACHINE_PATHS, begins_a_path};
use table::{FILES, Recording};

/// Where the recordings lie, seen from the repository's root.
const FROM: &str = "../shared/vectors";
/// Above this the folder is no longer reasonable to commit.
const MOST_BYTES: usize = 12 << 20;

/// Writes every file of the table, and nothing else, into `vectors/`.
pub fn run(root: &Path, arguments: &[String]) -> anyhow::Result<ExitCode> {
    let from = root.join(arguments.first().map_or(FROM, String::as_str));
    ensure!(
        from.is_dir(),
        "no folder {}: the recordings are only needed to make vectors/ anew; name another folder as argument",
        from.display()
    );
    let mut total = 0;
    for recording in FILES {
        let path = from.join(recording.path);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let kept = without_texts(recording, &text).with_context(|| format!("in {}", path.display()))?;
        let to = root.join("vectors").join(recording.path);
        fs::create_dir_all(to.parent().unwrap_or(root)).context("making the folder")?;
        fs::write(&to, &kept).with_context(|| format!("writing {}", to.display()))?;
        total += kept.len();
        say(&format!("{}: {} of {} bytes kept", recording.path, kept.len(), text.len()));
    }
    ensure!(
        total <= MOST_BYTES,
        "vectors/ has {total} bytes, more than {MOST_BYTES}: strip more, or bring in less"
    );
    say(&format!("vectors/: {} files, {total} bytes", FILES.len()));
    Ok(ExitCode::SUCCESS)
}

fn without_texts(recording: &Recording, text: &str) -> anyhow::Result<String> {
    let mut kept = String::with_capacity(text.len());
    if Path::new(recording.path).extension().is_some_and(|extension| extension == "jsonl") {
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            kept.push_str(&edit::edit(line, recording.texts).with_context(|| format!("line {}", i + 1))?);
            kept.push('\n');
        }
    } else {
        kept.push_str(text);
    }
    for (i, line) in kept.lines().enumerate() {
        if let Some(word) = MACHINE_PATHS.iter().find(|word| begins_a_path(line, word)) {
            bail!("line {} still speaks of {word}: add its place to the table", i + 1);
        }
    }
    Ok(kept)
}
