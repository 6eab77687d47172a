//! The errors of invalid settings.

/// The [`Settings`](crate::config::Settings) are invalid.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{SealingKey, SessionManager},
///     error::SettingsError,
///     storage::MemorySessionStore,
/// };
///
/// let mut settings = Settings::default();
/// settings.touch_fraction = 2.0;
/// let refused = SessionManager::new(MemorySessionStore::default(), SealingKey::generate(), settings);
/// assert_eq!(refused.unwrap_err(), SettingsError::TouchFraction);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A limit of the sessions of a user, and the store can't find the sessions of a user.
    #[error("the store can't find the sessions of a user, which the limit of sessions requires")]
    NoSubjects,
    /// A revocation list, and its store can't end the sessions of a user.
    #[error("the store of the revocation list can't end the sessions of a user")]
    NoMarks,
    /// No browser would accept the cookie.
    #[error("the session cookie can't be made")]
    Cookie(#[from] InvalidCookieError),
    /// A duration is shorter than a millisecond, the unit of the times of sessions.
    #[error("the {setting} has to be at least a millisecond")]
    TooShort {
        /// The setting.
        setting: &'static str,
    },
    /// The rotation interval is shorter than twice the grace period with the allowance for clocks.
    #[error(
        "the rotation interval has to be at least {least:?}: twice the grace period with the allowance for clocks"
    )]
    RotationInterval {
        /// The shortest interval that these settings allow.
        least: std::time::Duration,
    },
    /// Timed rotation, and a store that keeps no secrets.
    #[error("the store keeps no secrets, which timed rotation requires")]
    NoSecrets,
    /// The touch fraction is not a number from 0 to 1.
    #[error("the touch fraction has to be a number from 0 to 1")]
    TouchFraction,
    /// The status for a failing store is not an error status.
    #[error("{status} is not the status of an error response, 400 to 599")]
    Status {
        /// The status.
        status: u16,
    },
}

/// The name or an attribute of the cookie, or the name of the header in its place, is invalid.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{SealingKey, SessionManager},
///     error::{InvalidCookieError, SettingsError},
///     storage::MemorySessionStore,
/// };
///
/// let mut settings = Settings::default();
/// settings.cookie_name = String::new();
/// let refused = SessionManager::new(MemorySessionStore::default(), SealingKey::generate(), settings);
/// assert_eq!(refused.unwrap_err(), SettingsError::Cookie(InvalidCookieError::EmptyName));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCookieError {
    /// The name is empty.
    #[error("a cookie needs a name")]
    EmptyName,
    /// The name has a character that a cookie's name can't have: it is a token of RFC 9110,
    /// section 5.6.2.
    #[error("a cookie's name can't have the character {character:?}")]
    IllegalName {
        /// The first such character.
        character: char,
    },
    /// `Path` or `Domain` has a character that would end the attribute, isn't printable ASCII, or
    /// can't be in the name of a host.
    #[error("the cookie's {attribute} can't have the character {character:?}")]
    IllegalAttribute {
        /// The attribute: `Path` or `Domain`.
        attribute: &'static str,
        /// The first such character.
        character: char,
    },
    /// `Path` does not begin with `/`, so browsers would replace it (RFC 6265bis, section 5.6.4).
    #[error("the cookie's Path has to begin with `/`")]
    RelativePath,
    /// `SameSite` is `None`, and browsers ignore such a cookie without `Secure` (RFC 6265bis, section 5.7).
    #[error("browsers ignore a cookie with SameSite=None and without Secure")]
    InsecureSameSite,
    /// The cookie is `Partitioned`, and browsers ignore such a cookie without `Secure`.
    #[error("browsers ignore a cookie with Partitioned and without Secure")]
    InsecurePartitioned,
    /// [`session_header`](crate::config::Settings::session_header) names a header that has another meaning.
    #[error("the header `{header}` can't carry sessions, because it has another meaning")]
    ReservedHeader {
        /// The name of the header.
        header: &'static str,
    },
    /// The name begins with `__Host-`, `__Secure-`, `__Host-Http-` or `__Http-`, and browsers refuse such a cookie with
    /// these attributes (RFC 6265bis, section 4.1.3).
    #[error("browsers refuse a cookie named {prefix}… {because}")]
    Prefix {
        /// The prefix of the name.
        prefix: &'static str,
        /// The attribute that contradicts the prefix.
        because: &'static str,
    },
    /// The name, `Path` or `Domain` is longer than browsers accept, or leaves no room for a value.
    #[error("the cookie's name, Path or Domain has {len} bytes, more than {max}")]
    TooLong {
        /// The length in bytes.
        len: usize,
        /// The bound.
        max: usize,
    },
}
