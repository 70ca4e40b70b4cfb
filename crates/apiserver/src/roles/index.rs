//! Who has which rules: an index of all bindings, made anew when a role or binding has changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use ferry_store::{Object, Scope, Start, Store, Subscription};
use parking_lot::Mutex;
use serde_json::Value;

use super::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Rule};
use crate::authorization::{Attributes, Authorizer, Decision};
use crate::identity::{Identity, MASTERS};
use crate::selector::Labels;

/// Decides by the roles and bindings of a store. Members of `system:masters` may do everything.
pub struct Roles {
    store: Store,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    index: Arc<Index>,
    /// What tells of changes; none before the first question.
    changes: Vec<Subscription>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    User(String),
    Group(String),
}

/// What one binding gives to one subject.
struct Grant {
    /// As answers name it: `RoleBinding "b/ns" of Role "r" to User "u"`.
    because: String,
    rules: Arc<[Rule]>,
}

/// Grants by subject: of the whole cluster, and by namespace.
#[derive(Default)]
pub(super) struct Index {
    everywhere: HashMap<Subject, Vec<Grant>>,
    within: HashMap<String, HashMap<Subject, Vec<Grant>>>,
    cluster_roles: BTreeMap<String, Arc<[Rule]>>,
    roles: HashMap<(String, String), Arc<[Rule]>>,
}

impl std::fmt::Debug for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roles").finish_non_exhaustive()
    }
}

#[async_trait]
impl Authorizer for Roles {
    async fn authorize(&self, user: &Identity, attributes: &Attributes) -> Decision {
        if user.is_in(MASTERS) {
            return Decision { allowed: true, reason: String::new() };
        }
        self.index().decide(user, attributes)
    }

    async fn rules(&self, user: &Identity, namespace: &str) -> Vec<Value> {
        self.index().rules_of(user, namespace).map(|(_, rule)| rule.shown()).collect()
    }
}

impl Roles {
    /// Of a store.
    pub fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// The index as of now: what was answered to a write counts for every question after it.
    pub(super) fn index(&self) -> Arc<Index> {
        let mut known = self.known.lock();
        if known.changes.is_empty() || known.changes.iter_mut().any(has_news) {
            // First the watches, then the lists: a change in between is seen twice rather than never.
            known.changes = [ROLES, ROLE_BINDINGS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS]
                .into_iter()
                .filter_map(|resource| {
                    let now = Start::After(self.store.version());
                    self.store.subscribe(Scope::all(resource), now).ok()
                })
                .collect();
            known.index = Arc::new(Index::build(&self.store));
        }
        Arc::clone(&known.index)
    }
}

/// Whether something happened, or a watch has ended.
fn has_news(changes: &mut Subscription) -> bool {
    changes.try_next().is_some() || changes.is_over()
}

impl Index {
    fn build(store: &Store) -> Self {
        let objects = |resource: &str| store.list(resource, None).objects;
        let mut index = Self { cluster_roles: cluster_roles(&objects(CLUSTER_ROLES)), ..Self::default() };
        for role in objects(ROLES) {
            let place = (role.key.namespace.clone(), role.key.name.clone());
            index.roles.insert(place, Rule::all(&role.value()).into());
        }
        for binding in objects(CLUSTER_ROLE_BINDINGS) {
            for (subject, grant) in index.grants(&binding) {
                index.everywhere.entry(subject).or_default().push(grant);
            }
        }
        for binding in objects(ROLE_BINDINGS) {
            for (subject, grant) in index.grants(&binding) {
                let within = index.within.entry(binding.key.namespace.clone()).or_default();
                within.entry(subject).or_default().push(grant);
            }
        }
        index
    }

    /// The rules of the role that a binding names; `None`: there is no such role.
    pub(super) fn rules_of_reference(&self, reference: &Value, namespace: &str) -> Option<Arc<[Rule]>> {
        let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default();
        match text("kind") {
            "ClusterRole" => self.cluster_roles.get(text("name")).cloned(),
            _ => self.roles.get(&(namespace.to_owned(), text("name").to_owned())).cloned(),
        }
    }

