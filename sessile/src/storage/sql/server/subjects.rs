//! The sessions of a subject.

use super::{Database, DatabaseSessionStore, End, Ended, StoreError};
use crate::{
    clock::Timestamp,
    storage::{
        EndOutcome, Kept, Loaded, SessionId, SessionLimit, SignInOutcome, SignInWrite,
        SubjectDigest, SubjectStore,
        sql::{column_millis, from_column_millis, readable},
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
        self.write(write, Some(limit)).await
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        let rows = self
            .run(|database, attempt| database.list(subject, attempt))
            .await?;
        Ok(readable(
            rows.into_iter().map(|(id, row)| (id, row.decode())),
        ))
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        self.run(|database, attempt| database.find_by_label(label, attempt))
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
            .run(|database, attempt| database.end_subject(end, attempt))
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
        self.run(|database, attempt| database.is_revoked(id, subject, since, attempt))
            .await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let now = column_millis(now);
        let at = self
            .maintain(|database, attempt| database.mark_everything(now, attempt))
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
                .maintain(|database, attempt| database.delete_all(after, at, attempt))
                .await?;
            match deleted_until {
                None => return Ok(()),
                following => last = following,
            }
        }
    }
}
