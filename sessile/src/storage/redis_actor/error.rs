//! [`Fault`]: why an actor has no store to hand out.

use std::sync::Arc;

use crate::storage::{StoreError, StoreErrorKind};

/// Why an actor has no store to hand out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(
        "`RedisActorSessionStore` works only on threads of an Actix system, such as \
         `#[actix_web::main]` makes, and this thread is not one"
    )]
    NoArbiter,
    #[error("there is no connection to Redis yet")]
    NotConnected(#[source] Option<Arc<StoreError>>),
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
            Self::NotConnected(None) | Self::Failed | Self::Closed => StoreErrorKind::Unavailable,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.kind(), fault).not_sent()
    }
}
