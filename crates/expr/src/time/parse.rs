//! A text by a layout, to a moment.

use jiff::civil::{Date, DateTime, Time as Clock};

use super::layout::{self, MONTHS, Part, WEEKDAYS};
use super::{Time, Zone};

/// The layouts that `date(text)` tries, in order.
const KNOWN: [&str; 7] = [
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
];

/// A date in one of the usual forms.
pub(crate) fn parse_any(text: &str, zone: Option<&Zone>) -> Result<Time, String> {
    KNOWN.iter().find_map(|layout| read(layout, text, zone)).ok_or_else(|| {
        format!("`{text}` is not a date: write it like `2006-01-02`, `2006-01-02 15:04:05` or `2006-01-02T15:04:05Z`")
    })
}

/// A date in the form of a layout.
pub(crate) fn parse_layout(layout: &str, text: &str, zone: Option<&Zone>) -> Result<Time, String> {
    read(layout, text, zone).ok_or_else(|| format!("`{text}` is not a date of the form `{layout}`"))
}

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i32,
    pm: Option<bool>,
    offset: Option<i32>,
    utc: bool,
    zone_name: Option<String>,
}

fn read(layout: &str, text: &str, zone: Option<&Zone>) -> Option<Time> {
    let mut fields = Fields::default();
    let mut layout = layout;
    let mut text = text;
    loop {
        let (before, part, after) = layout::next(layout);
        text = skip(before, text)?;
        let Some(part) = part else { break };
        text = fields.read(part, after, text)?;
        layout = after;
    }
    if text.is_empty() { fields.time(zone) } else { None }
}

/// Skips literal text; any run of spaces matches any other.
fn skip<'a>(literal: &str, text: &'a str) -> Option<&'a str> {
    let mut text = text;
    let mut literal = literal;
    while let Some(c) = literal.chars().next() {
        if c == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return None;
            }
            literal = literal.trim_start_matches(' ');
            text = text.trim_start_matches(' ');
            continue;
        }
        text = text.strip_prefix(c)?;
        literal = literal.get(c.len_utf8()..)?;
    }
    Some(text)
}

/// One or two digits; exactly two where `fixed`.
fn number(text: &str, fixed: bool) -> Option<(i64, &str)> {
    let count = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if count == 0 || fixed && count == 1 {
        return None;
    }
    digits(text, count)
}

fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let (head, rest) = text.split_at_checked(count)?;
    head.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    Some((head.parse().ok()?, rest))
}

/// The index of the name the text begins with, in any case.
fn name<'a>(names: &[&str], length: Option<usize>, text: &'a str) -> Option<(i64, &'a str)> {
    for (index, name) in names.iter().enumerate() {
        let name = length.and_then(|length| name.get(..length)).unwrap_or(name);
        if let Some((head, rest)) = text.split_at_checked(name.len())
            && head.eq_ignore_ascii_case(name)
        {
            return Some((i64::try_from(index).ok()?, rest));
        }
    }
    None
}

