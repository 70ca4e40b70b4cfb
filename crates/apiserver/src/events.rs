//! Events are kept for a while only.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::Server;
use crate::verbs::{DeleteOptions, remove};

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
        let now = Timestamp::now().as_second();
        for event in server.objects(&resource.storage) {
            if is_alive(&event.value(), now, seconds) {
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

/// Whether an Event is new enough, by the latest of its times. A time that is further ahead than an Event lives was
/// told by a wrong clock: it would keep it for as long.
fn is_alive(event: &Value, now: i64, seconds: u64) -> bool {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let lives = now.saturating_sub(seconds)..=now.saturating_add(seconds);
    ["/metadata/creationTimestamp", "/lastTimestamp", "/series/lastObservedTime", "/eventTime"]
        .iter()
        .filter_map(|pointer| event.pointer(pointer)?.as_str()?.parse::<Timestamp>().ok())
        .any(|time| lives.contains(&time.as_second()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_lives_by_its_latest_time_whatever_clock_told_it() {
        let now = "2031-06-01T12:00:00Z".parse::<Timestamp>().unwrap().as_second();
        let alive = |created: &str, last: &str| {
            is_alive(&json!({"metadata": {"creationTimestamp": created}, "lastTimestamp": last}), now, 3600)
        };
        assert!(alive("2031-06-01T11:30:00Z", ""));
        assert!(alive("2031-06-01T01:00:00Z", "2031-06-01T11:30:00Z"), "it happened again");
        assert!(!alive("2031-06-01T10:30:00Z", "2031-06-01T10:40:00Z"));
        assert!(alive("2031-06-01T12:20:00Z", ""), "a clock that was set back a little");
        assert!(!alive("2032-06-01T12:00:00Z", "2032-06-01T12:00:00Z"), "one that was a year ahead");
        assert!(!alive("2031-06-01T01:00:00Z", "9999-01-01T00:00:00Z"), "a sender's invention");
        assert!(!alive("", "yesterday"));
    }
}
