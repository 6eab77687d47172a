//! The transactions of a subject: a sign-in under a limit, and the end of its sessions. Each first locks the row of the
//! subject's mark.

use sqlx::{Error, MySqlConnection, Row as _};

use super::{
    SessionId, Version,
    error::fault,
    marks::bind_session,
    query::{self, NOW, query, rows},
    statements::Statements,
};
use crate::storage::{
    SessionLimit,
    sql::{End, Ended, Fault, MARK_KEPT, Marks, NewRow, Written},
    timing::millis,
};

impl Statements {
    /// Stores a row, under a limit if it has one.
    pub(super) async fn write(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
        marks: Marks,
    ) -> Result<Written, Fault> {
        match row.limit {
            // Boxed, because other writes need less memory.
            Some(limit) => Box::pin(self.sign_in(connection, row, limit)).await,
            None => self.store(connection, row, marks).await.map_err(fault),
        }
    }

    async fn sign_in(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
        limit: SessionLimit,
    ) -> Result<Written, Fault> {
        begin(connection).await?;
        let written = self.sign_in_locked(connection, row, limit).await;
        end(connection, written).await
    }

    async fn sign_in_locked(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
        limit: SessionLimit,
    ) -> Result<Written, Error> {
        let Self {
            sessions,
            live,
            refused,
            ..
        } = self;
        let subject = row.subject().unwrap_or_default();
        self.lock(connection, subject).await?;
        let id = row.id.as_bytes().as_slice();
        let find = query(format!(
            "SELECT {refused},
                 (SELECT it.version FROM {sessions} AS it WHERE it.id = ? AND {live})"
        ));
        let find = bind_session(find, row).bind(id);
        let (is_refused, found): (bool, Option<u64>) = query::row(connection, find, |row| {
            Ok((row.try_get(0)?, row.try_get(1)?))
        })
        .await?;
        let found = found.map(Version::new);
        if is_refused {
            return Ok(Written::SubjectEnded);
        }
        if found == Some(row.version) {
            return Ok(Written::STORED);
        }
        if found != row.expected {
            return Ok(Written::NotStored(found));
        }
        let find_others = query(format!(
            "SELECT it.id FROM {sessions} AS it WHERE it.subject = ? AND it.id <> ? AND {live}
             ORDER BY it.signed_in_at, it.id"
        ));
        let find_others = find_others.bind(subject).bind(id);
        let others = rows(connection, find_others, query::id).await?;
        let Some(displaced) = limit.displaced(others) else {
            return Ok(Written::LimitReached);
        };
        let written = self.store(connection, row, Marks::Read).await?;
        if !matches!(written, Written::Stored { .. }) {
            return Ok(written);
        }
        let deleting = self.delete_of_subject(connection, &displaced, subject, i64::MAX);
        let displaced = deleting.await?;
        Ok(Written::Stored { displaced })
    }

    /// Ends the sessions of a subject.
    pub(super) async fn end_subject(
        &self,
        connection: &mut MySqlConnection,
        sessions: End<'_>,
    ) -> Result<Option<Ended>, Fault> {
        begin(connection).await?;
        let ended = self.end_locked(connection, sessions).await;
        end(connection, ended).await
    }

    async fn end_locked(
        &self,
        connection: &mut MySqlConnection,
        End { subject, now, kept }: End<'_>,
    ) -> Result<Option<Ended>, Error> {
        let Self {
            sessions,
            marks,
            live,
            ..
        } = self;
        let digest = subject.as_bytes().as_slice();
        self.lock(connection, digest).await?;
        let find = query(format!(
            "SELECT it.id, it.signed_in_at FROM {sessions} AS it
             WHERE it.subject = ? AND {live}"
        ));
        let find = find.bind(digest);
        let found: Vec<(SessionId, Option<i64>)> = rows(connection, find, |row| {
            Ok((query::id(row)?, row.try_get(1)?))
        })
        .await?;
        if kept.is_some_and(|kept| found.iter().all(|(id, _)| id != kept)) {
            return Ok(None);
        }
        let sign_ins = found.iter().filter_map(|(_, signed_in_at)| *signed_in_at);
        let mark = query(format!(
            "UPDATE {marks} SET
                 at = LAST_INSERT_ID(GREATEST(at, ?)), exempt = ?, expires_at = {NOW} + ?
             WHERE subject = ?"
        ));
        let mark = mark
            .bind(sign_ins.fold(now, i64::max))
            .bind(kept.map(|it| it.as_bytes().as_slice()))
            .bind(millis(MARK_KEPT))
            .bind(digest);
        let marked = mark.execute(&mut *connection).await?;
        // The time of an earlier mark, if that is later.
        let at = marked.last_insert_id().cast_signed();
        let others = found.into_iter().map(|(id, _)| id);
        let others: Vec<_> = others.filter(|id| Some(id) != kept).collect();
        let deleting = self.delete_of_subject(connection, &others, digest, at);
        let ids = deleting.await?;
        Ok(Some(Ended { at, ids }))
    }
}

/// Begins a transaction. It reads without locks, whatever the server's default is.
async fn begin(connection: &mut MySqlConnection) -> Result<(), Fault> {
    const BEGIN: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION";
    run(connection, BEGIN).await
}

/// Commits the transaction, or undoes it if it failed.
async fn end<T>(connection: &mut MySqlConnection, result: Result<T, Error>) -> Result<T, Fault> {
    let result = match result {
        Ok(done) => run(connection, "COMMIT").await.map(|()| done),
        Err(error) => Err(fault(error)),
    };
    // Other errors close the connection, which undoes the transaction.
    if matches!(&result, Err(fault) if !fault.ends_connection()) {
        run(connection, "ROLLBACK").await?;
    }
    result
}

async fn run(connection: &mut MySqlConnection, statement: &'static str) -> Result<(), Fault> {
    let statement = sqlx::raw_sql(statement);
    statement.execute(connection).await.map_err(fault)?;
    Ok(())
}
