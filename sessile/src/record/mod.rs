//! [`Record`]: what a store keeps under a [`SessionId`](crate::storage::SessionId), and the [`State`] in it.

pub(crate) mod actix_session;
mod details;
pub(crate) mod id;
pub(crate) mod json;
mod moved;
mod reader;
mod revocation;
mod rotation;
mod sealed;
mod secrets;
pub(crate) mod state;
mod text;

use std::sync::Arc;

use self::id::SubjectDigest;
use crate::{clock::Timestamp, error::StateTooLargeError};

pub(crate) use self::{
    details::{Details, Flash, MAX_FLASH_BYTES},
    rotation::{Nonce, Rotation, RotationDue, RotationStep, SecretPolicy},
    secrets::{Epoch, Presented, Previous, Secret, SecretDigest, Secrets},
};
pub use self::{state::State, text::DecodeError};

/// What a store keeps under a [`SessionId`](crate::storage::SessionId): the state of the session, the
/// times that decide when it ends, the digests of the secrets that open it, and whose session it is.
///
/// The engine makes records and judges them; a store only keeps them. Stores that keep text use
/// [`encode`](Self::encode) and [`decode`](Self::decode), so that a record has the same form in each
/// of them. Stores that can search by user read [`subject`](Self::subject),
/// [`signed_in_at`](Self::signed_in_at) and [`label`](Self::label).
///
/// ```
/// use sessile::{clock::{Clock, SystemClock}, record::Record};
///
/// let mut record = Record::new(SystemClock.now());
/// record.state.insert("visits", &3)?;
///
/// assert_eq!(Record::decode(record.encode().as_bytes()), Ok(record));
/// # Ok::<(), sessile::error::JsonError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The names and values of the session.
    pub state: State,
    pub(crate) created_at: Timestamp,
    pub(crate) used_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    /// Whether the times are unknown, and are those at which the record was loaded.
    pub(crate) undated: bool,
    pub(crate) epoch: Epoch,
    /// `None` where a secret opens nothing: in a cookie, which holds the record itself, and under a key
    /// of actix-session's.
    pub(crate) secrets: Option<Secrets>,
    /// `None` is the same as no details. Most sessions of guests have none.
    details: Option<Arc<Details>>,
}

/// The overhead of a shared allocation in bytes: the reference counts, and about what the allocator adds.
const SHARED: usize = 24;

impl Record {
    /// A record with an empty state, created and used at `now`, which ends when its store's time to live
    /// does. No secret opens it.
    ///
    /// ```
    /// use sessile::{clock::Timestamp, record::Record};
    ///
    /// let now = Timestamp::from_unix_millis(1000);
    /// let record = Record::new(now);
    /// assert!(record.state.is_empty());
    /// ```
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            state: State::default(),
            created_at: now,
            used_at: now,
            ends_at: Timestamp::MAX,
            undated: false,
            epoch: Epoch(0),
            secrets: None,
            details: None,
        }
    }

    /// A record of `state` that tells no times, loaded at `now`.
    pub(crate) fn undated(state: State, now: Timestamp) -> Self {
        Self {
            state,
            undated: true,
            ..Self::new(now)
        }
    }

    /// When the session was created. Survives changes and renewals.
    ///
    /// ```
    /// use sessile::{clock::Timestamp, record::Record};
    ///
    /// let now = Timestamp::from_unix_millis(1000);
    /// assert_eq!(Record::new(now).created_at(), now);
    /// ```
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the session was last changed or touched: the idle timeout counts from here.
    ///
    /// ```
    /// use sessile::{clock::Timestamp, record::Record};
    ///
    /// let now = Timestamp::from_unix_millis(1000);
    /// assert_eq!(Record::new(now).used_at(), now);
    /// ```
    #[must_use]
    pub const fn used_at(&self) -> Timestamp {
        self.used_at
    }

    /// When the session expires unless a request extends its lifetime.
    ///
    /// ```
    /// use sessile::{clock::Timestamp, record::Record};
    ///
    /// let now = Timestamp::from_unix_millis(1000);
    /// assert_eq!(Record::new(now).ends_at(), Timestamp::MAX);
    /// ```
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// The digest of the subject that the session is signed in as, if it is.
    ///
    /// A store with an index by subject keeps these bytes in it.
    ///
    #[doc = include_str!("docs/subject.md")]
    #[must_use]
    pub fn subject(&self) -> Option<SubjectDigest> {
        self.subject_name().map(SubjectDigest::of)
    }

    /// The user that the session is signed in as.
    pub(crate) fn subject_name(&self) -> Option<&str> {
        self.details.as_deref()?.subject.as_deref()
    }

    /// When the session was signed in, if it is.
    ///
    #[doc = include_str!("docs/signed_in_at.md")]
    #[must_use]
    pub fn signed_in_at(&self) -> Option<Timestamp> {
        self.details.as_deref()?.signed_in_at
    }

    /// When the user last authenticated.
    pub(crate) fn authenticated_at(&self) -> Option<Timestamp> {
        self.details.as_deref()?.authenticated_at
    }

    /// The label that lists show under this name.
    pub(crate) fn label_of(&self, name: &str) -> Option<&str> {
        let labels = &self.details.as_deref()?.labels;
        let label = labels.iter().find(|(known, _)| known == name);
        label.map(|(_, text)| &**text)
    }

    /// The label that sessions can be found by, such as an identity provider's `sid`, if it has one.
    ///
    #[doc = include_str!("docs/label.md")]
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.details.as_deref()?.lookup_label.as_deref()
    }

    /// What only some records have, if this one has any of it.
    pub(crate) fn details(&self) -> Option<&Details> {
        self.details.as_deref()
    }

    /// Whether this record of a session is that of another sign-in than `earlier`.
    pub(crate) fn signs_in_after(&self, earlier: &Self) -> bool {
        fn sign_in(record: &Record) -> Option<(&str, Option<Timestamp>)> {
            Some((record.subject_name()?, record.signed_in_at()))
        }
        let own = sign_in(self);
        own.is_some() && own != sign_in(earlier)
    }

    /// Whether the record has a subject.
    pub(crate) fn has_subject(&self) -> bool {
        self.subject_name().is_some()
    }

    /// Takes from `other`, another version of the same session, the times that count for both: the earliest creation and
    /// the latest use.
    pub(crate) fn merge_times(&mut self, other: &Self) {
        self.created_at = self.created_at.min(other.created_at);
        self.used_at = self.used_at.max(other.used_at);
    }

    fn details_mut(&mut self) -> &mut Details {
        Arc::make_mut(self.details.get_or_insert_default())
    }

    pub(crate) fn payload(&self) -> Payload {
        Payload {
            state: self.state.clone(),
            details: self.details.clone(),
        }
    }

    pub(crate) fn set_payload(&mut self, payload: Payload) {
        let Payload { state, details } = payload;
        self.state = state;
        self.details = details;
    }

    /// The same record with its state in one buffer, for stores that keep it in memory.
    pub(crate) fn compacted(&self) -> Self {
        Self {
            state: self.state.compacted(),
            ..self.clone()
        }
    }

    /// About how many bytes of memory a [compacted](Self::compacted) record takes beside itself.
    pub(crate) fn footprint(&self) -> usize {
        let details = self.details.as_deref().map_or(0, Details::footprint);
        let secrets = self.secrets.as_ref().map_or(0, Secrets::footprint);
        self.state.footprint() + secrets + details
    }

    /// The record as text: a JSON object, which the module documentation of
    /// [`storage`](crate::storage#the-form-of-a-record) describes.
    ///
    #[doc = include_str!("docs/encode.md")]
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(self.encoded_len());
        self.encode_to(&mut text);
        text
    }

    /// The record that [`encode`](Self::encode) turned into `bytes`.
    ///
    #[doc = include_str!("docs/decode.md")]
    /// # Errors
    ///
    /// When `bytes` are not a record, when its secrets contradict each other, and when a later version
    /// of this crate wrote something that this one must not ignore.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?;
        Self::decode_text(&Arc::from(text))
    }
}

