//! [`Connections`]: where an operation gets its connection, and what happens when that is cut.

use std::time::Duration;

use sqlx::{Pool, pool::PoolConnection};
use tokio::time::timeout_at;

use super::{
    Dialect, Fault, Limits,
    dialect::{ConnectionOf, OptionsOf},
    own::{Own, Taken},
};
use crate::storage::timing::deadline;

/// Where connections are to come from.
pub(in crate::storage) enum Source<D: Dialect> {
    Options(Box<OptionsOf<D>>),
    Pool(Pool<D::Database>),
}

/// Where connections come from. Clones share them.
pub(in crate::storage) enum Connections<D: Dialect> {
    Own(Own<D>),
    /// The application's.
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

/// How an operation ended.
pub(super) struct Answer<T> {
    pub(super) outcome: Outcome<T>,
    /// Whether it was sent twice.
    pub(super) repeated: bool,
}

/// What the database made of an operation.
pub(super) enum Outcome<T> {
    Done(T),
    /// Nothing: others were at the same rows.
    Overtaken,
}

impl<D: Dialect> Connections<D> {
    pub(super) fn new(source: Source<D>, limits: &Limits) -> Self {
        match source {
            Source::Options(options) => Self::Own(Own::new(*options, limits)),
            Source::Pool(pool) => Self::Pool(pool),
        }
    }

    /// Runs `operation`, and once more on a new connection if its own turns out to be cut: so
    /// running it twice must come to the same as once.
    ///
    /// A connection is used again if all went well on it. One that is not given back, because the
    /// operation took too long or nobody waits for it any longer, is closed: so no answer that is
    /// still to come is ever taken for another's.
    pub(super) async fn run<T, F>(
        &self,
        limit: Duration,
        operation: impl Fn(Lease<D>) -> F,
    ) -> Result<Answer<T>, Fault>
    where
        F: Future<Output = (Lease<D>, Result<T, sqlx::Error>)>,
    {
        let run = timeout_at(deadline(limit), async {
            match self.attempt(false, &operation).await {
                Err(fault) if fault.ends_connection() => {
                    let outcome = self.attempt(true, &operation).await?;
                    Ok((outcome, true))
                }
                first => Ok((first?, false)),
            }
        });
        let (outcome, repeated) = run.await.unwrap_or(Err(Fault::TimedOut(limit)))?;
        Ok(Answer { outcome, repeated })
    }

    async fn attempt<T, F>(
        &self,
        afresh: bool,
        operation: &impl Fn(Lease<D>) -> F,
    ) -> Result<Outcome<T>, Fault>
    where
        F: Future<Output = (Lease<D>, Result<T, sqlx::Error>)>,
    {
        let lease = self
            .lease(afresh)
            .await
            .map_err(|fault| Fault::NotConnected(Box::new(fault)))?;
        let (lease, answer) = operation(lease).await;
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

    async fn lease(&self, afresh: bool) -> Result<Lease<D>, Fault> {
        let held = match self {
            Self::Own(own) => Held::Own(own.take(afresh).await?),
            Self::Pool(pool) => Held::Pool(pool.acquire().await.map_err(Fault::of::<D>)?),
        };
        Ok(Lease(Some(held)))
    }
}

/// A connection in use.
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

    /// For others to use.
    fn give_back(mut self) {
        match self.0.take() {
            Some(Held::Own(taken)) => taken.give_back(),
            // The pool does so by itself.
            Some(Held::Pool(connection)) => drop(connection),
            None => {}
        }
    }

    /// Others that were made before it are likely to be cut as well.
    fn report_cut(mut self) {
        if let Some(Held::Own(taken)) = self.0.take() {
            taken.report_cut();
        }
    }
}

impl<D: Dialect> Drop for Lease<D> {
    fn drop(&mut self) {
        if let Some(Held::Pool(connection)) = self.0.take() {
            // The pool would wait for the answer before it lets anybody else in its place.
            drop(connection.detach());
        }
    }
}
