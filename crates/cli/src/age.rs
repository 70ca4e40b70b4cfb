//! How long ago something was, as `kubectl` writes it.

use jiff::Timestamp;

/// The age of a time in RFC 3339.
pub(crate) fn since(time: Option<&str>, now: Timestamp) -> String {
    let Some(then) = time.and_then(|time| time.parse::<Timestamp>().ok()) else {
        return "<unknown>".to_owned();
    };
    human(now.as_second().saturating_sub(then.as_second()))
}

fn human(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |big: i64, big_unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big}{big_unit}") } else { format!("{big}{big_unit}{small}{small_unit}") }
    };
    match seconds {
        i64::MIN..0 => "0s".to_owned(),
        _ if seconds < 120 => format!("{seconds}s"),
        _ if minutes < 10 => pair(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if days < 8 => pair(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most() {
        let cases = [
            (-3, "0s"),
            (119, "119s"),
            (184, "3m4s"),
            (600, "10m"),
            (11_100, "3h5m"),
            (176_400, "2d1h"),
            (864_000, "10d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(seconds), text);
        }
        assert_eq!(since(None, Timestamp::UNIX_EPOCH), "<unknown>");
    }
}
