//! Sync windows of an AppProject: when syncs are allowed or denied, by a schedule of five fields and a length.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};
use serde_json::Value;

use super::application::{at, flag, list, name, text};
use super::spec::fits;

/// What is said of an operation that waits for a window.
pub const BLOCKED: &str = "Sync operation blocked by sync window";
/// Longer windows are looked at for so long only.
const LONGEST: i64 = 31 * 24 * 60;

/// Whether the project's windows let the Application be synced now: by hand, or by itself.
pub fn permit(project: Option<&Value>, app: &Value, by_hand: bool, now: Timestamp) -> bool {
    let windows: Vec<&Value> = project
        .map(|project| list(project, "/spec/syncWindows"))
        .unwrap_or_default()
        .iter()
        .filter(|window| concerns(window, app))
        .collect();
    let hand = |window: &&&Value| by_hand && flag(window, "/manualSync");
    let (active, inactive): (Vec<&Value>, Vec<&Value>) =
        windows.into_iter().partition(|window| is_active(window, now));
    let denies = of_kind(&active, "deny");
    if !denies.is_empty() {
        return denies.iter().all(|window| hand(&window));
    }
    if !of_kind(&active, "allow").is_empty() {
        return true;
    }
    let closed = of_kind(&inactive, "allow");
    closed.iter().all(|window| hand(&window))
}

fn of_kind<'a>(windows: &[&'a Value], kind: &str) -> Vec<&'a Value> {
    windows.iter().filter(|window| text(window, "/kind") == kind).copied().collect()
}

/// One list that names it is enough, or all of them where the window says so.
fn concerns(window: &Value, app: &Value) -> bool {
    let server = text(app, "/spec/destination/server");
    let cluster = if server.is_empty() { text(app, "/spec/destination/name") } else { server };
    let about = [
        ("/applications", name(app)),
        ("/namespaces", text(app, "/spec/destination/namespace")),
        ("/clusters", cluster),
    ];
    let mut given =
        about.iter().filter(|(member, _)| !list(window, member).is_empty()).map(|(member, what)| {
            list(window, member).iter().filter_map(Value::as_str).any(|pattern| fits(pattern, what))
        });
    if flag(window, "/andOperator") {
        given.all(|concerned| concerned)
    } else {
        given.any(|concerned| concerned)
    }
}

fn is_active(window: &Value, now: Timestamp) -> bool {
    let Some(schedule) = Schedule::parse(text(window, "/schedule")) else { return false };
    let Ok(length) = text(window, "/duration").parse::<SignedDuration>() else { return false };
    let zone = at(window, "/timeZone").and_then(Value::as_str).and_then(|zone| TimeZone::get(zone).ok());
    let local = now.to_zoned(zone.unwrap_or(TimeZone::UTC));
    // It is open if it began less than its length ago.
    (0..=length.as_mins().min(LONGEST)).any(|back| {
        let Ok(minute) = local.checked_sub(back.minutes()) else { return false };
        let since = back * 60 + i64::from(local.second());
        since < length.as_secs() && schedule.fires(&minute)
    })
}

/// Minutes at which something begins.
struct Schedule {
    /// Minute, hour, day of the month, month, day of the week: which values.
    fields: [u64; 5],
    /// Whether the days of month and week are each left open.
    any_day: (bool, bool),
}

/// The least and the largest value of each field, and the names of some.
const FIELDS: [(u32, u32, &[&str]); 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

impl Schedule {
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let parts: [&str; 5] = parts.try_into().ok()?;
        let mut fields = [0; 5];
        for ((field, part), (low, high, names)) in fields.iter_mut().zip(parts).zip(FIELDS) {
            for piece in part.split(',') {
                *field |= values(piece, low, high, names)?;
            }
        }
        let open = |part: &str| part.starts_with(['*', '?']);
        let any_day =
            (parts.get(2).is_some_and(|part| open(part)), parts.get(4).is_some_and(|part| open(part)));
        Some(Self { fields, any_day })
    }

    fn fires(&self, at: &Zoned) -> bool {
        let small = |value: i8| u32::from(value.unsigned_abs());
        let weekday = small(at.weekday().to_sunday_zero_offset());
        let values = [small(at.minute()), small(at.hour()), small(at.day()), small(at.month()), weekday];
        let fits: Vec<bool> =
            self.fields.iter().zip(values).map(|(field, value)| field & (1 << value) != 0).collect();
        let [minute, hour, day, month, weekday] = fits[..] else { return false };
        // Where both days are given, either is enough.
        let any = self.any_day.0 || self.any_day.1;
        minute && hour && month && if any { day && weekday } else { day || weekday }
    }
}

