//! Sessions in a database server, which several servers of an application share.

mod connections;
mod dialect;
mod error;
mod location;
mod names;
mod own;
mod schema;

use std::{fmt, sync::Arc, time::Duration};

use super::super::{
    CreateOutcome, Loaded, SessionId, StoreError, StoreErrorKind, UpdateOutcome, Version,
};
use crate::record::Record;

use self::connections::{AfterCut, Failure, Outcome, TimeLimit};
pub(in crate::storage) use self::{
    connections::{Connections, Lease, Source},
    dialect::{Cleaned, Dialect, NewRow, Row, Statement},
    error::{Fault, Meaning},
    location::check_scheme,
    names::Name,
    schema::{Column, Definition, FoundTable, SCHEMA_COMMENT, Table, tables},
};

/// How often an operation is attempted that other statements keep from succeeding.
const MAX_ATTEMPTS: u32 = 5;

/// How long opening a store may take after it has connected. Another server may be creating the tables.
const OPENING: Duration = Duration::from_secs(30);

/// How long one batch of a clean-up may take. No request waits for it.
const CLEANING: Duration = Duration::from_secs(60);

/// The settings of a store that don't depend on its database.
#[derive(Debug, Clone)]
pub(in crate::storage) struct Limits {
    pub(in crate::storage) connections: usize,
    pub(in crate::storage) connect_timeout: Duration,
    pub(in crate::storage) response_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
        }
    }
}

/// A store on a database of the dialect `D`. Clones share the connections.
pub(in crate::storage) struct Store<D: Dialect> {
    dialect: Arc<D>,
    connections: Connections<D>,
    response_timeout: Duration,
}

impl<D: Dialect> Clone for Store<D> {
    fn clone(&self) -> Self {
        Self {
            dialect: Arc::clone(&self.dialect),
            connections: self.connections.clone(),
            response_timeout: self.response_timeout,
        }
    }
}

impl<D: Dialect> Store<D> {
    /// Connects, and checks that the tables can be used.
    pub(in crate::storage) async fn open(
        dialect: D,
        source: Source<D>,
        limits: &Limits,
        create_tables: bool,
    ) -> Result<Self, StoreError> {
        let store = Self {
            dialect: Arc::new(dialect),
            connections: Connections::new(source, limits),
            response_timeout: limits.response_timeout,
        };
        let dialect = &*store.dialect;
        let opening = store.run(OPENING, AfterCut::Resend, |mut lease| async move {
            let opened = schema::open(dialect, lease.connection(), create_tables).await;
            (lease, Ok(opened))
        });
        opening.await??;
        Ok(store)
    }

    pub(in crate::storage) async fn load(
        &self,
        id: &SessionId,
    ) -> Result<Option<Loaded>, StoreError> {
        let (dialect, limit) = (&*self.dialect, self.response_timeout);
        let loading = self.run(limit, AfterCut::Resend, |mut lease| async move {
            let row = dialect.load(lease.connection(), id).await;
            (lease, row)
        });
        let Some(row) = loading.await? else {
            return Ok(None);
        };
        Ok(Some(Loaded {
            record: Record::decode(&row.record)?,
            version: row.version,
        }))
    }

    pub(in crate::storage) async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let row = &NewRow::new(id, record, version, ttl);
        let (dialect, limit) = (&*self.dialect, self.response_timeout);
        let creating = self.run(limit, AfterCut::Fail, |mut lease| async move {
            let created = dialect.create(lease.connection(), row).await;
            (lease, created)
        });
        Ok(match creating.await? {
            true => CreateOutcome::Created,
            false => CreateOutcome::Taken,
        })
    }

    pub(in crate::storage) async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let row = &NewRow::new(id, record, version, ttl);
        let dialect = &*self.dialect;
        let limit = TimeLimit::of(self.response_timeout);
        let mut was_repeated = false;
        for _ in 0..MAX_ATTEMPTS {
            let updating = self
                .connections
                .run(limit, AfterCut::Resend, |mut lease| async move {
                    let found = dialect.update(lease.connection(), expected, row).await;
                    (lease, found)
                });
            let answer = updating.await.map_err(|failure| Failure {
                repeated: failure.repeated || was_repeated,
                ..failure
            })?;
            was_repeated |= answer.repeated;
            match answer.outcome {
                Outcome::Done(Some(found)) if found == version => {
                    return Ok(UpdateOutcome::Updated);
                }
                // Without a repeat, the answer is about this attempt alone.
                Outcome::Done(None) if !was_repeated => return Ok(UpdateOutcome::Missing),
                _ if !was_repeated => return Ok(UpdateOutcome::Conflict),
                // The first attempt may be in progress: the next one finds its version.
                Outcome::Overtaken => {}
                Outcome::Done(Some(found)) if found == expected => {}
                // The first attempt may have been stored, and then changed or deleted.
                Outcome::Done(_) => return Err(Fault::Unknown.into()),
            }
        }
        Err(Fault::Unknown.into())
    }

    pub(in crate::storage) async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        let (dialect, limit) = (&*self.dialect, self.response_timeout);
        self.run(limit, AfterCut::Resend, |mut lease| async move {
            let deleted = dialect.delete(lease.connection(), id).await;
            (lease, deleted)
        })
        .await
    }

    /// Deletes up to `limit` expired rows, the earliest due first. Returns zero only if none is left.
    pub(in crate::storage) async fn delete_expired(&self, limit: u32) -> Result<u64, StoreError> {
        loop {
            let cleaned = self.clean_up(limit).await?;
            if cleaned.deleted > 0 || cleaned.due == 0 {
                return Ok(cleaned.deleted);
            }
        }
    }

    /// Processes up to `limit` rows that are due.
    pub(in crate::storage) async fn clean_up(&self, limit: u32) -> Result<Cleaned, StoreError> {
        let dialect = &*self.dialect;
        self.run(CLEANING, AfterCut::Resend, |mut lease| async move {
            let cleaned = dialect.clean_up(lease.connection(), limit).await;
            (lease, cleaned)
        })
        .await
    }

    /// Runs `operation`, again if other statements changed the same rows first.
    async fn run<T, F>(
        &self,
        limit: Duration,
        after_cut: AfterCut,
        operation: impl Fn(Lease<D>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = (Lease<D>, Result<T, sqlx::Error>)>,
    {
        let limit = TimeLimit::of(limit);
        for _ in 0..MAX_ATTEMPTS {
            let answer = self.connections.run(limit, after_cut, &operation).await?;
            if let Outcome::Done(done) = answer.outcome {
                return Ok(done);
            }
        }
        Err(Fault::Overtaken.into())
    }
}

impl<D: Dialect> fmt::Debug for Store<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sessions, _] = self.dialect.tables();
        f.debug_struct("Store")
            .field("table", &sessions.name)
            .finish_non_exhaustive()
    }
}
