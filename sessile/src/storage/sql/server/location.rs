//! Addresses of databases.

use super::Fault;

/// Fails unless `address` begins with one of `schemes`, which sqlx's parsers do not check.
pub(in crate::storage) fn check_scheme(
    address: &str,
    schemes: &'static [&'static str],
) -> Result<(), Fault> {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        Some(scheme) if schemes.contains(&scheme) => Ok(()),
        _ => Err(Fault::Scheme { expected: schemes }),
    }
}

/// Why a parameter of an address is refused. Contains no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::storage) enum ParameterError {
    #[error("the parameter `{0}` is unknown")]
    Unknown(String),
    #[error("a parameter has another name than lower-case letters, `_` and `-`")]
    Name,
    #[error("the parameter `{0}` has no value")]
    NoValue(&'static str),
    #[error("the parameter `{name}` must be {expected}")]
    Value {
        name: &'static str,
        expected: &'static str,
    },
}

/// A parameter `name=value`, whose name is one of `names`.
///
/// A text that looks like no name is not shown: it may be a part of a password.
pub(in crate::storage) fn parameter<'a>(
    text: &'a str,
    names: &[&'static str],
) -> Result<(&'static str, &'a str), ParameterError> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let is_name = |byte: u8| byte.is_ascii_lowercase() || b"_-".contains(&byte);
    if name.len() > 30 || !name.bytes().all(is_name) {
        return Err(ParameterError::Name);
    }
    match names.iter().find(|known| **known == name) {
        None => Err(ParameterError::Unknown(name.to_owned())),
        Some(name) if value.is_empty() => Err(ParameterError::NoValue(name)),
        Some(name) => Ok((name, value)),
    }
}

/// The value of the parameter `name`, which is `true` or `false`.
pub(in crate::storage) fn flag(name: &'static str, value: &str) -> Result<bool, ParameterError> {
    match value {
        "false" => Ok(false),
        "true" => Ok(true),
        _ => Err(ParameterError::Value {
            name,
            expected: "true or false",
        }),
    }
}
