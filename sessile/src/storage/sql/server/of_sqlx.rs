//! The errors of `sqlx`, and the connections of its pools.

use std::sync::Arc;

use sqlx::{Database, Error, error::DatabaseError, pool::PoolConnection};

use super::{Fault, Meaning, Message};

/// The fault of `error`. `reported` returns the meaning of an error that the database reports.
pub(in crate::storage) fn of_sqlx(
    error: Error,
    reported: impl FnOnce(&dyn DatabaseError) -> (Meaning, Message),
) -> Fault {
    match error {
        Error::Database(error) => {
            let (meaning, message) = reported(&*error);
            Fault::reported(meaning, message)
        }
        Error::Configuration(_) => Fault::Address(Arc::new(error)),
        Error::PoolTimedOut | Error::PoolClosed => Fault::Pool(Arc::new(error)),
        Error::ColumnDecode { .. } | Error::Decode(_) => Fault::Unreadable,
        Error::Encode(_) => Fault::Unsendable,
        error => Fault::connection(error),
    }
}

/// A connection of a pool in use. It is closed if an operation is dropped: the pool would wait for the reply before
/// it opens another in its place.
pub(in crate::storage) struct Lease<DB: Database>(Option<PoolConnection<DB>>);

impl<DB: Database> Lease<DB> {
    pub(in crate::storage) fn new(connection: PoolConnection<DB>) -> Self {
        Self(Some(connection))
    }

    #[expect(clippy::expect_used, reason = "a lease is empty only after its end")]
    pub(in crate::storage) fn connection(&mut self) -> &mut DB::Connection {
        self.0.as_mut().expect("a connection in use")
    }

    pub(in crate::storage) fn end<T>(mut self, result: Result<T, Fault>) -> Result<T, Fault> {
        if !matches!(&result, Err(fault) if fault.ends_connection()) {
            // Dropping it returns it to its pool.
            self.0 = None;
        }
        result
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
