//! [`SessionStore`]: the trait that stores of actix-session implement.
//!
//! `anyhow::Error` is in the signatures of the original, so the feature `compat` brings `anyhow`: with another type,
//! each store would have to be edited. The names and parameters are the same, so only the imports of a store change.
//! The futures have to be `Send`, as all futures of this crate are: requests may be spawned on a runtime with several
//! threads.

use std::collections::HashMap;

use time::Duration;

use super::{LoadError, SaveError, SessionKey, UpdateError};

/// The trait that stores of actix-session implement: the same operations with the same parameters.
///
/// A state is a map from names to JSON texts. A `ttl` is how long the store keeps it. An implementation for
/// actix-session 0.9 to 0.11 compiles unchanged if its futures are [`Send`] and the store is [`Send`], [`Sync`] and
/// `'static`. For versions 0.6 to 0.8, remove `#[async_trait(?Send)]`.
///
/// [`Adapter`](super::Adapter) wraps such a store for this crate. Write new stores for
/// [`storage::SessionStore`](crate::storage::SessionStore), whose operations are atomic.
///
/// ```
/// use std::collections::HashMap;
/// use sessile::storage::compat::{SessionKey, SessionStore};
/// use time::Duration;
/// # mod old_store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/stores/old_store.rs")); }
/// # use old_store::OldStore;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = OldStore::default();
/// let state = HashMap::from([("visits".to_owned(), "1".to_owned())]);
/// let key: SessionKey = store.save(state.clone(), &Duration::hours(1)).await?;
/// assert_eq!(store.load(&key).await?, Some(state));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub trait SessionStore: Send + Sync + 'static {
    /// The state of the session with this key, or `None` if there is none or it has expired.
    ///
    /// # Errors
    ///
    /// If the stored data is not a state, and if the store fails.
    fn load(
        &self,
        session_key: &SessionKey,
    ) -> impl Future<Output = Result<Option<HashMap<String, String>>, LoadError>> + Send;

    /// Stores the state of a new session, and returns the key that the store chose for it.
    ///
    /// # Errors
    ///
    /// If the state can't be stored.
    fn save(
        &self,
        session_state: HashMap<String, String>,
        ttl: &Duration,
    ) -> impl Future<Output = Result<SessionKey, SaveError>> + Send;

    /// Replaces the state of the session with this key, and returns the key.
    ///
    /// If the session is missing, a store may create another one and return its key. The adapter then deletes that
    /// session.
    ///
    /// # Errors
    ///
    /// If the state can't be stored.
    fn update(
        &self,
        session_key: SessionKey,
        session_state: HashMap<String, String>,
        ttl: &Duration,
    ) -> impl Future<Output = Result<SessionKey, UpdateError>> + Send;

    /// Keeps the session with this key for `ttl` from now on.
    ///
    /// Default: does nothing. The adapter never calls it: a record contains its expiry, so the adapter calls
    /// [`update`](Self::update).
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn update_ttl(
        &self,
        session_key: &SessionKey,
        ttl: &Duration,
    ) -> impl Future<Output = Result<(), anyhow::Error>> + Send {
        let _ = (session_key, ttl);
        std::future::ready(Ok(()))
    }

    /// Deletes the session with this key, if there is one.
    ///
    /// # Errors
    ///
    /// If the session may still be there.
    fn delete(
        &self,
        session_key: &SessionKey,
    ) -> impl Future<Output = Result<(), anyhow::Error>> + Send;
}
