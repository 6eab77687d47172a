//! [`Home`]: the runtime that a connection belongs to.

use tokio::{
    runtime::{Handle, Id},
    sync::oneshot::{self, error::TryRecvError},
};

/// The runtime that a connection was made on, and that watches its socket.
///
/// Each worker thread of Actix Web is a runtime of its own, and has its own connections. If another thread used
/// them, each reply would have to wake this runtime first, and a handler that computes on it would delay the reply.
pub(super) struct Home {
    id: Id,
    /// The other end is with a task there.
    life: oneshot::Receiver<()>,
}

impl Home {
    /// The one that this task runs on.
    ///
    /// Panics outside of a runtime.
    pub(super) fn here() -> Self {
        let (mut sender, life) = oneshot::channel();
        // Ends with what belongs there, or is dropped with the runtime.
        tokio::spawn(async move { sender.closed().await });
        Self {
            id: Handle::current().id(),
            life,
        }
    }

    /// Whether this task runs there.
    pub(super) fn is_here(&self) -> bool {
        self.id == Handle::current().id()
    }

    /// Whether the runtime is still there. A connection of one that isn't only fails.
    pub(super) fn is_alive(&mut self) -> bool {
        self.life.try_recv() == Err(TryRecvError::Empty)
    }
}
