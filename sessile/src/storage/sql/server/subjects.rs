//! [`SubjectDatabase`]: the sessions of a subject, on one kind of database server.

use std::time::Duration;

use super::{
    Answer, Database, DatabaseSessionStore, Failure, Fault, MAX_ATTEMPTS, NewRow, Outcome, Row,
    database::as_bigint, until_done,
};
use crate::{
    clock::Timestamp,
    storage::{
        EndOutcome, Kept, Loaded, Refusal, SessionId, SessionLimit, SignInOutcome, SignInWrite,
        StoreError, SubjectDigest, SubjectStore, Version, timing::Deadline,
    },
};

/// How long a statement may take that reads the whole table, or many rows of it. No request waits for it.
pub(super) const SCANNING: Duration = Duration::from_secs(60);

/// The operations on the sessions of a subject. Each is atomic, and all but [`sign_in`](Self::sign_in) can be repeated.
///
/// Times with a sign-in or a mark are in milliseconds since the Unix epoch, by the clocks of the application.
pub(in crate::storage) trait SubjectDatabase: Database {
    /// Inserts `row`, or replaces the row at the version `expected`, if the limit allows it. Deletes the rows that it
    /// displaces.
    fn sign_in(
        &self,
        expected: Option<Version>,
        row: &NewRow<'_>,
        limit: SessionLimit,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<SignIn>, Failure>> + Send;

    /// The live rows of a subject, in the order of their sign-ins.
    fn list(
        &self,
        subject: &SubjectDigest,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<Vec<(SessionId, Row)>>, Failure>> + Send;

    /// The ids of the live rows with this label.
    fn find_by_label(
        &self,
        label: &str,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<Vec<SessionId>>, Failure>> + Send;

    /// Marks the sessions of a subject except `kept` as ended, and deletes their rows. `None` if `kept` has ended.
    fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: i64,
        kept: Option<&SessionId>,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<Option<Ended>>, Failure>> + Send;

    /// Whether there is a live row of this id, or a mark of the subject, or of all, is at `since` or later.
    fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<bool>, Failure>> + Send;

    /// Marks the sessions of all subjects as ended. Returns the time of the mark.
    fn mark_everything(
        &self,
        now: i64,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<i64>, Failure>> + Send;

    /// Looks at a batch of rows, which follow `after` in the order of their ids. Deletes those of guests, and those that
    /// signed in until `at`. Returns the id of the last row of the batch; `None` if no row follows.
    fn delete_all(
        &self,
        after: Option<&SessionId>,
        at: i64,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<Option<SessionId>>, Failure>> + Send;
}

/// What a sign-in found and did.
pub(in crate::storage) enum SignIn {
    /// The row has the new version, and these sessions were deleted for it.
    Stored { displaced: Vec<SessionId> },
    /// The live row has this version, or there is none, so nothing was stored.
    NotStored(Option<Version>),
    /// The subject has as many sessions as are allowed.
    LimitReached,
    /// A mark has ended the session.
    SubjectEnded,
}

/// The mark of a subject, and the sessions that were deleted.
pub(in crate::storage) struct Ended {
    pub(in crate::storage) at: i64,
    pub(in crate::storage) ids: Vec<SessionId>,
}

impl<B: SubjectDatabase> SubjectStore for DatabaseSessionStore<B> {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        if !write.record.has_subject() {
            return Err(StoreError::without_subject());
        }
        let database = self.database()?;
        let row = &NewRow::new(write.id, write.record, write.version, write.ttl);
        let deadline = Deadline::after(self.response_timeout);
        let mut was_repeated = false;
        for _ in 0..MAX_ATTEMPTS {
            let signing_in = database.sign_in(write.expected, row, limit, deadline);
            let answer = signing_in.await.map_err(|it| it.after(was_repeated))?;
            was_repeated |= answer.repeated;
            let refusal = match answer.outcome {
                Outcome::Done(SignIn::Stored { displaced }) => {
                    return Ok(SignInOutcome::Stored { displaced });
                }
                // The mark also ends what an earlier attempt stores.
                Outcome::Done(SignIn::SubjectEnded) => Refusal::SubjectEnded,
                // Without a repeat, the reply concerns this attempt alone.
                Outcome::Done(SignIn::LimitReached) if !was_repeated => Refusal::LimitReached,
                Outcome::Done(SignIn::NotStored(found)) if !was_repeated => {
                    return Ok(not_stored(write.expected, found));
                }
                Outcome::Overtaken => continue,
                // The first attempt may be in progress: the next one finds its version.
                Outcome::Done(SignIn::NotStored(found)) if found == write.expected => continue,
                // The first attempt may have been stored, and then changed or deleted.
                Outcome::Done(_) => return Err(Fault::Unknown.into()),
            };
            return Ok(SignInOutcome::Refused(refusal));
        }
        Err(match was_repeated {
            true => Fault::Unknown.into(),
            false => Fault::Overtaken.into(),
        })
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        let database = self.database()?;
        let listing = until_done(self.response_timeout, |deadline| {
            database.list(subject, deadline)
        });
        let rows = listing.await?.into_iter();
        rows.map(|(id, row)| Ok((id, row.decode()?))).collect()
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        let database = self.database()?;
        until_done(self.response_timeout, |deadline| {
            database.find_by_label(label, deadline)
        })
        .await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        let (now, kept) = (as_bigint(now), kept.map(|it| it.id));
        let database = self.database()?;
        let ending = until_done(self.response_timeout, |deadline| {
            database.end_subject(subject, now, kept, deadline)
        });
        Ok(match ending.await? {
            Some(Ended { at, ids }) => EndOutcome::Ended {
                at: timestamp(at),
                ids,
            },
            None => EndOutcome::KeptHasEnded,
        })
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let database = self.database()?;
        until_done(self.response_timeout, |deadline| {
            database.is_revoked(id, subject, as_bigint(since), deadline)
        })
        .await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let database = self.database()?;
        let now = as_bigint(now);
        let at = until_done(SCANNING, |deadline| database.mark_everything(now, deadline));
        let at = at.await?;
        self.delete_all(at).await?;
        Ok(timestamp(at))
    }
}

#[expect(
    private_bounds,
    reason = "the kinds of servers are those of this crate"
)]
impl<B: SubjectDatabase> DatabaseSessionStore<B> {
    /// Deletes the rows of guests, and those that signed in until `at`.
    pub(super) async fn delete_all(&self, at: i64) -> Result<(), StoreError> {
        let mut last = None;
        loop {
            let database = self.database()?;
            let batch = until_done(SCANNING, |deadline| {
                database.delete_all(last.as_ref(), at, deadline)
            });
            match batch.await? {
                None => return Ok(()),
                following => last = following,
            }
        }
    }
}

/// The outcome if the live row has the version `found`, or there is none.
fn not_stored(expected: Option<Version>, found: Option<Version>) -> SignInOutcome {
    match (expected, found) {
        (None, _) => SignInOutcome::Taken,
        (Some(_), None) => SignInOutcome::Missing,
        (Some(_), Some(_)) => SignInOutcome::Conflict,
    }
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(u64::try_from(millis).unwrap_or_default())
}
