//! The rules of a store with subjects, on every kind of connection.

use deadpool_redis::{Config, Runtime};
use sessile::{
    Session, Sessions,
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
    storage::{
        CreateOutcome, EndOutcome, Freshness, RedisSessionStore, Refusal, SessionStore as _,
        SignInOutcome, SignInWrite, SubjectStore as _, UpdateOutcome, Version,
    },
};
use sessile_rig::redis::{Cluster, Redis, Sentinel};

use super::scene::{SignedIn, User, limit, time};
use crate::{
    cluster::url_of,
    sentinel::url_of_master,
    setup::{HOUR, Stored, create, in_time, near_store, record, store},
};

async fn hold(store: RedisSessionStore) {
    in_time(async {
        the_list_follows_the_sessions(&store).await;
        a_mark_ends_what_signed_in_before(&store).await;
        one_session_is_kept(&store).await;
        clocks_that_differ_revive_nothing(&store).await;
        limits_end_the_earliest_or_refuse(&store).await;
        a_sign_in_has_the_outcomes_of_the_contract(&store).await;
        labels_find_sessions(&store).await;
        a_user_signs_in_and_out(&store).await;
        everything_ends(&store).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server() {
    let redis = Redis::start().unwrap();
    hold(store(redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_behind_a_near_cache() {
    let redis = Redis::start().unwrap();
    hold(near_store(redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster() {
    let cluster = Cluster::start().unwrap();
    hold(store(url_of(&cluster)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_behind_a_near_cache() {
    let cluster = Cluster::start().unwrap();
    hold(near_store(url_of(&cluster)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool() {
    let redis = Redis::start().unwrap();
    let pool = Config::from_url(redis.url()).create_pool(Some(Runtime::Tokio1));
    let store = RedisSessionStore::new_pooled(pool.unwrap()).await;
    hold(store.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_sentinels_watch() {
    let sentinel = Sentinel::start().unwrap();
    hold(store(url_of_master(&sentinel)).await).await;
}

/// With keys in one slot for each group, whatever the application's keys look like.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_with_keys_of_our_own() {
    let cluster = Cluster::start().unwrap();
    for keygen in [
        |id: &str| format!("session:{{{id}}}"),
        |id: &str| format!("a:{}:b", id.replace(['{', '}'], "")),
    ] {
        let builder = RedisSessionStore::builder(url_of(&cluster)).cache_keygen(keygen);
        hold(builder.build().await.unwrap()).await;
    }
}

async fn the_list_follows_the_sessions(store: &RedisSessionStore) {
    let user = User::of(store);
    assert!(user.listed().await.is_empty());
    let (second, first) = (user.create(20).await, user.create(10).await);
    let other = User::of(store).create(15).await;
    assert_eq!(user.listed().await, [first.id.clone(), second.id.clone()]);
    let first = user.update(&first).await;
    assert_eq!(user.listed().await, [first.id.clone(), second.id.clone()]);
    store.delete(&second.id).await.unwrap();
    assert_eq!(user.listed().await, std::slice::from_ref(&first.id));

    // A session of a guest signs in, and goes over to another user.
    let guest = create(store, 1).await;
    let version = Version::generate();
    let record = user.record(30);
    let updated = store.update(&guest.id, guest.version, &record, version, HOUR);
    assert_eq!(updated.await.unwrap(), UpdateOutcome::Updated);
    assert_eq!(user.listed().await, [first.id.clone(), guest.id.clone()]);
    let next = User::of(store);
    let record = next.record(40);
    let moved = store.update(&guest.id, version, &record, Version::generate(), HOUR);
    assert_eq!(moved.await.unwrap(), UpdateOutcome::Updated);
    assert_eq!(user.listed().await, [first.id]);
    assert_eq!(next.listed().await, [guest.id]);
    assert!(user.opens(&other.id).await);
}

async fn a_mark_ends_what_signed_in_before(store: &RedisSessionStore) {
    let user = User::of(store);
    let (first, second) = (user.create(10).await, user.create(20).await);
    let (at, mut ids) = user.end_all(100).await;
    ids.sort();
    let mut expected = [first.id.clone(), second.id.clone()];
    expected.sort();
    assert_eq!((at, ids.as_slice()), (100, &expected[..]));
    assert!(!user.opens(&first.id).await && user.listed().await.is_empty());

    // Whatever arrives late is refused. A later sign-in is not.
    let (late, outcome) = user.try_create(100).await.unwrap();
    assert_eq!(outcome, CreateOutcome::Refused(Refusal::SubjectEnded));
    assert!(!user.opens(&late.id).await);
    let (_, outcome) = user.try_update(&first).await.unwrap();
    assert!(matches!(
        outcome,
        UpdateOutcome::Missing | UpdateOutcome::Refused(Refusal::SubjectEnded)
    ));
    let (_, outcome) = user.sign_in(99, limit(3)).await.unwrap();
    assert_eq!(outcome, SignInOutcome::Refused(Refusal::SubjectEnded));
    let next = user.create(101).await;
    assert!(user.opens(&next.id).await);
    assert_eq!(user.listed().await, std::slice::from_ref(&next.id));

    // A refused sign-in leaves the session of a guest as it was.
    let guest = create(store, 7).await;
    let record = user.record(50);
    let refused = store.update(&guest.id, guest.version, &record, Version::generate(), HOUR);
    let refused = refused.await.unwrap();
    assert_eq!(refused, UpdateOutcome::Refused(Refusal::SubjectEnded));
    let value = crate::setup::current_value(store, &guest).await;
    assert_eq!(value.unwrap(), Some(7));
    // No mark is earlier than one before.
    assert_eq!(user.end_all(50).await.0, 101);
}

async fn one_session_is_kept(store: &RedisSessionStore) {
    let user = User::of(store);
    let (phone, laptop) = (user.create(10).await, user.create(20).await);
    let ended = user.end_others(100, &phone).await;
    let expected = EndOutcome::Ended {
        at: time(100),
        ids: vec![laptop.id.clone()],
    };
    assert_eq!(ended, expected);
    let phone = user.update(&phone).await;
    assert_eq!(user.listed().await, std::slice::from_ref(&phone.id));
    assert!(user.opens(&phone.id).await && !user.opens(&laptop.id).await);

    // The other device comes too late, also if its session is still stored.
    assert_eq!(
        user.end_others(200, &laptop).await,
        EndOutcome::KeptHasEnded
    );
    // The same device may do it again.
    let again = user.end_others(300, &phone).await;
    let expected = EndOutcome::Ended {
        at: time(300),
        ids: Vec::new(),
    };
    assert_eq!(again, expected);
    assert!(user.opens(&phone.id).await);
    let of_another = User::of(store).create(10).await;
    assert_eq!(
        user.end_others(400, &of_another).await,
        EndOutcome::KeptHasEnded
    );
    assert!(user.opens(&of_another.id).await);
    assert_eq!(user.end_all(400).await.1, [phone.id]);
}

async fn clocks_that_differ_revive_nothing(store: &RedisSessionStore) {
    let user = User::of(store);
    // The server of the sign-in is 20 seconds ahead.
    let ahead = user.create(120_000).await;
    let (at, ids) = user.end_all(100_000).await;
    assert_eq!((at, ids), (120_000, vec![ahead.id.clone()]));
    let (_, outcome) = user.try_create(120_000).await.unwrap();
    assert_eq!(outcome, CreateOutcome::Refused(Refusal::SubjectEnded));
    user.create(120_001).await;
}

async fn limits_end_the_earliest_or_refuse(store: &RedisSessionStore) {
    let user = User::of(store);
    let mut sessions = Vec::new();
    for at in [30, 10, 20] {
        let (session, outcome) = user.sign_in(at, limit(3)).await.unwrap();
        assert_eq!(outcome, stored(&[]));
        sessions.push(session);
    }
    // It ends the one with the earliest sign-in, even if its own is earlier.
    let (fourth, outcome) = user.sign_in(5, limit(3)).await.unwrap();
    assert_eq!(outcome, stored(&[&sessions[1]]));
    assert!(!user.opens(&sessions[1].id).await);
    let (_, outcome) = user.sign_in(40, limit(3).refusing()).await.unwrap();
    assert_eq!(outcome, SignInOutcome::Refused(Refusal::LimitReached));
    assert_eq!(user.listed().await.len(), 3);

    // A session that was deleted leaves its place, and one that signs in again has its own.
    store.delete(&sessions[0].id).await.unwrap();
    let (fifth, outcome) = user.sign_in(50, limit(3).refusing()).await.unwrap();
    assert_eq!(outcome, stored(&[]));
    let record = user.record(60);
    let write = SignInWrite::update(&fifth.id, fifth.version, &record, Version::generate(), HOUR);
    let again = store.sign_in(write, limit(3).refusing()).await.unwrap();
    assert_eq!(again, stored(&[]));
    store.delete(&fifth.id).await.unwrap();
    let (sixth, outcome) = user.sign_in(70, limit(3)).await.unwrap();
    assert_eq!(outcome, stored(&[]));

    // A limit that became smaller.
    let (last, outcome) = user.sign_in(80, limit(1)).await.unwrap();
    let SignInOutcome::Stored { mut displaced } = outcome else {
        panic!("{outcome:?}");
    };
    displaced.sort();
    let mut expected = [&fourth.id, &sessions[2].id, &sixth.id].map(Clone::clone);
    expected.sort();
    assert_eq!(displaced, expected);
    assert_eq!(user.listed().await, [last.id]);
}

async fn a_sign_in_has_the_outcomes_of_the_contract(store: &RedisSessionStore) {
    let user = User::of(store);
    let (session, _) = user.sign_in(10, limit(1)).await.unwrap();
    let record = user.record(10);
    let sign_in = async |write| store.sign_in(write, limit(1)).await.unwrap();
    // A write that is repeated is stored once.
    let repeated = SignInWrite::create(&session.id, &record, session.version, HOUR);
    assert_eq!(sign_in(repeated).await, stored(&[]));
    let other = Version::generate();
    let taken = SignInWrite::create(&session.id, &record, other, HOUR);
    assert_eq!(sign_in(taken).await, SignInOutcome::Taken);
    let conflict = SignInWrite::update(&session.id, other, &record, Version::generate(), HOUR);
    assert_eq!(sign_in(conflict).await, SignInOutcome::Conflict);
    let nowhere = Stored::nowhere();
    let missing = SignInWrite::update(&nowhere.id, other, &record, Version::generate(), HOUR);
    assert_eq!(sign_in(missing).await, SignInOutcome::Missing);
    // None of these has displaced the session.
    assert_eq!(user.listed().await, std::slice::from_ref(&session.id));
    // A failed sign-in takes no place.
    let refusing = limit(2).refusing();
    let (_, outcome) = user.sign_in(20, refusing).await.unwrap();
    assert_eq!(outcome, stored(&[]));
    let guest = record_of_a_guest(store).await;
    let write = SignInWrite::create(&guest.id, &guest.record, Version::generate(), HOUR);
    let error = store.sign_in(write, refusing).await.unwrap_err();
    assert!(!error.may_have_happened());
}

struct Guest {
    id: sessile::storage::SessionId,
    record: sessile::record::Record,
}

async fn record_of_a_guest(store: &RedisSessionStore) -> Guest {
    let at = create(store, 1).await;
    Guest {
        id: at.id,
        record: record(2),
    }
}

async fn labels_find_sessions(store: &RedisSessionStore) {
    let user = User::of(store);
    // A label is any text.
    let label = format!("sid {{}}:\u{455}\0 {}", Version::generate().get());
    let labelled = |at| {
        let text = label.replace('\0', "\\u0000");
        user.record_with(at, &format!(r#","label":"{text}""#))
    };
    let mut ids = Vec::new();
    for at in [10, 20] {
        let (id, version) = (Stored::nowhere().id, Version::generate());
        let created = store.create(&id, &labelled(at), version, HOUR).await;
        assert_eq!(created.unwrap(), CreateOutcome::Created);
        ids.push((id, version));
    }
    user.create(30).await;
    let found = store.find_by_label(&label).await.unwrap();
    assert_eq!(found, [ids[0].0.clone(), ids[1].0.clone()]);
    assert!(store.find_by_label("sid").await.unwrap().is_empty());
    // It loses the label.
    let (id, version) = &ids[0];
    let record = user.record(10);
    let updated = store.update(id, *version, &record, Version::generate(), HOUR);
    assert_eq!(updated.await.unwrap(), UpdateOutcome::Updated);
    assert_eq!(
        store.find_by_label(&label).await.unwrap(),
        [ids[1].0.clone()]
    );
    user.end_all(100).await;
    assert!(store.find_by_label(&label).await.unwrap().is_empty());
}

async fn a_user_signs_in_and_out(store: &RedisSessionStore) {
    let key = SealingKey::generate();
    let manager = SessionManager::new(store.clone(), key, Settings::default()).unwrap();
    let name = Version::generate().get().to_string();
    let sessions: Sessions<_> = manager.sessions();
    let mut cookies = Vec::new();
    for _ in 0..3 {
        let session = manager.open([]).await.unwrap();
        session.sign_in(&name).await.unwrap();
        session.set_label("device", Some("phone")).unwrap();
        cookies.push(commit(&manager, &session).await.unwrap());
    }
    assert_eq!(sessions.list(&name).await.unwrap().len(), 3);
    let own = manager.open([cookies[0].as_bytes()]).await.unwrap();
    assert_eq!(sessions.end_others(&own).await.unwrap(), 2);
    let mut subjects = Vec::new();
    for cookie in &cookies {
        let session = manager.open([cookie.as_bytes()]).await.unwrap();
        subjects.push(session.subject().is_some());
    }
    assert_eq!(subjects, [true, false, false]);
    own.sign_out();
    commit(&manager, &own).await;
    assert!(sessions.list(&name).await.unwrap().is_empty());
}

async fn commit(manager: &SessionManager<RedisSessionStore>, session: &Session) -> Option<String> {
    let head = ResponseHead::to("POST");
    let set_cookie = manager.commit(session, &head).await.unwrap().set_cookie?;
    Some(set_cookie.as_str().split(';').next().unwrap().to_owned())
}

async fn everything_ends(store: &RedisSessionStore) {
    // After all sign-ins of this test.
    let users = [User::of(store), User::of(store)];
    let mut sessions = Vec::new();
    for (user, at) in users.iter().zip([10, 20]) {
        sessions.push((user, user.create(at).await));
    }
    let mut guests = Vec::new();
    for value in 0..100 {
        guests.push(create(store, value).await);
    }
    assert_eq!(
        store.end_everything(time(200_000)).await.unwrap(),
        time(200_000)
    );
    for (user, session) in &sessions {
        assert!(!user.opens(&session.id).await && user.listed().await.is_empty());
    }
    for guest in &guests {
        let loaded = store.load(&guest.id, None, Freshness::Current).await;
        assert_eq!(loaded.unwrap(), None);
    }
    let (_, outcome) = users[0].try_create(200_000).await.unwrap();
    assert_eq!(outcome, CreateOutcome::Refused(Refusal::SubjectEnded));
    assert_eq!(store.end_everything(time(50)).await.unwrap(), time(200_000));
    let next = users[0].create(200_001).await;
    assert!(users[0].opens(&next.id).await);
    create(store, 1).await;
}

fn stored(displaced: &[&SignedIn]) -> SignInOutcome {
    SignInOutcome::Stored {
        displaced: displaced.iter().map(|it| it.id.clone()).collect(),
    }
}
