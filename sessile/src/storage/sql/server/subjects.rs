//! The sessions of a subject.

use super::{
    Database, DatabaseSessionStore, End, Ended, Fault, NewRow, SignIn, SignedIn, StoreError,
};
use crate::{
    clock::Timestamp,
    storage::{
        EndOutcome, Kept, Loaded, Refusal, SessionId, SessionLimit, SignInOutcome, SignInWrite,
        SubjectDigest, SubjectStore,
        sql::{column_millis, from_column_millis},
        timing::Deadline,
    },
};

impl<B: Database> SubjectStore for DatabaseSessionStore<B> {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        if !write.record.has_subject() {
            return Err(StoreError::without_subject());
        }
        let database = self.database()?;
        let sign_in = &SignIn {
            row: NewRow::new(write.id, write.record, write.version, write.ttl),
            expected: write.expected,
            limit,
        };
        let deadline = Deadline::after(self.0.response_timeout);
        let mut was_repeated = false;
        loop {
            let answer = database.sign_in(sign_in, deadline).await;
            was_repeated |= answer.repeated;
            let signed_in = match answer.result {
                Ok(signed_in) => signed_in,
                Err(Fault::Overtaken) if !deadline.has_passed() => continue,
                Err(fault) => return Err(fault.into_error(was_repeated)),
            };
            let refusal = match signed_in {
                SignedIn::Stored { displaced } => return Ok(SignInOutcome::Stored { displaced }),
                // The mark also ends what an earlier attempt stores.
                SignedIn::SubjectEnded => Refusal::SubjectEnded,
                // Without a repeat, the reply concerns this attempt alone.
                SignedIn::LimitReached if !was_repeated => Refusal::LimitReached,
                SignedIn::NotStored(found) if !was_repeated => {
                    return Ok(SignInOutcome::not_stored(write.expected, found));
                }
                // The first attempt may be in progress: the next one finds its version.
                SignedIn::NotStored(found) if found == write.expected && !deadline.has_passed() => {
                    continue;
                }
                // The first attempt may have been stored, and then changed or deleted.
                _ => return Err(Fault::Unknown.into()),
            };
            return Ok(SignInOutcome::Refused(refusal));
        }
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        let rows = self
            .run(|database, deadline| database.list(subject, deadline))
            .await?;
        let sessions = rows.into_iter().map(|(id, row)| Ok((id, row.decode()?)));
        sessions.collect()
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        self.run(|database, deadline| database.find_by_label(label, deadline))
            .await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        let end = End {
            subject,
            now: column_millis(now),
            kept: kept.map(|it| it.id),
        };
        let ended = self
            .run(|database, deadline| database.end_subject(end, deadline))
            .await?;
        Ok(match ended {
            Some(Ended { at, ids }) => EndOutcome::Ended {
                at: from_column_millis(at),
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
        let since = column_millis(since);
        self.run(|database, deadline| database.is_revoked(id, subject, since, deadline))
            .await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let now = column_millis(now);
        let at = self
            .maintain(|database, deadline| database.mark_everything(now, deadline))
            .await?;
        self.delete_all(at).await?;
        Ok(from_column_millis(at))
    }
}

impl<B: Database> DatabaseSessionStore<B> {
    /// Deletes the rows of guests, and those that signed in until `at`.
    pub(super) async fn delete_all(&self, at: i64) -> Result<(), StoreError> {
        let mut last = None;
        loop {
            let after = last.as_ref();
            let deleted_until = self
                .maintain(|database, deadline| database.delete_all(after, at, deadline))
                .await?;
            match deleted_until {
                None => return Ok(()),
                following => last = following,
            }
        }
    }
}
