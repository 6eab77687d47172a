//! Deleting the rows of expired sessions.

use std::time::Duration;

use rusqlite::Connection;

use super::{
    CleanupTask, SessionId, SqliteSessionStore, StoreError, statements::decode, subjects::id_of,
};
use crate::{
    clock::Timestamp,
    engine::EndCause,
    record::Record,
    storage::sql::{SMALLEST_BATCH, column_millis},
    telemetry::{self, Backend},
};

/// The slots of the rows that are due, the earliest first: at most ?2 at the time ?1.
macro_rules! due {
    () => {
        "SELECT slot FROM sessile_sessions WHERE due_at <= ?1 ORDER BY due_at, slot LIMIT ?2"
    };
}

/// Makes the due rows that were extended due at their end.
pub(super) const POSTPONE: &str = concat!(
    "UPDATE sessile_sessions SET due_at = expires_at WHERE expires_at > ?1 AND slot IN (",
    due!(),
    ")"
);

/// Deletes the due rows that have expired.
pub(super) const DELETE: &str = concat!(
    "DELETE FROM sessile_sessions WHERE expires_at <= ?1 AND slot IN (",
    due!(),
    ")"
);

/// Deletes the due rows that have expired, and returns them.
pub(super) const DELETE_AND_RETURN: &str = concat!(
    "DELETE FROM sessile_sessions WHERE expires_at <= ?1 AND slot IN (",
    due!(),
    ") RETURNING version, record, id"
);

/// Deletes the marks that have expired.
const FORGET: &str = "
    DELETE FROM sessile_marks WHERE subject IN (
        SELECT subject FROM sessile_marks WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2
    )";

/// How many free pages the file keeps at least.
const KEPT_PAGES: i64 = 64;

/// What was done with the rows that were due.
#[derive(Debug, PartialEq)]
pub(super) struct Settled {
    pub(super) postponed: usize,
    pub(super) deleted: usize,
    /// The number of marks that were deleted.
    pub(super) forgotten: usize,
    /// The number of pages by which the file gets smaller.
    pub(super) freed: usize,
    /// The rows that were deleted, if they were wanted: their ids, and their records, if they can be decoded.
    pub(super) rows: Vec<(SessionId, Option<Record>)>,
}

/// Postpones or deletes the rows that are due, deletes marks that have expired, and gives pages back that are free: at
/// most `limit` of each. Returns the deleted rows if they are `wanted`.
fn settle(
    connection: &Connection,
    now: Timestamp,
    limit: i64,
    wanted: bool,
) -> rusqlite::Result<Settled> {
    let execute = |statement, limit: i64| {
        let mut statement = connection.prepare_cached(statement)?;
        statement.execute([column_millis(now), limit])
    };
    let postponed = execute(POSTPONE, limit)?;
    // Postponed rows are no longer due, so what is left of the limit is for those that have expired.
    let left = limit - i64::try_from(postponed).unwrap_or(limit);
    let (deleted, rows) = match wanted {
        true => {
            let mut statement = connection.prepare_cached(DELETE_AND_RETURN)?;
            let rows = statement.query_map([column_millis(now), left], |row| {
                Ok((id_of(row)?, decode(row)?.ok().map(|it| it.record)))
            })?;
            let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
            (rows.len(), rows)
        }
        false => (execute(DELETE, left)?, Vec::new()),
    };
    Ok(Settled {
        postponed,
        deleted,
        forgotten: execute(FORGET, limit)?,
        freed: free_pages(connection, limit)?,
        rows,
    })
}

/// Makes the file smaller by at most `limit` pages, if more than a quarter of it is free. What it keeps is for
/// sessions to come.
///
/// Has no effect on a file that was created without `auto_vacuum`.
fn free_pages(connection: &Connection, limit: i64) -> rusqlite::Result<usize> {
    let number = |pragma| -> rusqlite::Result<i64> {
        let mut statement = connection.prepare_cached(pragma)?;
        statement.query_one([], |row| row.get(0))
    };
    const FREE: &str = "PRAGMA freelist_count";
    let free = number(FREE)?;
    let kept = KEPT_PAGES.max(number("PRAGMA page_count")? / 4);
    let surplus = limit.min(free - kept);
    if surplus <= 0 {
        return Ok(0);
    }
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({surplus})"))?;
    let mut steps = statement.query([])?;
    // Each step frees one page.
    while steps.next()?.is_some() {}
    Ok(usize::try_from(free - number(FREE)?).unwrap_or_default())
}

impl SqliteSessionStore {
    /// Deletes the rows of expired sessions, at most `limit` of them, and returns how many it deleted.
    /// It returns 0 only if there are none left.
    ///
    /// It looks at rows that were due to expire, `limit` of them at a time, and leaves those that were
    /// extended. Other writes can run in between. If more than a quarter of the file is free, it also gets
    /// smaller, by at most `limit` pages. If a session's lifetime was shortened by less than a
    /// minute, its row is deleted at its former end. It is not served meanwhile.
    ///
    /// ```
    /// use sessile::storage::SqliteSessionStore;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = SqliteSessionStore::new("sqlite::memory:").await?;
    /// assert_eq!(store.delete_expired(100).await?, 0);
    /// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn delete_expired(&self, limit: u32) -> Result<u64, StoreError> {
        loop {
            let settled = self.settle(limit).await?;
            if settled.deleted > 0 || settled.postponed == 0 {
                return Ok(settled.deleted as u64);
            }
        }
    }

    /// Postpones or deletes the rows that are due, and gives free pages back, at most `limit` of each.
    pub(super) async fn settle(&self, limit: u32) -> Result<Settled, StoreError> {
        self.0.reminder.cleaned();
        let reporter = &self.0.end_reporter;
        let wanted = reporter.has_receiver();
        let settle = move |connection: &_, now| settle(connection, now, limit.into(), wanted);
        let settled = self.0.queue.execute(settle).await?;
        telemetry::rows_cleaned(Backend::Sqlite, settled.deleted as u64);
        let now = self.0.clock.now();
        for (id, record) in &settled.rows {
            reporter.report(EndCause::Expired, id, record.as_ref(), now);
        }
        Ok(settled)
    }

    /// Starts a task that deletes the rows of expired sessions: now, and then once in every `period`.
    ///
    /// It works in small batches, and pauses after each for twice the time that the batch took, so that
    /// requests are not delayed. One task is enough, but several processes can run one each. The task ends
    /// when the returned handle is stopped or dropped, or after the store was closed. It deletes the same rows
    /// as [`delete_expired`](Self::delete_expired).
    ///
    /// ```
    /// use std::time::Duration;
    /// use sessile::storage::SqliteSessionStore;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = SqliteSessionStore::new("sqlite::memory:").await?;
    /// let cleanup = store.start_cleanup(Duration::from_secs(60));
    /// // … serve …
    /// cleanup.stop().await;
    /// assert_eq!(store.delete_expired(1).await?, 0);
    /// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, such as Actix Web's, and if `period` is zero.
    #[must_use = "dropping the handle ends the task"]
    pub fn start_cleanup(&self, period: Duration) -> CleanupTask {
        let (store, closed) = (self.clone(), self.clone());
        let is_closed = move || closed.0.queue.is_closed();
        CleanupTask::start(period, SMALLEST_BATCH, is_closed, move |limit| {
            let store = store.clone();
            async move {
                let settled = store.settle(limit).await?;
                let rows = settled.postponed + settled.deleted + settled.forgotten;
                Ok((rows + settled.freed) as u64)
            }
        })
    }
}
