//! Another server ends sessions between any two commands of an operation.

use std::{future::poll_fn, pin::pin, task::Poll};

use sessile::storage::{
    CreateOutcome, RedisSessionStore, Refusal, SessionStore as _, SignInOutcome, UpdateOutcome,
    Version,
};
use sessile_rig::redis::{Cluster, Redis};

use super::scene::{SignedIn, User, limit};
use crate::{
    cluster::url_of,
    setup::{HOUR, in_time, record, store},
};

/// Polls `future` up to `polls` times, runs `between`, and completes the future. Returns both outputs, and whether the
/// future had ended before.
async fn interrupted<F: Future, B: Future>(
    future: F,
    polls: usize,
    between: B,
) -> (F::Output, B::Output, bool) {
    let mut future = pin!(future);
    let mut left = polls;
    let early = poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await;
    let has_ended = early.is_some();
    let between = between.await;
    match early {
        Some(output) => (output, between, has_ended),
        None => (future.await, between, has_ended),
    }
}

/// Runs `scene` with each number of polls, until the operation has ended before it is interrupted.
async fn at_every_point(scene: impl AsyncFn(usize) -> bool) {
    let mut polls = 1;
    while !scene(polls).await {
        polls += 1;
    }
    assert!(polls > 1, "it was never interrupted");
}

async fn a_sign_in_that_is_overtaken_by_a_mark_is_refused(stores: &[RedisSessionStore; 2]) {
    at_every_point(async |polls| {
        let user = User::of(&stores[0]);
        let ending = user.at(&stores[1]);
        let (created, _, was_done) =
            interrupted(user.try_create(10), polls, ending.end_all(100)).await;
        let (session, outcome) = created.unwrap();
        let refused = CreateOutcome::Refused(Refusal::SubjectEnded);
        match was_done {
            true => assert_eq!(outcome, CreateOutcome::Created),
            // It was stored, and the reply came after the mark.
            false => assert!([refused, CreateOutcome::Created].contains(&outcome)),
        }
        assert!(!is_stored(&user, &session).await, "{outcome:?}");
        was_done
    })
    .await;
}

/// The sign-in has reserved its place under the limit, and is stored after the mark.
async fn a_limited_sign_in_that_is_overtaken_by_a_mark_opens_nothing(
    stores: &[RedisSessionStore; 2],
) {
    at_every_point(async |polls| {
        let user = User::of(&stores[0]);
        let ending = user.at(&stores[1]);
        let (signed_in, _, was_done) =
            interrupted(user.sign_in(10, limit(3)), polls, ending.end_all(100)).await;
        let (session, outcome) = signed_in.unwrap();
        let is_stored_first = matches!(outcome, SignInOutcome::Stored { .. });
        let is_refused = outcome == SignInOutcome::Refused(Refusal::SubjectEnded);
        assert!(is_stored_first || (is_refused && !was_done), "{outcome:?}");
        assert!(!user.opens(&session.id).await, "{outcome:?}");
        assert!(!is_stored(&user, &session).await, "{outcome:?}");
        // Nothing is left of the reservation.
        let next = user.sign_in(200, limit(1).refusing()).await.unwrap();
        assert!(
            matches!(next.1, SignInOutcome::Stored { .. }),
            "{:?}",
            next.1
        );
        was_done
    })
    .await;
}

async fn an_update_that_is_overtaken_by_a_mark_revives_nothing(stores: &[RedisSessionStore; 2]) {
    at_every_point(async |polls| {
        let user = User::of(&stores[0]);
        let session = user.create(10).await;
        let ending = user.at(&stores[1]);
        let (updated, _, was_done) =
            interrupted(user.try_update(&session), polls, ending.end_all(100)).await;
        let (_, outcome) = updated.unwrap();
        assert_ne!(outcome, UpdateOutcome::Conflict);
        assert!(!is_stored(&user, &session).await, "{outcome:?}");
        was_done
    })
    .await;
}

async fn of_two_sign_ins_one_stays(stores: &[RedisSessionStore; 2]) {
    for limit in [limit(1), limit(1).refusing()] {
        at_every_point(async |polls| {
            let user = User::of(&stores[0]);
            let other = user.at(&stores[1]);
            let (first, second, was_done) =
                interrupted(user.sign_in(10, limit), polls, other.sign_in(20, limit)).await;
            let mut open = Vec::new();
            for (session, outcome) in [first.unwrap(), second.unwrap()] {
                let is_stored = matches!(outcome, SignInOutcome::Stored { .. });
                let opens = user.opens(&session.id).await;
                assert!(is_stored || !opens);
                if opens {
                    open.push(session.id);
                }
            }
            assert_eq!(open.len(), 1, "after {polls} polls");
            assert_eq!(user.listed().await, open);
            was_done
        })
        .await;
    }
}

/// A list that is read while a session signs in does not forget it.
async fn a_reader_does_not_forget_a_sign_in(stores: &[RedisSessionStore; 2]) {
    at_every_point(async |polls| {
        let user = User::of(&stores[0]);
        let reader = user.at(&stores[1]);
        let (created, _, was_done) = interrupted(user.try_create(10), polls, reader.listed()).await;
        let (session, _) = created.unwrap();
        assert_eq!(reader.listed().await, [session.id]);
        was_done
    })
    .await;
}

/// A list that is being read does not forget a session that signs in meanwhile.
async fn a_sign_in_during_a_list_stays_listed(stores: &[RedisSessionStore; 2]) {
    at_every_point(async |polls| {
        let user = User::of(&stores[0]);
        user.create(5).await;
        let other = user.at(&stores[1]);
        let (_, created, was_done) = interrupted(user.listed(), polls, other.try_create(10)).await;
        let (session, _) = created.unwrap();
        assert!(user.listed().await.contains(&session.id));
        was_done
    })
    .await;
}

/// Whether there is a record, whatever the marks say.
async fn is_stored(user: &User, session: &SignedIn) -> bool {
    // The id can be used again if and only if there is none.
    let (guest, version) = (record(1), Version::generate());
    let creating = user.store.create(&session.id, &guest, version, HOUR);
    creating.await.unwrap() == CreateOutcome::Taken
}

async fn all(stores: [RedisSessionStore; 2]) {
    in_time(async {
        a_sign_in_that_is_overtaken_by_a_mark_is_refused(&stores).await;
        a_limited_sign_in_that_is_overtaken_by_a_mark_opens_nothing(&stores).await;
        an_update_that_is_overtaken_by_a_mark_revives_nothing(&stores).await;
        of_two_sign_ins_one_stays(&stores).await;
        a_reader_does_not_forget_a_sign_in(&stores).await;
        a_sign_in_during_a_list_stays_listed(&stores).await;
    })
    .await;
}

#[tokio::test]
async fn one_server() {
    let redis = Redis::start().unwrap();
    all([store(redis.url()).await, store(redis.url()).await]).await;
}

#[tokio::test]
async fn a_cluster() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    all([store(url.clone()).await, store(url).await]).await;
}
