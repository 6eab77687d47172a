//! The errors of `sqlx`, and its pools.

use std::time::Duration;

use sqlx::{Database, Error, error::DatabaseError, pool::PoolConnection};

use super::{Fault, Meaning, StoreErrorKind};
use crate::storage::retirement::Pool;

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

impl<DB: Database> Pool for sqlx::Pool<DB> {
    type Connection = PoolConnection<DB>;
    type Error = Error;

    async fn acquire(&self) -> Result<PoolConnection<DB>, Error> {
        self.acquire().await
    }

    fn close(connection: PoolConnection<DB>) {
        drop(connection.detach());
    }

    fn close_idle(&self) {
        // Other operations return connections meanwhile.
        for _ in 0..self.num_idle() {
            self.try_acquire().map(PoolConnection::detach);
        }
    }

    /// The pool would wait for the reply before it opens another one in its place.
    fn survives_drop(_elapsed: Duration, _limit: Duration) -> bool {
        false
    }
}
