//! [`MigratingStore`]: two stores as one, while sessions move from the old one to the new one.
//!
//! # How a session moves
//!
//! The old store and the new one have no transaction in common. The slot of a session in the new store decides:
//!
//! 1. `create` puts a *placeholder* into the slot, unless something is there. It is no session.
//! 2. `load` reads the session in the old store.
//! 3. `update` replaces the placeholder by the session in one compare-and-swap. **The session has moved.**
//! 4. `delete` removes the copy in the old store.
//!
//! A session gets into the slot only by a compare-and-swap on a version that was there *before* the old store was read.
//! The end of a session deletes it in the old store first, and then the slot. So a move in flight finds no session in
//! step 2, or no placeholder in step 3, however long it was delayed. It never restores an ended session. If two servers
//! move one session, both try to replace the same placeholder, and one of them gets a conflict. A server that crashes
//! after step 1 or 2 leaves the session in the old store, and a placeholder that expires.
//!
//! A load reads the new store first. If nothing is there, and nothing is in the old one either, it reads the new one again,
//! because the session may have moved in between.
//!
//! # While some servers prepare
//!
//! A server that [prepares](Phase::Prepare) writes to the old store, and reads the slot afterwards. If it finds a
//! placeholder, a move may have read the old store before the write. The server replaces the placeholder by another
//! one, so that such a move fails. If it finds a session, the session has moved, with or without the write. The server
//! reports the write as unknown.

mod administration;
#[cfg(test)]
mod tests;
mod writing;

use std::time::Duration;

use super::{
    CreateOutcome, Freshness, Loaded, SessionId, SessionStore, StoreError, StoreErrorKind,
    SubjectDigest, UpdateOutcome, Version,
};
use crate::{
    clock::{Clock, SharedClock, Timestamp},
    record::Record,
};

/// Moves sessions from one store to another without signing users out.
///
/// A session is read in the new store, or else in the old one. Its first change moves it. New sessions are created in the new
/// store. The page [`guide::moving_stores`](crate::guide::moving_stores) describes the steps, and how to know that the old store
/// is empty.
///
/// # Guarantees
///
/// For servers that all use this store, in either [phase](Self::prepare):
///
/// - No acknowledged write is lost, and none is applied twice. This holds in races, and if a server or a store fails.
/// - An ended session is never restored. An end is acknowledged only after both stores have executed it.
/// - A session can always be read, also while it moves.
/// - While one store is down, operations that need it fail. An operation never reports *missing* while one of the stores is down.
///
/// **An exception.** If a server crashes, or the old store fails, between the last two steps of a move, a copy of the session
/// stays in the old store. It is never served while the session lives in the new store, and it ends with the session. But if
/// the session later gets a shorter lifetime and *expires* in the new store, the copy is served until its own, earlier
/// end. [`move_some`](Self::move_some) removes such copies.
///
/// # Costs
///
/// A session that has moved costs the same as in the new store alone; only its end takes one more round trip, to the
/// old store. A session that has not moved costs a second load for each request, and its first change takes six round
/// trips. A request whose cookie names no session takes three loads.
///
/// # What is not supported
///
/// - **Lists and limits of a user's sessions.** The store is no [`SubjectStore`](super::SubjectStore). So until the
///   move has ended, a middleware with a limit does not compile, and "log out everywhere" is not available. Users can
///   sign in and out. The new store indexes the sessions that it has, so that lists are complete after the move. Marks
///   stay in the old store. So before the move, wait until no sign-in is in flight that a mark has to refuse.
/// - **The cookie store** on either side: its sessions are in browsers.
/// - **Sessions that actix-session left in Redis**, unless both stores open them.
///
/// ```
/// use std::time::Duration;
/// use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let (old, new) = (MemorySessionStore::default(), MemorySessionStore::default());
/// let (id, version, minute) = (SessionId::generate(), Version::generate(), Duration::from_secs(60));
/// let record = Record::new(SystemClock.now());
/// old.create(&id, &record, version, minute).await?;
///
/// let store = MigratingStore::new(old.clone(), new.clone())?;
/// assert!(store.load(&id, None, Freshness::Current).await?.is_some());
/// let changed = Version::generate();
/// let outcome = store.update(&id, version, &record, changed, minute).await?;
/// assert_eq!(outcome, UpdateOutcome::Updated);
///
/// assert_eq!(old.load(&id, None, Freshness::Current).await?, None);
/// let moved = new.load(&id, None, Freshness::Current).await?;
/// assert_eq!(moved.map(|it| it.version), Some(changed));
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct MigratingStore<Old, New> {
    old: Old,
    new: New,
    phase: Phase,
    clock: SharedClock,
}

