//! [`MemorySessionStore`]: sessions in the memory of this process.
//!
//! Sessions are in shards, each behind one lock. Each shard has its share of the bound, so the bound needs no lock
//! over all shards.

mod builder;
mod index;
mod iteration;
mod resized;
mod shard;
mod subjects;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use self::{
    index::{HasMarks, Index, is_indexed},
    resized::Resized,
    shard::{Removed, Shard, TooLargeError},
};
use super::{
    CreateOutcome, EndReporter, Freshness, Loaded, Refusal, SessionId, SessionLimit, SessionStore,
    SignInOutcome, SignInWrite, StoreError, StoreErrorKind, SubjectDigest, UpdateOutcome, Version,
};
use crate::{
    clock::{SharedClock, Timestamp},
    record::Record,
};

pub use self::builder::MemorySessionStoreBuilder;

/// Keeps sessions in the memory of this process. They end with the process, and other servers do not see
/// them.
///
/// Clones share the sessions. The store's memory is
/// [bounded](MemorySessionStoreBuilder::max_bytes), by default to 256 MiB. When it is full, the sessions
/// that have not been used for the longest time end early.
///
/// Expired sessions are never served. Every operation checks the next two sessions and frees their
/// memory if they have expired, so there is no background task. After as many operations as there are
/// sessions, usually each session was checked. A store that is not used frees nothing.
///
/// ```
/// use std::time::Duration;
/// use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemorySessionStore::default();
/// let (id, version) = (SessionId::generate(), Version::generate());
/// let record = Record::new(SystemClock.now());
/// let minute = Duration::from_secs(60);
///
/// assert_eq!(store.create(&id, &record, version, minute).await?, CreateOutcome::Created);
/// let loaded = store.clone().load(&id, None, Freshness::Current).await?;
/// assert_eq!(loaded, Some(Loaded { record, version }));
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemorySessionStore {
    shared: Arc<Shared>,
    clock: SharedClock,
}

struct Shared {
    shards: Box<[Mutex<Shard>]>,
    index: Mutex<Index>,
    has_marks: HasMarks,
    end_reporter: EndReporter,
}

impl MemorySessionStore {
    /// A store with settings of your own.
    pub fn builder() -> MemorySessionStoreBuilder {
        MemorySessionStoreBuilder::new()
    }

    #[inline]
    fn shard_of(&self, id: &SessionId) -> &Mutex<Shard> {
        let shards = &self.shared.shards;
        // Ids are random, so any two bytes of them spread the sessions evenly.
        let [first, second, ..] = *id.as_bytes();
        let index = usize::from(u16::from_ne_bytes([first, second])) % shards.len();
        &shards[index]
    }

    /// Runs `operation` under the lock of the shard that `id` belongs to.
    fn in_shard<T>(&self, id: &SessionId, operation: impl FnOnce(&mut Shard, Timestamp) -> T) -> T {
        let (mut resized, mut removed) = Default::default();
        let output = self.operate(id, &mut resized, &mut removed, operation);
        self.forget(&removed);
        output
    }

    /// The same. `removed` gets the expired and evicted sessions, which are then freed without the lock.
    #[inline]
    fn operate<T>(
        &self,
        id: &SessionId,
        resized: &mut Resized,
        removed: &mut Vec<Removed>,
        operation: impl FnOnce(&mut Shard, Timestamp) -> T,
    ) -> T {
        let now = self.clock.now();
        resized.by(self.shard_of(id), |shard| {
            shard.remove_expired(now);
            let output = operation(shard, now);
            *removed = shard.take_removed();
            output
        })
    }

    /// Whether a mark has ended a session that is stored.
    #[inline]
    fn has_ended(&self, id: &SessionId, loaded: &Loaded) -> bool {
        self.shared.has_marks.get()
            && loaded.record.has_subject()
            && self.index().has_ended(id, &loaded.record)
    }

    /// Stores a session, under a limit if it signs in, and brings the index up to date. A session that a mark has ended is
    /// refused.
    fn write(
        &self,
        write: SignInWrite<'_>,
        limit: Option<SessionLimit>,
    ) -> Result<SignInOutcome, StoreError> {
        let SignInWrite {
            id,
            expected,
            record,
            version,
            ttl,
        } = write;
        let compacted = record.compacted();
        let (mut resized, mut removed) = Default::default();
        let mut replaced = None;
        // The lock is held until the index is up to date, so that no mark is written in between.
        let mut index = is_indexed(record).then(|| self.index());
        if index.as_ref().is_some_and(|it| it.has_ended(id, record)) {
            return Ok(SignInOutcome::Refused(Refusal::SubjectEnded));
        }
        let displaced = match (&index, limit) {
            (Some(index), Some(limit)) => limit.displaced(self.other_sessions(index, id, record)),
            _ => Some(Vec::new()),
        };
        let mut outcome = self.operate(id, &mut resized, &mut removed, |shard, now| {
            let position = shard.find_live(id, now);
            let found = position.map(|it| shard.loaded(it).version);
            // A create that is repeated finds its id taken, unless it is a sign-in.
            if found == Some(version) && (expected.is_some() || limit.is_some()) {
                return Ok(SignInOutcome::STORED);
            }
            if found != expected {
                return Ok(SignInOutcome::not_stored(expected, found));
            }
            let Some(displaced) = displaced else {
                return Ok(SignInOutcome::Refused(Refusal::LimitReached));
            };
            let loaded = Loaded {
                record: compacted,
                version,
            };
            let ends_at = now.saturating_add(ttl);
            match position {
                Some(position) => replaced = Some(shard.replace(position, loaded, ends_at)?),
                None => shard.insert(id, loaded, ends_at)?,
            }
            Ok(SignInOutcome::Stored { displaced })
        });
        if let (Some(index), Ok(SignInOutcome::Stored { displaced })) = (&mut index, &mut outcome) {
            index.add(id, record, replaced.as_ref().map(|it| &it.record));
            let is_theirs = |other: &Record| other.subject_name() == record.subject_name();
            self.delete_all(&mut resized, index, displaced, is_theirs);
        } else if let Some(loaded) = replaced.take_if(|it| is_indexed(&it.record)) {
            removed.push(Removed::by_caller(id, loaded));
        }
        drop(index);
        self.forget(&removed);
        outcome.map_err(too_large)
    }
}

impl SessionStore for MemorySessionStore {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        // A record is large, so it is cloned directly into the value that is returned.
        let mut loaded = None;
        self.in_shard(id, |shard, now| {
            if let Some(position) = shard.find_live(id, now) {
                loaded = Some(shard.loaded(position).clone());
            }
        });
        if let Some(loaded) = &loaded
            && self.has_ended(id, loaded)
        {
            return Ok(None);
        }
        Ok(loaded)
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let write = SignInWrite::create(id, record, version, ttl);
        Ok(self.write(write, None)?.into())
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let write = SignInWrite::update(id, expected, record, version, ttl);
        Ok(self.write(write, None)?.into())
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        let removed = self.in_shard(id, |shard, _| shard.remove(id, |_| true));
        // Freed without the lock.
        if let Some(loaded) = removed {
            self.forget(&[Removed::by_caller(id, loaded)]);
        }
        Ok(())
    }

    fn end_reporter(&self) -> Option<&EndReporter> {
        Some(&self.shared.end_reporter)
    }
}

fn too_large(error: TooLargeError) -> StoreError {
    StoreError::new(StoreErrorKind::TooLarge, error).not_sent()
}

impl Default for MemorySessionStore {
    fn default() -> Self {
        Self::builder().build()
    }
}

crate::debug::opaque!(MemorySessionStore);

#[cfg(test)]
mod tests;
