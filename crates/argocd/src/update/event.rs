//! The Event that tells who started an operation on an Application, as Argo CD's own API server writes it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::application::{Source, text};
use crate::{API_VERSION, Application, INITIATOR, KIND};

/// The Event without name and times: see [`stamp_event`].
pub(super) fn started(app: Application<'_>, sources: &[Value]) -> Value {
    let target = match sources {
        [] => String::new(),
        [source] => format!(" to {}", Source::new(source).target_revision()),
        sources => format!(" to {} sources", sources.len()),
    };
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": app.namespace(), "annotations": {"user": INITIATOR}},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": app.namespace(),
            "name": app.name(),
            "uid": app.uid(),
            "resourceVersion": app.resource_version(),
        },
        "source": {"component": INITIATOR},
        "reason": "OperationStarted",
        "type": "Normal",
        "count": 1,
        "message": format!("{INITIATOR} initiated sync{target}"),
    })
}

/// Gives the Event the name and the times that it has when it is sent at `now`.
pub fn stamp_event(event: &mut Value, now: Timestamp) {
    let app: String = text(event, &["involvedObject", "name"]).chars().take(220).collect();
    let name = format!("{app}.{:x}", now.as_nanosecond());
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    if let Some(metadata) = event.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("name".to_owned(), name.into());
    }
    if let Some(event) = event.as_object_mut() {
        event.insert("firstTimestamp".to_owned(), time.clone().into());
        event.insert("lastTimestamp".to_owned(), time.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_after_the_application_and_the_moment() {
        let app = json!({"metadata": {"name": "shop", "namespace": "argocd"}});
        let mut event = started(Application::new(&app), &[json!({"targetRevision": "main"})]);
        stamp_event(&mut event, "2031-05-06T07:08:09.5Z".parse().unwrap());
        assert_eq!(event["message"], "kargo-controller initiated sync to main");
        assert_eq!(event["firstTimestamp"], "2031-05-06T07:08:09Z");
        assert_eq!(event["metadata"]["name"], "shop.1add67eea4909f00");
    }
}
