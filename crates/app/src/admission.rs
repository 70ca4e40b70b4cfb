//! The rules of admission, as the API server calls them: look-ups are fetched, effects are done, events are told.

mod answers;
mod events;
mod names;
mod status;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use ferry_admission::{Allowed, Context, Effect, Outcome, ROUNDS, Snapshot, User};
use ferry_apiserver::admission::{Operation, Request};
use ferry_apiserver::{Admission, Authorizer, Identity, Status};
use jiff::Timestamp;
use kube::Client;
use parking_lot::Mutex;
use serde_json::Value;

use crate::local::CONTROLLER;

/// Admission inside the API server's process.
pub struct Rules {
    authorizer: Arc<dyn Authorizer>,
    /// Set once the server that calls us can be asked itself.
    client: OnceLock<Client>,
    names: Mutex<names::Sequence>,
    steps: Vec<&'static str>,
}

type Review = fn(&ferry_admission::Request<'_>, &Snapshot) -> Outcome;

impl Rules {
    /// Rules that cannot look anything up yet.
    pub fn new(authorizer: Arc<dyn Authorizer>) -> Self {
        let steps = ferry_steps::BUILTIN.iter().map(|step| step.kind).collect();
        Self { authorizer, client: OnceLock::new(), names: Mutex::default(), steps }
    }

    /// From now on look-ups are asked with this client.
    pub fn look_up_with(&self, client: Client) {
        let _first = self.client.set(client);
    }

    fn client(&self) -> Result<&Client, Status> {
        self.client.get().ok_or_else(|| Status::new(503, "ServiceUnavailable", "the server is starting"))
    }

    /// Asks the rules, fetching what they need.
    async fn review(
        &self,
        request: &Request,
        object: Option<&Value>,
        review: Review,
    ) -> Result<Allowed, Status> {
        let user = user(&request.user);
        let now = Timestamp::now();
        let (ulid, entropy) = self.names.lock().next(now);
        let asked = ferry_admission::Request {
            operation: match request.operation {
                Operation::Create => ferry_admission::Operation::Create,
                Operation::Update => ferry_admission::Operation::Update,
                Operation::Delete => ferry_admission::Operation::Delete,
            },
            group: &request.group,
            kind: &request.kind,
            subresource: &request.subresource,
            namespace: &request.namespace,
            name: &request.name,
            object,
            old: request.old_object.as_deref(),
            user: &user,
            dry_run: request.dry_run,
            context: Context { now, ulid: &ulid, entropy, known_steps: &self.steps },
        };
        // What was looked up for defaults is not asked for again to check them.
        let mut known = request.notes.take::<Snapshot>().unwrap_or_default();
        for _round in 0..ROUNDS {
            match review(&asked, &known) {
                Outcome::Allowed(allowed) => {
                    request.notes.put(known);
                    return Ok(allowed);
                }
                Outcome::Denied(denial) => return Err(status::of(&denial)),
                Outcome::Need(lookups) => {
                    for lookup in lookups {
                        let answer = self.answer(&lookup, &request.user).await?;
                        known.insert(lookup, answer);
                    }
                }
            }
        }
        Err(Status::internal(format!("the rules for {} ask for ever more", request.kind)))
    }
}

/// Accounts of the control plane: an API or a controller that speaks for others.
const CONTROL_PLANE: &str = "system:serviceaccount:kargo:";
/// The account of what receives webhooks, which promotes as policies ask it to.
const RECEIVERS: &str = "system:serviceaccount:kargo:kargo-external-webhooks-server";

/// Who asks, as the rules see them.
fn user(identity: &Identity) -> User {
    User {
        name: identity.name.clone(),
        groups: identity.groups.clone(),
        is_control_plane: identity.name.starts_with(CONTROL_PLANE),
        bypasses_promote: matches!(identity.name.as_str(), CONTROLLER | RECEIVERS),
    }
}

#[async_trait]
impl Admission for Rules {
    fn covers(&self, request: &Request) -> bool {
        ferry_admission::concerns(&request.group, &request.kind, &request.subresource)
    }

    fn defaults(&self, request: &Request) -> bool {
        ferry_admission::defaults(&request.group, &request.kind, &request.subresource)
    }

    async fn mutate(
        &self,
        request: &Request,
        object: &mut Value,
        warnings: &mut Vec<String>,
    ) -> Result<(), Status> {
        let allowed = self.review(request, Some(object), ferry_admission::mutate).await?;
        warnings.extend(allowed.warnings);
        if let Some(changed) = allowed.object {
            *object = changed;
        }
        Ok(())
    }

    async fn validate(
        &self,
        request: &Request,
        object: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Status> {
        let allowed = self.review(request, object, ferry_admission::validate).await?;
        warnings.extend(allowed.warnings);
        if request.dry_run {
            return Ok(());
        }
        for effect in allowed.effects {
            let Effect::CreateNamespace { name, labels, finalizers } = effect;
            self.create_namespace(name, labels, finalizers).await?;
        }
        if let Ok(client) = self.client() {
            events::tell(client, allowed.events);
        }
        Ok(())
    }
}