impl Fields {
    /// Reads one part. `after` is the layout that follows.
    fn read<'a>(&mut self, part: Part, after: &str, text: &'a str) -> Option<&'a str> {
        let spaced = |text: &'a str| text.strip_prefix(' ').unwrap_or(text);
        let (target, (value, rest)) = match part {
            Part::LongYear => (&mut self.year, digits(text, 4)?),
            Part::Year => {
                let (year, rest) = digits(text, 2)?;
                (&mut self.year, (if year >= 69 { 1900 + year } else { 2000 + year }, rest))
            }
            Part::Month => (&mut self.month, number(text, false)?),
            Part::ZeroMonth => (&mut self.month, number(text, true)?),
            Part::LongMonth | Part::ShortMonth => {
                let length = (part == Part::ShortMonth).then_some(3);
                let (index, rest) = name(&MONTHS, length, text)?;
                (&mut self.month, (index + 1, rest))
            }
            Part::Day => (&mut self.day, number(text, false)?),
            Part::SpaceDay => (&mut self.day, number(spaced(text), false)?),
            Part::ZeroDay => (&mut self.day, number(text, true)?),
            Part::SpaceYearDay => {
                let trimmed = text.trim_start_matches(' ');
                (&mut self.year_day, digits(trimmed, 3usize.checked_sub(text.len() - trimmed.len())?)?)
            }
            Part::ZeroYearDay => (&mut self.year_day, digits(text, 3)?),
            _ => return self.read_rest(part, after, text),
        };
        *target = Some(value);
        Some(rest)
    }

    fn read_rest<'a>(&mut self, part: Part, after: &str, text: &'a str) -> Option<&'a str> {
        match part {
            Part::LongWeekday => Some(name(&WEEKDAYS, None, text)?.1),
            Part::ShortWeekday => Some(name(&WEEKDAYS, Some(3), text)?.1),
            Part::Hour => store(&mut self.hour, number(text, false)?, 23),
            Part::Hour12 => store(&mut self.hour, number(text, false)?, 12),
            Part::ZeroHour12 => store(&mut self.hour, number(text, true)?, 12),
            Part::Minute => store(&mut self.minute, number(text, false)?, 59),
            Part::ZeroMinute => store(&mut self.minute, number(text, true)?, 59),
            Part::Second | Part::ZeroSecond => {
                let rest = store(&mut self.second, number(text, part == Part::ZeroSecond)?, 59)?;
                // A fraction may follow even where the layout has none.
                let wanted = matches!(layout::next(after), ("", Some(Part::Fraction { .. }), _));
                if wanted { Some(rest) } else { Some(self.optional_fraction(rest)) }
            }
            Part::Pm | Part::LowerPm => {
                let (head, rest) = text.split_at_checked(2)?;
                let (am, pm) = if part == Part::Pm { ("AM", "PM") } else { ("am", "pm") };
                self.pm = Some(if head == pm { true } else { (head == am).then_some(false)? });
                Some(rest)
            }
            Part::ZoneName => self.zone_name(text),
            Part::Offset { z, colon, pairs } => self.offset(z, colon, pairs, text),
            Part::Fraction { trim: true, .. } => Some(self.optional_fraction(text)),
            Part::Fraction { digits: count, .. } => {
                let tail = text.strip_prefix(['.', ','])?;
                let (head, rest) = tail.split_at_checked(count.into())?;
                self.nanos = nanos(head)?;
                Some(rest)
            }
            _ => None,
        }
    }

    fn optional_fraction<'a>(&mut self, text: &'a str) -> &'a str {
        let Some(tail) = text.strip_prefix(['.', ',']) else { return text };
        let count = tail.bytes().take_while(u8::is_ascii_digit).count();
        let (head, rest) = tail.split_at(count);
        match nanos(head) {
            Some(value) => {
                self.nanos = value;
                rest
            }
            None => text,
        }
    }

    fn zone_name<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if let Some(rest) = text.strip_prefix("UTC") {
            self.utc = true;
            return Some(rest);
        }
        if text.starts_with(['+', '-']) {
            return self.offset(false, false, 1, text);
        }
        let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
        if !(3..=5).contains(&letters) {
            return None;
        }
        let (name, rest) = text.split_at(letters);
        self.zone_name = Some(name.to_owned());
        Some(rest)
    }

    fn offset<'a>(&mut self, z: bool, colon: bool, pairs: u8, text: &'a str) -> Option<&'a str> {
        if z && let Some(rest) = text.strip_prefix('Z') {
            self.utc = true;
            return Some(rest);
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let mut rest = text.strip_prefix(['+', '-'])?;
        let mut seconds = 0;
        for index in 0..pairs {
            if colon && index > 0 {
                rest = rest.strip_prefix(':')?;
            }
            let (value, tail) = digits(rest, 2)?;
            let (limit, unit) = [(24, 3600), (59, 60), (59, 1)].get(usize::from(index)).copied()?;
            if value > limit {
                return None;
            }
            seconds += i32::try_from(value).ok()? * unit;
            rest = tail;
        }
        self.offset = Some(sign * seconds);
        Some(rest)
    }

    fn time(&self, zone: Option<&Zone>) -> Option<Time> {
        let hour = match self.pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let small = |value: i64| i8::try_from(value).ok();
        let clock = Clock::new(small(hour)?, small(self.minute)?, small(self.second)?, self.nanos).ok()?;
        let year = i16::try_from(self.year.unwrap_or(0)).ok()?;
        let date = match self.year_day {
            Some(day) => {
                let first = Date::new(year, 1, 1).ok()?;
                first.with().day_of_year(i16::try_from(day).ok()?).build().ok()?
            }
            None => Date::new(year, small(self.month.unwrap_or(1))?, small(self.day.unwrap_or(1))?).ok()?,
        };
        let civil = DateTime::from_parts(date, clock);
        let zone = match (self.offset, &self.zone_name) {
            _ if self.utc => Zone::UTC,
            (Some(offset), _) => self.zone_of_offset(offset, civil, zone),
            (None, Some(name)) => Self::zone_of_name(name, civil, zone),
            (None, None) => zone.cloned().unwrap_or(Zone::UTC),
        };
        Some(Time::new(zone.instant(civil)?, zone))
    }

    /// An offset that the zone asked for has at that time is that zone.
    fn zone_of_offset(&self, offset: i32, civil: DateTime, zone: Option<&Zone>) -> Zone {
        let zone = zone.cloned().unwrap_or(Zone::UTC);
        let same = zone.instant(civil).is_some_and(|instant| zone.local(instant).offset == offset);
        if same { zone } else { Zone::fixed(offset, self.zone_name.as_deref().unwrap_or_default()) }
    }

    fn zone_of_name(name: &str, civil: DateTime, zone: Option<&Zone>) -> Zone {
        let known = zone.filter(|zone| {
            zone.instant(civil).is_some_and(|instant| zone.local(instant).abbreviation == name)
        });
        match known {
            Some(zone) => zone.clone(),
            None => Zone::fixed(0, name),
        }
    }
}

