//! Iterating over the sessions, counting and clearing them.
//!
//! An iteration and a count go through the table by the slots of the rows. Each step reads few rows, so that neither the
//! thread of the caller nor a write waits for long.

use std::num::NonZeroU32;

use rusqlite::{Connection, params};

use super::{
    SessionId, SqliteSessionStore, StoreError,
    marks::clear,
    statements::{decode, load},
    subjects::id_of,
};
use crate::{
    clock::Timestamp,
    storage::{Cursor, IterableStore, ManagedStore, Page, sql::column_millis},
};

/// Binds the first slot as ?1, the time as ?2, and the number of rows as ?3.
const PAGE: &str = "
    SELECT version, record, id, slot FROM sessile_sessions
    WHERE slot >= ?1 AND expires_at > ?2 ORDER BY slot LIMIT ?3";

/// Binds the first slot as ?1, the time as ?2, and the number of rows as ?3.
const COUNT: &str = "
    SELECT coalesce(sum(expires_at > ?2), 0), max(slot) FROM (
        SELECT slot, expires_at FROM sessile_sessions WHERE slot >= ?1 ORDER BY slot LIMIT ?3
    )";

/// How many rows a step of a count reads.
const COUNTED_AT_ONCE: u32 = 1000;

/// The number of sessions is exact.
impl IterableStore for SqliteSessionStore {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        let from = after.map(|cursor| cursor.parse(|text| text.parse().ok()));
        let from = from.transpose()?.unwrap_or(i64::MIN);
        self.read(move |connection, now| page(connection, now, from, limit.get()))
            .await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let (mut count, mut next) = (0, Some(i64::MIN));
        while let Some(from) = next {
            let counting = self.read(move |connection, now| count_some(connection, now, from));
            let (live, following) = counting.await?;
            count += live;
            next = following;
            tokio::task::yield_now().await;
        }
        Ok(count)
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.delete_in_steps(None).await?;
        self.0
            .queue
            .execute(|connection, _| clear(connection))
            .await
    }
}

/// Reads a page of rows, from a slot on.
fn page(connection: &Connection, now: Timestamp, from: i64, limit: u32) -> rusqlite::Result<Page> {
    let mut statement = connection.prepare_cached(PAGE)?;
    let mut rows = statement.query(params![from, column_millis(now), limit])?;
    let mut sessions = Vec::new();
    let mut last = None;
    while let Some(row) = rows.next()? {
        sessions.push((id_of(row)?, decode(row)?));
        last = Some(row.get("slot")?);
    }
    let is_full = sessions.len() == limit as usize;
    let next = last.filter(|_| is_full).and_then(following);
    let next = next.map(|slot| Cursor::new(slot.to_string()));
    Ok(Page { sessions, next })
}

/// Counts the live sessions among some rows, from a slot on. Returns the slot where the next step begins as well.
fn count_some(
    connection: &Connection,
    now: Timestamp,
    from: i64,
) -> rusqlite::Result<(u64, Option<i64>)> {
    let mut statement = connection.prepare_cached(COUNT)?;
    statement.query_one(params![from, column_millis(now), COUNTED_AT_ONCE], |row| {
        let (live, last): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        Ok((live.cast_unsigned(), last.and_then(following)))
    })
}

/// The slot after this one.
pub(super) fn following(slot: i64) -> Option<i64> {
    slot.checked_add(1)
}

/// [`close`](ManagedStore::close) ends the thread that writes. The same happens, in the background, if the last clone is
/// dropped. If closing fails, SQLite applies the log when the database is next opened; if the file was deleted or replaced,
/// sessions may be lost.
impl ManagedStore for SqliteSessionStore {
    /// Executes a load in the thread that writes, so it waits for the writes before it.
    async fn ping(&self) -> Result<(), StoreError> {
        let id = *SessionId::generate().as_bytes();
        let load = move |connection: &_, now| load(connection, now, &id);
        self.0.queue.execute(load).await?.map(drop)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.0.queue.close().await
    }
}
