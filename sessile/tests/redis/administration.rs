//! Iterating over all sessions, counting and clearing them, among the other keys of a database.

use std::num::NonZeroU32;

use sessile::storage::{
    Cursor, Freshness, IterableStore as _, RedisSessionStore, SessionId, SessionStore as _,
    StoreErrorKind,
};
use sessile_rig::redis::{Cluster, Redis};

use crate::{
    cluster::url_of,
    setup::{create, in_time, kind, near_store, store, value},
    subjects::scene::User,
};

/// The ids of the sessions that an iteration shows, and the kinds of the errors.
async fn iterate(store: &RedisSessionStore) -> (Vec<SessionId>, Vec<StoreErrorKind>) {
    let (mut ids, mut errors, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = store.page(after.as_ref(), NonZeroU32::MIN).await.unwrap();
        for (id, loaded) in page.sessions {
            match loaded {
                Ok(_) => ids.push(id),
                Err(error) => errors.push(error.kind()),
            }
        }
        after = page.next;
        if after.is_none() {
            return (ids, errors);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_others_are_neither_shown_nor_deleted() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let user = User::of(&store);
    user.end_all(5).await;
    let (guest, signed_in) = (create(&store, 1).await, user.create(10).await);
    // A session that actix-session left, and keys of other applications.
    let old = "a".repeat(64);
    let others = [
        "b".repeat(64),
        "sessile:".to_owned(),
        "sessile:mine".to_owned(),
        format!("other:{}", SessionId::generate()),
    ];
    redis.command(&["SET", &old, r#"{"n":"1"}"#]).unwrap();
    for key in &others {
        redis.command(&["SET", key, "of another"]).unwrap();
    }
    let hash = format!("sessile:{}", SessionId::generate());
    redis.command(&["HSET", &hash, "field", "value"]).unwrap();

    let (mut ids, errors) = iterate(&store).await;
    assert_eq!(errors, [StoreErrorKind::Corrupt]);
    assert_eq!(ids.len(), 3);
    ids.retain(|id| ![&guest.id, &signed_in.id].contains(&id));
    let loaded = store.load(&ids[0], None, Freshness::Current).await.unwrap();
    assert_eq!(loaded.unwrap().record.state.get("n").unwrap(), Some(1));
    // The estimate counts keys.
    assert_eq!(store.count().await.unwrap(), 5);

    store.clear().await.unwrap();
    let (ids, errors) = iterate(&store).await;
    assert_eq!((ids.len(), errors.len()), (0, 1));
    for key in others.iter().chain([&hash, &user.key("mark")]) {
        let exists = redis.command(&["EXISTS", key]).unwrap();
        assert_eq!(exists.integer(), Some(1), "{key}");
    }
    assert_eq!(user.listed().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_only_a_mark_ends_is_not_shown() {
    let redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let user = User::of(&store);
    let session = user.create(10).await;
    for part in ["sessions", "sign-ins", "new"] {
        redis.command(&["DEL", &user.key(part)]).unwrap();
    }
    assert_eq!(iterate(&store).await.0, [session.id]);
    assert_eq!(user.end_all(100).await.1, []);
    assert_eq!(iterate(&store).await.0, []);
}

/// What one server clears, another one serves no longer, although its near cache is bounded by nothing else.
async fn a_clear_reaches_near_caches(url: String) {
    let (near, other) = (near_store(url.clone()).await, store(url).await);
    let mut sessions = Vec::new();
    for number in 0..20 {
        sessions.push(create(&other, number).await);
        assert_eq!(
            value(&near, &sessions[number as usize]).await.unwrap(),
            Some(number)
        );
    }
    other.clear().await.unwrap();
    in_time(async {
        for at in &sessions {
            while value(&near, at).await.unwrap().is_some() {
                tokio::task::yield_now().await;
            }
        }
    })
    .await;

    let at = create(&other, 1).await;
    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    // The server that clears sees it at once.
    near.clear().await.unwrap();
    let cached = near.load(&at.id, None, Freshness::Cached).await;
    assert_eq!(cached.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clear_reaches_the_near_caches_of_one_server() {
    let redis = Redis::start().unwrap();
    a_clear_reaches_near_caches(redis.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clear_reaches_the_near_caches_of_a_cluster() {
    let cluster = Cluster::start().unwrap();
    a_clear_reaches_near_caches(url_of(&cluster)).await;
    // An iteration that began with another layout begins again.
    let store = store(url_of(&cluster)).await;
    let at = create(&store, 1).await;
    let outdated = Cursor::new("1-0-1-0-0");
    let page = store.page(Some(&outdated), NonZeroU32::MAX).await.unwrap();
    let (mut ids, mut after) = (page.sessions, page.next);
    while let Some(cursor) = after {
        let page = store.page(Some(&cursor), NonZeroU32::MAX).await.unwrap();
        ids.extend(page.sessions);
        after = page.next;
    }
    let ids: Vec<_> = ids.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [at.id]);
}

#[tokio::test]
async fn keys_without_ids_cannot_be_iterated() {
    let redis = Redis::start().unwrap();
    let builder = RedisSessionStore::builder(redis.url()).cache_keygen(|id| id[..4].to_owned());
    let store = builder.build().await.unwrap();
    let unsupported = StoreErrorKind::Unsupported;
    assert_eq!(kind(store.page(None, NonZeroU32::MIN).await), unsupported);
    assert_eq!(kind(store.count().await), unsupported);
    assert_eq!(kind(store.clear().await), unsupported);
}
