//! Events are kept for a while only.

use std::time::Duration;

use jiff::Timestamp;

use crate::verbs::{DeleteOptions, remove};
use crate::{Server, meta};

/// Deletes old Events now and then, for ever.
pub(crate) async fn expire(server: &Server) {
    let seconds = server.options().event_seconds;
    if seconds == 0 {
        return std::future::pending().await;
    }
    let mut beat = tokio::time::interval(Duration::from_secs((seconds / 10).clamp(1, 60)));
    loop {
        beat.tick().await;
        let catalog = server.catalog();
        let Some(resource) = catalog.get("", "v1", "events") else { continue };
        let oldest = Timestamp::now().as_second() - i64::try_from(seconds).unwrap_or(i64::MAX);
        for event in server.objects(&resource.storage) {
            let created = meta::text(&event.value(), "creationTimestamp").parse::<Timestamp>();
            let last = ["/lastTimestamp", "/series/lastObservedTime", "/eventTime"]
                .iter()
                .filter_map(|p| event.value().pointer(p)?.as_str()?.parse::<Timestamp>().ok())
                .max();
            let alive = created.ok().max(last).is_some_and(|t| t.as_second() >= oldest);
            if alive {
                continue;
            }
            if let Err(status) = remove(server, resource, &event.key, &DeleteOptions::default()).await
                && status.code != 404
            {
                tracing::warn!(%status, "cannot delete an old event");
            }
        }
    }
}
