//! The text that `string()` gives: `1e+06`, `[1 a <nil>]`, `map[a:1]`.

use super::Value;
use crate::number;

pub(super) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Nil => out.extend_from_slice(b"<nil>"),
        Value::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Uint(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Float(value) => out.extend_from_slice(number::format_general(*value).as_bytes()),
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(text) => bracketed(out, "[", text.as_bytes(), |byte, out| {
            out.extend_from_slice(byte.to_string().as_bytes());
        }),
        Value::List(list) => bracketed(out, "[", list.items(), write),
        Value::Map(map) => bracketed(out, "map[", map.iter(), |(key, value), out| {
            out.extend_from_slice(key.as_bytes());
            out.push(b':');
            write(value, out);
        }),
        Value::Pairs(pairs) => {
            let mut sorted: Vec<_> = pairs.entries().iter().collect();
            sorted.sort_by_key(|(key, _)| key.display_bytes());
            bracketed(out, "map[", sorted, |(key, value), out| {
                write(key, out);
                out.push(b':');
                write(value, out);
            });
        }
        Value::Time(time) => out.extend_from_slice(time.to_string().as_bytes()),
        Value::Duration(duration) => out.extend_from_slice(duration.to_string().as_bytes()),
        Value::Zone(zone) => out.extend_from_slice(zone.name().as_bytes()),
        Value::Object(object) => out.extend_from_slice(object.display().as_bytes()),
        Value::Function(_) => out.extend_from_slice(b"<func>"),
    }
}

fn bracketed<T>(
    out: &mut Vec<u8>,
    open: &str,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(T, &mut Vec<u8>),
) {
    out.extend_from_slice(open.as_bytes());
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        each(item, out);
    }
    out.push(b']');
}
