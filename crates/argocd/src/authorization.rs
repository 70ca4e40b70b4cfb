//! Who may change an Application: the annotation `kargo.akuity.io/authorized-stage` on it, a comma-separated list of
//! `<project>:<stage>`. One bad entry makes the whole annotation unusable.

use std::fmt;

use crate::{AppRef, Application};

/// The annotation.
pub const ANNOTATION: &str = "kargo.akuity.io/authorized-stage";

/// A Stage, as the annotation names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageRef {
    /// Its Project.
    pub project: String,
    /// Its name.
    pub stage: String,
}

impl fmt::Display for StageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.project, self.stage)
    }
}

/// Why an annotation's value is unusable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An entry is not `<project>:<stage>`.
    #[error("entry {0:?} is not of the form \"<project>:<stage>\"")]
    Malformed(String),
    /// An entry has a `*`.
    #[error("entry {0:?} is a pattern; patterns are not supported, name each Stage")]
    Pattern(String),
    /// There is no entry.
    #[error("it names no Stage")]
    Empty,
}

/// Why an Application may not be changed. The text names the annotation to add.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Refusal(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    app: AppRef,
    wanted: StageRef,
    listed: Option<String>,
    problem: Option<Error>,
}

impl Refusal {
    /// The Application.
    pub fn app(&self) -> &AppRef {
        &self.0.app
    }

    /// Who asked.
    pub fn wanted(&self) -> &StageRef {
        &self.0.wanted
    }

    /// What is wrong with the annotation, if anything is.
    pub fn problem(&self) -> Option<&Error> {
        self.0.problem.as_ref()
    }

    fn text(&self) -> String {
        let Details { app, wanted, listed, problem } = &*self.0;
        let advice = advice(listed.as_deref(), wanted);
        match problem {
            None => {
                let StageRef { project, stage } = wanted;
                format!("{app} does not permit Stage {stage:?} of Project {project:?} to change it: {advice}")
            }
            Some(problem) => {
                let value = listed.as_deref().unwrap_or_default();
                format!(
                    "{app} permits nobody to change it, since its annotation {ANNOTATION}: {value:?} is malformed \
                     ({problem}): {advice}"
                )
            }
        }
    }
}

/// Reads the annotation's value.
pub fn parse(value: &str) -> Result<Vec<StageRef>, Error> {
    let stages: Vec<_> = entries(value).map(parse_entry).collect::<Result<_, _>>()?;
    if stages.is_empty() { Err(Error::Empty) } else { Ok(stages) }
}

/// Whether the Stage may change the Application.
pub fn authorize(app: Application<'_>, project: &str, stage: &str) -> Result<(), Refusal> {
    let wanted = StageRef { project: project.to_owned(), stage: stage.to_owned() };
    let listed = app.annotation(ANNOTATION);
    let problem = match listed.map(parse) {
        Some(Ok(stages)) if stages.contains(&wanted) => return Ok(()),
        Some(Err(problem)) => Some(problem),
        _ => None,
    };
    let listed = listed.map(str::to_owned);
    Err(Refusal(Box::new(Details { app: AppRef::from(app), wanted, listed, problem })))
}

/// The Stages that an Application names; none when the annotation is absent or cannot be read.
pub fn stages(app: Application<'_>) -> Vec<StageRef> {
    app.annotation(ANNOTATION).and_then(|value| parse(value).ok()).unwrap_or_default()
}

fn entries(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn parse_entry(entry: &str) -> Result<StageRef, Error> {
    let (project, stage) = entry.split_once(':').unwrap_or((entry, ""));
    let (project, stage) = (project.trim(), stage.trim());
    if project.is_empty() || stage.is_empty() {
        return Err(Error::Malformed(entry.to_owned()));
    }
    if project.contains('*') || stage.contains('*') {
        return Err(Error::Pattern(entry.to_owned()));
    }
    Ok(StageRef { project: project.to_owned(), stage: stage.to_owned() })
}

/// What to write into the annotation: whom it rightly names already, and the one who asks.
fn advice(listed: Option<&str>, wanted: &StageRef) -> String {
    let mut kept: Vec<_> = entries(listed.unwrap_or_default())
        .filter_map(|entry| parse_entry(entry).ok())
        .map(|stage| stage.to_string())
        .collect();
    let wanted = wanted.to_string();
    if !kept.contains(&wanted) {
        kept.push(wanted);
    }
    let verb = if listed.is_some() { "change its annotation to" } else { "add the annotation" };
    format!("{verb} {ANNOTATION}: \"{}\"", kept.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(annotations: &serde_json::Value) -> Option<String> {
        let app = json!({"metadata": {"name": "shop", "namespace": "argocd", "annotations": annotations}});
        authorize(Application::new(&app), "demo", "dev").err().map(|refusal| refusal.to_string())
    }

    #[test]
    fn fm_34_the_refusal_names_the_annotation_to_add() {
        assert_eq!(refusal(&json!({ANNOTATION: " hill:uat , demo : dev "})), None);
        for (value, want) in [
            (None, r#"add the annotation kargo.akuity.io/authorized-stage: "demo:dev""#),
            (
                Some("demo:prod"),
                r#"change its annotation to kargo.akuity.io/authorized-stage: "demo:prod,demo:dev""#,
            ),
            (Some("demo:dev:x"), r#"authorized-stage: "demo:dev:x,demo:dev""#),
            (Some("Demo:dev"), r#"authorized-stage: "Demo:dev,demo:dev""#),
            (
                Some("demo:dev,zzz"),
                r#"change its annotation to kargo.akuity.io/authorized-stage: "demo:dev""#,
            ),
            (Some("demo:prod,demo:*"), r#"authorized-stage: "demo:prod,demo:dev""#),
            (Some(""), r#"authorized-stage: "demo:dev""#),
        ] {
            let annotations = value.map_or(json!(null), |value| json!({ANNOTATION: value}));
            let text = refusal(&annotations).unwrap();
            assert!(text.ends_with(want), "{value:?}: {text}");
            assert!(text.contains("\"shop\" in namespace \"argocd\""), "{text}");
        }
    }

    #[test]
    fn fm_34_a_bad_entry_says_what_is_wrong_with_it() {
        assert!(
            refusal(&json!({ANNOTATION: "demo:dev,demo:*"}))
                .unwrap()
                .contains("entry \"demo:*\" is a pattern")
        );
        assert!(
            refusal(&json!({ANNOTATION: "demo:dev,x"})).unwrap().contains("entry \"x\" is not of the form")
        );
    }
}
