//! What an Application manages: how an object is named, whose it is, and what it takes to make it as Git wants it.

use serde_json::{Value, json};

use super::application::{HOOK, HOOK_DELETE_POLICY, SYNC_OPTIONS, annotation, text};
use super::merge;

/// Which Application an object belongs to, and which object it was when that was written.
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// The manifest that was applied last, so that what was taken out of it can be taken out of the object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub group: String,
    pub kind: String,
    /// Empty for what lives outside of namespaces.
    pub namespace: String,
    pub name: String,
    pub version: String,
}

impl Key {
    /// The key of an object, or of an entry of `status.resources` and the like.
    pub fn of(object: &Value) -> Self {
        let (group, version) = match text(object, "/apiVersion").split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", text(object, "/apiVersion")),
        };
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text(object, "/kind").to_owned(),
            namespace: text(object, "/metadata/namespace").to_owned(),
            name: text(object, "/metadata/name").to_owned(),
        }
    }

    /// The key that an entry of `status.resources` names.
    pub fn of_entry(entry: &Value) -> Self {
        let member = |name: &str| text(entry, &format!("/{name}")).to_owned();
        Self {
            group: member("group"),
            version: member("version"),
            kind: member("kind"),
            namespace: member("namespace"),
            name: member("name"),
        }
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The object as kubectl names it: `configmap/menu`, `deployment.apps/web`.
    pub fn told(&self) -> String {
        let dot = if self.group.is_empty() { "" } else { "." };
        format!("{}{dot}{}/{}", self.kind.to_lowercase(), self.group, self.name)
    }

    /// Whether it is the same object, whatever version it is asked for in.
    pub fn same(&self, other: &Self) -> bool {
        (&self.group, &self.kind, &self.namespace, &self.name)
            == (&other.group, &other.kind, &other.namespace, &other.name)
    }

    /// The tracking annotation's value for this object of an Application.
    pub fn tracking_id(&self, owner: &str) -> String {
        format!("{owner}:{}/{}:{}/{}", self.group, self.kind, self.namespace, self.name)
    }
}

/// The name that an Application has in tracking annotations.
pub fn owner(app_namespace: &str, app_name: &str, own_namespace: &str) -> String {
    if app_namespace == own_namespace { app_name.to_owned() } else { format!("{app_namespace}_{app_name}") }
}

/// Whose object it is, as far as it says.
pub fn owner_of(object: &Value) -> Option<&str> {
    let (owner, _) = annotation(object, TRACKING_ID)?.split_once(':')?;
    Some(owner)
}

/// An object's place among the others of a sync: lower ones first.
pub fn wave(object: &Value) -> i64 {
    annotation(object, SYNC_WAVE).and_then(|wave| wave.parse().ok()).unwrap_or(0)
}

/// An object that should be there, is there, or both.
#[derive(Debug, Clone)]
pub struct Resource {
    pub key: Key,
    /// As Git wants it, with namespace and tracking annotation.
    pub target: Option<Value>,
    /// As the cluster has it.
    pub live: Option<Value>,
    /// Whether the project allows its kind.
    pub is_permitted: bool,
}

impl Resource {
    /// Whether it is as Git wants it: everything wanted is there, and nothing that was wanted before and is no longer.
    pub fn is_synced(&self) -> bool {
        match (&self.target, &self.live) {
            (Some(target), Some(live)) => {
                contains(live, target)
                    && last_applied(live).is_none_or(|last| !left_over(&last, target, live))
            }
            (None, None) => true,
            _ => false,
        }
    }

    /// When it is made, if it is a hook; the first of several times.
    pub fn hook(&self) -> Option<&str> {
        let one = self.target.as_ref().or(self.live.as_ref())?;
        annotation(one, HOOK).and_then(|hook| hook.split(',').next()).map(str::trim)
    }

    /// Whether a hook is removed then: `BeforeHookCreation` (if nothing is said), `HookSucceeded`, `HookFailed`.
    pub fn goes(&self, when: &str) -> bool {
        let said =
            self.target.as_ref().or(self.live.as_ref()).and_then(|one| annotation(one, HOOK_DELETE_POLICY));
        said.unwrap_or("BeforeHookCreation").split(',').any(|policy| policy.trim() == when)
    }

    /// Whether it has this option of a sync, in Git or else in the cluster.
    pub fn has_option(&self, option: &str) -> bool {
        let options =
            self.target.as_ref().or(self.live.as_ref()).and_then(|one| annotation(one, SYNC_OPTIONS));
        options.is_some_and(|options| options.split(',').any(|one| one.trim() == option))
    }

    /// Whether the object that is there was applied before as manifests are.
    pub fn was_applied(&self) -> bool {
        self.live.as_ref().and_then(last_applied).is_some()
    }

