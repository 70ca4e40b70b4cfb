//! Layouts: how `Monday, 2 January 2006 15:04:05.000 MST` is taken apart.

/// One part of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    LongMonth,
    ShortMonth,
    Month,
    ZeroMonth,
    LongWeekday,
    ShortWeekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    Pm,
    LowerPm,
    ZoneName,
    /// An offset: `Z` for UTC or not, with `:` or not, how many pairs of digits (1 to 3).
    Offset {
        z: bool,
        colon: bool,
        pairs: u8,
    },
    /// Digits of a second: how many, whether trailing zeros are left out, and the separator.
    Fraction {
        digits: u8,
        trim: bool,
        separator: char,
    },
}

/// The text before the first part, the part, and the rest of the layout.
pub(super) fn next(layout: &str) -> (&str, Option<Part>, &str) {
    for (index, c) in layout.char_indices() {
        let rest = layout.get(index..).unwrap_or_default();
        if let Some((part, length)) = starts_with(rest, c) {
            let before = layout.get(..index).unwrap_or_default();
            return (before, Some(part), rest.get(length..).unwrap_or_default());
        }
    }
    (layout, None, "")
}

const OFFSETS: &[(&str, Part)] = &[
    ("-07:00:00", Part::Offset { z: false, colon: true, pairs: 3 }),
    ("-070000", Part::Offset { z: false, colon: false, pairs: 3 }),
    ("-07:00", Part::Offset { z: false, colon: true, pairs: 2 }),
    ("-0700", Part::Offset { z: false, colon: false, pairs: 2 }),
    ("-07", Part::Offset { z: false, colon: false, pairs: 1 }),
    ("Z07:00:00", Part::Offset { z: true, colon: true, pairs: 3 }),
    ("Z070000", Part::Offset { z: true, colon: false, pairs: 3 }),
    ("Z07:00", Part::Offset { z: true, colon: true, pairs: 2 }),
    ("Z0700", Part::Offset { z: true, colon: false, pairs: 2 }),
    ("Z07", Part::Offset { z: true, colon: false, pairs: 1 }),
];

const PLAIN: &[(&str, Part)] = &[
    ("January", Part::LongMonth),
    ("Monday", Part::LongWeekday),
    ("MST", Part::ZoneName),
    ("002", Part::ZeroYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::Month),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("__2", Part::SpaceYearDay),
    ("_2", Part::SpaceDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::Pm),
    ("pm", Part::LowerPm),
];

fn starts_with(rest: &str, c: char) -> Option<(Part, usize)> {
    // `Jan` and `Mon` only where no longer word goes on: `January` is its own part, `Janet` is text.
    for (word, long, part) in [("Jan", "January", Part::ShortMonth), ("Mon", "Monday", Part::ShortWeekday)] {
        if rest.starts_with(word) && !rest.starts_with(long) {
            let goes_on = rest.as_bytes().get(word.len()).is_some_and(u8::is_ascii_lowercase);
            return (!goes_on).then_some((part, word.len()));
        }
    }
    // `_2006` is `_` and a year.
    if rest.starts_with("_2006") {
        return None;
    }
    if c == '.' || c == ',' {
        return fraction(rest, c);
    }
    let find = |table: &[(&str, Part)]| {
        table.iter().find(|(text, _)| rest.starts_with(text)).map(|(text, part)| (*part, text.len()))
    };
    find(OFFSETS).or_else(|| find(PLAIN))
}

/// `.000` or `.999`, not followed by a digit.
fn fraction(rest: &str, separator: char) -> Option<(Part, usize)> {
    let digit = rest.chars().nth(1).filter(|c| matches!(c, '0' | '9'))?;
    let length = rest.chars().skip(1).take_while(|c| *c == digit).count();
    let after = rest.chars().nth(1 + length);
    if after.is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    let digits = u8::try_from(length).ok()?;
    Some((Part::Fraction { digits, trim: digit == '9', separator }, 1 + length))
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
