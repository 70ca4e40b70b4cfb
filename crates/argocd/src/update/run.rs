//! The whole step, without its input and output: it says what to ask of the API server and is told the answers.
//! Tests and production drive the same code; a conflict is answered by reading and deciding anew.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::config::AppUpdate;
use super::{
    Config, Context, Decision, Error, Seen, decide, desired_revisions, desired_sources, event,
    operation_patch, worst,
};
use crate::application::Phase;
use crate::authorization::authorize;
use crate::selector::Selector;
use crate::{AppRef, Application};

/// How often a conflict is answered by trying again.
const TRIES: u32 = 5;
/// How many reasons for waiting are told.
const REASONS: usize = 5;

/// What to ask next.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Read an Application.
    Get(AppRef),
    /// List the Applications of a namespace that the selector finds.
    List(String, Selector),
    /// Send a merge patch; when it was accepted, create the Event (stamp it first; a failure is only worth a log line).
    Patch {
        /// To what.
        app: AppRef,
        /// What.
        patch: Value,
        /// The Event.
        event: Value,
    },
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
    /// The patch was accepted.
    Patched,
    /// The object was changed meanwhile.
    Conflict,
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
    /// The step's output: `{apps: [{name, namespace}]}`.
    pub output: Value,
    /// Input of the health check: `{apps: [{name, namespace, desiredRevisions}]}`.
    pub health_check: Value,
    /// To be handed to the next attempt.
    pub seen: Seen,
    /// What ends a wait.
    pub wake: Wake,
}

/// How an attempt went that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Every Application is synced.
    Succeeded,
    /// Not yet; on what, in words.
    Waiting(String),
}

/// Which changes of Applications are worth another attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wake {
    /// Changes of these.
    pub applications: Vec<AppRef>,
    /// Changes of any in these namespaces: a selector, or a name that is not there yet.
    pub namespaces: Vec<String>,
}

/// One attempt at the step.
#[derive(Debug)]
pub struct Run<'a> {
    context: &'a Context,
    updates: std::slice::Iter<'a, AppUpdate>,
    current: Option<&'a AppUpdate>,
    queue: VecDeque<Value>,
    conflicts: u32,
    asked: Option<AppRef>,
    pending: Option<Value>,
    phases: Vec<Phase>,
    reasons: Vec<String>,
    apps: Vec<Value>,
    checks: Vec<Value>,
    seen: Seen,
    wake: Wake,
}

impl<'a> Run<'a> {
    /// An attempt with what earlier ones saw.
    pub fn new(config: &'a Config, context: &'a Context, seen: Seen) -> Self {
        Self {
            context,
            updates: config.apps.iter(),
            current: None,
            queue: VecDeque::new(),
            conflicts: 0,
            asked: None,
            pending: None,
            phases: Vec::new(),
            reasons: Vec::new(),
            apps: Vec::new(),
            checks: Vec::new(),
            seen,
            wake: Wake::default(),
        }
    }

    /// The first thing to ask.
    pub fn start(&mut self) -> Ask {
        self.next_update()
    }

    /// What to ask after an answer.
    pub fn answer(&mut self, answer: Answer) -> Ask {
        let next = match answer {
            Answer::Application(found) => self.found(found),
            Answer::Applications(list) => self.listed(list),
            Answer::Patched => Ok(self.patched()),
            Answer::Conflict => self.conflict(),
            Answer::NotInstalled => Err(Error::NotInstalled),
            Answer::Failed(cause) => Err(self.api_error(cause)),
        };
        next.unwrap_or_else(|error| self.finish(Err(error)))
    }

    fn next_update(&mut self) -> Ask {
        let Some(update) = self.updates.next() else { return self.conclude() };
        self.current = Some(update);
        let namespace = update.namespace.as_deref().unwrap_or(&self.context.namespace).to_owned();
        match &update.selector {
            Some(selector) => {
                if let Err(error) = selector.check() {
                    return self.finish(Err(error.into()));
                }
                self.wake.namespaces.push(namespace.clone());
                self.asked = None;
                Ask::List(namespace, selector.clone())
            }
            None => self.get(AppRef { namespace, name: update.name.clone().unwrap_or_default() }),
        }
    }

    fn get(&mut self, app: AppRef) -> Ask {
        self.asked = Some(app.clone());
        Ask::Get(app)
    }

    fn found(&mut self, found: Option<Value>) -> Result<Ask, Error> {
        let Some(object) = found else {
            if let Some(app) = self.asked.take() {
                self.wake.namespaces.push(app.namespace.clone());
                self.wake.applications.push(app.clone());
                self.wait(Phase::Running, format!("unable to find {app}: waiting for it to be created"));
            }
            return Ok(self.next_application());
        };
        authorize(Application::new(&object), &self.context.project, &self.context.stage)?;
        if self.conflicts == 0 {
            self.queue.push_back(object);
            return Ok(self.next_application());
        }
        match self.process(object)? {
            Some(ask) => Ok(ask),
            None => Ok(self.next_application()),
        }
    }

