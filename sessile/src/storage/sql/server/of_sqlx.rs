//! The errors of `sqlx`, and the connections of its pools.

use std::sync::Arc;

use sqlx::{Database, Error, Pool, error::DatabaseError, pool::PoolConnection};

use super::{Fault, Meaning, StoreErrorKind, after_reply};
use crate::storage::retirement::Retirement;

/// The fault of `error`. `meaning` returns the meaning of an error that the database reports, from its code.
pub(in crate::storage) fn of_sqlx(
    error: Error,
    meaning: impl FnOnce(&dyn DatabaseError, &str) -> Meaning,
) -> Fault {
    match error {
        Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            Fault::reported(meaning(&*error, &code), &code, error.message())
        }
        Error::Configuration(_) => Fault::address(error),
        Error::PoolTimedOut | Error::PoolClosed => Fault::pool(error),
        Error::ColumnDecode { .. } | Error::Decode(_) => Fault::Unreadable,
        Error::Encode(_) => {
            let text = "a value can't be sent to the database";
            Fault::new(StoreErrorKind::Unavailable, text)
        }
        error => Fault::connection(error),
    }
}

/// A pool that the application made.
pub(in crate::storage) struct SqlxPool<DB: Database> {
    pool: Pool<DB>,
    retirement: Arc<Retirement>,
}

impl<DB: Database> From<Pool<DB>> for SqlxPool<DB> {
    fn from(pool: Pool<DB>) -> Self {
        Self {
            pool,
            retirement: Arc::default(),
        }
    }
}

impl<DB: Database> SqlxPool<DB> {
    pub(in crate::storage) async fn acquire(&self) -> Result<Lease<DB>, Error> {
        let count = self.retirement.count();
        Ok(Lease {
            connection: Some(self.pool.acquire().await?),
            count,
            pool: self.pool.clone(),
            retirement: Arc::clone(&self.retirement),
        })
    }
}

/// A connection of a pool in use. It is closed if an operation is dropped: the pool would wait for the reply before
/// it opens another in its place.
pub(in crate::storage) struct Lease<DB: Database> {
    connection: Option<PoolConnection<DB>>,
    /// How often connections had been retired when this one was acquired.
    count: u64,
    pool: Pool<DB>,
    retirement: Arc<Retirement>,
}

impl<DB: Database> Lease<DB> {
    #[expect(clippy::expect_used, reason = "a lease is empty only after its end")]
    pub(in crate::storage) fn connection(&mut self) -> &mut DB::Connection {
        self.connection.as_mut().expect("a connection in use")
    }

    /// Returns the connection to its pool, or closes it if it can't be used any longer.
    pub(in crate::storage) fn end<T>(
        mut self,
        is_write: bool,
        result: Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (result, action) = after_reply(&self.retirement, self.count, is_write, result);
        if action.closes_idle() {
            self.close_idle();
        }
        if !action.closes_this() {
            // Dropping it returns it to its pool.
            self.connection = None;
        }
        result
    }

    /// Closes the idle connections of the pool.
    fn close_idle(&self) {
        // Other operations return connections meanwhile.
        for _ in 0..self.pool.num_idle() {
            self.pool.try_acquire().map(PoolConnection::detach);
        }
        self.retirement.closed_idle();
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}
