//! Any operations in any order, compared with a list in the order of use.

use proptest::{collection::vec, prelude::*};

use super::*;

/// So little that a few sessions fill it.
const MAX_BYTES: u64 = 2500;

#[derive(Debug, Clone)]
enum Operation {
    Load(u8),
    Create(u8, Content),
    Update(u8, Expected, Content),
    Delete(u8),
    Wait(u8),
}

/// The length of a value, and the seconds that it lives for.
#[derive(Debug, Clone, Copy)]
struct Content {
    len: usize,
    ttl: u8,
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Current,
    Other,
    /// The version of the record is already the new one.
    Repeated,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    use Operation::{Create, Delete, Load, Update, Wait};
    let id = 0..12_u8;
    let len = prop_oneof![9 => 0..600_usize, 1 => 0..4000_usize];
    let content = (len, 0..9_u8).prop_map(|(len, ttl)| Content { len, ttl });
    let expected = prop_oneof![
        4 => Just(Expected::Current),
        1 => Just(Expected::Other),
        1 => Just(Expected::Repeated),
    ];
    let operation = prop_oneof![
        4 => id.clone().prop_map(Load),
        4 => (id.clone(), content.clone()).prop_map(|(id, it)| Create(id, it)),
        4 => (id.clone(), expected, content).prop_map(|(id, expected, it)| Update(id, expected, it)),
        1 => id.prop_map(Delete),
        1 => (0..4_u8).prop_map(Wait),
    ];
    vec(operation, 0..150)
}

/// What the store should hold: sessions by their id, and the ids from the oldest to the newest.
#[derive(Default)]
struct Model {
    sessions: HashMap<u8, Session>,
    order: Vec<u8>,
    now: Duration,
    versions: u64,
}

#[derive(Clone)]
struct Session {
    loaded: Loaded,
    ends_at: Duration,
}

impl Session {
    fn bytes(&self) -> usize {
        footprint(&self.loaded.record.compacted())
    }
}

impl Model {
    /// The version of the session, which becomes the newest, or `None` if it is missing or expired.
    fn find_live(&mut self, id: u8) -> Option<Version> {
        let session = self.sessions.get(&id)?;
        if session.ends_at <= self.now {
            self.remove(id);
            return None;
        }
        let version = session.loaded.version;
        self.order.retain(|it| *it != id);
        self.order.push(id);
        Some(version)
    }

    fn remove(&mut self, id: u8) {
        self.sessions.remove(&id);
        self.order.retain(|it| *it != id);
    }

    fn put(&mut self, id: u8, session: Session) {
        self.remove(id);
        self.sessions.insert(id, session);
        self.order.push(id);
    }

    /// A session with a version of its own.
    fn session(&mut self, content: Content) -> Session {
        self.versions += 1;
        let record = record_of(content.len);
        let version = Version::new(self.versions);
        Session {
            loaded: Loaded { record, version },
            ends_at: self.now + SECOND * content.ttl.into(),
        }
    }

    /// Removes what the store removed, if it was allowed to.
    fn follow(&mut self, kept: &[u8], bytes: usize) {
        let removed: Vec<u8> = (self.order.iter().copied())
            .filter(|id| !kept.contains(id))
            .collect();
        // The bytes before the last eviction: those that are left, and at least those of the newest
        // evicted session.
        let mut before = bytes;
        let mut is_evicted = false;
        for id in removed.iter().rev() {
            let session = &self.sessions[id];
            if !is_evicted {
                before += session.bytes();
            }
            is_evicted |= session.ends_at > self.now;
        }
        assert!(
            !is_evicted || before > MAX_BYTES as usize,
            "evicted too much"
        );
        let oldest_kept = self.order.iter().position(|id| kept.contains(id));
        for id in &removed {
            let position = self.order.iter().position(|it| it == id);
            let is_expired = self.sessions[id].ends_at <= self.now;
            assert!(is_expired || position < oldest_kept, "evicted a newer one");
        }
        for id in removed {
            self.remove(id);
        }
        assert_eq!(self.order, kept);
    }
}

fn session_id(id: u8) -> SessionId {
    SessionId::from_bytes([id; SessionId::LEN])
}

async fn run(operations: Vec<Operation>) {
    let clock = ManualClock::default();
    let builder = MemorySessionStore::builder().max_bytes(MAX_BYTES);
    let store = builder.clock(clock.clone()).build();
    let mut model = Model::default();
    for operation in operations {
        match operation {
            Operation::Load(id) => {
                let expected = model
                    .find_live(id)
                    .map(|_| model.sessions[&id].loaded.clone());
                assert_eq!(store.loaded(&session_id(id)).await, expected);
            }
            Operation::Create(id, content) => {
                let session = model.session(content);
                let ttl = session.ends_at - model.now;
                let Loaded { record, version } = &session.loaded;
                let created = store.create(&session_id(id), record, *version, ttl).await;
                let created = created.map_err(|error| error.kind());
                if model.find_live(id).is_some() {
                    assert_eq!(created, Ok(CreateOutcome::Taken));
                } else if session.bytes() > MAX_BYTES as usize {
                    assert_eq!(created, Err(StoreErrorKind::TooLarge));
                } else {
                    assert_eq!(created, Ok(CreateOutcome::Created));
                    model.put(id, session);
                }
            }
            Operation::Update(id, expected, content) => {
                let mut session = model.session(content);
                let ttl = session.ends_at - model.now;
                let found = model.find_live(id);
                let current = found.unwrap_or(Version::new(0));
                let expected = match expected {
                    Expected::Current => current,
                    Expected::Other => Version::new(0),
                    Expected::Repeated => {
                        session.loaded.version = current;
                        Version::new(0)
                    }
                };
                let Loaded { record, version } = &session.loaded;
                let key = session_id(id);
                let updated = store.update(&key, expected, record, *version, ttl);
                let updated = updated.await.map_err(|error| error.kind());
                if found.is_none() {
                    assert_eq!(updated, Ok(UpdateOutcome::Missing));
                } else if *version == current {
                    assert_eq!(updated, Ok(UpdateOutcome::Updated));
                } else if expected != current {
                    assert_eq!(updated, Ok(UpdateOutcome::Conflict));
                } else if session.bytes() > MAX_BYTES as usize {
                    assert_eq!(updated, Err(StoreErrorKind::TooLarge));
                } else {
                    assert_eq!(updated, Ok(UpdateOutcome::Updated));
                    model.put(id, session);
                }
            }
            Operation::Delete(id) => {
                store.delete(&session_id(id)).await.unwrap();
                model.remove(id);
            }
            Operation::Wait(seconds) => {
                clock.advance(SECOND * seconds.into());
                model.now += SECOND * seconds.into();
            }
        }
        let (kept, bytes) = store.shared.shards[0].lock().unwrap().checked();
        let kept: Vec<u8> = kept.iter().map(|id| id.as_bytes()[0]).collect();
        model.follow(&kept, bytes);
    }
}

proptest! {
    #[test]
    fn any_operations_do_what_the_model_does(operations in operations()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(operations));
    }
}
