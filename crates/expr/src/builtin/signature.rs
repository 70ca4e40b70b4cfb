//! What built-ins take, as far as it is known before anything is evaluated.

use super::Check;
use crate::check::nature::Nature;

/// Do these arguments fit these parameters? Otherwise: which does not, and why.
pub(crate) fn accept(
    name: &str,
    parameters: &[Nature],
    arguments: &[Nature],
) -> Result<(), (Option<usize>, String)> {
    count(name, arguments, parameters.len(), parameters.len())?;
    for (index, (parameter, argument)) in parameters.iter().zip(arguments).enumerate() {
        let converted = *parameter == Nature::Float && argument.is_integer();
        let fits = argument.is_unknown() || converted || argument.is_assignable_to(parameter);
        if !fits {
            let message = format!("argument {} of {name}() must be {parameter}, not {argument}", index + 1);
            return Err((Some(index), message));
        }
    }
    Ok(())
}

/// Is the number of arguments right?
pub(super) fn count(
    name: &str,
    arguments: &[Nature],
    least: usize,
    most: usize,
) -> Result<(), (Option<usize>, String)> {
    let given = arguments.len();
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
    Err((None, format!("{name}() takes {wanted} arguments, not {given}")))
}

/// The first of several ways to call that fits.
pub(super) fn one_of(name: &str, arguments: &[Nature], ways: &[(&[Nature], Nature)]) -> Check {
    let mut refusal = (None, format!("{name}() can not be called like this"));
    for (parameters, result) in ways {
        match accept(name, parameters, arguments) {
            Ok(()) => return Ok(result.clone()),
            Err(other) => refusal = other,
        }
    }
    Err(refusal)
}

/// One argument of a nature that passes.
pub(super) fn single(
    name: &str,
    arguments: &[Nature],
    passes: impl Fn(&Nature) -> bool,
) -> Result<Nature, (Option<usize>, String)> {
    count(name, arguments, 1, 1)?;
    match arguments.first() {
        Some(argument) if argument.is_unknown() || passes(argument) => Ok(argument.clone()),
        Some(argument) => Err((Some(0), format!("{name}() does not take {argument}"))),
        None => Ok(Nature::Unknown),
    }
}
