//! [`SessionInfo`]: a session in a list.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{
    clock::Timestamp,
    error::{ReadError, SessionGetError},
    record::{Record, json},
    session::Session,
    storage::{Loaded, SessionId},
};

/// A session in a list: what is stored, never a key.
///
#[doc = include_str!("docs/session_info.md")]
#[derive(Clone)]
pub struct SessionInfo {
    id: SessionId,
    record: Record,
}

impl SessionInfo {
    pub(super) fn live(id: SessionId, loaded: Loaded, now: Timestamp) -> Option<Self> {
        let record = loaded.record;
        let is_live = now < record.ends_at && !record.is_revocation();
        is_live.then_some(Self { id, record })
    }

    /// The id of the session. It is not secret.
    #[must_use]
    pub const fn id(&self) -> &SessionId {
        &self.id
    }

    /// Whether it is the session of this request.
    #[must_use]
    pub fn is(&self, session: &Session) -> bool {
        session.id().as_ref() == Some(&self.id)
    }

    /// The user that the session is signed in as: see [`Session::subject`].
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.record.details()?.subject.as_deref()
    }

    /// When the session was created, which may be before the user signed in.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.record.created_at
    }

    /// When the session was last used, to within five minutes. Requests that don't
    /// [extend its life](crate::Session::set_extends_life) don't count.
    ///
    /// Under [`OnEveryRequest`](crate::config::TtlExtensionPolicy::OnEveryRequest), it is exact to within the part of the
    /// idle timeout that [`touch_fraction`](crate::config::Settings::touch_fraction) sets.
    #[must_use]
    pub const fn used_at(&self) -> Timestamp {
        self.record.used_at
    }

    /// When the session expires unless a request extends its lifetime.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.record.ends_at
    }

    /// When the user signed in.
    #[must_use]
    pub fn signed_in_at(&self) -> Option<Timestamp> {
        self.record.signed_in_at()
    }

    /// When the user last authenticated: see [`Session::authenticated_at`].
    #[must_use]
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.record.authenticated_at()
    }

    /// The label with this name: see [`Session::set_label`].
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.record.label_of(name)
    }

    /// All labels, in the order of their names: see [`Session::labels`].
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.record.details().map_or(&[][..], |it| &it.labels);
        labels.iter().map(|(name, text)| (&**name, &**text))
    }

    /// The value under `key`, or `None`.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionGetError> {
        let text = self.record.state.text(key);
        text.map(|text| json::parse(text).map_err(ReadError::from))
            .transpose()
            .map_err(|source| SessionGetError::new::<T>(key, source))
    }
}

impl fmt::Debug for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionInfo")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