    /// What to send so that the live object becomes as wanted; `None` where nothing is to change.
    pub fn patch(&self) -> Option<Value> {
        let (target, live) = (self.target.as_ref()?, self.live.as_ref()?);
        let mut wanted = live.clone();
        if let Some(last) = last_applied(live) {
            take_out(&mut wanted, &last, target);
        }
        put_in(&mut wanted, &with_last_applied(target));
        merge::between(live, &wanted)
    }
}

/// The manifest as it is sent when the object is made.
pub fn with_last_applied(target: &Value) -> Value {
    let mut sent = target.clone();
    merge::set(&mut sent, &["metadata", "annotations", LAST_APPLIED], json!(target.to_string()));
    sent
}

fn last_applied(live: &Value) -> Option<Value> {
    serde_json::from_str(annotation(live, LAST_APPLIED)?).ok()
}

/// Whether everything wanted is there. An empty object or list is as good as none: servers drop them.
fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            live.get(key).map_or_else(|| is_empty(wanted), |live| contains(live, wanted))
        }),
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| contains(live, wanted))
        }
        (Value::Number(live), Value::Number(wanted)) => live == wanted || live.as_f64() == wanted.as_f64(),
        _ => live == wanted,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

/// Whether something that was applied before is no longer wanted and still there.
fn left_over(last: &Value, wanted: &Value, live: &Value) -> bool {
    let (Value::Object(last), Value::Object(live)) = (last, live) else { return false };
    last.iter().any(|(key, last)| match (wanted.get(key), live.get(key)) {
        (None, Some(live)) => !is_empty(live),
        (Some(wanted), Some(live)) => left_over(last, wanted, live),
        _ => false,
    })
}

fn take_out(object: &mut Value, last: &Value, wanted: &Value) {
    let (Value::Object(members), Value::Object(last)) = (object, last) else { return };
    for (key, last) in last {
        match (wanted.get(key), members.get_mut(key)) {
            (None, _) => {
                members.remove(key);
            }
            (Some(wanted), Some(member)) => take_out(member, last, wanted),
            (Some(_), None) => {}
        }
    }
}

fn put_in(object: &mut Value, wanted: &Value) {
    match (object, wanted) {
        (Value::Object(members), Value::Object(wanted)) => {
            for (key, wanted) in wanted {
                put_in(members.entry(key.clone()).or_insert(Value::Null), wanted);
            }
        }
        // A list that has everything keeps what a server added to its elements.
        (object, wanted) if contains(object, wanted) && !object.is_null() => {}
        (object, wanted) => *object = wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Resource, TRACKING_ID, owner, owner_of, with_last_applied};
    use serde_json::{Value, json};

    fn menu(data: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "menu", "namespace": "tea", "annotations": {TRACKING_ID: "shop:/ConfigMap:tea/menu"}},
            "data": data,
        })
    }

    fn resource(target: Value, live: Value) -> Resource {
        Resource { key: Key::of(&target), target: Some(target), live: Some(live), is_permitted: true }
    }

    #[test]
    fn an_object_is_named_as_argo_cd_names_it() {
        let key = Key::of(
            &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "tea"}}),
        );
        assert_eq!(key.told(), "deployment.apps/web");
        assert_eq!(key.tracking_id(&owner("argocd", "shop", "argocd")), "shop:apps/Deployment:tea/web");
        assert_eq!(
            key.tracking_id(&owner("team-a", "shop", "argocd")),
            "team-a_shop:apps/Deployment:tea/web"
        );
        assert_eq!(owner_of(&menu(&json!({}))), Some("shop"));
    }

    #[test]
    fn what_the_server_adds_is_no_difference() {
        let live = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"leaf": "mint"},
            "metadata": {
                "name": "menu", "namespace": "tea", "uid": "1", "resourceVersion": "7",
                "annotations": {TRACKING_ID: "shop:/ConfigMap:tea/menu", "other": "x"},
            },
        });
        let resource = resource(menu(&json!({"leaf": "mint"})), live);
        assert!(resource.is_synced());
        let patch = resource.patch().unwrap();
        assert_eq!(
            patch.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["metadata"],
            "only the note of what was applied"
        );
    }

    #[test]
    fn a_key_taken_out_of_the_manifest_is_taken_out_of_the_object() {
        let mut live = with_last_applied(&menu(&json!({"leaf": "mint", "cup": "big"})));
        live["data"]["by-hand"] = json!("kept");
        let resource = resource(menu(&json!({"leaf": "green"})), live);
        assert!(!resource.is_synced());
        let patch = resource.patch().unwrap();
        assert_eq!(patch["data"], json!({"leaf": "green", "cup": null}));
    }

    #[test]
    fn applying_twice_changes_nothing() {
        let target = menu(&json!({"leaf": "mint"}));
        let resource = resource(target.clone(), with_last_applied(&target));
        assert!(resource.is_synced());
        assert_eq!(resource.patch(), None);
    }
}
