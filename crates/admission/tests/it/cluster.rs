//! A cluster of a few objects: it calls admission as an API server does, with the CRDs' pruning and defaults, and
//! answers what admission must know. It checks no schema.

use std::sync::LazyLock;

use ferry_admission::{
    Allowed, Answer, Context, Denial, Effect, Lookup, Operation, Outcome, ROUNDS, Request, Snapshot, User,
    mutate, validate,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

const ULID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const SERVICE_ACCOUNTS: &str = "system:serviceaccount:kargo:";
const KIND_OF_LABEL: &str = "kargo.akuity.io/";

pub struct Cluster {
    pub objects: Vec<Value>,
    pub now: Timestamp,
    /// Of all writes so far.
    pub warnings: Vec<String>,
}

/// The schema of each kind.
static SCHEMAS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let schema = |crd: Value| {
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
        (kind, crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone())
    };
    ferry_api::crds::crds().into_iter().map(schema).collect()
});

pub fn user(name: Option<&str>) -> User {
    match name {
        None => User { name: "admin".into(), groups: vec!["system:masters".into()], ..User::default() },
        Some(name) => User {
            name: name.into(),
            is_control_plane: name.starts_with(SERVICE_ACCOUNTS),
            bypasses_promote: name.ends_with("external-webhooks-server"),
            ..User::default()
        },
    }
}

impl Cluster {
    pub fn new(now: Timestamp) -> Self {
        Self { objects: Vec::new(), now, warnings: Vec::new() }
    }

    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.iter().find(|o| o["kind"] == kind && place(o) == (namespace, name))
    }

    /// Makes an object, and gives it as it is stored.
    pub fn create(&mut self, object: &Value, user: &User, dry_run: bool) -> Result<Value, Box<Denial>> {
        let mut object = object.clone();
        Self::clean(&mut object);
        let has_status = matches!(object["kind"].as_str(), Some(kind) if SCHEMAS.contains_key(kind));
        if has_status {
            object.as_object_mut().unwrap().remove("status");
        }
        if object["metadata"].get("name").is_none() && object["metadata"].get("generateName").is_some() {
            object["metadata"]["name"] = "made-55klx".into();
        }
        let mut object = self.review(Operation::Create, "", &object, None, user, dry_run)?;
        object["metadata"]["uid"] = format!("uid-{}", self.objects.len()).into();
        object["metadata"]["generation"] = 1.into();
        if !dry_run {
            self.objects.push(object.clone());
        }
        Ok(object)
    }

    /// Replaces an object, or its status, and gives it as it is stored.
    pub fn update(&mut self, new: &Value, subresource: &str, user: &User) -> Result<Value, Box<Denial>> {
        let (namespace, name) = place(new);
        let old = self.find(new["kind"].as_str().unwrap(), namespace, name).expect("it exists").clone();
        let mut object = new.clone();
        Self::clean(&mut object);
        if subresource == "status" {
            let status = object.get("status").cloned();
            object = old.clone();
            set(&mut object, "status", status);
        } else {
            set(&mut object, "status", old.get("status").cloned());
            object["metadata"]["uid"] = old["metadata"]["uid"].clone();
        }
        let object = self.review(Operation::Update, subresource, &object, Some(&old), user, false)?;
        let index = self.objects.iter().position(|o| *o == old).unwrap();
        self.objects[index] = object.clone();
        Ok(object)
    }

    /// Merges a patch into an object or its status.
    pub fn patch(
        &mut self,
        target: &Value,
        patch: &Value,
        subresource: &str,
        user: &User,
    ) -> Result<Value, Box<Denial>> {
        let (namespace, name) = place(target);
        let mut object =
            self.find(target["kind"].as_str().unwrap(), namespace, name).expect("it exists").clone();
        merge(&mut object, patch);
        self.update(&object, subresource, user)
    }

    pub fn delete(&mut self, target: &Value, user: &User) -> Result<(), Box<Denial>> {
        let (namespace, name) = place(target);
        let old = self.find(target["kind"].as_str().unwrap(), namespace, name).expect("it exists").clone();
        self.ask(Operation::Delete, "", None, Some(&old), user, false, validate)?;
        self.objects.retain(|o| *o != old);
        Ok(())
    }

    fn review(
        &mut self,
        operation: Operation,
        subresource: &str,
        object: &Value,
        old: Option<&Value>,
        user: &User,
        dry_run: bool,
    ) -> Result<Value, Box<Denial>> {
        let mutated = self.ask(operation, subresource, Some(object), old, user, dry_run, mutate)?;
        let mut object = mutated.object.unwrap();
        Self::clean(&mut object);
        let allowed = self.ask(operation, subresource, Some(&object), old, user, dry_run, validate)?;
        self.warnings.extend(allowed.warnings);
        for effect in allowed.effects {
            let Effect::CreateNamespace { name, labels, finalizers } = effect;
            let metadata = json!({"name": name, "labels": labels, "finalizers": finalizers});
            self.objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
        }
        Ok(object)
    }

    #[expect(clippy::too_many_arguments, reason = "what a request is made of")]
    fn ask(
        &self,
        operation: Operation,
        subresource: &str,
        object: Option<&Value>,
        old: Option<&Value>,
        user: &User,
        dry_run: bool,
        review: fn(&Request<'_>, &Snapshot) -> Outcome,
    ) -> Result<Allowed, Box<Denial>> {
        let it = object.or(old).unwrap();
        let (namespace, name) = place(it);
        let group = it["apiVersion"].as_str().unwrap().rsplit_once('/').map_or("", |(group, _)| group);
        let kind = it["kind"].as_str().unwrap();
        let context =
            Context { now: self.now, ulid: ULID, entropy: 7, known_steps: &["fail", "http", "git-clone"] };
        let request = Request {
            operation,
            group,
            kind,
            subresource,
            namespace,
            name,
            object,
            old,
            user,
            dry_run,
            context,
        };
        let mut known = Snapshot::default();
        for _ in 0..ROUNDS {
            match review(&request, &known) {
                Outcome::Allowed(allowed) => return Ok(allowed),
                Outcome::Denied(denial) => return Err(denial),
                Outcome::Need(lookups) => {
                    for lookup in lookups {
                        let answer = self.answer(&lookup, user);
                        known.insert(lookup, answer);
                    }
                }
            }
        }
        panic!("still not enough after {ROUNDS} rounds");
    }

    fn answer(&self, lookup: &Lookup, user: &User) -> Answer {
        match lookup {
            Lookup::Object { resource, namespace, name } => {
                Answer::Object(self.find(resource.kind(), namespace, name).map(Value::to_string))
            }
            Lookup::List { resource, namespace, label } => {
                let fits = |o: &&Value| {
                    let (place, _) = place(o);
                    let labelled =
                        label.as_ref().is_none_or(|(k, v)| o["metadata"]["labels"][k] == v.as_str());
                    o["kind"] == resource.kind() && (namespace.is_empty() || namespace == place) && labelled
                };
                Answer::List(self.objects.iter().filter(fits).cloned().collect())
            }
            Lookup::Access { verb, .. } => {
                let is_master = user.groups.iter().any(|group| group == "system:masters");
                let granted = self
                    .objects
                    .iter()
                    .any(|o| o["kind"] == "Role" && o["rules"].to_string().contains(&format!("\"{verb}\"")));
                Answer::Access(is_master || user.is_control_plane || granted)
            }
        }
    }

    /// Drops what the CRD does not know, and fills in its defaults.
    fn clean(object: &mut Value) {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let Some(schema) = SCHEMAS.get(&kind) else { return };
        let metadata = object["metadata"].clone();
        prune(object, schema);
        object["metadata"] = metadata;
        debug_assert!(object["apiVersion"].as_str().unwrap().starts_with(KIND_OF_LABEL));
    }
}

