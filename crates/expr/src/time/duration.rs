//! Spans of time in nanoseconds: `1h30m`, `1.5s`, `-2us`.

use std::fmt;

/// A span of time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

const MICRO: i64 = 1_000;
const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Duration {
    /// Reads the form `1h30m`: numbers with the units `ns`, `us`, `ms`, `s`, `m`, `h`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a duration: write it like `1h30m` or `1.5s`");
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or_default()),
            Some(b'+') => (false, text.get(1..).unwrap_or_default()),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let (nanos, tail) = part(rest).ok_or_else(wrong)?;
            total += nanos;
            if total > i128::from(i64::MAX) + 1 {
                return Err(format!("duration `{text}` is too long"));
            }
            rest = tail;
        }
        let signed = if negative { -total } else { total };
        i64::try_from(signed).map(Self).map_err(|_| format!("duration `{text}` is too long"))
    }

    #[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
    pub(super) fn in_unit(self, unit: i64) -> f64 {
        let whole = self.0 / unit;
        let rest = self.0 % unit;
        whole as f64 + rest as f64 / unit as f64
    }

    pub(super) fn hours(self) -> f64 {
        self.in_unit(HOUR)
    }

    pub(super) fn minutes(self) -> f64 {
        self.in_unit(MINUTE)
    }

    pub(super) fn seconds(self) -> f64 {
        self.in_unit(SECOND)
    }

    pub(super) fn milliseconds(self) -> i64 {
        self.0 / MILLI
    }

    pub(super) fn microseconds(self) -> i64 {
        self.0 / MICRO
    }

    pub(super) fn truncate(self, step: Self) -> Self {
        if step.0 <= 0 { self } else { Self(self.0 - self.0 % step.0) }
    }

    /// To the nearest multiple, halves away from zero.
    pub(super) fn round(self, step: Self) -> Self {
        if step.0 <= 0 {
            return self;
        }
        let rest = self.0 % step.0;
        let down = self.0 - rest;
        if i128::from(rest).abs() * 2 < i128::from(step.0) {
            return Self(down);
        }
        Self(if rest < 0 { down.saturating_sub(step.0) } else { down.saturating_add(step.0) })
    }
}

/// One number with its unit, and what follows.
fn part(text: &str) -> Option<(i128, &str)> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, mut rest) = text.split_at(digits(text));
    let mut fraction = "";
    if let Some(tail) = rest.strip_prefix('.') {
        (fraction, rest) = tail.split_at(digits(tail));
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(end);
    let scale = i128::from(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => MICRO,
        "ms" => MILLI,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    });
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.into() };
    let fraction = fraction.get(..fraction.len().min(15))?;
    let fraction_nanos = match u32::try_from(fraction.len()) {
        Ok(0) | Err(_) => 0,
        Ok(length) => fraction.parse::<i128>().ok()? * scale / 10i128.pow(length),
    };
    Some((whole * scale + fraction_nanos, tail))
}

/// `1h30m0s`, `1.5s`, `2µs`, `0s`
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let unit = |unit: i64| unit.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < unit(SECOND) {
            let (scale, name) = match nanos {
                n if n < unit(MICRO) => (1, "ns"),
                n if n < unit(MILLI) => (unit(MICRO), "µs"),
                _ => (unit(MILLI), "ms"),
            };
            return write!(f, "{sign}{}{name}", decimal(nanos, scale));
        }
        f.write_str(sign)?;
        let hours = nanos / unit(HOUR);
        let minutes = nanos / unit(MINUTE) % 60;
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", decimal(nanos % unit(MINUTE), unit(SECOND)))
    }
}

/// `value / scale` without trailing zeros.
fn decimal(value: u64, scale: u64) -> String {
    let rest = value % scale;
    if rest == 0 {
        return (value / scale).to_string();
    }
    let width = scale.to_string().len() - 1;
    let fraction = format!("{rest:0width$}");
    format!("{}.{}", value / scale, fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, nanos, shown) in [
            ("1h30m", 5_400_000_000_000, "1h30m0s"),
            ("90s", 90_000_000_000, "1m30s"),
            ("1.5s", 1_500_000_000, "1.5s"),
            ("-2us", -2_000, "-2µs"),
            ("0", 0, "0s"),
            (".5ms", 500_000, "500µs"),
            ("36h5s", 129_605_000_000_000, "36h0m5s"),
            ("1ns", 1, "1ns"),
        ] {
            let duration = Duration::parse(text).unwrap();
            assert_eq!(duration, Duration(nanos), "{text}");
            assert_eq!(duration.to_string(), shown);
        }
        for text in ["", "5", "1d", "h", "1h 2m", "-", "9999999999h", "1.2.3s", "١s"] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rounds_halves_away_from_zero() {
        assert_eq!(Duration(15).round(Duration(10)), Duration(20));
        assert_eq!(Duration(-15).round(Duration(10)), Duration(-20));
        assert_eq!(Duration(14).round(Duration(10)), Duration(10));
        assert_eq!(Duration(19).truncate(Duration(10)), Duration(10));
    }
}
