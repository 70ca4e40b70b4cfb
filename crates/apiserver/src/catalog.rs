//! What is served: the built-in resources and those of the stored definitions, as one immutable snapshot.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ferry_store::Object;
use serde_json::Value;

use crate::kinds;
use crate::resource::{Custom, Nature, Resource, Scale, api_version};
use crate::schema::Structural;
use crate::schemaless::Schemaless;
use crate::table::Columns;

/// A snapshot of what is served.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// Group → version → plural.
    groups: BTreeMap<String, BTreeMap<String, BTreeMap<String, Arc<Resource>>>>,
    /// Place in the store → one of the versions stored there.
    places: BTreeMap<Arc<str>, Arc<Resource>>,
    /// What was compiled, by name of the definition, with the version it was compiled from.
    compiled: HashMap<String, (u64, Vec<Arc<Resource>>)>,
}

impl Catalog {
    /// The built-in kinds, those without a schema and the given definitions; what did not change is taken from `before`.
    pub(crate) fn build(definitions: &[Arc<Object>], schemaless: &[Schemaless], before: &Self) -> Self {
        let mut catalog = Self::default();
        for resource in kinds::all() {
            catalog.add(resource);
        }
        for kind in schemaless {
            catalog.add(kind.resource());
        }
        for definition in definitions {
            let name = &definition.key.name;
            let resources = match before.compiled.get(name) {
                Some((version, resources)) if *version == definition.version => resources.clone(),
                _ => compile(definition),
            };
            if accepted(&definition.value()) {
                for resource in &resources {
                    catalog.add(Arc::clone(resource));
                }
            }
            catalog.compiled.insert(name.clone(), (definition.version, resources));
        }
        catalog
    }

    fn add(&mut self, resource: Arc<Resource>) {
        let group = self.groups.entry(resource.group.clone()).or_default();
        if !matches!(resource.nature, Nature::Review) {
            self.places.entry(Arc::clone(&resource.storage)).or_insert_with(|| Arc::clone(&resource));
        }
        let version = group.entry(resource.version.clone()).or_default();
        version.entry(resource.plural.clone()).or_insert(resource);
    }

    pub(crate) fn get(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.groups.get(group)?.get(version)?.get(plural)
    }

    /// The named groups (not the core group), in order of name.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().filter(|g| !g.is_empty()).map(String::as_str)
    }

    /// The versions of a group, the preferred first.
    pub(crate) fn versions(&self, group: &str) -> Vec<&str> {
        let mut versions: Vec<&str> =
            self.groups.get(group).into_iter().flat_map(|g| g.keys()).map(String::as_str).collect();
        versions.sort_by(|a, b| by_priority(a, b));
        versions
    }

    pub(crate) fn resources(&self, group: &str, version: &str) -> impl Iterator<Item = &Arc<Resource>> {
        self.groups.get(group).and_then(|g| g.get(version)).into_iter().flat_map(BTreeMap::values)
    }

    /// Changes whenever a definition of the group does.
    pub(crate) fn fingerprint(&self, group: &str) -> String {
        let mut parts: Vec<String> = self
            .compiled
            .iter()
            .filter(|(_, (_, resources))| resources.iter().any(|r| r.group == group))
            .map(|(name, (version, _))| format!("{name}@{version}"))
            .collect();
        parts.sort();
        parts.join(" ")
    }

    /// Changes whenever any definition does.
    pub(crate) fn whole_fingerprint(&self) -> String {
        let mut parts: Vec<String> =
            self.compiled.iter().map(|(name, (version, _))| format!("{name}@{version}")).collect();
        parts.sort();
        parts.join(" ")
    }

    /// One resource per place in the store, whatever its versions.
    pub(crate) fn stored(&self) -> Vec<&Arc<Resource>> {
        self.places.values().collect()
    }

    /// A resource that is stored at this place.
    pub(crate) fn at(&self, storage: &str) -> Option<&Arc<Resource>> {
        self.places.get(storage)
    }
}

/// A definition whose names clash with another's is not served.
fn accepted(definition: &Value) -> bool {
    let conditions = definition.pointer("/status/conditions").and_then(Value::as_array);
    !conditions.into_iter().flatten().any(|c| {
        c.get("type").is_some_and(|t| t == "NamesAccepted") && c.get("status").is_some_and(|s| s == "False")
    })
}

