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
        _ => {
            let schemes = schemes.join("://, ");
            let text = format!("the address must begin with one of {schemes}://");
            Err(Fault::misconfigured(text))
        }
    }
}

/// The parameters `name=value` of a `query`. The name of each has to be one of `names`.
///
/// A fault contains no value. A text that does not look like a name is not shown, and neither is any name if the query
/// contains an `@`: the text may be part of a password.
pub(in crate::storage) fn parameters<'a>(
    query: &'a str,
    names: &'a [&'static str],
) -> impl Iterator<Item = Result<(&'static str, &'a str), Fault>> {
    let shows_names = !query.contains('@');
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(move |pair| parameter(pair, names, shows_names))
}

fn parameter<'a>(
    text: &'a str,
    names: &[&'static str],
    shows_names: bool,
) -> Result<(&'static str, &'a str), Fault> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let is_name = |byte: u8| byte.is_ascii_lowercase() || b"_-".contains(&byte);
    if name.len() > 30 || !name.bytes().all(is_name) {
        let text = "a parameter's name has other characters than lower-case letters, `_` and `-`";
        return Err(Fault::address(text));
    }
    match names.iter().find(|known| **known == name) {
        None if shows_names => Err(Fault::address(format!("the parameter `{name}` is unknown"))),
        None => {
            let text =
                "a parameter is unknown: `?` and `@` have to be percent-encoded in a password";
            Err(Fault::address(text))
        }
        Some(name) if value.is_empty() => {
            let text = format!("the parameter `{name}` has no value");
            Err(Fault::address(text))
        }
        Some(name) => Ok((name, value)),
    }
}

/// The value of the parameter `name`, which is `true` or `false`.
pub(in crate::storage) fn flag(name: &'static str, value: &str) -> Result<bool, Fault> {
    match value {
        "false" => Ok(false),
        "true" => Ok(true),
        _ => {
            let text = format!("the parameter `{name}` must be true or false");
            Err(Fault::address(text))
        }
    }
}
