//! [`SubjectStore`]: stores that find and end the sessions of a user.

use std::time::Duration;

use super::{
    BoxFuture, CreateOutcome, Loaded, Refusal, SessionId, SessionLimit, SessionStore, StoreError,
    SubjectDigest, UpdateOutcome, Version,
};
use crate::{clock::Timestamp, record::Record};

/// A store that finds the sessions of a subject, ends all of them at once, and limits their number.
///
/// It keeps an index itself: [`create`](SessionStore::create), [`update`](SessionStore::update) and
/// [`delete`](SessionStore::delete) bring it up to date, from [`Record::subject`], [`Record::signed_in_at`] and
/// [`Record::label`].
///
/// # Marks
///
/// [`end_subject`](Self::end_subject) writes a mark: all sessions of the subject that signed in at or before the time
/// of the mark have ended, except the one that the mark names. A store honors its marks in every operation: `load`
/// returns `None` for such a session, and `create` and `update` of such a record return
/// [`Refused`](super::CreateOutcome::Refused). So a session ends even if a request stores it after the list of sessions
/// was read. A mark has to live for as long as a session can, which is [400 days](MARK_LIFETIME).
///
/// The feature `store-tests` has a suite for these rules as well: `test_helpers::subject_store_test_suite`.
///
/// # Records that can't be decoded
///
/// Such a session is not in a [`list`](Self::list), and does not make it fail. The store logs a warning. The other
/// operations use the index, so they include it: it counts for a limit, is found by its label, and ends with the others.
///
#[doc = include_str!("docs/subject_store.md")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not find the sessions of a user: use a store of `sessile::storage` that does, or implement `SubjectStore` for this type"
)]
pub trait SubjectStore: SessionStore {
    /// Stores a session that signs in, under a limit of the subject's sessions.
    ///
    /// Counts the live sessions of the subject other than this one, and stores this one, in one atomic step. If there
    /// would be too many, `limit` decides: either the session that signed in earliest ends, or this one is refused. A
    /// session that already has `version` is [`Stored`](SignInOutcome::Stored).
    ///
    /// # Errors
    ///
    /// As [`create`](SessionStore::create) and [`update`](SessionStore::update).
    fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> impl Future<Output = Result<SignInOutcome, StoreError>> + Send;

    /// The live sessions of a subject, in the order in which they signed in.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn list(
        &self,
        subject: &SubjectDigest,
    ) -> impl Future<Output = Result<Vec<(SessionId, Loaded)>, StoreError>> + Send;

    /// The ids of the live sessions with this [lookup label](Record::label).
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn find_by_label(
        &self,
        label: &str,
    ) -> impl Future<Output = Result<Vec<SessionId>, StoreError>> + Send;

    /// Ends the sessions of a subject that signed in until now, except `kept`.
    ///
    /// Writes the mark first, at `now` or at the time of the newest sign-in in the index, whichever is later. Then it
    /// deletes the sessions. If an earlier mark has ended `kept`, it does nothing.
    ///
    /// # Errors
    ///
    /// If some sessions may not have ended. The call can be repeated.
    fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> impl Future<Output = Result<EndOutcome, StoreError>> + Send;

    /// Ends all sessions, including those of guests, and refuses every sign-in whose request began at or before `now`.
    ///
    /// A record that has no subject and signed in at [`Timestamp::MAX`] is no session: it is an entry of a
    /// [`RevocationList`](super::RevocationList). The store keeps it, and ignores its time when it searches for the
    /// newest sign-in.
    ///
    /// # Errors
    ///
    /// If some sessions may not have ended. The call can be repeated.
    fn end_everything(
        &self,
        now: Timestamp,
    ) -> impl Future<Output = Result<Timestamp, StoreError>> + Send;

    /// Whether a session in a cookie has ended. A [`RevocationList`](super::RevocationList) calls it; the store does
    /// not keep the session itself.
    ///
    /// It is `true` if there is a live record under `id`, whatever its content. It is also `true` if a mark of
    /// `subject`, or of all sessions, is at `since` or later and does not exempt the session. A guest has no subject,
    /// so only a mark of all sessions ends its session. No cache serves this.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whether the store has these operations. Default: `true`.
    ///
    /// A store that wraps another one, such as [`AnySessionStore`](super::AnySessionStore), returns `false` if the
    /// wrapped store does not have them. Building a middleware that needs them then fails.
    fn has_subjects(&self) -> bool {
        true
    }
}

