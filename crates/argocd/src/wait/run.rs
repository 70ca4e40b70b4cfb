//! The whole step, without its input and output: it says what to ask of the API server and is told the answers.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::config::AppWait;
use super::{Condition, Config, Error, Readiness, decide};
use crate::selector::Selector;
use crate::update::{self, Status, Wake};
use crate::{AppRef, Application};

/// What to ask next.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Read an Application.
    Get(AppRef),
    /// List the Applications of a namespace that the selector finds.
    List(String, Selector),
    /// Send [`crate::refresh_patch`]; answer [`Answer::Refreshed`] however that went.
    Refresh(AppRef),
    /// Nothing more: this is the result.
    Finished(Box<Finished>),
}

/// What the API server said.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The Application that was asked for; `None` when it is not there.
    Application(Option<Value>),
    /// Those that were listed.
    Applications(Vec<Value>),
    /// The refresh was asked for, or could not be.
    Refreshed,
    /// It knows no Applications at all.
    NotInstalled,
    /// Anything else, in words.
    Failed(String),
}

/// The result of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// How it went.
    pub result: Result<Status, Error>,
    /// The step's output: `{apps: [{name, namespace}], healthStatus: {"namespace/name": health}}`.
    pub output: Value,
    /// What ends a wait.
    pub wake: Wake,
}

/// One attempt at the step.
#[derive(Debug)]
pub struct Run<'a> {
    namespace: &'a str,
    waits: std::slice::Iter<'a, AppWait>,
    current: Option<&'a AppWait>,
    queue: VecDeque<Value>,
    asked: Option<AppRef>,
    reasons: Vec<String>,
    apps: Vec<Value>,
    previous: BTreeMap<String, String>,
    health: BTreeMap<String, String>,
    wake: Wake,
}

impl<'a> Run<'a> {
    /// An attempt. `namespace` is where Applications are that the config gives none for, `previous` the output of the
    /// attempt before.
    pub fn new(config: &'a Config, namespace: &'a str, previous: Option<&Value>) -> Self {
        let seen = previous.and_then(|output| output.get("healthStatus")?.as_object());
        let previous: BTreeMap<_, _> = seen
            .into_iter()
            .flatten()
            .filter_map(|(app, health)| Some((app.clone(), health.as_str()?.to_owned())))
            .collect();
        Self {
            namespace,
            waits: config.apps.iter(),
            current: None,
            queue: VecDeque::new(),
            asked: None,
            reasons: Vec::new(),
            apps: Vec::new(),
            health: previous.clone(),
            previous,
            wake: Wake::default(),
        }
    }

    /// The first thing to ask.
    pub fn start(&mut self) -> Ask {
        self.next_wait()
    }

    /// What to ask after an answer.
    pub fn answer(&mut self, answer: Answer) -> Ask {
        match answer {
            Answer::Application(Some(object)) => self.queue.push_back(object),
            Answer::Application(None) => self.missing(),
            Answer::Applications(list) => self.listed(list),
            Answer::Refreshed => {}
            Answer::NotInstalled => return self.finish(Err(update::Error::NotInstalled.into())),
            Answer::Failed(cause) => {
                let what = self
                    .asked
                    .as_ref()
                    .map_or_else(|| "Argo CD Applications".to_owned(), ToString::to_string);
                return self.finish(Err(update::Error::Api { doing: "read", what, cause }.into()));
            }
        }
        self.next_application()
    }

    fn missing(&mut self) {
        if let Some(app) = self.asked.take() {
            self.wake.namespaces.push(app.namespace.clone());
            self.wake.applications.push(app.clone());
            self.reasons.push(format!("unable to find {app}: waiting for it to be created"));
        }
    }

    fn listed(&mut self, mut list: Vec<Value>) {
        if list.is_empty() {
            let namespace = self.current.and_then(|wait| wait.namespace.as_deref()).unwrap_or(self.namespace);
            self.reasons
                .push(format!("no Argo CD Applications found matching selector in namespace {namespace:?}"));
        }
        list.sort_by(|a, b| Application::new(a).name().cmp(Application::new(b).name()));
        self.queue.extend(list);
    }

    fn next_wait(&mut self) -> Ask {
        let Some(wait) = self.waits.next() else {
            let result = if self.reasons.is_empty() {
                Status::Succeeded
            } else {
                Status::Waiting(self.reasons.iter().take(5).cloned().collect::<Vec<_>>().join("; "))
            };
            return self.finish(Ok(result));
        };
        self.current = Some(wait);
        let namespace = wait.namespace.as_deref().unwrap_or(self.namespace).to_owned();
        let Some(selector) = &wait.selector else {
            let app = AppRef { namespace, name: wait.name.clone().unwrap_or_default() };
            self.asked = Some(app.clone());
            return Ask::Get(app);
        };
        if let Err(error) = selector.check() {
            return self.finish(Err(update::Error::from(error).into()));
        }
        self.wake.namespaces.push(namespace.clone());
        self.asked = None;
        Ask::List(namespace, selector.clone())
    }

    fn next_application(&mut self) -> Ask {
        while let Some(object) = self.queue.pop_front() {
            let app = Application::new(&object);
            let name = AppRef::from(app);
            let wait_for =
                self.current.and_then(|wait| wait.wait_for.as_deref()).unwrap_or(Condition::DEFAULT);
            self.apps.push(json!({"name": name.name, "namespace": name.namespace}));
            self.wake.applications.push(name.clone());
            if !app.health().is_empty() {
                self.health.insert(name.key(), app.health().to_owned());
            }
            let previous = self.previous.get(&name.key()).map_or("", String::as_str);
            match decide(app, wait_for, previous) {
                Readiness::Ready => {}
                Readiness::Broken(text) => return self.finish(Err(Error::Final(text))),
                Readiness::NotReady { why, refresh } => {
                    self.reasons.push(why);
                    if refresh {
                        return Ask::Refresh(name);
                    }
                }
            }
        }
        self.next_wait()
    }

    fn finish(&mut self, result: Result<Status, Error>) -> Ask {
        let mut wake = std::mem::take(&mut self.wake);
        wake.applications.sort();
        wake.applications.dedup();
        wake.namespaces.sort();
        wake.namespaces.dedup();
        let output = json!({"apps": std::mem::take(&mut self.apps), "healthStatus": self.health});
        Ask::Finished(Box::new(Finished { result, output, wake }))
    }
}
