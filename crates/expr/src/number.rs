//! Numbers in text: literals of the language, and the forms of Go's `strconv`, which files written for it rely on.

use crate::syntax::ast::Kind;

/// A number literal: `42`, `1_000`, `0xff`, `0o17`, `0b11`, `1.5`, `2e3`.
pub(crate) fn parse_literal(text: &str) -> Result<Kind, String> {
    let digits = text.replace('_', "");
    let lower = digits.to_ascii_lowercase();
    let radix =
        |radix: u32, digits: &str| i64::from_str_radix(digits, radix).map(Kind::Int).map_err(|_| wrong(text));
    if let Some(digits) = lower.strip_prefix("0x") {
        return radix(16, digits);
    }
    if lower.contains(['.', 'e']) {
        let value = parse_float(&digits).ok_or_else(|| wrong(text))?;
        return Ok(Kind::Float(value));
    }
    if let Some(digits) = lower.strip_prefix("0b") {
        return radix(2, digits);
    }
    if let Some(digits) = lower.strip_prefix("0o") {
        return radix(8, digits);
    }
    radix(10, &digits)
}

fn wrong(text: &str) -> String {
    format!("`{text}` is not a number, or too large for one")
}

/// `ParseFloat`: decimal and hexadecimal (`0x1p-2`) floats, `inf`, `infinity`, `nan`, underscores between digits.
/// None for other text and for what is out of range.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let sign = if negative { -1.0 } else { 1.0 };
    if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
        return Some(sign * f64::INFINITY);
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let hex = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"));
    let value = if let Some(digits) = hex {
        // An underscore may follow the prefix.
        let digits = digits.strip_prefix('_').unwrap_or(digits);
        parse_hex_float(&without_underscores(digits, |c| c.is_ascii_hexdigit())?)?
    } else {
        let digits = without_underscores(unsigned, |c| c.is_ascii_digit())?;
        if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        digits.parse::<f64>().ok()?
    };
    value.is_finite().then_some(sign * value)
}

fn without_underscores(text: &str, is_digit: impl Fn(char) -> bool) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let between = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| chars.get(before));
        before.is_some_and(|c| is_digit(*c)) && chars.get(index + 1).is_some_and(|c| is_digit(*c))
    };
    let good = chars.iter().enumerate().all(|(index, c)| *c != '_' || between(index));
    good.then(|| text.replace('_', ""))
}

/// `1F.8p1`: mantissa in hexadecimal, exponent of two in decimal.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if unsigned.is_empty() || !unsigned.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let magnitude = unsigned.parse::<i64>().unwrap_or(i64::from(i32::MAX)).min(100_000);
    let mut power = if exponent.starts_with('-') { -magnitude } else { magnitude };
    let mut bits: u64 = 0;
    for (index, c) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(c.to_digit(16)?);
        let in_fraction = index >= whole.len();
        if bits >> 59 == 0 {
            bits = bits << 4 | digit;
            power -= if in_fraction { 4 } else { 0 };
        } else {
            // Too many digits to keep: the last bit remembers that there was something.
            bits |= u64::from(digit != 0);
            power += if in_fraction { 0 } else { 4 };
        }
    }
    Some(scale(bits, power))
}

/// `bits * 2^power`, in steps that do not overflow on the way.
#[expect(clippy::cast_precision_loss, reason = "this is the one rounding")]
fn scale(bits: u64, power: i64) -> f64 {
    let mut value = bits as f64;
    let mut power = power;
    while power != 0 && value != 0.0 && value.is_finite() {
        let step = power.clamp(-900, 900);
        value *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        power -= step;
    }
    value
}

/// `ParseBool`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A float in JSON. None for what JSON can not hold.
pub(crate) fn format_json(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        return Some(with_exponent(value, 1));
    }
    Some(value.to_string())
}

/// A float as `%v` and `%g` write it: with an exponent from 1e+06 on and below 1e-04.
pub(crate) fn format_general(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if (-4..6).contains(&exponent) { value.to_string() } else { with_exponent(value, 2) }
}

/// `1.5e+20`, with at least `width` digits of exponent.
fn with_exponent(value: f64, width: usize) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>width$}")
}

/// A float as a JSON number; whole ones without a point. None for what JSON can not hold.
pub(crate) fn to_json(value: f64) -> Option<serde_json::Value> {
    if let Some(whole) = exact_int(value).filter(|_| value != 0.0 || value.is_sign_positive()) {
        return Some(whole.into());
    }
    serde_json::Number::from_f64(value).map(Into::into)
}

/// The integer a float is, within the range where floats are exact.
fn exact_int(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() <= LIMIT).then(|| truncate(value))
}

/// The integer part; what does not fit becomes the smallest integer, as on amd64.
#[expect(clippy::cast_possible_truncation, reason = "range checked")]
pub(crate) fn truncate(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// `x ** y`. Whole exponents by repeated squaring, so that `3 ** 40` is exact.
pub(crate) fn power(x: f64, y: f64) -> f64 {
    let whole = y.abs().trunc();
    if y.fract() != 0.0 || whole > 1024.0 || !x.is_finite() || x == 0.0 {
        return x.powf(y);
    }
    let mut result = 1.0;
    let mut square = x;
    let mut bits = truncate(whole);
    while bits > 0 {
        if bits & 1 == 1 {
            result *= square;
        }
        square *= square;
        bits >>= 1;
    }
    if y < 0.0 { 1.0 / result } else { result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_in_text() {
        for (text, value) in [
            ("0", 0.0),
            ("-1.5e3", -1500.0),
            ("+5", 5.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1_000", 1000.0),
            ("0x1p-2", 0.25),
            ("0X1F.8p1", 63.0),
            ("0x_1p4", 16.0),
            ("Inf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
            ("0x1.fffffffffffff8p0", 2.0),
        ] {
            assert_eq!(parse_float(text), Some(value), "{text}");
        }
        for text in [
            "",
            "1e999",
            "0x10",
            "0b11",
            "1__0",
            "_1",
            "1_",
            "e5",
            ".",
            "1e",
            " 1",
            "infinit",
            "0x1p999999",
            "0xp1",
        ] {
            assert_eq!(parse_float(text), None, "{text}");
        }
        assert!(parse_float("nAn").is_some_and(f64::is_nan));
    }

    #[test]
    fn floats_to_text() {
        for (value, general, json) in [
            (8080.0, "8080", "8080"),
            (1e6, "1e+06", "1000000"),
            (123_456_789.0, "1.23456789e+08", "123456789"),
            (1e-5, "1e-05", "0.00001"),
            (1e-7, "1e-07", "1e-7"),
            (1e21, "1e+21", "1e+21"),
            (0.25, "0.25", "0.25"),
            (-0.0, "-0", "-0"),
        ] {
            assert_eq!(format_general(value), general);
            assert_eq!(format_json(value).as_deref(), Some(json));
        }
    }
}