/// How a server treats sessions in the old store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It changes them there, and creates new ones there.
    Prepare,
    /// It moves them when they change, and creates new ones in the new store.
    Move,
}

impl<Old: SessionStore, New: SessionStore> MigratingStore<Old, New> {
    /// Moves sessions from `old` to `new`, when all servers [prepare](Self::prepare) or move already.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](StoreErrorKind::Misconfigured) if one of the stores keeps nothing.
    pub fn new(old: Old, new: New) -> Result<Self, StoreError> {
        Self::in_phase(old, new, Phase::Move)
    }

    /// Prepares for the move: uses sessions in both stores, but moves none, and creates new ones in `old`.
    ///
    /// Servers that prepare work beside servers that use `old` alone, and beside those that move. Servers that move do
    /// not work beside servers that use `old` alone: the latter do not see the sessions that have moved, and can lose
    /// writes. Each write costs one more load from `new`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn prepare(old: Old, new: New) -> Result<Self, StoreError> {
        Self::in_phase(old, new, Phase::Prepare)
    }

    fn in_phase(old: Old, new: New, phase: Phase) -> Result<Self, StoreError> {
        if old.keeps_nothing() || new.keeps_nothing() {
            let cause = "sessions in cookies can't be moved";
            return Err(StoreError::new(StoreErrorKind::Misconfigured, cause).not_sent());
        }
        Ok(Self {
            old,
            new,
            phase,
            clock: SharedClock::default(),
        })
    }

    /// Reads the time from `clock` instead of the operating system: for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// The store that sessions move from.
    pub const fn old_store(&self) -> &Old {
        &self.old
    }

    /// The store that sessions move to.
    pub const fn new_store(&self) -> &New {
        &self.new
    }

    /// Reads the slot of a session in the new store.
    async fn slot(&self, id: &SessionId) -> Result<Slot, StoreError> {
        let loaded = self.new.load(id, None, Freshness::Current).await?;
        Ok(Slot::of(loaded))
    }
}

/// The slot of a session in the new store.
enum Slot {
    Empty,
    /// The session may be in the old store. A move replaces this version.
    Placeholder(Version),
    Session(Loaded),
}

impl Slot {
    fn of(loaded: Option<Loaded>) -> Self {
        match loaded {
            None => Self::Empty,
            Some(loaded) if is_placeholder(&loaded.record) => Self::Placeholder(loaded.version),
            Some(loaded) => Self::Session(loaded),
        }
    }

    fn session(self) -> Option<Loaded> {
        match self {
            Self::Session(loaded) => Some(loaded),
            Self::Empty | Self::Placeholder(_) => None,
        }
    }
}

/// The expiry in a placeholder. It marks the record as a placeholder, and a server that does not know placeholders
/// finds an expired session.
const PLACEHOLDER_END: Timestamp = Timestamp::from_unix_millis(0);

/// The time to live of a placeholder: far longer than a move takes. A move that takes longer fails, and is repeated.
const PLACEHOLDER_TTL: Duration = Duration::from_secs(60);

fn placeholder() -> Record {
    let mut record = Record::new(PLACEHOLDER_END);
    record.ends_at = PLACEHOLDER_END;
    record
}

pub(super) fn is_placeholder(record: &Record) -> bool {
    record.ends_at == PLACEHOLDER_END
}

impl<Old: SessionStore, New: SessionStore> SessionStore for MigratingStore<Old, New> {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let moved = self.new.load(id, subject, freshness).await?;
        if let Slot::Session(loaded) = Slot::of(moved) {
            return Ok(Some(loaded));
        }
        if let Some(loaded) = self.old.load(id, subject, freshness).await? {
            return Ok(Some(loaded));
        }
        // The session may have moved after the new store was read.
        Ok(self.slot(id).await?.session())
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        match self.phase {
            Phase::Prepare => self.old.create(id, record, version, ttl).await,
            Phase::Move => self.new.create(id, record, version, ttl).await,
        }
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let write = writing::Write {
            id,
            expected,
            record,
            version,
            ttl,
        };
        match self.phase {
            Phase::Prepare => Box::pin(self.update_in_place(write)).await,
            Phase::Move => Box::pin(self.update_and_move(write)).await,
        }
    }

    /// The order matters: a move in flight then finds no session, or no placeholder. If the old store fails, the
    /// session stays in the new one, because a copy in the old store would be served instead.
    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.old.delete(id).await?;
        self.new.delete(id).await
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        self.old.opens_actix_session_key(key) && self.new.opens_actix_session_key(key)
    }
}
