//! Nobody hands out rights that they do not have: checked at every write of a role or binding.

use serde_json::Value;

use super::{GROUP, Rule};
use crate::authorization::Attributes;
use crate::identity::MASTERS;
use crate::resource::Resource;
use crate::{Identity, Server, Status, meta};

/// Refuses a role with more rights than its writer has, or a binding to such a role.
pub(crate) async fn check(
    server: &Server,
    user: &Identity,
    resource: &Resource,
    namespace: &str,
    object: &Value,
) -> Result<(), Status> {
    let Some(authority) = server.roles() else { return Ok(()) };
    if user.is_in(MASTERS) {
        return Ok(());
    }
    let index = authority.index();
    let name = meta::text(object, "name");
    let binding = resource.plural.ends_with("bindings");
    let (rules, asked) = if binding {
        let reference = object.get("roleRef").unwrap_or(&Value::Null);
        let of = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default();
        let plural = if of("kind") == "ClusterRole" { "clusterroles" } else { "roles" };
        if may(server, user, "bind", plural, namespace, of("name")).await {
            return Ok(());
        }
        let Some(rules) = index.rules_of_reference(reference, namespace) else {
            let what = format!("{plural}.{GROUP} \"{}\" not found", of("name"));
            return Err(Status::about(404, "NotFound", what, GROUP, &resource.plural, of("name")));
        };
        (rules.to_vec(), "bind")
    } else {
        if may(server, user, "escalate", &resource.plural, namespace, name).await {
            return Ok(());
        }
        let mut rules = Rule::all(object);
        if object.get("aggregationRule").is_some_and(|rule| !rule.is_null()) {
            // What it will be put together of is not known: everything, then.
            let all = || vec!["*".to_owned()];
            rules.push(Rule { verbs: all(), groups: all(), resources: all(), ..Rule::default() });
            rules.push(Rule { verbs: all(), paths: all(), ..Rule::default() });
        }
        (rules, "escalate")
    };
    if index.holds(user, namespace, &rules) {
        return Ok(());
    }
    let why = format!(
        "user \"{}\" is attempting to grant RBAC permissions not currently held; who has them, or may \"{asked}\", can do this",
        user.name
    );
    Err(Status::forbidden(GROUP, &resource.plural, name, &why))
}

async fn may(
    server: &Server,
    user: &Identity,
    verb: &str,
    resource: &str,
    namespace: &str,
    name: &str,
) -> bool {
    let attributes = Attributes {
        verb: verb.to_owned(),
        group: GROUP.to_owned(),
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..Attributes::default()
    };
    server.authorizer().authorize(user, &attributes).await.allowed
}
