//! The house's own chores, one verb each: `cargo xtask VERB`. Without a verb it lists them.

mod crd_facts;
mod steps;
mod tidy;
mod vectors;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A chore: its verb, what it does in one line, and its function (the repository's root, further arguments).
struct Verb {
    name: &'static str,
    about: &'static str,
    run: fn(&Path, &[String]) -> anyhow::Result<ExitCode>,
}

const VERBS: &[Verb] = &[
    Verb { name: "crd-facts", about: "make the table of CRD facts anew [from DIR]", run: crd_facts::run },
    Verb { name: "steps", about: "make the reference of the steps anew, in docs/steps/", run: steps::run },
    Verb { name: "tidy", about: "check arrows, purity, sizes, words and links", run: tidy::run },
    Verb { name: "vectors", about: "bring recorded answers into vectors/ [from DIR]", run: vectors::run },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(asked) = arguments.next() else {
        say(&format!("cargo xtask VERB\n{}", listed()));
        return ExitCode::SUCCESS;
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.name == asked) else {
        say(&format!("no verb {asked:?}; there are:\n{}", listed()));
        return ExitCode::FAILURE;
    };
    let arguments: Vec<String> = arguments.collect();
    (verb.run)(&root(), &arguments).unwrap_or_else(|error| {
        say(&format!("cargo xtask {asked}: {error:#}"));
        ExitCode::FAILURE
    })
}

fn listed() -> String {
    let line = |verb: &Verb| format!("  {:10} {}", verb.name, verb.about);
    VERBS.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The repository's root.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

#[expect(clippy::print_stdout, reason = "a chore talks to the terminal")]
fn say(text: &str) {
    println!("{text}");
}