    fn listed(&mut self, mut list: Vec<Value>) -> Result<Ask, Error> {
        let Some(update) = self.current else { return Ok(self.next_application()) };
        let namespace = update.namespace.as_deref().unwrap_or(&self.context.namespace);
        let Context { project, stage, .. } = self.context;
        let count = list.len();
        if count == 0 {
            let why = format!(
                "no Argo CD Applications found matching selector in namespace {namespace:?}: waiting for one"
            );
            self.wait(Phase::Running, why);
            return Ok(self.next_application());
        }
        list.sort_by(|a, b| Application::new(a).name().cmp(Application::new(b).name()));
        let (mut permitting, mut refusals) = (Vec::new(), Vec::new());
        for object in list {
            match authorize(Application::new(&object), project, stage) {
                Ok(()) => permitting.push(object),
                Err(refusal) => refusals.push(refusal),
            }
        }
        if let (true, Some(first)) = (permitting.is_empty(), refusals.into_iter().next()) {
            return Err(Error::NoneAuthorized { count, namespace: namespace.to_owned(), first });
        }
        if permitting.len() > 1 && update.sources.is_some() {
            let problems: Vec<_> = permitting
                .iter()
                .filter_map(|object| desired_sources(update, Application::new(object)).err())
                .map(|error| error.to_string())
                .collect();
            if !problems.is_empty() {
                return Err(Error::Incompatible { count: problems.len(), texts: problems });
            }
        }
        self.queue.extend(permitting);
        Ok(self.next_application())
    }

    fn next_application(&mut self) -> Ask {
        while let Some(object) = self.queue.pop_front() {
            self.conflicts = 0;
            self.describe(&object);
            match self.process(object) {
                Ok(None) => {}
                Ok(Some(ask)) => return ask,
                Err(error) => return self.finish(Err(error)),
            }
        }
        self.conflicts = 0;
        self.next_update()
    }

    /// What the step outputs and what its health check asks.
    fn describe(&mut self, object: &Value) {
        let app = Application::new(object);
        let desired = self.current.map(|update| desired_revisions(update, app)).unwrap_or_default();
        self.apps.push(json!({"name": app.name(), "namespace": app.namespace()}));
        self.checks.push(json!({
            "name": app.name(), "namespace": app.namespace(), "desiredRevisions": desired,
        }));
        self.wake.applications.push(AppRef::from(app));
    }

    /// Decides for one Application; what to ask for it, if anything.
    fn process(&mut self, object: Value) -> Result<Option<Ask>, Error> {
        let Some(update) = self.current else { return Ok(None) };
        let app = Application::new(&object);
        let name = AppRef::from(app);
        let desired = desired_revisions(update, app);
        match decide(app, self.context, &desired, self.seen.of(&name))? {
            Decision::Update(_) => {
                let sources = desired_sources(update, app)?;
                let patch = operation_patch(app, &sources, self.context);
                let event = event::started(app, &sources);
                self.asked = Some(name.clone());
                self.pending = Some(object);
                return Ok(Some(Ask::Patch { app: name, patch, event }));
            }
            Decision::Wait { phase, why } => self.wait(phase, why),
            Decision::Done => {
                self.seen.succeeded(app, &desired);
                self.phases.push(Phase::Succeeded);
            }
            Decision::Failed { message, .. } => return Err(Error::OperationFailed { app: name, message }),
        }
        Ok(None)
    }

    fn patched(&mut self) -> Ask {
        if let Some(object) = self.pending.take() {
            let app = Application::new(&object);
            self.seen.requested(app);
            self.wait(Phase::Running, format!("{}: an operation was requested", AppRef::from(app)));
        }
        self.next_application()
    }

    fn conflict(&mut self) -> Result<Ask, Error> {
        self.pending = None;
        self.conflicts += 1;
        match self.asked.clone() {
            Some(app) if self.conflicts < TRIES => Ok(self.get(app)),
            Some(app) => Err(Error::Conflicts(app, self.conflicts)),
            None => Ok(self.next_application()),
        }
    }

    /// A phase that is empty says nothing about the step.
    fn wait(&mut self, phase: Phase, why: String) {
        self.reasons.push(why);
        if !phase.is_empty() {
            self.phases.push(phase);
        }
    }

    fn conclude(&mut self) -> Ask {
        let result = match worst(&self.phases) {
            Some(Phase::Succeeded) => Ok(Status::Succeeded),
            Some(Phase::Running | Phase::Terminating) => {
                let more = self.reasons.len().saturating_sub(REASONS);
                let mut why = self.reasons.iter().take(REASONS).cloned().collect::<Vec<_>>().join("; ");
                if more > 0 {
                    why.extend(["; and ", &more.to_string(), " more"]);
                }
                Ok(Status::Waiting(why))
            }
            _ => Err(Error::UnknownPhases(self.phases.iter().map(ToString::to_string).collect())),
        };
        self.finish(result)
    }

    fn api_error(&self, cause: String) -> Error {
        let doing = if self.pending.is_some() { "patch" } else { "read" };
        let what = self.asked.as_ref().map_or_else(|| "Argo CD Applications".to_owned(), ToString::to_string);
        Error::Api { doing, what, cause }
    }

    fn finish(&mut self, result: Result<Status, Error>) -> Ask {
        let mut wake = std::mem::take(&mut self.wake);
        wake.applications.sort();
        wake.applications.dedup();
        wake.namespaces.sort();
        wake.namespaces.dedup();
        Ask::Finished(Box::new(Finished {
            result,
            output: json!({"apps": std::mem::take(&mut self.apps)}),
            health_check: json!({"apps": std::mem::take(&mut self.checks)}),
            seen: std::mem::take(&mut self.seen),
            wake,
        }))
    }
}

#[cfg(test)]
mod tests;