fn store<'a>(target: &mut i64, (value, rest): (i64, &'a str), limit: i64) -> Option<&'a str> {
    *target = value;
    (value <= limit).then_some(rest)
}

/// Digits after the point of a second, to nanoseconds.
fn nanos(digits: &str) -> Option<i32> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{digits:0<9}");
    padded.get(..9)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_usual_forms() {
        for (text, shown) in [
            ("2024-03-05", "2024-03-05 00:00:00 +0000 UTC"),
            ("10:20:30", "0000-01-01 10:20:30 +0000 UTC"),
            ("2024-03-05T10:20:30.125+02:00", "2024-03-05 10:20:30.125 +0200 +0200"),
            ("05 Mar 24 10:20 CET", "2024-03-05 10:20:00 +0000 CET"),
            ("Tuesday, 05-Mar-24 10:20:30 UTC", "2024-03-05 10:20:30 +0000 UTC"),
            ("Tue, 05 Mar 2024 10:20:30 UTC", "2024-03-05 10:20:30 +0000 UTC"),
        ] {
            assert_eq!(parse_any(text, None).map(|time| time.to_string()).as_deref(), Ok(shown));
        }
        for text in ["", "x", "2024-02-30", "2024-3-5", "24:00:00", "2024-03-05 "] {
            assert!(parse_any(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_by_layout() {
        let read = |layout, text| parse_layout(layout, text, None).unwrap().to_string();
        assert_eq!(read("2.1.2006", "5.3.2024"), "2024-03-05 00:00:00 +0000 UTC");
        assert_eq!(read("2006-002", "2024-060"), "2024-02-29 00:00:00 +0000 UTC");
        assert_eq!(read("3:04PM", "12:30AM"), "0000-01-01 00:30:00 +0000 UTC");
        let warsaw = Zone::named("Europe/Warsaw").unwrap();
        let summer = parse_layout("2006-01-02", "2024-07-01", Some(&warsaw)).unwrap();
        assert_eq!(summer.to_string(), "2024-07-01 00:00:00 +0200 CEST");
    }
}
