//! The errors of `sqlx`.

use std::sync::Arc;

use sqlx::{Error, error::DatabaseError};

use super::{Fault, Meaning, Message};

/// The fault that `error` is. `reported` tells what an error means that the database reports.
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
