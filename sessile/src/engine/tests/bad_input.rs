//! Records that contradict themselves, and stores that answer nonsense.

use super::*;
use crate::{
    record::DecodeError,
    storage::{CreateOutcome, StoreError, StoreErrorKind, SubjectDigest, UpdateOutcome},
};

/// Checks that the cookie opens no session, and that a request with it overwrites nothing.
async fn assert_no_session(world: &World, cookie: &str, id: &SessionId) {
    let before = world.record(id).await;
    assert!(before.is_some());
    let session = world.open(cookie).await;
    assert!(session.entries().is_empty() && session.id().is_none());
    session.insert("m", 1).unwrap();
    let new = world.commit(&session).await.unwrap();
    assert_ne!(world.id(&new).await.as_ref(), Some(id));
    assert_eq!(world.record(id).await, before);
}

#[tokio::test]
async fn a_record_without_secrets_is_no_session() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let id = world.id(&cookie).await.unwrap();
    world
        .rewrite(&id, |text| {
            let start = text.find(r#","k":""#).unwrap();
            let end = start + r#","k":""#.len() + 23;
            text[..start].to_owned() + &text[end..]
        })
        .await;
    assert_no_session(&world, &cookie, &id).await;
}

#[tokio::test]
async fn a_record_of_other_secrets_is_no_session() {
    let world = World::new(|_| {});
    let (cookie, other) = (world.stored().await, world.stored().await);
    let id = world.id(&cookie).await.unwrap();
    let other = world.id(&other).await.unwrap();
    let other = world.record(&other).await.unwrap().encode();
    world.rewrite(&id, |_| other).await;
    assert_no_session(&world, &cookie, &id).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_decoded_is_no_session_and_not_overwritten() {
    for error in [DecodeError::Secrets, DecodeError::NotUtf8] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let id = world.id(&cookie).await.unwrap();
        world.store.fail_to_decode(Some(error));
        let session = world.open(&cookie).await;
        assert!(session.entries().is_empty() && session.id().is_none());
        session.insert("m", 1).unwrap();
        world.commit(&session).await.unwrap();
        world.store.fail_to_decode(None);
        assert_eq!(world.id(&cookie).await, Some(id));
        assert_eq!(world.n(&cookie).await, Some(1));
    }
}

const NEWER: [DecodeError; 2] = [
    DecodeError::UnknownForm { form: 4 },
    DecodeError::UnknownCritical,
];

#[tokio::test]
async fn a_record_of_a_later_version_is_an_error_of_the_store() {
    for newer in NEWER {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        world.store.fail_to_decode(Some(newer));
        let failure = world.manager.open([cookie.as_bytes()]).await.unwrap_err();
        assert_eq!(failure.status(), 503);
        assert!(matches!(
            open_cause(&failure),
            OpenError::Store(error) if error.kind() == StoreErrorKind::Newer
        ));
    }
}

#[tokio::test]
async fn a_purge_before_loading_ends_a_session_of_a_later_version() {
    for newer in NEWER {
        let world = World::new(load_lazily);
        let cookie = world.stored().await;
        let other = world.stored().await;
        for header in [cookie.clone(), both(&cookie, &other)] {
            world.store.fail_to_decode(Some(newer));
            let session = world.open(&header).await;
            session.purge();
            assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
        }
        assert_eq!(world.store.memory.len(), 0);
    }
}

#[tokio::test]
async fn a_session_of_a_later_version_is_not_renewed() {
    let world = World::new(load_lazily);
    let cookie = world.stored().await;
    world
        .store
        .fail_to_decode(Some(DecodeError::UnknownCritical));
    let session = world.open(&cookie).await;
    session.renew();
    assert_eq!(world.failure(&session).await.status(), 503);
}

#[tokio::test]
async fn a_closure_that_panics_fails_its_own_request_only() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, other) = (world.open(&cookie).await, world.open(&cookie).await);
    let update = |n: u32| if n == 1 { 2 } else { panic!("in a closure") };
    session.update("n", update).unwrap();
    increment(&other);
    world.commit(&other).await;
    let failure = world.failure(&session).await;
    assert!(matches!(cause(&failure), CommitError::Merge(_)));
    assert_eq!(failure.status(), 500);
    let next = world.open(&cookie).await;
    increment(&next);
    world.commit(&next).await;
    assert_eq!(world.n(&cookie).await, Some(3));
}

