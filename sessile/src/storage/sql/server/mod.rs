//! Sessions in one table of a database that several servers share.

mod connections;
mod dialect;
mod error;
mod location;
mod names;
mod own;
mod schema;

use std::{fmt, sync::Arc, time::Duration};

use super::super::{Loaded, StoreError, StoreErrorKind, Stored, Swap, Version};
use crate::{
    key::{ID_LEN, SessionKey, generate_session_key},
    record::Record,
    storage::timing::millis,
};

use self::connections::{Answer, Outcome};
pub(in crate::storage) use self::{
    connections::{Connections, Lease, Source},
    dialect::{Change, Dialect, NewRow, Row, Statement},
    error::{Fault, Meaning},
    location::check_scheme,
    names::{Name, quoted},
    schema::{Column, SCHEMA_COMMENT, Table},
};

/// How often an operation is tried that others keep from being made, and how often a new key is
/// made when there is something under the last one, which with 128 random bits doesn't happen.
const MAX_TURNS: u32 = 5;

/// How long opening a store may take beyond connecting: a table may have to be made, or to be waited
/// for while another server makes it.
const OPENING: Duration = Duration::from_secs(30);

/// How long one batch of a clean-up may take. Nobody waits for it.
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

/// A store on a database that speaks `D`. Clones share the connections.
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
    /// Connects, and makes sure that the table is there and can be used.
    pub(in crate::storage) async fn open(
        dialect: D,
        source: Source<D>,
        limits: &Limits,
        create_table: bool,
    ) -> Result<Self, StoreError> {
        let store = Self {
            dialect: Arc::new(dialect),
            connections: Connections::new(source, limits),
            response_timeout: limits.response_timeout,
        };
        let dialect = &*store.dialect;
        let opening = store.connections.run(OPENING, |mut lease| async move {
            let opened = schema::open(dialect, lease.connection(), create_table).await;
            (lease, Ok(opened))
        });
        match opening.await?.outcome {
            Outcome::Done(opened) => opened?,
            Outcome::Overtaken => return Err(Fault::Overtaken.into()),
        }
        Ok(store)
    }

    /// Runs what may be run again, until it isn't overtaken by others. Also whether it was sent
    /// more than once.
    async fn run<T, F>(
        &self,
        limit: Duration,
        operation: impl Fn(Lease<D>) -> F,
    ) -> Result<(T, bool), Fault>
    where
        F: Future<Output = (Lease<D>, Result<T, sqlx::Error>)>,
    {
        let mut was_repeated = false;
        for _ in 0..MAX_TURNS {
            let Answer { outcome, repeated } = self.connections.run(limit, &operation).await?;
            was_repeated |= repeated;
            if let Outcome::Done(done) = outcome {
                return Ok((done, was_repeated));
            }
        }
        Err(Fault::Overtaken)
    }

    async fn find(&self, key: &SessionKey) -> Result<Option<Row>, Fault> {
        let (dialect, id, digest) = (&*self.dialect, key.id(), &*key.secret_digest());
        let loading = self.run(self.response_timeout, |mut lease| async move {
            let row = dialect.load(lease.connection(), id, digest).await;
            (lease, row)
        });
        Ok(loading.await?.0)
    }

    pub(in crate::storage) async fn load(
        &self,
        key: &SessionKey,
    ) -> Result<Option<Loaded>, StoreError> {
        if !may_be_here(key) {
            return Ok(None);
        }
        let Some(row) = self.find(key).await? else {
            return Ok(None);
        };
        let record = Record::decode(&row.record)
            .map_err(|source| StoreError::new(StoreErrorKind::Corrupt, source))?;
        Ok(Some(Loaded {
            record,
            version: row.version,
        }))
    }

    pub(in crate::storage) async fn create(
        &self,
        record: &Record,
        ttl: Duration,
    ) -> Result<Stored, StoreError> {
        let record = &*record.encode();
        for _ in 0..MAX_TURNS {
            let (key, version) = (generate_session_key(), Version::drawn());
            let row = NewRow {
                id: key.id(),
                digest: &key.secret_digest(),
                version,
                ttl: millis(ttl),
                record,
            };
            let (dialect, row) = (&*self.dialect, &row);
            let creating = self.run(self.response_timeout, |mut lease| async move {
                let created = dialect.create(lease.connection(), row).await;
                (lease, created)
            });
            let is_ours = match creating.await? {
                (true, _) => true,
                // What was sent first may have been done.
                (false, true) => {
                    let found = self.find(&key).await?;
                    found.is_some_and(|found| found.version == version)
                }
                (false, false) => false,
            };
            if is_ours {
                return Ok(Stored { key, version });
            }
        }
        Err(Fault::KeysCollide.into())
    }

    pub(in crate::storage) async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        match self
            .swap((key, version), key.clone(), (record, ttl))
            .await?
        {
            // What was sent first may have been what changed the record, before others changed it
            // again: to make the change once more on top of theirs would be to make it twice.
            (Swap::Conflict, true) => Err(Fault::Uncertain.into()),
            (swap, _) => Ok(swap),
        }
    }

    pub(in crate::storage) async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let new_key = key.renewed();
        // A conflict is one even if this was sent twice: the record would not open to this key any
        // more if it had been changed by this.
        let (swap, _) = self.swap((key, version), new_key, (record, ttl)).await?;
        Ok(swap)
    }

    /// Stores `record` for `new_key` to open in place of what `key` opens, if that has `version`.
    ///
    /// Also whether the request was sent more than once.
    async fn swap(
        &self,
        (key, version): (&SessionKey, Version),
        new_key: SessionKey,
        (record, ttl): (&Record, Duration),
    ) -> Result<(Swap, bool), Fault> {
        if !may_be_here(key) {
            return Ok((Swap::Gone, false));
        }
        let new_version = Version::drawn();
        let change = &Change {
            id: key.id(),
            old_digest: &key.secret_digest(),
            old_version: version,
            new: NewRow {
                id: key.id(),
                digest: &new_key.secret_digest(),
                version: new_version,
                ttl: millis(ttl),
                record: &record.encode(),
            },
        };
        let dialect = &*self.dialect;
        let mut was_repeated = false;
        for _ in 0..MAX_TURNS {
            let swapping = self
                .connections
                .run(self.response_timeout, |mut lease| async move {
                    let found = dialect.swap(lease.connection(), change).await;
                    (lease, found)
                });
            let Answer { outcome, repeated } = swapping.await?;
            was_repeated |= repeated;
            let found = match outcome {
                Outcome::Done(found) => found,
                Outcome::Overtaken => Some(version),
            };
            let swap = match found {
                None => Swap::Gone,
                Some(found) if found == new_version => Swap::Stored(Stored {
                    key: new_key,
                    version: new_version,
                }),
                // Changed by others at this moment; or by what was sent first.
                Some(found) if found == version && was_repeated => continue,
                Some(_) => Swap::Conflict,
            };
            return Ok((swap, was_repeated));
        }
        Err(Fault::Uncertain)
    }

    pub(in crate::storage) async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        if !may_be_here(key) {
            return Ok(());
        }
        let (dialect, id) = (&*self.dialect, key.id());
        let deleting = self.run(self.response_timeout, |mut lease| async move {
            let deleted = dialect.delete(lease.connection(), id).await;
            (lease, deleted)
        });
        deleting.await?;
        Ok(())
    }

    pub(in crate::storage) async fn delete_expired(&self, limit: u32) -> Result<u64, StoreError> {
        let dialect = &*self.dialect;
        let deleting = self.run(CLEANING, |mut lease| async move {
            let deleted = dialect.delete_expired(lease.connection(), limit).await;
            (lease, deleted)
        });
        Ok(deleting.await?.0)
    }
}

impl<D: Dialect> fmt::Debug for Store<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("table", self.dialect.table())
            .finish_non_exhaustive()
    }
}

/// Whether `key` has the form of those that are made here. Others need not be looked for, which also
/// keeps characters out that a database has no place for.
fn may_be_here(key: &SessionKey) -> bool {
    let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    key.id().len() == ID_LEN && key.id().bytes().all(is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_our_own_form_are_looked_for() {
        assert!(may_be_here(&generate_session_key()));
        for text in [
            "x",
            "\0",
            "Ä.x",
            &"x".repeat(64),
            "...",
            "a a a a a a a a a a aa.x",
        ] {
            assert!(!may_be_here(
                &SessionKey::try_from(text.to_owned()).unwrap()
            ));
        }
    }
}
