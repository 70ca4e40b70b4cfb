//! Applications in memory: what the API server would answer, and what is sent to it.

use ferry_argocd::{AppRef, Application, update, wait};
use serde_json::{Value, json};

pub const PROMOTION: &str = "dev.01hzz0000000000000000000aa.abc1234";

pub struct Memory {
    pub applications: Vec<Value>,
    pub patches: Vec<Value>,
    pub events: Vec<Value>,
}

impl Memory {
    pub fn new(input: &Value) -> Self {
        let mut applications = input["applications"].as_array().cloned().unwrap_or_default();
        // As the recording lists them.
        applications.sort_by_key(|object| AppRef::from(Application::new(object)));
        Self { applications, patches: Vec::new(), events: Vec::new() }
    }

    fn get(&self, app: &AppRef) -> Option<Value> {
        self.applications.iter().find(|object| AppRef::from(Application::new(object)) == *app).cloned()
    }

    fn list(&self, namespace: &str, selector: &ferry_argocd::selector::Selector) -> Vec<Value> {
        let fits = |app: Application<'_>| app.namespace() == namespace && selector.matches(app);
        self.applications.iter().filter(|object| fits(Application::new(object))).cloned().collect()
    }

    pub fn patch(&mut self, app: &AppRef, patch: &Value) {
        self.patches.push(json!({
            "name": app.name, "namespace": app.namespace, "patch": patch, "type": "application/merge-patch+json",
        }));
        let found =
            self.applications.iter_mut().find(|object| AppRef::from(Application::new(object)) == *app);
        merge(found.unwrap(), patch);
    }

    /// Runs the step to its end.
    pub fn update(&mut self, mut run: update::Run<'_>) -> update::Finished {
        let mut ask = run.start();
        loop {
            let answer = match ask {
                update::Ask::Get(app) => update::Answer::Application(self.get(&app)),
                update::Ask::List(namespace, selector) => {
                    update::Answer::Applications(self.list(&namespace, &selector))
                }
                update::Ask::Patch { app, patch, event } => {
                    self.patch(&app, &patch);
                    self.events.push(event);
                    update::Answer::Patched
                }
                update::Ask::Finished(finished) => return *finished,
            };
            ask = run.answer(answer);
        }
    }

    /// Runs the step to its end.
    pub fn wait(&mut self, mut run: wait::Run<'_>) -> wait::Finished {
        let mut ask = run.start();
        loop {
            let answer = match ask {
                wait::Ask::Get(app) => wait::Answer::Application(self.get(&app)),
                wait::Ask::List(namespace, selector) => {
                    wait::Answer::Applications(self.list(&namespace, &selector))
                }
                wait::Ask::Refresh(app) => {
                    self.patch(&app, &ferry_argocd::refresh_patch());
                    wait::Answer::Refreshed
                }
                wait::Ask::Finished(finished) => return *finished,
            };
            ask = run.answer(answer);
        }
    }
}

/// The text at a key of the input, or what the recording used.
pub fn text_or(input: &Value, key: &str, default: &str) -> String {
    input[key].as_str().filter(|text| !text.is_empty()).unwrap_or(default).to_owned()
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}