    fn grants(&self, binding: &Object) -> Vec<(Subject, Grant)> {
        let namespace = &binding.key.namespace;
        let value = binding.value();
        let reference = value.get("roleRef").unwrap_or(&Value::Null);
        let Some(rules) = self.rules_of_reference(reference, namespace) else { return Vec::new() };
        let text = |value: &Value, field: &str| {
            value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let (kind, place) = if namespace.is_empty() {
            ("ClusterRoleBinding", binding.key.name.clone())
        } else {
            ("RoleBinding", format!("{}/{namespace}", binding.key.name))
        };
        let subjects = value.get("subjects").and_then(Value::as_array);
        let grant = |subject: &Value| {
            let name = text(subject, "name");
            let (subject, shown) = match text(subject, "kind").as_str() {
                "User" => (Subject::User(name.clone()), format!("User \"{name}\"")),
                "Group" => (Subject::Group(name.clone()), format!("Group \"{name}\"")),
                "ServiceAccount" => {
                    let home = text(subject, "namespace");
                    let home = if home.is_empty() { namespace.clone() } else { home };
                    let user = format!("system:serviceaccount:{home}:{name}");
                    (Subject::User(user), format!("ServiceAccount \"{name}/{home}\""))
                }
                _ => return None,
            };
            let role = format!("{} \"{}\"", text(reference, "kind"), text(reference, "name"));
            let because = format!("{kind} \"{place}\" of {role} to {shown}");
            Some((subject, Grant { because, rules: Arc::clone(&rules) }))
        };
        subjects.into_iter().flatten().filter_map(grant).collect()
    }

    /// Every rule a user has in a namespace (empty: everywhere), with the grant it comes from.
    fn rules_of<'a>(
        &'a self,
        user: &Identity,
        namespace: &str,
    ) -> impl Iterator<Item = (&'a Grant, &'a Rule)> {
        let subjects: Vec<Subject> = std::iter::once(Subject::User(user.name.clone()))
            .chain(user.groups.iter().cloned().map(Subject::Group))
            .collect();
        let within = self.within.get(namespace).filter(|_| !namespace.is_empty());
        let everywhere = subjects.clone().into_iter().filter_map(|s| self.everywhere.get(&s));
        let here = subjects.into_iter().filter_map(move |s| within?.get(&s));
        everywhere.chain(here).flatten().flat_map(|grant| grant.rules.iter().map(move |rule| (grant, rule)))
    }

    fn decide(&self, user: &Identity, attributes: &Attributes) -> Decision {
        let namespace = if attributes.path.is_some() { "" } else { &attributes.namespace };
        match self.rules_of(user, namespace).find(|(_, rule)| rule.permits(attributes)) {
            Some((grant, _)) => {
                Decision { allowed: true, reason: format!("RBAC: allowed by {}", grant.because) }
            }
            None => Decision::default(),
        }
    }

    /// Whether a user has every right of these rules in a namespace (empty: everywhere).
    pub(super) fn holds(&self, user: &Identity, namespace: &str, rules: &[Rule]) -> bool {
        let own: Vec<&Rule> = self.rules_of(user, namespace).map(|(_, rule)| rule).collect();
        let parts = rules.iter().flat_map(Rule::parts);
        parts.into_iter().all(|part| own.iter().any(|rule| rule.covers(&part)))
    }
}

/// The rules of every ClusterRole; one that is put together of others has theirs, and those of what they are put
/// together of.
fn cluster_roles(objects: &[Arc<Object>]) -> BTreeMap<String, Arc<[Rule]>> {
    let by_name: BTreeMap<&str, &Object> =
        objects.iter().map(|object| (object.key.name.as_str(), object.as_ref())).collect();
    objects
        .iter()
        .map(|object| {
            let mut seen = Vec::new();
            collect(&object.key.name, &by_name, &mut seen);
            let mut rules: Vec<Rule> = Vec::new();
            for name in seen {
                let own = by_name.get(name.as_str()).map(|o| Rule::all(&o.value())).unwrap_or_default();
                for rule in own {
                    if !rules.contains(&rule) {
                        rules.push(rule);
                    }
                }
            }
            (object.key.name.clone(), rules.into())
        })
        .collect()
}

fn collect(name: &str, roles: &BTreeMap<&str, &Object>, seen: &mut Vec<String>) {
    if seen.iter().any(|known| known == name) {
        return;
    }
    seen.push(name.to_owned());
    let Some(role) = roles.get(name) else { return };
    let value = role.value();
    let selectors = value.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array);
    for selector in selectors.into_iter().flatten() {
        let Some(selector) = Labels::of_selector(selector) else { continue };
        for (other, object) in roles {
            let value = object.value();
            let labels = value.pointer("/metadata/labels").and_then(Value::as_object);
            if selector.matches(labels) {
                collect(other, roles, seen);
            }
        }
    }
}
