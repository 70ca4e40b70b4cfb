//! Built-ins between values and texts: JSON, base64, `string`, `type`.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::signature::one_of;
use super::{Builtin, Call, Check, argument};
use crate::check::nature::Nature;
use crate::value::{Text, Value, json};

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "string", check: any, call: string },
    Builtin { name: "type", check: any, call: type_of },
    Builtin { name: "toJSON", check: any, call: to_json },
    Builtin { name: "fromJSON", check: decodes, call: from_json },
    Builtin { name: "toBase64", check: text, call: to_base64 },
    Builtin { name: "fromBase64", check: text, call: from_base64 },
];

fn any(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[Nature::Unknown], Nature::String)])
}

fn decodes(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[Nature::String], Nature::Unknown)])
}

fn text(name: &str, arguments: &[Nature]) -> Check {
    one_of(name, arguments, &[(&[Nature::String], Nature::String)])
}

/// Ignores line breaks; what is left over in the last character does not matter.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

fn text_argument<'a>(call: &Call<'_>, arguments: &'a [Value]) -> Result<&'a Text, String> {
    match argument(call, arguments, 0)? {
        Value::String(text) => Ok(text),
        other => Err(format!("{}() takes a string, not {}", call.name, other.type_name())),
    }
}

fn string(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let value = argument(call, arguments, 0)?;
    if let Value::String(_) = value {
        return Ok(value.clone());
    }
    let text = value.display_bytes();
    call.budget.bytes(text.len())?;
    Ok(Value::String(text.into()))
}

fn type_of(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    Ok(argument(call, arguments, 0)?.type_name().into())
}

fn to_json(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let text = json::indented(argument(call, arguments, 0)?)?;
    call.budget.bytes(text.len())?;
    Ok(text.into())
}

fn from_json(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let text = text_argument(call, arguments)?;
    call.budget.bytes(text.as_bytes().len())?;
    json::parse(text.as_bytes()).map_err(|error| format!("fromJSON(): {error}"))
}

fn to_base64(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let encoded = BASE64.encode(text_argument(call, arguments)?.as_bytes());
    call.budget.bytes(encoded.len())?;
    Ok(encoded.into())
}

fn from_base64(call: &mut Call<'_>, arguments: &[Value]) -> Result<Value, String> {
    let text = text_argument(call, arguments)?;
    call.budget.bytes(text.as_bytes().len())?;
    let joined: Vec<u8> =
        text.as_bytes().iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let decoded = BASE64.decode(joined).map_err(|error| format!("fromBase64(): {error}"))?;
    Ok(Value::String(decoded.into()))
}
