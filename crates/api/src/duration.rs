//! Go's way of writing a length of time (`1h30m`, `500ms`), which the resources use.

use std::time::Duration;

/// A text that is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration such as 90s, 5m or 1h30m")]
pub struct Invalid(pub String);

/// Parses a non-negative duration: numbers with units `ns us µs ms s m h`, added up; `0` stands alone.
pub fn parse(text: &str) -> Result<Duration, Invalid> {
    let invalid = || Invalid(text.to_owned());
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanos = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(invalid()),
        };
        nanos += number.parse::<f64>().map_err(|_| invalid())? * scale;
        rest = tail;
    }
    Duration::try_from_secs_f64(nanos / 1e9).map_err(|_| invalid())
}

/// Writes a duration as Go does: `1h30m0s`, `1.5s`, `250ms`, `0s`.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000 {
        return format!("{nanos}ns");
    }
    if nanos < 1_000_000 {
        return format!("{}µs", fraction(nanos, 1_000));
    }
    if nanos < 1_000_000_000 {
        return format!("{}ms", fraction(nanos, 1_000_000));
    }
    let total_seconds = duration.as_secs();
    let (hours, minutes) = (total_seconds / 3600, total_seconds / 60 % 60);
    let seconds = fraction(nanos % 60_000_000_000, 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, m) => format!("{m}m{seconds}s"),
        (h, m) => format!("{h}h{m}m{seconds}s"),
    }
}

fn fraction(nanos: u128, unit: u128) -> String {
    let digits = unit.ilog10() as usize;
    let rest = format!("{:0digits$}", nanos % unit);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { (nanos / unit).to_string() } else { format!("{}.{rest}", nanos / unit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_as_go_does() {
        for (text, written) in [
            ("5m", "5m0s"),
            ("1.5h", "1h30m0s"),
            ("90s", "1m30s"),
            ("1500ms", "1.5s"),
            ("250ms", "250ms"),
            ("0", "0s"),
            ("1h0m1s", "1h0m1s"),
            ("15µs", "15µs"),
        ] {
            assert_eq!(format(parse(text).unwrap()), written, "{text}");
        }
        for text in ["", "1d", "soon", "5", "h", "1.2.3s", "-5m", "1e400h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