fn compile(definition: &Arc<Object>) -> Vec<Arc<Resource>> {
    let value = definition.value();
    let spec = value.get("spec").unwrap_or(&Value::Null);
    let is = |version: &Value, field: &str| version.get(field).and_then(Value::as_bool).unwrap_or_default();
    let versions: Vec<(&Value, Option<Arc<Structural>>)> = spec
        .get("versions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|version| (version, schema(definition, spec, version)))
        .collect();
    let stored = versions.iter().find(|(v, _)| is(v, "storage"));
    versions
        .iter()
        .enumerate()
        .filter(|(_, (v, _))| is(v, "served"))
        .filter_map(|(at, (version, structural))| {
            resource(definition, spec, (at, version), structural.clone(), stored)
        })
        .map(Arc::new)
        .collect()
}

fn schema(definition: &Object, spec: &Value, version: &Value) -> Option<Arc<Structural>> {
    let preserve = spec.get("preserveUnknownFields") == Some(&Value::Bool(true));
    let schema = version.pointer("/schema/openAPIV3Schema")?;
    let compiled = Structural::compile(schema, preserve);
    compiled
        .inspect_err(|causes| {
            tracing::warn!(definition = definition.key.name, ?causes, "schema does not compile");
        })
        .ok()
        .map(Arc::new)
}

fn resource(
    definition: &Arc<Object>,
    spec: &Value,
    (at, version): (usize, &Value),
    structural: Option<Arc<Structural>>,
    stored: Option<&(&Value, Option<Arc<Structural>>)>,
) -> Option<Resource> {
    let names = spec.get("names")?;
    let text = |field: &str| names.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |field: &str| -> Vec<String> {
        let items = names.get(field).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let group = spec.get("group")?.as_str()?.to_owned();
    let plural = text("plural");
    let name = version.get("name")?.as_str()?.to_owned();
    let stored_name = stored.and_then(|(v, _)| v.get("name")?.as_str()).unwrap_or(&name);
    let selectable = version.get("selectableFields").and_then(Value::as_array).into_iter().flatten();
    let custom = Custom {
        definition: definition.uid().to_owned(),
        structural,
        storage: stored.filter(|(v, _)| *v != version).and_then(|(_, s)| s.clone()),
        since: definition.version,
        selectable: selectable
            .filter_map(|f| f.get("jsonPath")?.as_str())
            .map(|p| p.trim_start_matches('.').to_owned())
            .collect(),
        deprecation: deprecation(&group, spec, version, &text("kind")),
        stored_as: api_version(&group, stored_name),
        scale: Scale::of(version),
        source: Some((definition.clone(), at)),
    };
    Some(Resource {
        storage: format!("{group}/{plural}").into(),
        version: name,
        singular: text("singular"),
        kind: text("kind"),
        list_kind: text("listKind"),
        short_names: list("shortNames"),
        categories: list("categories"),
        namespaced: spec.get("scope").is_some_and(|s| s == "Namespaced"),
        has_status: version.pointer("/subresources/status").is_some_and(|s| !s.is_null()),
        columns: Columns::from_crd_version(version),
        types: None,
        nature: Nature::Custom(Arc::new(custom)),
        group,
        plural,
    })
}

fn deprecation(group: &str, spec: &Value, version: &Value, kind: &str) -> Option<String> {
    if !version.get("deprecated").and_then(Value::as_bool).unwrap_or_default() {
        return None;
    }
    let name = version.get("name")?.as_str()?;
    let given = version.get("deprecationWarning").and_then(Value::as_str);
    if let Some(given) = given {
        return Some(given.to_owned());
    }
    let is = |v: &Value, field: &str| v.get(field).and_then(Value::as_bool).unwrap_or_default();
    let versions = spec.get("versions").and_then(Value::as_array);
    let mut better: Vec<&str> = versions
        .into_iter()
        .flatten()
        .filter(|v| is(v, "served") && !is(v, "deprecated"))
        .filter_map(|v| v.get("name")?.as_str())
        .filter(|other| by_priority(other, name) == Ordering::Less)
        .collect();
    better.sort_by(|a, b| by_priority(a, b));
    let instead = better.first().map(|b| format!("; use {group}/{b} {kind}")).unwrap_or_default();
    Some(format!("{group}/{name} {kind} is deprecated{instead}"))
}

/// The order of versions: stable before beta before alpha, higher numbers first; other names last, alphabetically.
fn by_priority(a: &str, b: &str) -> Ordering {
    match (priority(a), priority(b)) {
        (Some(x), Some(y)) => y.cmp(&x),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// (2 stable | 1 beta | 0 alpha, major, minor).
fn priority(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (major, rest) = rest.split_at(digits);
    let major = major.parse().ok()?;
    if rest.is_empty() {
        return Some((2, major, 0));
    }
    let (level, minor) = match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
        (Some(minor), _) => (1, minor),
        (_, Some(minor)) => (0, minor),
        _ => return None,
    };
    let minor = if minor.is_empty() { 0 } else { minor.parse().ok()? };
    Some((level, major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_maturity_then_number() {
        let mut versions =
            ["v1", "foo10", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v2", "v10", "foo1"];
        versions.sort_by(|a, b| by_priority(a, b));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "foo1", "foo10"]
        );
    }
}
