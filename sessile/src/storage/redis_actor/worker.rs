//! [`Worker`]: the actor of one thread, with one connection.
//!
//! An actor that can't connect stops, and its supervisor restarts it after the backoff. Operations wait for the
//! connection in their own tasks, not in the mailbox, so that each keeps its own deadline.

use std::sync::Arc;

use actix::{
    Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, Handler, Message,
    ResponseFuture, Supervised, WrapFuture as _,
};
use tokio::{sync::watch, time::sleep};

use super::error::Fault;
use crate::storage::{
    RedisSessionStore, RedisSessionStoreBuilder, StoreError, StoreErrorKind, timing::Deadline,
};

/// Connects, and hands out a store of that connection, which reconnects by itself from then on.
pub(super) struct Worker {
    builder: RedisSessionStoreBuilder,
    failures: u32,
    state: watch::Sender<State>,
}

/// The state of the connection.
enum State {
    Open(RedisSessionStore),
    /// Connecting. Holds the error of the last attempt, if there was one.
    Closed(Option<Arc<StoreError>>),
}

impl State {
    /// Whether waiting can't help.
    fn is_decided(&self) -> bool {
        match self {
            Self::Open(_) => true,
            Self::Closed(None) => false,
            Self::Closed(Some(cause)) => cause.kind() != StoreErrorKind::Unavailable,
        }
    }

    fn store(&self) -> Result<RedisSessionStore, Fault> {
        match self {
            Self::Open(store) => Ok(store.clone()),
            Self::Closed(cause) => Err(Fault::NotConnected(cause.clone())),
        }
    }
}

impl Worker {
    pub(super) fn new(builder: RedisSessionStoreBuilder) -> Self {
        Self {
            builder,
            failures: 0,
            state: watch::Sender::new(State::Closed(None)),
        }
    }

    fn connected(
        &mut self,
        outcome: Result<RedisSessionStore, StoreError>,
        ctx: &mut Context<Self>,
    ) {
        let state = match outcome {
            Ok(store) => State::Open(store),
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                ctx.stop();
                State::Closed(Some(Arc::new(error)))
            }
        };
        self.state.send_replace(state);
    }
}

impl Actor for Worker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let builder = self.builder.clone();
        let wait = builder.backoff.after(self.failures);
        let attempt = async move {
            sleep(wait).await;
            builder.build().await
        };
        ctx.spawn(
            attempt
                .into_actor(self)
                .map(|outcome, worker, ctx| worker.connected(outcome, ctx)),
        );
    }
}

impl Supervised for Worker {}

/// Asks for the store. The reply comes when the worker has connected, when connecting can't succeed, or after the response
/// timeout.
pub(super) struct GetStore;

impl Message for GetStore {
    type Result = Result<RedisSessionStore, Fault>;
}

impl Handler<GetStore> for Worker {
    type Result = ResponseFuture<Result<RedisSessionStore, Fault>>;

    fn handle(&mut self, _: GetStore, _: &mut Self::Context) -> Self::Result {
        let deadline = Deadline::after(self.builder.response_timeout);
        let mut state = self.state.subscribe();
        Box::pin(async move {
            // The state counts, however the wait ends.
            let _ = deadline.bound(state.wait_for(State::is_decided)).await;
            state.borrow().store()
        })
    }
}
