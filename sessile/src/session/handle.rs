//! The public methods of [`Session`], in the order in which programs need them.

use std::collections::HashMap;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Session, SessionStatus, as_updater, machine::Binding, warn_unless};
use crate::{
    clock::Timestamp,
    error::{
        OpenError, SessionClosedError, SessionGetError, SessionInsertError, SessionReloadError,
        SessionSaveError, SessionUpdateError, SignInError, WriteError,
    },
    record::json,
    storage::SessionId,
};

impl Session {
    /// The value under `key`, or `None`.
    ///
    #[doc = include_str!("docs/get.md")]
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionGetError> {
        self.try_get(key)
            .map_err(|source| SessionGetError::new::<T>(key, source))
    }

    /// Whether there is a value under `key`.
    ///
    /// `false` if the session has not been [loaded](Self::load), which is logged.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// assert!(session.contains_key("visits"));
    /// assert!(!session.contains_key("other"));
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        let (readable, contains) = {
            let machine = self.reading();
            (machine.is_readable(), machine.payload.state.contains(key))
        };
        warn_unless(readable, "contains_key");
        contains
    }

    /// Stores `value` under `key`, and replaces an earlier value.
    ///
    #[doc = include_str!("docs/insert.md")]
    pub fn insert<T: Serialize>(
        &self,
        key: impl Into<String>,
        value: T,
    ) -> Result<(), SessionInsertError> {
        let name = key.into();
        self.try_insert(&name, &value)
            .map_err(|source| SessionInsertError { name, source })
    }

    /// Replaces the value under `key` by the result of `updater`. Does nothing if there is no value.
    ///
    #[doc = include_str!("docs/update.md")]
    pub fn update<T, F>(&self, key: impl Into<String>, updater: F) -> Result<(), SessionUpdateError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(T) -> T + Send + Sync + 'static,
    {
        let name = key.into();
        self.try_update(&name, None, as_updater(updater))
            .map_err(|source| SessionUpdateError { name, source })
    }

    /// As [`update`](Self::update), and inserts `default_value` if there is no value.
    ///
    #[doc = include_str!("docs/update_or.md")]
    pub fn update_or<T, F>(
        &self,
        key: &str,
        default_value: T,
        updater: F,
    ) -> Result<(), SessionUpdateError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(T) -> T + Send + Sync + 'static,
    {
        json::to_text(&default_value)
            .map_err(WriteError::from)
            .and_then(|default| self.try_update(key, Some(default), as_updater(updater)))
            .map_err(|source| SessionUpdateError {
                name: key.to_owned(),
                source,
            })
    }

    /// Removes the value under `key` and returns it. Does nothing if there is no value.
    ///
    #[doc = include_str!("docs/remove.md")]
    pub fn remove(&self, key: &str) -> Option<Value> {
        let removed = self.unless_refused("remove", self.try_remove(key));
        removed.flatten()
    }

    /// Removes the value under `key` and returns it as a `T`, or unchanged if it is not a `T`.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("flash", "saved")?;
    /// assert_eq!(session.remove_as::<String>("flash"), Some(Ok("saved".to_owned())));
    /// assert_eq!(session.remove_as::<String>("flash"), None);
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    pub fn remove_as<T: DeserializeOwned>(&self, key: &str) -> Option<Result<T, Value>> {
        let removed = self.unless_refused("remove", self.remove_text(key));
        let text = removed.flatten()?;
        Some(json::parse(&text).map_err(|_| json::value_of(&text)))
    }

    /// Removes all values. The session itself and its key stay.
    ///
    #[doc = include_str!("docs/clear.md")]
    pub fn clear(&self) {
        self.unless_refused("clear", self.try_clear());
    }

    /// A copy of all values, which costs parsing them. Later changes don't appear in it.
    ///
    #[doc = include_str!("docs/entries.md")]
    #[must_use]
    pub fn entries(&self) -> HashMap<String, Value> {
        let (readable, state) = {
            let machine = self.reading();
            (machine.is_readable(), machine.payload.state.clone())
        };
        warn_unless(readable, "entries");
        state
            .iter()
            .map(|(name, text)| (name.to_owned(), json::value_of(text)))
            .collect()
    }

    /// Gives the session another key and keeps its state. The old key no longer opens the session. For a
    /// change of privilege, such as signing in (OWASP ASVS 5.0, 7.2.4).
    ///
    #[doc = include_str!("docs/renew.md")]
    pub fn renew(&self) {
        self.unless_refused("renew", self.try_renew());
    }

    /// Ends the session: the store deletes its state, and the browser removes the cookie. For signing out.
    ///
    #[doc = include_str!("docs/purge.md")]
    pub fn purge(&self) {
        self.unless_refused("purge", self.try_purge());
    }

    /// Ends the session and starts an empty one in the same request: for a message after signing out.
    ///
    #[doc = include_str!("docs/restart.md")]
    pub fn restart(&self) -> Result<(), SessionClosedError> {
        let restarted = self.changing().restart();
        restarted.map(drop)
    }

    /// Signs a user in: gives the session another key, ties it to the user, and stores it at once.
    ///
    #[doc = include_str!("docs/sign_in.md")]
    pub async fn sign_in(&self, subject: &str) -> Result<(), SignInError> {
        self.try_sign_in(subject).await
    }

    /// Signs the user out: the same as [`purge`](Self::purge).
    ///
    #[doc = include_str!("docs/sign_out.md")]
    pub fn sign_out(&self) {
        self.purge();
    }

    /// The user that the session is signed in as, or `None`.
    ///
    #[doc = include_str!("docs/subject.md")]
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        let machine = self.reading();
        machine.payload.subject().map(ToOwned::to_owned)
    }

    /// When the user last proved who they are: at the sign-in, or at a later
    /// [`reauthenticate`](Self::reauthenticate).
    ///
    #[doc = include_str!("docs/authenticated_at.md")]
    #[must_use]
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.reading().payload.details()?.authenticated_at
    }

    /// Notes that the user has proved again who they are, and gives the session another key.
    ///
    #[doc = include_str!("docs/reauthenticate.md")]
    pub fn reauthenticate(&self) -> Result<(), WriteError> {
        let now = self.now();
        self.changing().reauthenticate(now)
    }

    /// Sets or removes a label, which lists of the user's sessions show: for example the device or the browser.
    ///
    #[doc = include_str!("docs/set_label.md")]
    pub fn set_label(&self, name: &str, text: Option<&str>) -> Result<(), WriteError> {
        self.try_set_label(name, text)
    }

    /// The labels of the session, in the order of their names.
    ///
    #[doc = include_str!("docs/labels.md")]
    #[must_use]
    pub fn labels(&self) -> Vec<(String, String)> {
        let machine = self.reading();
        let details = machine.payload.details();
        details.map_or_else(Vec::new, |details| details.labels.clone())
    }

    /// Sets or removes the label that the session can be found by: for example the `sid` of an identity provider.
    ///
    #[doc = include_str!("docs/set_lookup_label.md")]
    pub fn set_lookup_label(&self, text: Option<&str>) -> Result<(), WriteError> {
        self.try_set_lookup_label(text)
    }

    /// Stores a value for the next request: for example a message after a redirect.
    ///
    #[doc = include_str!("docs/flash.md")]
    pub fn flash<T: Serialize>(&self, key: &str, value: T) -> Result<(), WriteError> {
        self.try_flash(key, &value)
    }

    /// Takes the values that earlier requests stored for the next one, in the order in which they were stored.
    ///
    #[doc = include_str!("docs/take_flash.md")]
    pub fn take_flash<T: DeserializeOwned>(&self, key: &str) -> Result<Vec<T>, SessionGetError> {
        self.try_take_flash(key)
            .map_err(|source| SessionGetError::new::<T>(key, source))
    }

    /// The id of the stored session: for logs, audit trails and administration pages. It is not secret, and
    /// stays the same when the session is renewed.
    ///
    #[doc = include_str!("docs/id.md")]
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.reading().stored().map(|stored| stored.id.clone())
    }

    /// How the request changed the session since it was loaded.
    ///
    #[doc = include_str!("docs/status.md")]
    #[must_use]
    pub fn status(&self) -> SessionStatus {
        self.machine().status
    }

    /// When the session was created; `None` while it has not been stored or [loaded](Self::load).
    ///
    #[doc = include_str!("docs/created_at.md")]
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        let machine = self.reading();
        machine.stored().map(|stored| stored.record.created_at)
    }

    /// When the stored session expires unless a request extends its lifetime; `None` while it has not been
    /// stored or [loaded](Self::load).
    ///
    #[doc = include_str!("docs/expires_at.md")]
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let backend = self.backend()?;
        let record = self.reading().stored()?.record.clone();
        Some(backend.ends_at(&record))
    }

    /// Loads a session that is loaded [lazily](crate::config::Loading::Lazy), unless it is loaded
    /// already: for middleware, and for other code that does not get it as an argument of a handler, which
    /// is always loaded.
    ///
    #[doc = include_str!("docs/load.md")]
    pub async fn load(&self) -> Result<(), OpenError> {
        drop(self.reading());
        self.load_quietly().await
    }

    /// Whether the session has been loaded, so that its values can be read and written.
    ///
    /// `false` only for a session that is loaded [lazily](crate::config::Loading::Lazy), and only if the
    /// request has a session cookie: otherwise there is nothing to load.
    ///
    #[doc = include_str!("docs/is_loaded.md")]
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.reading().is_readable()
    }

    /// Stores the changes now, without waiting for the end of the request.
    ///
    #[doc = include_str!("docs/save.md")]
    pub async fn save(&self) -> Result<(), SessionSaveError> {
        let backend = self.store().ok_or(SessionSaveError::NoStore)?;
        self.reading().check_phase()?;
        backend.save(self).await
    }

    /// Loads the current stored state, and applies the changes that have not been stored.
    ///
    #[doc = include_str!("docs/reload.md")]
    pub async fn reload(&self) -> Result<(), SessionReloadError> {
        let backend = self.store().ok_or(SessionReloadError::NoStore)?;
        drop(self.reading());
        backend.reload(self).await
    }

    /// Drops the changes that have not been stored: the session is as it was loaded, or last saved.
    ///
    #[doc = include_str!("docs/discard.md")]
    pub fn discard(&self) {
        let discarded = self.machine().discard();
        drop(discarded);
    }

    /// As [`remove`](Self::remove), with an error if the session takes no changes.
    ///
    #[doc = include_str!("docs/try_remove.md")]
    pub fn try_remove(&self, key: &str) -> Result<Option<Value>, WriteError> {
        Ok(self.remove_text(key)?.map(|text| json::value_of(&text)))
    }

    /// As [`clear`](Self::clear), with an error if the session takes no changes.
    ///
    #[doc = include_str!("docs/try_clear.md")]
    pub fn try_clear(&self) -> Result<(), WriteError> {
        let cleared = self.changing().clear();
        cleared.map(drop)
    }

    /// As [`purge`](Self::purge), with an error if it has no effect.
    ///
    #[doc = include_str!("docs/try_purge.md")]
    pub fn try_purge(&self) -> Result<(), SessionClosedError> {
        let purged = self.changing().purge();
        purged.map(drop)
    }

    /// As [`renew`](Self::renew), with an error if it has no effect.
    ///
    #[doc = include_str!("docs/try_renew.md")]
    pub fn try_renew(&self) -> Result<(), SessionClosedError> {
        self.changing().renew()
    }

    /// An empty session without a store, for tests of handlers.
    ///
    /// ```
    /// use sessile::{Session, SessionStatus};
    ///
    /// let session = Session::new();
    /// session.insert("user", "ferris").unwrap();
    /// assert_eq!(session.status(), SessionStatus::Changed);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let began_at = Timestamp::from_unix_millis(0);
        Self::with(None, Binding::New, false, began_at, usize::MAX)
    }
}
