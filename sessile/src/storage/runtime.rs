//! [`RuntimeAffinity`]: the runtime that a connection belongs to.

use tokio::{
    runtime::{Handle, Id},
    sync::oneshot::{self, error::TryRecvError},
};

/// The runtime on which a connection was opened, and which polls its socket.
///
/// Each worker thread of Actix Web is a runtime of its own, and has its own connections. If another thread used
/// them, each reply would have to wake this runtime first, and a handler that computes on it would delay the reply.
pub(super) struct RuntimeAffinity {
    id: Id,
    /// A task of the runtime holds the other end.
    life: oneshot::Receiver<()>,
}

impl RuntimeAffinity {
    /// The runtime of this task.
    ///
    /// Panics outside of a runtime.
    pub(super) fn here() -> Self {
        let (mut sender, life) = oneshot::channel();
        // The task ends when the connection is dropped, or when the runtime ends.
        tokio::spawn(async move { sender.closed().await });
        Self {
            id: Handle::current().id(),
            life,
        }
    }

    /// Whether this task runs on that runtime.
    pub(super) fn is_here(&self) -> bool {
        self.id == Handle::current().id()
    }

    /// Whether the runtime has not ended. Operations on a connection of an ended runtime always fail.
    pub(super) fn is_alive(&mut self) -> bool {
        self.life.try_recv() == Err(TryRecvError::Empty)
    }
}
