//! The settings that are enums: when sessions are loaded, and the responses to conflicts and to failures of the
//! store.

use crate::error::status::SERVICE_UNAVAILABLE;

/// The response if the changes of a request were not stored because another request had renewed or ended
/// the session.
///
/// A request with a safe method (RFC 9110, section 9.2.1: `GET`, `HEAD`, `OPTIONS`, `TRACE`) did not ask for a
/// change, so its response is sent under both policies, and the changes are dropped. The drop is logged and
/// counted.
///
/// ```
/// use sessile::{
///     config::{Settings, SupersededPolicy},
///     engine::{ResponseHead, SealingKey, SessionManager},
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let mut settings = Settings::default();
/// assert_eq!(settings.on_superseded, SupersededPolicy::Refuse);
/// # let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), settings)?;
/// # let post = ResponseHead::to("POST");
/// # let session = manager.open([]).await?;
/// # session.insert("user", "ferris")?;
/// # let headers = manager.commit(&session, &post).await?;
/// # let cookie = headers.set_cookie.unwrap();
/// # let cookie = cookie.as_str().split(';').next().unwrap();
/// let session = manager.open([cookie.as_bytes()]).await?;
///
/// // In the meantime, another request signs out.
/// let other = manager.open([cookie.as_bytes()]).await?;
/// other.purge();
/// manager.commit(&other, &post).await?;
///
/// session.insert("theme", "dark")?;
/// let failure = manager.commit(&session, &post).await.unwrap_err();
/// assert_eq!(failure.status(), 409);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SupersededPolicy {
    /// 409 with an empty body or the application's failure page, so that no lost change is acknowledged.
    #[default]
    Refuse,
    /// The handler's response. The client believes that its changes were stored.
    Ignore,
}

/// The cache headers of responses that depend on a session (RFC 9111).
///
/// A response depends on its session if the handler read or changed the session, if its body still holds a
/// handle of the session, or if it sets the cookie. Without these headers, a cache between the browser and the server
/// may serve one visitor's page, or cookie, to another visitor. All other responses stay as they are.
///
/// ```
/// use sessile::config::{Caching, Settings};
///
/// let mut settings = Settings::default();
/// assert_eq!(settings.caching, Caching::Private);
/// settings.caching = Caching::Unchanged;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Caching {
    /// Only the browser may store them. They get `Vary: Cookie`, and `private` is added to their `Cache-Control`,
    /// with `no-cache="Set-Cookie"` where they set the cookie. Directives and headers that let shared caches store
    /// them are removed: `public`, `s-maxage`, `CDN-Cache-Control`, `Surrogate-Control`, `X-Accel-Expires` and similar.
    #[default]
    Private,
    /// As [`Private`](Self::Private), and no cache stores the pages of signed-in users: `no-store` (OWASP ASVS
    /// 5.0, 14.3.2). The browser then loads a page again when the user goes back.
    ///
    /// A user is signed in after [`sign_in`](crate::Session::sign_in). An application with its own way of
    /// signing in sets `Cache-Control: no-store` itself. The middleware keeps this header.
    NoStoreSignedIn,
    /// The application sets these headers itself, on every response that depends on a session.
    Unchanged,
}

/// When a request's session is loaded.
///
/// Default: [`Eager`](Self::Eager).
///
/// Under [`Lazy`](Self::Lazy), an argument of type `Session` loads the session before the handler runs.
/// Other code has to load it before it reads or writes values:
///
/// ```
/// use sessile::{
///     config::{Loading, Settings},
///     engine::{SealingKey, SessionManager},
///     error::ReadError,
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut settings = Settings::default();
/// settings.loading = Loading::Lazy;
/// let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), settings)?;
/// # let session = manager.open([]).await?;
/// # session.insert("user", "ferris")?;
/// # let headers = manager.commit(&session, &sessile::engine::ResponseHead::to("POST")).await?;
/// # let set_cookie = headers.set_cookie.expect("a new session has a cookie");
/// # let cookie = set_cookie.as_str().split(';').next().unwrap();
///
/// let session = manager.open([cookie.as_bytes()]).await?;
/// assert!(!session.is_loaded());
/// assert_eq!(session.get::<String>("user").unwrap_err().source, ReadError::NotLoaded);
///
/// session.load().await?;
/// assert_eq!(session.get("user")?, Some("ferris".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Loading {
    /// The session middleware loads the session, so guards, inner middleware and handlers can read and write
    /// it.
    ///
    /// Each request with a session's cookie costs unsealing the cookie and one load, even if it does not
    /// use the session.
    #[default]
    Eager,
    /// A handler's argument of type `Session` or a call of [`Session::load`](crate::Session::load) loads the
    /// session.
    ///
    /// A request with neither costs almost nothing: its cookie is not unsealed, and the store is not used.
    /// In exchange:
    ///
    /// - A session from `SessionExt::get_session` has to be loaded before its values are read or written.
    ///   Until then, such a call returns an error, or has no effect, which is logged. These need no
    ///   loading: [`sign_in`](crate::Session::sign_in) loads the session itself, and for
    ///   [`purge`](crate::Session::purge), [`sign_out`](crate::Session::sign_out), [`renew`](crate::Session::renew) and
    ///   [`restart`](crate::Session::restart), the commit does.
    /// - Guards can't load. They see a session only if outer middleware has loaded it.
    /// - Under [`OnEveryRequest`](super::TtlExtensionPolicy::OnEveryRequest), a request extends a session's
    ///   life only if it loads it.
    Lazy,
}

/// The response to a request when the store can't be reached or doesn't answer in time.
///
/// Default: [`Respond`](Self::Respond) with 503.
///
/// ```
/// use sessile::{
///     config::{Settings, StoreFailurePolicy},
///     engine::{SealingKey, SessionManager},
///     storage::MemorySessionStore,
/// };
///
/// let mut settings = Settings::default();
/// assert_eq!(settings.on_store_failure, StoreFailurePolicy::Respond { status: 503 });
///
/// settings.on_store_failure = StoreFailurePolicy::Respond { status: 200 };
/// let refused = SessionManager::new(MemorySessionStore::default(), SealingKey::generate(), settings);
/// assert!(refused.is_err(), "200 is not the status of an error");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFailurePolicy {
    /// An opaque response with this HTTP status, and with an empty body or the application's failure page.
    Respond {
        /// The status code, 400 to 599.
        status: u16,
    },
    /// The handler runs with an empty session, and its changes are dropped.
    ///
    /// The stored session is neither overwritten nor ended, and no cookie is sent. This is for sites whose
    /// pages are useful without a session. If a session was loaded and its changes can't be stored, the
    /// response is still 503, so that no lost change is acknowledged.
    ServeEmpty,
}

impl StoreFailurePolicy {
    /// The HTTP status of the response if the store fails.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Respond { status } => status,
            Self::ServeEmpty => SERVICE_UNAVAILABLE,
        }
    }
}

impl Default for StoreFailurePolicy {
    fn default() -> Self {
        Self::Respond {
            status: SERVICE_UNAVAILABLE,
        }
    }
}
