//! [`SubjectDatabase`] on MySQL and MariaDB.

use sqlx::MySqlConnection;

use super::{SessionId, SubjectDigest, Version, database::MySql, error::fault, transaction};
use crate::storage::{
    AtLimit, CreateOutcome, SessionLimit,
    sql::{AfterCut, Answer, Ended, Failure, Marks, NewRow, Row, SignIn, SubjectDatabase, Swap},
    timing::Deadline,
};

impl SubjectDatabase for MySql {
    async fn sign_in(
        &self,
        expected: Option<Version>,
        row: &NewRow<'_>,
        limit: SessionLimit,
        deadline: Deadline,
    ) -> Result<Answer<SignIn>, Failure> {
        let after_cut = match expected {
            Some(_) => AfterCut::Resend,
            None => AfterCut::Fail,
        };
        self.connections
            .run(deadline, after_cut, |mut lease| async move {
                if let Err(too_large) = lease.check_size(row) {
                    return lease.end(Err(too_large));
                }
                let connection = lease.connection();
                let signed_in = async {
                    transaction::begin(connection).await?;
                    let signed_in = self.sign_in_locked(connection, expected, row, limit).await;
                    transaction::end(connection, signed_in.map_err(fault)).await
                };
                let signed_in = signed_in.await;
                lease.end_write(signed_in)
            })
            .await
    }

    async fn list(
        &self,
        subject: &SubjectDigest,
        deadline: Deadline,
    ) -> Result<Answer<Vec<(SessionId, Row)>>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let statements = &self.statements.of_subjects;
                let rows = statements.list(lease.connection(), subject).await;
                lease.end(rows.map_err(fault))
            })
            .await
    }

    async fn find_by_label(
        &self,
        label: &str,
        deadline: Deadline,
    ) -> Result<Answer<Vec<SessionId>>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let statements = &self.statements.of_subjects;
                let ids = statements.find_by_label(lease.connection(), label).await;
                lease.end(ids.map_err(fault))
            })
            .await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: i64,
        kept: Option<&SessionId>,
        deadline: Deadline,
    ) -> Result<Answer<Option<Ended>>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let connection = lease.connection();
                let ended = async {
                    transaction::begin(connection).await?;
                    let ended = self.end_locked(connection, subject, now, kept).await;
                    transaction::end(connection, ended.map_err(fault)).await
                };
                let ended = ended.await;
                lease.end_write(ended)
            })
            .await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
        deadline: Deadline,
    ) -> Result<Answer<bool>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let statements = &self.statements.of_subjects;
                let asking = statements.is_revoked(lease.connection(), id, subject, since);
                let is_revoked = asking.await;
                lease.end(is_revoked.map_err(fault))
            })
            .await
    }

    async fn mark_everything(&self, now: i64, deadline: Deadline) -> Result<Answer<i64>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let statements = &self.statements.of_subjects;
                let at = statements.mark_everything(lease.connection(), now).await;
                lease.end_write(at.map_err(fault))
            })
            .await
    }

    async fn delete_all(
        &self,
        after: Option<&SessionId>,
        at: i64,
        deadline: Deadline,
    ) -> Result<Answer<Option<SessionId>>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let last = self.delete_batch(lease.connection(), after, at).await;
                lease.end_write(last.map_err(fault))
            })
            .await
    }
}

impl MySql {
    /// Signs in, in a transaction.
    async fn sign_in_locked(
        &self,
        connection: &mut MySqlConnection,
        expected: Option<Version>,
        row: &NewRow<'_>,
        limit: SessionLimit,
    ) -> Result<SignIn, sqlx::Error> {
        let statements = &self.statements.of_subjects;
        let subject = row.subject().unwrap_or_default();
        statements.lock(connection, subject).await?;
        let found = statements.find(connection, row).await?;
        if found.is_refused {
            return Ok(SignIn::SubjectEnded);
        }
        if found.version == Some(row.version) {
            let displaced = Vec::new();
            return Ok(SignIn::Stored { displaced });
        }
        if found.version != expected {
            return Ok(SignIn::NotStored(found.version));
        }
        let mut others = statements.find_others(connection, row).await?;
        let excess = (others.len() + 1).saturating_sub(limit.max() as usize);
        if excess > 0 && limit.at_limit() == AtLimit::RefuseNew {
            return Ok(SignIn::LimitReached);
        }
        let not_stored = match expected {
            None => match self.statements.create(connection, row).await? {
                CreateOutcome::Created => None,
                CreateOutcome::Refused(_) => Some(SignIn::SubjectEnded),
                _ => Some(SignIn::NotStored(None)),
            },
            Some(expected) => {
                let update = self
                    .statements
                    .update(connection, expected, row, Marks::Read);
                match update.await? {
                    Swap::Now(version) if version == row.version => None,
                    Swap::Now(version) => Some(SignIn::NotStored(Some(version))),
                    Swap::Missing => Some(SignIn::NotStored(None)),
                    Swap::Refused => Some(SignIn::SubjectEnded),
                }
            }
        };
        if let Some(not_stored) = not_stored {
            return Ok(not_stored);
        }
        others.truncate(excess);
        let displaced = statements
            .delete_of_subject(connection, others, subject, i64::MAX)
            .await?;
        Ok(SignIn::Stored { displaced })
    }

    /// Ends the sessions of a subject, in a transaction.
    async fn end_locked(
        &self,
        connection: &mut MySqlConnection,
        subject: &SubjectDigest,
        now: i64,
        kept: Option<&SessionId>,
    ) -> Result<Option<Ended>, sqlx::Error> {
        let statements = &self.statements.of_subjects;
        let digest = subject.as_bytes().as_slice();
        statements.lock(connection, digest).await?;
        let mut found = statements.find_signed_in(connection, subject).await?;
        if kept.is_some_and(|kept| found.iter().all(|(id, _)| id != kept)) {
            return Ok(None);
        }
        let latest = found.iter().map(|(_, signed_in_at)| *signed_in_at).max();
        let at = latest.map_or(now, |latest| latest.max(now));
        let at = statements.mark(connection, subject, at, kept).await?;
        found.retain(|(id, _)| Some(id) != kept);
        let ids = found.into_iter().map(|(id, _)| id).collect();
        let ids = statements
            .delete_of_subject(connection, ids, digest, at)
            .await?;
        Ok(Some(Ended { at, ids }))
    }

    async fn delete_batch(
        &self,
        connection: &mut MySqlConnection,
        after: Option<&SessionId>,
        at: i64,
    ) -> Result<Option<SessionId>, sqlx::Error> {
        let statements = &self.statements.of_subjects;
        let mut batch = statements.batch(connection, after).await?;
        if !batch.is_empty() {
            statements.delete_until(connection, &batch, at).await?;
        }
        Ok(batch.pop())
    }
}
