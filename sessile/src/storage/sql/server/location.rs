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