fn place(object: &Value) -> (&str, &str) {
    let text = |field: &str| object["metadata"].get(field).and_then(Value::as_str).unwrap_or_default();
    (text("namespace"), text("name"))
}

fn set(object: &mut Value, field: &str, value: Option<Value>) {
    let map = object.as_object_mut().unwrap();
    match value {
        Some(value) => map.insert(field.into(), value),
        None => map.remove(field),
    };
}

fn prune(value: &mut Value, schema: &Value) {
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return;
    }
    match value {
        Value::Object(map) => {
            if let Some(properties) = schema["properties"].as_object() {
                map.retain(|field, value| properties.contains_key(field) && !value.is_null());
                for (field, property) in properties {
                    if let Some(default) = property.get("default") {
                        map.entry(field).or_insert_with(|| default.clone());
                    }
                    if let Some(value) = map.get_mut(field) {
                        prune(value, property);
                    }
                }
            } else if schema["additionalProperties"].is_object() {
                map.retain(|_, value| !value.is_null());
                map.values_mut().for_each(|value| prune(value, &schema["additionalProperties"]));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| prune(item, &schema["items"])),
        _ => {}
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().unwrap();
    for (field, value) in patch {
        if value.is_null() {
            target.remove(field);
        } else {
            merge(target.entry(field).or_insert(Value::Null), value);
        }
    }
}
