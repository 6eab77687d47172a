//! The sessions of a subject, on two servers of an application that share a store. Test programs for stores include this
//! file.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use sessile::{
    clock::Timestamp,
    record::Record,
    storage::{
        CreateOutcome, EndOutcome, Freshness::Current, IterableStore, Kept, Refusal, SessionId,
        SessionLimit, SignInOutcome, SignInWrite, SubjectDigest, SubjectStore, UpdateOutcome,
        Version,
    },
};
use tokio::task::JoinSet;

const HOUR: Duration = Duration::from_secs(3600);

/// The record of a guest.
pub(crate) fn guest() -> Record {
    Record::decode(br#"{"v":3,"c":1,"u":1,"x":9,"p":4,"s":{}}"#).unwrap()
}

/// The record of a user who signed in at this time, with a label.
pub(crate) fn user(subject: &str, signed_in_at: u64, label: &str) -> Record {
    let text = format!(
        r#"{{"v":3,"c":1,"u":1,"x":9,"p":4,"s":{{}},"sub":"{subject}","in":{signed_in_at},"label":"{label}"}}"#
    );
    Record::decode(text.as_bytes()).unwrap()
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

/// A subject that no other test has.
pub(crate) fn subject() -> String {
    format!("subject {}", SessionId::generate())
}

/// Stores a session. Returns its id and version.
pub(crate) async fn create<S: SubjectStore>(store: &S, record: &Record) -> (SessionId, Version) {
    let (id, version) = (SessionId::generate(), Version::generate());
    let created = store.create(&id, record, version, HOUR).await.unwrap();
    assert_eq!(created, CreateOutcome::Created);
    (id, version)
}

pub(crate) async fn update<S: SubjectStore>(
    store: &S,
    (id, expected): &(SessionId, Version),
    record: &Record,
) -> UpdateOutcome {
    let update = store.update(id, *expected, record, Version::generate(), HOUR);
    update.await.unwrap()
}

pub(crate) async fn is_live<S: SubjectStore>(store: &S, id: &SessionId) -> bool {
    store.load(id, None, Current).await.unwrap().is_some()
}

pub(crate) async fn listed<S: SubjectStore>(store: &S, subject: &str) -> Vec<SessionId> {
    let sessions = store.list(&SubjectDigest::of(subject)).await.unwrap();
    sessions.into_iter().map(|(id, _)| id).collect()
}

/// Ends the sessions of a subject at this time. Returns the time of the mark, and the ids in order.
pub(crate) async fn end<S: SubjectStore>(
    store: &S,
    subject: &str,
    now: u64,
    kept: Option<&(SessionId, u64)>,
) -> Option<(u64, HashSet<SessionId>)> {
    let kept = kept.map(|(id, signed_in_at)| Kept {
        id,
        signed_in_at: at(*signed_in_at),
    });
    let subject = SubjectDigest::of(subject);
    let ended = store.end_subject(&subject, at(now), kept).await;
    match ended.unwrap() {
        EndOutcome::Ended { at, ids } => Some((at.as_unix_millis(), ids.into_iter().collect())),
        EndOutcome::KeptHasEnded => None,
    }
}

/// All scenarios.
pub(crate) async fn scenarios<S: SubjectStore + IterableStore + Clone>(servers: &[S; 2]) {
    for _ in 0..rounds() {
        for limit in [limit(), limit().refusing()] {
            in_time(a_limit_is_exact(servers, limit)).await;
        }
        in_time(a_mark_ends_what_is_in_flight(servers)).await;
    }
    in_time(one_after_the_other(servers)).await;
}

/// The scenarios that need one round.
async fn one_after_the_other<S: SubjectStore + IterableStore + Clone>(servers: &[S; 2]) {
    of_two_devices_that_end_all_others_one_stays(servers).await;
    a_mark_is_at_the_newest_sign_in(servers).await;
    a_sign_in_is_one_swap(servers).await;
    marks_outlive_a_clear(servers).await;
}

/// How many rounds of requests at once there are; 50 by `cargo xtask test --full`.
fn rounds() -> usize {
    std::env::var("SESSILE_TEST_ROUNDS").map_or(1, |number| number.parse().unwrap())
}

/// The output of `future`. Panics if it takes far more time than a scenario needs.
async fn in_time<F: Future>(future: F) -> F::Output {
    let bounded = tokio::time::timeout(Duration::from_secs(120), future).await;
    bounded.expect("the scenario takes too long")
}

fn limit() -> SessionLimit {
    SessionLimit::new(3).unwrap()
}

/// Half of the sign-ins create a session, and half of them sign a guest in.
async fn a_limit_is_exact<S: SubjectStore + Clone>(servers: &[S; 2], limit: SessionLimit) {
    const SIGN_INS: u64 = 50;
    let subject = subject();
    let mut sign_ins = JoinSet::new();
    for number in 0..SIGN_INS {
        let store = servers[usize::from(number % 4 < 2)].clone();
        let record = user(&subject, number, "sid");
        let guest = match number % 2 {
            0 => Some(create(&store, &guest()).await),
            _ => None,
        };
        sign_ins.spawn(async move {
            let version = Version::generate();
            let new = SessionId::generate();
            let write = match &guest {
                Some((id, expected)) => SignInWrite::update(id, *expected, &record, version, HOUR),
                None => SignInWrite::create(&new, &record, version, HOUR),
            };
            (write.id.clone(), signed_in(&store, write, limit).await)
        });
    }
    let (mut stored, mut displaced) = (HashSet::new(), HashSet::new());
    for (id, outcome) in sign_ins.join_all().await {
        match outcome {
            SignInOutcome::Stored { displaced: ids } => {
                stored.insert(id);
                assert!(ids.into_iter().all(|id| displaced.insert(id)));
            }
            SignInOutcome::Refused(Refusal::LimitReached) if limit != self::limit() => {}
            other => panic!("{other:?}"),
        }
    }
    let left: HashSet<_> = stored.difference(&displaced).cloned().collect();
    assert_eq!(left.len(), 3);
    for store in servers {
        assert_eq!(
            listed(store, &subject)
                .await
                .into_iter()
                .collect::<HashSet<_>>(),
            left
        );
        for id in &stored {
            assert_eq!(is_live(store, id).await, left.contains(id));
        }
    }
}

/// The outcome of a sign-in. On a busy machine, it may wait longer for the others than a database lets it: then nothing is stored.
async fn signed_in<S: SubjectStore>(
    store: &S,
    write: SignInWrite<'_>,
    limit: SessionLimit,
) -> SignInOutcome {
    loop {
        match store.sign_in(write, limit).await {
            Err(error) if !error.may_have_happened() => {}
            signed_in => return signed_in.unwrap(),
        }
    }
}

/// Sessions are updated and sign in while all are ended. Of the sign-ins, some began after that.
async fn a_mark_ends_what_is_in_flight<S: SubjectStore + Clone>(servers: &[S; 2]) {
    const SESSIONS: u32 = 20;
    const SIGN_INS: u64 = 5;
    let subject = subject();
    let (changes, is_over) = (Arc::<AtomicU32>::default(), Arc::<AtomicBool>::default());
    let (mut before, mut updating) = (Vec::new(), JoinSet::new());
    for number in 0..SESSIONS {
        let store = servers[usize::from(number % 2 == 0)].clone();
        let (changes, is_over) = (Arc::clone(&changes), Arc::clone(&is_over));
        let record = user(&subject, number.into(), "sid");
        let (id, mut version) = create(&store, &record).await;
        before.push(id.clone());
        updating.spawn(async move {
            let mut updates = 0;
            while !is_over.load(SeqCst) || updates == 0 {
                let next = Version::generate();
                let update = store
                    .update(&id, version, &record, next, HOUR)
                    .await
                    .unwrap();
                match update {
                    UpdateOutcome::Updated => version = next,
                    // Whether the row or the mark is found first.
                    UpdateOutcome::Missing | UpdateOutcome::Conflict => {}
                    UpdateOutcome::Refused(refusal) => assert_eq!(refusal, Refusal::SubjectEnded),
                }
                updates += 1;
                changes.fetch_add(1, SeqCst);
            }
            // What signed in before cannot come back, under any id.
            let refused = CreateOutcome::Refused(Refusal::SubjectEnded);
            let (new, version) = (SessionId::generate(), Version::generate());
            let created = store.create(&new, &record, version, HOUR).await.unwrap();
            assert_eq!(created, refused);
        });
    }
    while changes.load(SeqCst) < 2 * SESSIONS {
        tokio::task::yield_now().await;
    }
    let mut signing_in = JoinSet::new();
    for number in 0..SIGN_INS {
        let store = servers[usize::from(number % 2 == 0)].clone();
        let (signed_in_at, id) = (998 + number, SessionId::generate());
        let record = user(&subject, signed_in_at, "sid");
        signing_in.spawn(async move {
            let creating = store.create(&id, &record, Version::generate(), HOUR);
            (creating.await.unwrap(), id, signed_in_at)
        });
    }
    let (time, _) = end(&servers[0], &subject, 1000, None).await.unwrap();
    assert!((1000..=1002).contains(&time), "{time}");
    for id in &before {
        assert!(!is_live(&servers[1], id).await);
    }
    is_over.store(true, SeqCst);
    updating.join_all().await;
    for id in &before {
        assert!(!is_live(&servers[0], id).await);
    }
    let mut live = HashSet::new();
    for (outcome, id, signed_in_at) in signing_in.join_all().await {
        let is_later = signed_in_at > time;
        assert!(
            outcome == CreateOutcome::Created || !is_later,
            "{outcome:?}"
        );
        for store in servers {
            assert_eq!(is_live(store, &id).await, is_later);
        }
        live.extend(is_later.then_some(id));
    }
    let next = create(&servers[1], &user(&subject, time + 1, "sid")).await;
    live.insert(next.0);
    for store in servers {
        let listed: HashSet<_> = listed(store, &subject).await.into_iter().collect();
        assert_eq!(listed, live);
    }
}

async fn of_two_devices_that_end_all_others_one_stays<S: SubjectStore + Clone>(servers: &[S; 2]) {
    for _ in 0..10 {
        let subject = subject();
        let mut ids = Vec::new();
        for (number, store) in (1..).zip(servers) {
            ids.push(create(store, &user(&subject, number, "sid")).await.0);
        }
        let mut tasks = JoinSet::new();
        for (number, (id, store)) in (1..).zip(ids.iter().cloned().zip(servers)) {
            let (store, subject) = (store.clone(), subject.clone());
            tasks.spawn(async move {
                let ended = end(&store, &subject, 1000, Some(&(id.clone(), number))).await;
                ended.map(|_| id)
            });
        }
        let kept: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(kept.len(), 1);
        for id in &ids {
            assert_eq!(is_live(&servers[0], id).await, kept.contains(id));
        }
        assert_eq!(listed(&servers[1], &subject).await, kept);
    }
}

/// The clock of the other server is ahead.
async fn a_mark_is_at_the_newest_sign_in<S: SubjectStore>([first, second]: &[S; 2]) {
    let subject = subject();
    let ahead = create(first, &user(&subject, 2000, "sid")).await;
    let earlier = create(first, &user(&subject, 500, "sid")).await;
    assert_eq!(
        listed(second, &subject).await,
        [earlier.0.clone(), ahead.0.clone()]
    );
    let (time, ids) = end(second, &subject, 1000, None).await.unwrap();
    assert_eq!((time, ids.len()), (2000, 2));
    let refused = UpdateOutcome::Refused(Refusal::SubjectEnded);
    let guest = create(first, &guest()).await;
    assert_eq!(
        update(first, &guest, &user(&subject, 2000, "sid")).await,
        refused
    );
    // A later mark is not earlier than the first one.
    let (time, ids) = end(second, &subject, 1000, None).await.unwrap();
    assert_eq!((time, ids.len()), (2000, 0));
    let next = user(&subject, 2001, "sid");
    assert_eq!(update(first, &guest, &next).await, UpdateOutcome::Updated);
}

async fn a_sign_in_is_one_swap<S: SubjectStore>([first, second]: &[S; 2]) {
    let subject = subject();
    let record = user(&subject, 1, "sid");
    let (id, expected) = create(first, &guest()).await;
    let other = create(second, &record).await;
    let one = SessionLimit::new(1).unwrap();
    let version = Version::generate();
    let create_again = SignInWrite::create(&id, &record, version, HOUR);
    assert_eq!(
        second.sign_in(create_again, one).await.unwrap(),
        SignInOutcome::Taken
    );
    let outdated = SignInWrite::update(&id, version, &record, Version::generate(), HOUR);
    assert_eq!(
        second.sign_in(outdated, one).await.unwrap(),
        SignInOutcome::Conflict
    );
    let unknown = SessionId::generate();
    let missing = SignInWrite::update(&unknown, expected, &record, version, HOUR);
    assert_eq!(
        second.sign_in(missing, one).await.unwrap(),
        SignInOutcome::Missing
    );
    let write = SignInWrite::update(&id, expected, &record, version, HOUR);
    let reached = SignInOutcome::Refused(Refusal::LimitReached);
    assert_eq!(
        second.sign_in(write, one.refusing()).await.unwrap(),
        reached
    );
    assert!(is_live(first, &other.0).await);
    // The session is a guest's still.
    assert_eq!(
        listed(first, &subject).await,
        std::slice::from_ref(&other.0)
    );

    let displaced = vec![other.0];
    let stored = SignInOutcome::Stored { displaced };
    assert_eq!(second.sign_in(write, one).await.unwrap(), stored);
    let displaced = Vec::new();
    let repeated = SignInOutcome::Stored { displaced };
    assert_eq!(first.sign_in(write, one).await.unwrap(), repeated);
    assert_eq!(listed(second, &subject).await, [id]);
}

/// A server clears the store: the sessions of users and guests are gone for the other one, and a sign-in that a mark
/// refused is refused afterwards as well.
async fn marks_outlive_a_clear<S: SubjectStore + IterableStore>(servers: &[S; 2]) {
    let [first, second] = servers;
    let (marked, other) = (subject(), subject());
    end(first, &marked, 100, None).await;
    let sessions = [
        create(second, &user(&marked, 101, "sid of a clear")).await,
        create(second, &user(&other, 5, "sid of a clear")).await,
        create(second, &guest()).await,
    ];
    assert!(first.count().await.unwrap() >= 3);
    first.clear().await.unwrap();
    assert_eq!(second.count().await.unwrap(), 0);
    for session in &sessions {
        assert!(!is_live(second, &session.0).await);
        assert_eq!(
            update(second, session, &guest()).await,
            UpdateOutcome::Missing
        );
    }
    for subject in [&marked, &other] {
        assert_eq!(listed(second, subject).await, []);
    }
    let found = second.find_by_label("sid of a clear").await.unwrap();
    assert_eq!(found, []);
    let (id, early) = (SessionId::generate(), user(&marked, 100, "sid"));
    let created = second.create(&id, &early, Version::generate(), HOUR).await;
    let refused = CreateOutcome::Refused(Refusal::SubjectEnded);
    assert_eq!(created.unwrap(), refused);
    create(second, &user(&other, 5, "sid")).await;
}