/// `*`, `5`, `1-5`, `*/10`, `mon-fri`.
fn values(piece: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    let (range, step) = match piece.split_once('/') {
        Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0)?),
        None => (piece, 1),
    };
    let number = |text: &str| {
        let month_or_day = names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let month_or_day = month_or_day.and_then(|at| u32::try_from(at).ok()).map(|at| at + low);
        month_or_day.or_else(|| text.parse().ok()).filter(|value| (low..=high).contains(value))
    };
    let (from, to) = match range.split_once('-') {
        _ if matches!(range, "*" | "?") => (low, high),
        Some((from, to)) => (number(from)?, number(to)?),
        None if piece.contains('/') => (number(range)?, high),
        None => (number(range)?, number(range)?),
    };
    Some((from..=to).step_by(usize::try_from(step).ok()?).fold(0, |all, value| all | 1 << value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A Monday.
    const NOW: &str = "2026-03-02T10:30:30Z";

    fn allowed(windows: &Value, by_hand: bool) -> bool {
        let project = json!({"spec": {"syncWindows": windows}});
        let destination = json!({"server": "https://k", "namespace": "tea"});
        let app = json!({"metadata": {"name": "shop"}, "spec": {"destination": destination}});
        permit(Some(&project), &app, by_hand, NOW.parse().unwrap())
    }

    fn window(kind: &str, schedule: &str, duration: &str) -> Value {
        json!({"kind": kind, "schedule": schedule, "duration": duration, "applications": ["*"]})
    }

    #[test]
    fn schedules_begin_and_lengths_end() {
        for (schedule, duration, open) in [
            ("* * * * *", "1h", true),
            ("30 10 * * *", "1m", true),
            ("29 10 * * *", "1m", false),
            ("0 10 * * *", "31m", true),
            ("0 10 * * *", "30m", false),
            ("0 22 * * *", "13h", true),
            ("0 10 * * mon", "1h", true),
            ("0 10 * * tue-fri", "1h", false),
            ("*/15 * * * *", "2m", true),
            ("5/20 * * * *", "2m", false),
            ("0 10 2 * 5", "1h", true),
            ("0 10 3 * 5", "1h", false),
            ("0 10 * mar *", "1h30m", true),
            ("nonsense", "1h", false),
            ("60 * * * *", "1h", false),
            ("* * * * *", "soon", false),
        ] {
            assert_eq!(
                !allowed(&json!([window("deny", schedule, duration)]), false),
                open,
                "{schedule} {duration}"
            );
        }
        let mut late = window("deny", "30 12 * * *", "1h");
        late["timeZone"] = json!("Europe/Kyiv");
        assert!(!allowed(&json!([late]), false));
    }

    #[test]
    fn denials_win_and_a_closed_allowance_denies() {
        let (deny, allow) = (window("deny", "* * * * *", "1h"), window("allow", "* * * * *", "1h"));
        let closed = window("allow", "0 3 * * *", "1h");
        assert!(allowed(&json!([]), false) && allowed(&json!([allow]), false));
        assert!(!allowed(&json!([deny, allow]), true));
        assert!(!allowed(&json!([closed]), true));
        let mut by_hand = closed.clone();
        by_hand["manualSync"] = json!(true);
        assert!(allowed(&json!([by_hand]), true) && !allowed(&json!([by_hand]), false));
        let mut other = deny.clone();
        other["applications"] = json!(["bar*"]);
        assert!(allowed(&json!([other]), false));
        other["namespaces"] = json!(["t*a"]);
        assert!(!allowed(&json!([other]), false));
        other["andOperator"] = json!(true);
        assert!(allowed(&json!([other]), false));
    }
}
