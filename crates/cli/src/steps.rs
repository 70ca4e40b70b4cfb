//! `ferry steps`: lists the promotion steps; `ferry steps show NAME` prints the reference of one.

mod reference;

pub use reference::reference;

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::print;

/// What there is to say of a step. Which steps exist is handed in.
#[derive(Clone, Debug)]
pub struct StepInfo {
    /// The word after `uses:`.
    pub kind: &'static str,
    /// How long it may take in all where the Promotion says nothing.
    pub timeout: Option<Duration>,
    /// The JSON schema of its config; its description is what the step does, with an example.
    pub schema: Value,
}

/// The promotion steps: which there are, or the reference of one.
#[derive(Debug, clap::Args)]
pub struct Steps {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Print what a step does, its config field by field, and an example
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The step: the word after `uses:`
    name: String,
    /// Print the JSON schema of its config instead
    #[arg(long)]
    schema: bool,
}

/// Prints what is asked for.
pub fn run(steps: &Steps, known: &[StepInfo]) -> Result<()> {
    match &steps.verb {
        None => print::say(&list(known)),
        Some(Verb::Show(show)) => {
            let Some(step) = known.iter().find(|step| step.kind == show.name) else {
                let kinds: Vec<_> = known.iter().map(|step| step.kind).collect();
                bail!("there is no step {:?}; there are {}", show.name, kinds.join(", "));
            };
            if show.schema {
                let schema = serde_json::to_string_pretty(&step.schema).context("cannot print the schema")?;
                return print::say(&format!("{schema}\n"));
            }
            print::say(&reference(step))
        }
    }
}

/// One line each.
fn list(known: &[StepInfo]) -> String {
    let width = known.iter().map(|step| step.kind.len()).max().unwrap_or_default();
    let mut text = String::new();
    for step in known {
        let _ = writeln!(text, "{:width$}  {}", step.kind, reference::summary(step));
    }
    text
}

/// A page that lists all references, beside which they lie.
pub fn index(known: &[StepInfo]) -> String {
    let mut text = "# Promotion steps\n\nMade by `cargo xtask steps` from the steps' own words; `ferry steps show NAME` prints the same.\n\n\
                    | step | what it does |\n|---|---|\n"
        .to_owned();
    for step in known {
        let _ = writeln!(text, "| [`{0}`]({0}.md) | {1} |", step.kind, reference::summary(step));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step() -> StepInfo {
        let schema = json!({
            "type": "object", "required": ["path"], "additionalProperties": false,
            "description": "Do it.\n\nWith care.\n```yaml\n- uses: do\n```",
            "properties": {
                "path": {"type": "string", "minLength": 1, "description": "The file."},
                "apps": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/App"}},
            },
            "$defs": {"App": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "description": "Its name;\nnot | empty."},
                "kind": {"type": "string", "enum": ["A", "B"]},
            }}},
        });
        StepInfo { kind: "do", timeout: Some(Duration::from_mins(5)), schema }
    }

    #[test]
    fn the_list_has_a_line_each() {
        assert_eq!(list(&[step()]), "do  Do it.\n");
        assert!(index(&[step()]).ends_with("| [`do`](do.md) | Do it. |\n"));
    }

    #[test]
    fn the_reference_tells_all() {
        let told = reference(&step());
        assert_eq!(
            told,
            "# do\n\nDo it.\n\nWith care.\n```yaml\n- uses: do\n```\n\n\
             It may take 5 minutes in all where the Promotion does not say otherwise (`retry.timeout`).\n\n\
             ## Config\n\n| field | type | required | |\n|---|---|---|---|\n\
             | `apps` | list of objects | | (at least 1) |\n\
             | `apps[].kind` | string | | (`A`, `B`) |\n\
             | `apps[].name` | string | yes | Its name; not \\| empty. |\n\
             | `path` | string | yes | The file. (not empty) |\n"
        );
    }
}