/// The part of a record that requests change: the state, and what only some records have. The engine sets the rest.
#[derive(Clone, Default)]
pub(crate) struct Payload {
    pub(crate) state: State,
    /// `None` is the same as no details.
    details: Option<Arc<Details>>,
}

impl Payload {
    pub(crate) const fn of_state(state: State) -> Self {
        Self {
            state,
            details: None,
        }
    }

    /// What only some records have, if this one has any of it.
    pub(crate) fn details(&self) -> Option<&Details> {
        self.details.as_deref()
    }

    pub(crate) fn details_mut(&mut self) -> &mut Details {
        Arc::make_mut(self.details.get_or_insert_default())
    }

    /// Checks that the state and the values for the next request are not too large, or at least not larger than those of
    /// `before`.
    pub(crate) fn check_growth(
        &self,
        before: &Self,
        max_state_bytes: usize,
    ) -> Result<(), StateTooLargeError> {
        let (old, new) = (before.state.byte_len(), self.state.byte_len());
        check_growth(old, new, max_state_bytes)?;
        check_growth(before.flash_bytes(), self.flash_bytes(), MAX_FLASH_BYTES)
    }

    /// The size of the values for the next request.
    pub(crate) fn flash_bytes(&self) -> usize {
        let flashes = self.details().map_or(&[][..], |it| &it.flashes);
        flashes.iter().map(Flash::byte_len).sum()
    }

    /// The user that the session is signed in as.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.details()?.subject.as_deref()
    }

    /// Whether nothing needs to be stored: there are no values, and no user is signed in.
    pub(crate) fn is_empty(&self) -> bool {
        let has_use = |details: &Details| details.subject.is_some() || !details.flashes.is_empty();
        self.state.is_empty() && !self.details().is_some_and(has_use)
    }

    /// Frees details that say nothing.
    pub(crate) fn drop_empty_details(&mut self) {
        self.details
            .take_if(|details| **details == Details::default());
    }
}

/// Checks that a size may grow from `before` to `bytes`, where `max` is the bound.
///
/// If the bound was lowered, a state may exceed it already. Such a state may shrink.
pub(crate) fn check_growth(
    before: usize,
    bytes: usize,
    max: usize,
) -> Result<(), StateTooLargeError> {
    match bytes > max && bytes > before {
        true => Err(StateTooLargeError { bytes, max }),
        false => Ok(()),
    }
}
