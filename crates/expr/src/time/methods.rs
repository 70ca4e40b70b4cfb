//! Methods of moments and spans.

use super::format::{format, month_name, weekday_name};
use super::{Duration, Time, Zone};
use crate::value::{Form, Object, Value};

/// A month or a day of the week: a number that has a name.
#[derive(Debug)]
struct Named {
    type_name: &'static str,
    number: i64,
    name: &'static str,
}

impl Object for Named {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn has_method(&self, name: &str) -> bool {
        name == "String"
    }

    fn call(&self, _name: &str, arguments: &[Value]) -> Result<Value, String> {
        count(arguments, 0)?;
        Ok(self.name.into())
    }

    fn json(&self) -> Form {
        Form::Value(Value::Int(self.number))
    }

    fn display(&self) -> String {
        self.name.to_owned()
    }
}

fn count(arguments: &[Value], wanted: usize) -> Result<(), String> {
    if arguments.len() == wanted {
        return Ok(());
    }
    Err(format!("{wanted} arguments are expected here, not {}", arguments.len()))
}

fn time_argument(arguments: &[Value]) -> Result<&Time, String> {
    match arguments {
        [Value::Time(time)] => Ok(time),
        _ => Err("one date is expected here".to_owned()),
    }
}

fn duration_argument(arguments: &[Value]) -> Result<Duration, String> {
    match arguments {
        [Value::Duration(duration)] => Ok(*duration),
        _ => Err("one duration is expected here, like duration('1h')".to_owned()),
    }
}

/// Methods of a moment without arguments, and those with.
const TIME_PLAIN: &[&str] = &[
    "Day",
    "Hour",
    "IsDST",
    "IsZero",
    "Local",
    "Location",
    "Minute",
    "Month",
    "Nanosecond",
    "Second",
    "String",
    "UTC",
    "Unix",
    "UnixMicro",
    "UnixMilli",
    "UnixNano",
    "Weekday",
    "Year",
    "YearDay",
    "Zone",
    "ISOWeek",
];
const TIME_WITH: &[&str] =
    &["Add", "AddDate", "After", "Before", "Compare", "Equal", "Format", "In", "Round", "Sub", "Truncate"];
const DURATION: &[&str] = &[
    "Abs",
    "Hours",
    "Microseconds",
    "Milliseconds",
    "Minutes",
    "Nanoseconds",
    "Round",
    "Seconds",
    "String",
    "Truncate",
];

pub(crate) fn has_time_method(name: &str) -> bool {
    TIME_PLAIN.contains(&name) || TIME_WITH.contains(&name)
}

pub(crate) fn has_duration_method(name: &str) -> bool {
    DURATION.contains(&name)
}

pub(crate) fn call_time(time: &Time, name: &str, arguments: &[Value]) -> Result<Value, String> {
    if TIME_PLAIN.contains(&name) {
        count(arguments, 0)?;
        return plain(time, name);
    }
    Ok(match name {
        "Add" => time.add(duration_argument(arguments)?)?.into(),
        "Round" => time.step(duration_argument(arguments)?, true)?.into(),
        "Truncate" => time.step(duration_argument(arguments)?, false)?.into(),
        "Sub" => time.since(time_argument(arguments)?).into(),
        "After" => (time.instant() > time_argument(arguments)?.instant()).into(),
        "Before" => (time.instant() < time_argument(arguments)?.instant()).into(),
        "Equal" => (time.instant() == time_argument(arguments)?.instant()).into(),
        "Compare" => Value::Int(time.instant().cmp(&time_argument(arguments)?.instant()) as i64),
        "AddDate" => match arguments {
            [Value::Int(years), Value::Int(months), Value::Int(days)] => {
                time.add_date(*years, *months, *days)?.into()
            }
            _ => return Err("AddDate takes years, months and days as whole numbers".to_owned()),
        },
        "Format" => match arguments {
            [Value::String(layout)] => format(time, &layout.to_str()).into(),
            _ => return Err("Format takes a layout, like '2006-01-02'".to_owned()),
        },
        "In" => match arguments {
            [Value::Zone(zone)] => time.in_zone(zone.clone()).into(),
            _ => return Err("In takes a time zone, like timezone('Europe/Warsaw')".to_owned()),
        },
        _ => return Err(format!("a date has no method {name}")),
    })
}

fn plain(time: &Time, name: &str) -> Result<Value, String> {
    let local = time.local();
    let civil = &local.civil;
    let nanos = time.instant().as_nanosecond();
    let whole =
        |value: i128| i64::try_from(value).map(Value::Int).map_err(|_| "the number is too large".to_owned());
    Ok(match name {
        "Year" => Value::Int(civil.year().into()),
        "Day" => Value::Int(civil.day().into()),
        "Hour" => Value::Int(civil.hour().into()),
        "Minute" => Value::Int(civil.minute().into()),
        "Second" => Value::Int(civil.second().into()),
        "Nanosecond" => Value::Int(civil.subsec_nanosecond().into()),
        "YearDay" => Value::Int(civil.day_of_year().into()),
        "ISOWeek" => Value::Int(civil.date().iso_week_date().year().into()),
        "Unix" => whole(nanos.div_euclid(1_000_000_000))?,
        "UnixMilli" => whole(nanos.div_euclid(1_000_000))?,
        "UnixMicro" => whole(nanos.div_euclid(1_000))?,
        "UnixNano" => whole(nanos)?,
        "Month" => {
            let number = civil.month().into();
            Value::object(Named { type_name: "time.Month", number, name: month_name(number) })
        }
        "Weekday" => {
            let number = civil.weekday().to_sunday_zero_offset().into();
            Value::object(Named { type_name: "time.Weekday", number, name: weekday_name(number) })
        }
        "IsZero" => time.is_zero().into(),
        "IsDST" => local.is_dst.into(),
        "Zone" => local.abbreviation.into(),
        "Location" => time.zone().clone().into(),
        "String" => time.to_string().into(),
        "UTC" | "Local" => time.in_zone(Zone::UTC).into(),
        _ => return Err(format!("a date has no method {name}")),
    })
}

pub(crate) fn call_duration(duration: Duration, name: &str, arguments: &[Value]) -> Result<Value, String> {
    if !matches!(name, "Round" | "Truncate") {
        count(arguments, 0)?;
    }
    Ok(match name {
        "Round" => duration.round(duration_argument(arguments)?).into(),
        "Truncate" => duration.truncate(duration_argument(arguments)?).into(),
        "Abs" => Duration(duration.0.saturating_abs()).into(),
        "Hours" => duration.hours().into(),
        "Minutes" => duration.minutes().into(),
        "Seconds" => duration.seconds().into(),
        "Milliseconds" => duration.milliseconds().into(),
        "Microseconds" => duration.microseconds().into(),
        "Nanoseconds" => duration.0.into(),
        "String" => duration.to_string().into(),
        _ => return Err(format!("a duration has no method {name}")),
    })
}
