//! [`WriterTable`]: which requests store changes of a session at this time.
//!
//! A request that finds no other one sends its update directly, and registers it as a [`DirectUpdate`]. Requests that
//! come in the meantime join a [`Queue`].

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
};

use hashbrown::{HashTable, hash_table::Entry};

use super::{
    job::Job,
    member::Member,
    queue::{Leader, Queue},
};
use crate::{
    record::id::{SessionId, hash_of_id},
    session::machine::Stored,
    storage::Version,
};

/// The requests of an engine that store changes. They affect only performance: the store decides which write wins.
#[derive(Default)]
pub(in crate::engine) struct WriterTable(Mutex<Table>);

type Table = HashTable<(WriterKey, Writers)>;

/// What is looked up in the table: a session, and the worker whose requests change it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct WriterKey {
    id: SessionId,
    worker: ThreadId,
}

/// The requests of one worker that store changes of one session.
enum Writers {
    /// Only one, which sends this version directly.
    Direct(Version),
    Queue(Arc<Mutex<Queue>>),
}

impl WriterTable {
    /// Registers an update that a request is about to send; `None` if another request of this worker stores changes of
    /// the session.
    pub(in crate::engine) fn begin_direct(
        &self,
        id: &SessionId,
        version: Version,
    ) -> Option<DirectUpdate<'_>> {
        let key = WriterKey::of(id);
        match entry(&mut locked(&self.0), &key) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert((key.clone(), Writers::Direct(version)));
                Some(DirectUpdate {
                    writers: self,
                    key,
                    version,
                    stored: None,
                })
            }
        }
    }

    /// Whether a request of this worker stores changes of this session.
    #[cfg(test)]
    pub(in crate::engine) fn is_busy(&self, id: &SessionId) -> bool {
        let mut table = locked(&self.0);
        matches!(entry(&mut table, &WriterKey::of(id)), Entry::Occupied(_))
    }

    /// Queues the changes of a request.
    pub(super) fn join(&self, job: Job) -> Member<'_> {
        let key = WriterKey::of(&job.base.id);
        let mut table = locked(&self.0);
        let queue = match entry(&mut table, &key) {
            Entry::Occupied(mut occupied) => match &occupied.get().1 {
                Writers::Queue(queue) => Arc::clone(queue),
                Writers::Direct(version) => {
                    let queue = Queue::led_by(Leader::Direct(*version));
                    occupied.get_mut().1 = Writers::Queue(Arc::clone(&queue));
                    queue
                }
            },
            Entry::Vacant(vacant) => {
                let queue = Queue::led_by(Leader::Vacant);
                vacant.insert((key.clone(), Writers::Queue(Arc::clone(&queue))));
                queue
            }
        };
        let job = locked(&queue).join(job);
        Member {
            writers: self,
            key,
            queue,
            job,
        }
    }

    /// Removes the request of `job` from its queue, and the queue if it is empty then.
    pub(super) fn leave(&self, key: &WriterKey, queue: &Mutex<Queue>, job: &Arc<Job>) {
        let mut table = locked(&self.0);
        let mut queue = locked(queue);
        if !queue.leave(job) {
            return;
        }
        if let Entry::Occupied(mut occupied) = entry(&mut table, key) {
            match queue.direct_version() {
                Some(version) => occupied.get_mut().1 = Writers::Direct(version),
                None => drop(occupied.remove()),
            }
        }
    }
}

fn entry<'a>(table: &'a mut Table, key: &WriterKey) -> Entry<'a, (WriterKey, Writers)> {
    let hash = |key: &WriterKey| hash_of_id(key.id.as_bytes());
    table.entry(hash(key), |(it, _)| it == key, |(it, _)| hash(it))
}

/// An update that a request sends without a queue. Requests that wait for its outcome go on when this is dropped.
pub(in crate::engine) struct DirectUpdate<'a> {
    writers: &'a WriterTable,
    key: WriterKey,
    version: Version,
    stored: Option<Arc<Stored>>,
}

impl DirectUpdate<'_> {
    /// Passes the session as it was stored to the requests that wait, so that they need not load it.
    pub(in crate::engine) fn finish(mut self, stored: &Arc<Stored>) {
        self.stored = Some(Arc::clone(stored));
    }
}

impl Drop for DirectUpdate<'_> {
    fn drop(&mut self) {
        let mut table = locked(&self.writers.0);
        let Entry::Occupied(occupied) = entry(&mut table, &self.key) else {
            return;
        };
        match &occupied.get().1 {
            Writers::Direct(version) if *version == self.version => drop(occupied.remove()),
            // A later update: another request has replaced this one, which took too long, and has left.
            Writers::Direct(_) => {}
            Writers::Queue(queue) => {
                let mut queue = locked(queue);
                if queue.direct_version() == Some(self.version) {
                    queue.finish_direct(self.stored.take());
                }
            }
        }
    }
}

impl WriterKey {
    fn of(id: &SessionId) -> Self {
        Self {
            id: id.clone(),
            worker: thread::current().id(),
        }
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