/// The time to live of a mark. No session lives longer.
pub const MARK_LIFETIME: Duration = Duration::from_secs(400 * 24 * 3600);

/// A session that signs in, for [`SubjectStore::sign_in`].
///
#[doc = include_str!("docs/sign_in.md")]
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SignInWrite<'a> {
    /// The id of the session.
    pub id: &'a SessionId,
    /// The version that the stored session has to have; `None` if the session has to be created.
    pub expected: Option<Version>,
    /// The record to store. It has a subject and a time of sign-in.
    pub record: &'a Record,
    /// The new version of the session.
    pub version: Version,
    /// The time to live of the record.
    pub ttl: Duration,
}

impl<'a> SignInWrite<'a> {
    /// A new session.
    #[must_use]
    pub const fn create(
        id: &'a SessionId,
        record: &'a Record,
        version: Version,
        ttl: Duration,
    ) -> Self {
        Self {
            id,
            expected: None,
            record,
            version,
            ttl,
        }
    }

    /// A session that is stored at the version `expected`.
    #[must_use]
    pub const fn update(
        id: &'a SessionId,
        expected: Version,
        record: &'a Record,
        version: Version,
        ttl: Duration,
    ) -> Self {
        Self {
            id,
            expected: Some(expected),
            record,
            version,
            ttl,
        }
    }
}

/// The outcome of [`SubjectStore::sign_in`].
///
#[doc = include_str!("docs/sign_in.md")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInOutcome {
    /// The session was stored.
    Stored {
        /// The sessions that ended because of the limit.
        displaced: Vec<SessionId>,
    },
    /// As [`CreateOutcome::Taken`](super::CreateOutcome::Taken).
    Taken,
    /// As [`UpdateOutcome::Conflict`](super::UpdateOutcome::Conflict).
    Conflict,
    /// As [`UpdateOutcome::Missing`](super::UpdateOutcome::Missing).
    Missing,
    /// Nothing was stored, for this reason.
    Refused(Refusal),
}

impl SignInOutcome {
    /// Stored, without the end of another session.
    pub(crate) const STORED: Self = Self::Stored {
        displaced: Vec::new(),
    };

    /// The outcome of a sign-in that finds its session at the version `found`, and stores nothing.
    pub(super) const fn not_stored(expected: Option<Version>, found: Option<Version>) -> Self {
        match (expected, found) {
            (None, _) => Self::Taken,
            (Some(_), None) => Self::Missing,
            (Some(_), Some(_)) => Self::Conflict,
        }
    }
}

impl From<SignInOutcome> for CreateOutcome {
    fn from(outcome: SignInOutcome) -> Self {
        match outcome {
            SignInOutcome::Stored { .. } => Self::Created,
            SignInOutcome::Refused(refusal) => Self::Refused(refusal),
            // A creation has no other outcome.
            SignInOutcome::Taken | SignInOutcome::Conflict | SignInOutcome::Missing => Self::Taken,
        }
    }
}

impl From<SignInOutcome> for UpdateOutcome {
    fn from(outcome: SignInOutcome) -> Self {
        match outcome {
            SignInOutcome::Stored { .. } => Self::Updated,
            SignInOutcome::Refused(refusal) => Self::Refused(refusal),
            SignInOutcome::Missing => Self::Missing,
            // An update has no other outcome.
            SignInOutcome::Conflict | SignInOutcome::Taken => Self::Conflict,
        }
    }
}

/// The session that [`SubjectStore::end_subject`] does not end.
///
#[doc = include_str!("docs/end_subject.md")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The id of the session.
    pub id: &'a SessionId,
    /// When it signed in.
    pub signed_in_at: Timestamp,
}

/// The outcome of [`SubjectStore::end_subject`].
///
#[doc = include_str!("docs/end_subject.md")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndOutcome {
    /// The sessions have ended.
    Ended {
        /// The time of the mark.
        at: Timestamp,
        /// The sessions that were deleted.
        ids: Vec<SessionId>,
    },
    /// An earlier mark has ended the session to keep, so the call changed nothing.
    KeptHasEnded,
}

/// [`SubjectStore::sign_in`] of a store, for code that does not know that the store has it.
pub(crate) type SignInFn<S> = for<'a> fn(
    &'a S,
    SignInWrite<'a>,
    SessionLimit,
) -> BoxFuture<'a, Result<SignInOutcome, StoreError>>;
