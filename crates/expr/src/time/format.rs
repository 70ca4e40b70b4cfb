//! A moment by a layout.

use std::fmt::Write;

use super::Time;
use super::layout::{self, MONTHS, Part, WEEKDAYS};
use super::zone::Local;

pub(super) fn format(time: &Time, layout: &str) -> String {
    let local = time.local();
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (before, part, after) = layout::next(rest);
        out.push_str(before);
        if let Some(part) = part {
            // Writing to a string does not fail.
            let _ = write_part(&local, part, &mut out);
        }
        rest = after;
    }
    out
}

pub(super) fn month_name(month: i64) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).copied().unwrap_or_default()
}

pub(super) fn weekday_name(weekday: i64) -> &'static str {
    usize::try_from(weekday).ok().and_then(|index| WEEKDAYS.get(index)).copied().unwrap_or_default()
}

fn write_part(local: &Local, part: Part, out: &mut String) -> std::fmt::Result {
    let civil = &local.civil;
    let month = month_name(civil.month().into());
    let weekday = weekday_name(civil.weekday().to_sunday_zero_offset().into());
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let hour12 = if civil.hour() % 12 == 0 { 12 } else { civil.hour() % 12 };
    match part {
        Part::LongMonth => out.write_str(month),
        Part::ShortMonth => out.write_str(short(month)),
        Part::Month => write!(out, "{}", civil.month()),
        Part::ZeroMonth => write!(out, "{:02}", civil.month()),
        Part::LongWeekday => out.write_str(weekday),
        Part::ShortWeekday => out.write_str(short(weekday)),
        Part::Day => write!(out, "{}", civil.day()),
        Part::SpaceDay => write!(out, "{:2}", civil.day()),
        Part::ZeroDay => write!(out, "{:02}", civil.day()),
        Part::SpaceYearDay => write!(out, "{:3}", civil.day_of_year()),
        Part::ZeroYearDay => write!(out, "{:03}", civil.day_of_year()),
        Part::Hour => write!(out, "{:02}", civil.hour()),
        Part::Hour12 => write!(out, "{hour12}"),
        Part::ZeroHour12 => write!(out, "{hour12:02}"),
        Part::Minute => write!(out, "{}", civil.minute()),
        Part::ZeroMinute => write!(out, "{:02}", civil.minute()),
        Part::Second => write!(out, "{}", civil.second()),
        Part::ZeroSecond => write!(out, "{:02}", civil.second()),
        Part::LongYear => {
            let sign = if civil.year() < 0 { "-" } else { "" };
            write!(out, "{sign}{:04}", civil.year().unsigned_abs())
        }
        Part::Year => write!(out, "{:02}", civil.year().rem_euclid(100)),
        Part::Pm => out.write_str(if civil.hour() >= 12 { "PM" } else { "AM" }),
        Part::LowerPm => out.write_str(if civil.hour() >= 12 { "pm" } else { "am" }),
        Part::ZoneName if local.abbreviation.is_empty() => write_offset(local.offset, false, 2, out),
        Part::ZoneName => out.write_str(&local.abbreviation),
        Part::Offset { z: true, .. } if local.offset == 0 => out.write_str("Z"),
        Part::Offset { colon, pairs, .. } => write_offset(local.offset, colon, pairs, out),
        Part::Fraction { digits, trim, separator } => {
            write_fraction(civil.subsec_nanosecond(), digits, trim, separator, out)
        }
    }
}

fn write_offset(offset: i32, colon: bool, pairs: u8, out: &mut String) -> std::fmt::Result {
    let seconds = offset.unsigned_abs();
    let colon = if colon { ":" } else { "" };
    write!(out, "{}{:02}", if offset < 0 { '-' } else { '+' }, seconds / 3600)?;
    if pairs > 1 {
        write!(out, "{colon}{:02}", seconds / 60 % 60)?;
    }
    if pairs > 2 {
        write!(out, "{colon}{:02}", seconds % 60)?;
    }
    Ok(())
}

fn write_fraction(nanos: i32, digits: u8, trim: bool, separator: char, out: &mut String) -> std::fmt::Result {
    let all = format!("{nanos:09}");
    let mut shown = all.get(..usize::from(digits).min(9)).unwrap_or_default();
    if trim {
        shown = shown.trim_end_matches('0');
        if shown.is_empty() {
            return Ok(());
        }
    }
    write!(out, "{separator}{shown}")
}
