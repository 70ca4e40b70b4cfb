//! A moment in a zone.

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

use super::zone::Local;
use super::{Duration, Zone, format};

/// A moment, and the zone whose clock shows it.
#[derive(Debug, Clone)]
pub struct Time {
    instant: Timestamp,
    zone: Zone,
}

impl Time {
    /// A moment in a zone.
    pub fn new(instant: Timestamp, zone: Zone) -> Self {
        Self { instant, zone }
    }

    /// The moment.
    pub fn instant(&self) -> Timestamp {
        self.instant
    }

    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    pub(super) fn local(&self) -> Local {
        self.zone.local(self.instant)
    }

    /// The same moment on the clock of another zone.
    #[must_use]
    pub fn in_zone(&self, zone: Zone) -> Self {
        Self { instant: self.instant, zone }
    }

    pub(crate) fn add(&self, duration: Duration) -> Result<Self, String> {
        let instant =
            self.instant.checked_add(SignedDuration::from_nanos(duration.0)).map_err(|_| out_of_range())?;
        Ok(Self { instant, zone: self.zone.clone() })
    }

    /// The time from another moment to this one; the longest there is, where it is longer.
    pub(crate) fn since(&self, other: &Self) -> Duration {
        let nanos = self.instant.as_nanosecond() - other.instant.as_nanosecond();
        let longest = if nanos < 0 { i64::MIN } else { i64::MAX };
        Duration(i64::try_from(nanos).unwrap_or(longest))
    }

    /// Adds years, months and days; a day that does not exist flows into the next month.
    pub(super) fn add_date(&self, years: i64, months: i64, days: i64) -> Result<Self, String> {
        let civil = self.local().civil;
        let wanted = || {
            let month = i64::from(civil.month()).checked_sub(1)?.checked_add(months)?;
            let year = i64::from(civil.year()).checked_add(years)?.checked_add(month.div_euclid(12))?;
            let first =
                Date::new(i16::try_from(year).ok()?, i8::try_from(month.rem_euclid(12) + 1).ok()?, 1).ok()?;
            let days = days.checked_add(i64::from(civil.day()))?.checked_sub(1)?;
            let hours = days.checked_mul(24)?;
            first.checked_add(SignedDuration::try_from_hours(hours)?).ok()
        };
        let date = wanted().ok_or_else(out_of_range)?;
        let instant = self.zone.instant(DateTime::from_parts(date, civil.time())).ok_or_else(out_of_range)?;
        Ok(Self { instant, zone: self.zone.clone() })
    }

    /// To a multiple of the step since the year 1: down, or to the nearest.
    pub(super) fn step(&self, step: Duration, nearest: bool) -> Result<Self, String> {
        /// Nanoseconds from the year 1 to 1970.
        const YEAR_ONE: i128 = 62_135_596_800 * 1_000_000_000;
        if step.0 <= 0 {
            return Ok(self.clone());
        }
        let size = i128::from(step.0);
        let rest = (self.instant.as_nanosecond() + YEAR_ONE).rem_euclid(size);
        let change = if nearest && rest * 2 >= size { size - rest } else { -rest };
        self.add(Duration(i64::try_from(change).map_err(|_| out_of_range())?))
    }

    /// Is it the first moment of the year 1?
    pub(super) fn is_zero(&self) -> bool {
        self.instant.as_second() == -62_135_596_800 && self.instant.subsec_nanosecond() == 0
    }

    /// `2024-03-05T10:20:30.5Z`
    pub(crate) fn to_rfc3339(&self) -> Result<String, String> {
        if (0..=9999).contains(&self.local().civil.year()) {
            return Ok(format::format(self, "2006-01-02T15:04:05.999999999Z07:00"));
        }
        Err("a year outside 0 to 9999 has no JSON form".to_owned())
    }
}

fn out_of_range() -> String {
    "the moment is outside the years we can tell".to_owned()
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format::format(self, "2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}
