//! [`Connections`]: where an operation gets its connection, and what happens when that is cut.

use std::time::Duration;

use sqlx::{Pool, pool::PoolConnection};
use tokio::time::{Instant, timeout_at};

use super::{
    Dialect, Fault, Limits, StoreError,
    dialect::{ConnectionOf, OptionsOf},
    own::{Own, Taken},
};
use crate::storage::timing::deadline;

/// Where the connections of a new store come from.
pub(in crate::storage) enum Source<D: Dialect> {
    Options(Box<OptionsOf<D>>),
    Pool(Pool<D::Database>),
}

/// The connections of a store. Clones share them.
pub(in crate::storage) enum Connections<D: Dialect> {
    /// The store opens them itself.
    Own(Own<D>),
    /// The application's pool opens them.
    Pool(Pool<D::Database>),
}

impl<D: Dialect> Clone for Connections<D> {
    fn clone(&self) -> Self {
        match self {
            Self::Own(own) => Self::Own(own.clone()),
            Self::Pool(pool) => Self::Pool(pool.clone()),
        }
    }
}

/// The time that an operation may take.
#[derive(Clone, Copy)]
pub(super) struct TimeLimit {
    ends_at: Instant,
    total: Duration,
}

impl TimeLimit {
    /// A limit of `total` from now.
    pub(super) fn of(total: Duration) -> Self {
        Self {
            ends_at: deadline(total),
            total,
        }
    }

    async fn bound<T>(self, future: impl Future<Output = T>) -> Result<T, Fault> {
        let bounded = timeout_at(self.ends_at, future).await;
        bounded.map_err(|_| Fault::TimedOut(self.total))
    }
}

/// Whether an operation is sent again after its connection was cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterCut {
    Resend,
    Fail,
}

/// How an operation ended.
pub(super) struct Answer<T> {
    pub(super) outcome: Outcome<T>,
    /// Whether it was sent twice.
    pub(super) repeated: bool,
}

/// Why an operation failed.
pub(super) struct Failure {
    pub(super) fault: Fault,
    /// Whether it was sent twice: the first attempt may have happened, whatever the fault is.
    pub(super) repeated: bool,
}

impl From<Failure> for StoreError {
    fn from(Failure { fault, repeated }: Failure) -> Self {
        match repeated {
            true => fault.after_repeat(),
            false => fault.into(),
        }
    }
}

/// What the database made of an operation.
pub(super) enum Outcome<T> {
    Done(T),
    /// Nothing: another statement changed the same rows first.
    Overtaken,
}

impl<D: Dialect> Connections<D> {
    pub(super) fn new(source: Source<D>, limits: &Limits) -> Self {
        match source {
            Source::Options(options) => Self::Own(Own::new(*options, limits)),
            Source::Pool(pool) => Self::Pool(pool),
        }
    }

    /// Runs `operation`, and resends it on a new connection if its connection was cut and `after_cut`
    /// allows it.
    ///
    /// A connection is reused only after the operation completed. If the operation takes too long or its
    /// caller drops it, the connection is closed, so that no later operation reads its reply.
    pub(super) async fn run<T, F>(
        &self,
        limit: TimeLimit,
        after_cut: AfterCut,
        operation: impl Fn(Lease<D>) -> F,
    ) -> Result<Answer<T>, Failure>
    where
        F: Future<Output = (Lease<D>, Result<T, sqlx::Error>)>,
    {
        let mut attempt = self.attempt(false, limit, &operation).await;
        let mut repeated = false;
        if let Err(fault) = &attempt
            && fault.ends_connection()
            && after_cut == AfterCut::Resend
        {
            attempt = self.attempt(true, limit, &operation).await;
            repeated = true;
        }
        match attempt {
            Ok(outcome) => Ok(Answer { outcome, repeated }),
            Err(fault) => Err(Failure { fault, repeated }),
        }
    }

    async fn attempt<T, F>(
        &self,
        is_new: bool,
        limit: TimeLimit,
        operation: &impl Fn(Lease<D>) -> F,
    ) -> Result<Outcome<T>, Fault>
    where
        F: Future<Output = (Lease<D>, Result<T, sqlx::Error>)>,
    {
        let lease = limit.bound(self.lease(is_new)).await.flatten();
        let lease = lease.map_err(|fault| Fault::NotConnected(Box::new(fault)))?;
        let (lease, answer) = limit.bound(operation(lease)).await?;
        match answer.map_err(Fault::of::<D>) {
            Ok(done) => {
                lease.give_back();
                Ok(Outcome::Done(done))
            }
            Err(Fault::Overtaken) => {
                lease.give_back();
                Ok(Outcome::Overtaken)
            }
            Err(fault) => {
                if fault.ends_connection() {
                    lease.report_cut();
                }
                Err(fault)
            }
        }
    }

    /// A connection. One of the store's own is new if `is_new` is set.
    async fn lease(&self, is_new: bool) -> Result<Lease<D>, Fault> {
        let held = match self {
            Self::Own(own) => Held::Own(own.take(is_new).await?),
            Self::Pool(pool) => Held::Pool(pool.acquire().await.map_err(Fault::of::<D>)?),
        };
        Ok(Lease(Some(held)))
    }
}

/// A connection in use. It is closed if it isn't given back.
pub(in crate::storage) struct Lease<D: Dialect>(Option<Held<D>>);

enum Held<D: Dialect> {
    Own(Taken<D>),
    Pool(PoolConnection<D::Database>),
}

impl<D: Dialect> Lease<D> {
    #[expect(
        clippy::expect_used,
        reason = "a lease is empty only while it is given back or dropped"
    )]
    pub(in crate::storage) fn connection(&mut self) -> &mut ConnectionOf<D> {
        match self.0.as_mut().expect("a lease that was not given back") {
            Held::Own(taken) => taken.connection(),
            Held::Pool(connection) => connection,
        }
    }

    /// Makes the connection available to other operations.
    fn give_back(mut self) {
        match self.0.take() {
            Some(Held::Own(taken)) => taken.give_back(),
            // Dropping it returns it to its pool.
            Some(Held::Pool(connection)) => drop(connection),
            None => {}
        }
    }

    /// Closes the connection, and idle ones that are likely to be cut as well.
    fn report_cut(mut self) {
        if let Some(Held::Own(taken)) = self.0.take() {
            taken.report_cut();
        }
    }
}

impl<D: Dialect> Drop for Lease<D> {
    fn drop(&mut self) {
        if let Some(Held::Pool(connection)) = self.0.take() {
            // Otherwise the pool would wait for the reply before it opens another in its place.
            drop(connection.detach());
        }
    }
}
