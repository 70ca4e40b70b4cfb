//! Time zones: UTC, a fixed offset, or a named one from the table compiled in.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::named;

/// A time zone.
#[derive(Clone)]
pub struct Zone(Kind);

#[derive(Clone)]
enum Kind {
    Utc,
    /// An offset read from a text, with the abbreviation that stood there.
    Fixed {
        seconds: i32,
        abbreviation: String,
    },
    Named {
        name: String,
        zone: TimeZone,
    },
}

/// What a zone says about one moment.
pub(super) struct Local {
    pub(super) civil: DateTime,
    /// Seconds east of UTC.
    pub(super) offset: i32,
    pub(super) abbreviation: String,
    pub(super) is_dst: bool,
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(Kind::Utc);

    /// A zone by its name in the time zone database. Empty means UTC.
    pub fn named(name: &str) -> Result<Self, String> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self::UTC);
        }
        let zone = named::find(name).ok_or_else(|| format!("there is no time zone `{name}`"))?;
        Ok(Self(Kind::Named { name: name.to_owned(), zone }))
    }

    /// A fixed offset in seconds east of UTC.
    pub(super) fn fixed(seconds: i32, abbreviation: &str) -> Self {
        Self(Kind::Fixed { seconds, abbreviation: abbreviation.to_owned() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Utc => "UTC",
            Kind::Fixed { abbreviation, .. } => abbreviation,
            Kind::Named { name, .. } => name,
        }
    }

    fn zone(&self) -> TimeZone {
        match &self.0 {
            Kind::Utc => TimeZone::UTC,
            Kind::Fixed { seconds, .. } => {
                Offset::from_seconds(*seconds).map_or(TimeZone::UTC, TimeZone::fixed)
            }
            Kind::Named { zone, .. } => zone.clone(),
        }
    }

    pub(super) fn local(&self, instant: Timestamp) -> Local {
        let zone = self.zone();
        let info = zone.to_offset_info(instant);
        let abbreviation = match &self.0 {
            Kind::Utc => "UTC".to_owned(),
            Kind::Fixed { abbreviation, .. } => abbreviation.clone(),
            Kind::Named { .. } => info.abbreviation().to_owned(),
        };
        Local {
            civil: info.offset().to_datetime(instant),
            offset: info.offset().seconds(),
            abbreviation,
            is_dst: info.dst().is_dst(),
        }
    }

    /// The moment a clock in this zone shows this time.
    pub(super) fn instant(&self, civil: DateTime) -> Option<Timestamp> {
        let zoned: Zoned = self.zone().to_ambiguous_zoned(civil).compatible().ok()?;
        Some(zoned.timestamp())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}
