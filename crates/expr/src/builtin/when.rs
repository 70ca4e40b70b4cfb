//! Built-ins on time.

use super::signature::{count, one_of};
use super::{Builtin, Call, Check, argument};
use crate::check::nature::Nature;
use crate::time::{self, Duration, Time, Zone};
use crate::value::Value;

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "now", check: nows, call: now },
    Builtin { name: "duration", check: durations, call: duration },
    Builtin { name: "date", check: dates, call: date },
    Builtin { name: "timezone", check: zones, call: zone },
];

fn nows(name: &str, arguments: &[Nature]) -> Check {
    match arguments {
        [] | [Nature::Zone] => Ok(Nature::Time),
        _ => Err((None, format!("{name}() takes no argument, or a time zone"))),
    }
}

fn durations(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[Nature::String], Nature::Duration)])
}

fn dates(name: &str, arguments: &[Nature]) -> Check {
    let zone = usize::from(arguments.first() == Some(&Nature::Zone));
    count(name, arguments, 1, 3 + zone)?;
    Ok(Nature::Time)
}

fn zones(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[Nature::String], Nature::Zone)])
}

fn text<'a>(call: &Call<'_>, arguments: &'a [Value], index: usize) -> Result<&'a str, String> {
    let value = argument(call, arguments, index)?;
    value.as_str().ok_or_else(|| format!("{}() takes strings, not {}", call.name, value.type_name()))
}

fn now(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let zone = match arguments {
        [] => Zone::UTC,
        [Value::Zone(zone)] => zone.clone(),
        _ => return Err("now() takes no argument, or a time zone".to_owned()),
    };
    Ok(Time::new(call.now, zone).into())
}

fn duration(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Duration::parse(text(call, arguments, 0)?).map(Value::Duration)
}

fn date(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let (zone, arguments) = match arguments {
        [Value::Zone(zone), rest @ ..] => (Some(zone.clone()), rest),
        all => (None, all),
    };
    let shown = text(call, arguments, 0)?;
    let time = match arguments.len() {
        1 => time::parse_any(shown, zone.as_ref())?,
        2 => time::parse_layout(text(call, arguments, 1)?, shown, zone.as_ref())?,
        _ => {
            let zone = Zone::named(text(call, arguments, 2)?)?;
            time::parse_layout(text(call, arguments, 1)?, shown, Some(&zone))?
        }
    };
    Ok(time.into())
}

fn zone(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Zone::named(text(call, arguments, 0)?).map(Value::Zone)
}