/// The fixed answers of a store.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Nonsense {
    /// Every id is taken.
    Taken,
    /// Every update is reported as done, and nothing is stored.
    Updated,
    /// Every update conflicts.
    Conflict,
    /// Every update finds no record.
    Missing,
    /// Every record has the same version.
    OneVersion,
}

#[derive(Clone)]
struct Lying(MemorySessionStore, Nonsense);

impl SessionStore for Lying {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let loaded = self.0.load(id, subject, freshness).await?;
        Ok(loaded.map(|loaded| match self.1 {
            Nonsense::OneVersion => Loaded {
                version: Version::new(0),
                ..loaded
            },
            _ => loaded,
        }))
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        match self.1 {
            Nonsense::Taken => Ok(CreateOutcome::Taken),
            _ => self.0.create(id, record, version, ttl).await,
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
        match self.1 {
            Nonsense::Updated => Ok(UpdateOutcome::Updated),
            Nonsense::Conflict => Ok(UpdateOutcome::Conflict),
            Nonsense::Missing => Ok(UpdateOutcome::Missing),
            Nonsense::Taken => self.0.update(id, expected, record, version, ttl).await,
            Nonsense::OneVersion => {
                let loaded = self.0.load(id, None, Freshness::Current).await?;
                let expected = loaded.map_or(expected, |loaded| loaded.version);
                self.0.update(id, expected, record, version, ttl).await
            }
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.0.delete(id).await
    }
}

fn lying(nonsense: Nonsense) -> World<Lying> {
    let clock = ManualClock::default();
    let memory = MemorySessionStore::builder().clock(clock.clone()).build();
    World::over(Lying(memory, nonsense), clock, |_| {})
}

/// The answer to a request that increments.
async fn incremented(nonsense: Nonsense) -> (Result<Option<String>, SessionFailure>, Option<u32>) {
    let world = lying(nonsense);
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    let answer = world.answer(&session, "POST").await;
    (answer, world.n(&cookie).await)
}

#[tokio::test]
async fn a_store_in_which_every_id_is_taken_is_an_error() {
    let world = lying(Nonsense::Taken);
    let session = world.open("").await;
    session.insert("n", 1).unwrap();
    let failure = world.failure(&session).await;
    assert!(matches!(
        cause(&failure),
        CommitError::Contention { attempts: 3 }
    ));
    assert_eq!(failure.status(), 503);
    assert_eq!(failure.headers().set_cookie, None);
}

#[tokio::test(start_paused = true)]
async fn a_store_in_which_every_update_conflicts_is_an_error() {
    let (answer, n) = incremented(Nonsense::Conflict).await;
    let failure = answer.unwrap_err();
    assert!(matches!(cause(&failure), CommitError::Contention { .. }));
    assert_eq!((failure.status(), n), (503, Some(1)));
}

#[tokio::test]
async fn a_store_that_misses_what_it_has_refuses_the_change() {
    let (answer, n) = incremented(Nonsense::Missing).await;
    assert_eq!((answer.unwrap_err().status(), n), (409, Some(1)));
}

#[tokio::test]
async fn a_store_that_only_says_that_it_updates_is_believed() {
    let (answer, n) = incremented(Nonsense::Updated).await;
    assert_eq!((answer.unwrap(), n), (None, Some(1)));
    let world = lying(Nonsense::Updated);
    let session = world.open(&world.stored().await).await;
    for _ in 0..2 {
        increment(&session);
        session.save().await.unwrap();
    }
    session.reload().await.unwrap();
    assert_eq!(session.get("n").unwrap(), Some(1));
}

#[tokio::test]
async fn requests_one_after_another_lose_nothing_if_versions_repeat() {
    let world = lying(Nonsense::OneVersion);
    let mut cookie = world.stored().await;
    for n in 2..5 {
        let session = world.open(&cookie).await;
        increment(&session);
        session.save().await.unwrap();
        session.reload().await.unwrap();
        session.renew();
        cookie = world.commit(&session).await.unwrap();
        assert_eq!(world.n(&cookie).await, Some(n));
    }
}
