//! What can go wrong on the way to the actor, and with it.

use std::{sync::Arc, time::Duration};

use crate::storage::{StoreError, StoreErrorKind};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(
        "`RedisActorSessionStore` works on threads of an Actix system only, such as \
         `#[actix_web::main]` makes, and this thread is none"
    )]
    NoArbiter,
    #[error("there is no connection to Redis yet")]
    NotConnected(#[source] Option<Arc<StoreError>>),
    #[error("Redis did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the actor failed")]
    Failed,
}

impl Fault {
    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::NoArbiter => StoreErrorKind::Misconfigured,
            Self::NotConnected(Some(cause)) => cause.kind(),
            Self::NotConnected(None) | Self::TimedOut(_) | Self::Failed => {
                StoreErrorKind::Unavailable
            }
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.kind(), fault)
    }
}
