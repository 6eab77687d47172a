//! [`Fault`]: why an actor could not run an operation.

use std::{sync::Arc, time::Duration};

use crate::storage::{StoreError, StoreErrorKind};

/// Why an actor could not run an operation.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(
        "`RedisActorSessionStore` works only on threads of an Actix system, such as \
         `#[actix_web::main]` makes, and this thread is not one"
    )]
    NoArbiter,
    #[error("there is no connection to Redis yet")]
    NotConnected(#[source] Option<Arc<StoreError>>),
    #[error("Redis did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the actor failed")]
    Failed,
    #[error("the store was closed")]
    Closed,
}

impl Fault {
    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::NoArbiter => StoreErrorKind::Misconfigured,
            Self::NotConnected(Some(cause)) => cause.kind(),
            Self::NotConnected(None) | Self::TimedOut(_) | Self::Failed | Self::Closed => {
                StoreErrorKind::Unavailable
            }
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let was_sent = matches!(fault, Fault::TimedOut(_) | Fault::Failed);
        let error = Self::new(fault.kind(), fault);
        match was_sent {
            true => error,
            false => error.not_sent(),
        }
    }
}
