//! A list that can't be reached, and requests that are dropped.

use super::{
    super::dropped::{at_each_await, within_polls},
    *,
};

fn is_of_the_store(failure: &SessionFailure) {
    assert_eq!(failure.status(), 503);
    assert_eq!(failure.headers().set_cookie, None);
}

#[tokio::test]
async fn a_request_fails_as_the_policy_says_if_the_list_cannot_be_reached() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    listed.list.inject_into_load(Fault::Fail);
    let failure = listed.world.manager.open([cookie.as_bytes()]).await;
    let failure = failure.unwrap_err();
    assert!(matches!(open_cause(&failure), OpenError::Store(_)));
    is_of_the_store(&failure);

    let listed = listed.beside(&listed.world.clock, |settings| {
        settings.on_store_failure = StoreFailurePolicy::ServeEmpty;
    });
    listed.list.inject_into_load(Fault::Fail);
    let session = listed.open(&cookie).await;
    assert!(session.entries().is_empty());
    // Nothing replaces the cookie, which is valid.
    assert_eq!(listed.world.answer(&session, "GET").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_ends_the_request_in_time() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    listed.list.inject_into_load(Fault::Hang);
    let failure = listed.world.manager.open([cookie.as_bytes()]).await;
    is_of_the_store(&failure.unwrap_err());

    for handler in [increment as fn(&Session), Session::renew] {
        let session = listed.open(&cookie).await;
        handler(&session);
        listed.list.inject_into_load(Fault::Hang);
        is_of_the_store(&listed.world.failure(&session).await);
    }
    let session = listed.open(&cookie).await;
    session.purge();
    listed.list.inject(Fault::Hang);
    is_of_the_store(&listed.world.failure(&session).await);
    assert_eq!(listed.world.n(&cookie).await, Some(1));
}

#[tokio::test]
async fn a_change_fails_if_the_list_fails_after_the_session_was_opened() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    let session = listed.open(&cookie).await;
    increment(&session);
    listed.list.inject_into_load(Fault::Fail);
    session.save().await.unwrap_err();
    // The list can be reached again, and the change is there once.
    let cookie = listed.world.commit(&session).await.unwrap();
    assert_eq!(listed.world.n(&cookie).await, Some(2));

    let session = listed.open(&cookie).await;
    increment(&session);
    listed.list.inject_into_load(Fault::Fail);
    is_of_the_store(&listed.world.failure(&session).await);
    assert_eq!(listed.world.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn the_cookie_of_a_saved_change_is_sent_although_the_list_fails_after_that() {
    let listed = Listed::new(|_| {});
    let old = listed.world.stored().await;
    for handler in [increment as fn(&Session), Session::renew] {
        let session = listed.open(&old).await;
        handler(&session);
        session.insert("saved", 1).unwrap();
        session.save().await.unwrap();
        listed.list.inject_into_load(Fault::Fail);
        let cookie = listed.world.commit(&session).await.unwrap();
        assert_eq!(listed.open(&cookie).await.get("saved").unwrap(), Some(1));
    }
}

#[tokio::test]
async fn a_cookie_that_is_only_sent_again_is_withheld_and_the_request_succeeds() {
    let listed = Listed::new(touching);
    let cookie = listed.world.stored().await;
    let session = listed.open(&cookie).await;
    listed.list.inject_into_load(Fault::Fail);
    assert_eq!(listed.world.answer(&session, "GET").await.unwrap(), None);
}

#[tokio::test]
async fn a_sign_out_is_acknowledged_only_when_it_is_stored() {
    for (fault, lives) in [(Fault::Fail, Some(1)), (Fault::DoAndFail, None)] {
        let listed = Listed::new(|settings| {
            settings.on_store_failure = StoreFailurePolicy::ServeEmpty;
        });
        let cookie = listed.world.stored().await;
        let session = listed.open(&cookie).await;
        session.purge();
        listed.list.inject(fault);
        let failure = listed.world.failure(&session).await;
        assert_eq!(failure.status(), 503);
        assert_eq!(listed.world.n(&cookie).await, lives);
        listed.purge(&cookie).await;
        assert_eq!(listed.world.n(&cookie).await, None);
    }
}

#[tokio::test]
async fn a_renewal_whose_outcome_is_unknown_can_be_repeated() {
    for fault in [Fault::Fail, Fault::DoAndFail] {
        let listed = Listed::new(|_| {});
        let old = listed.world.stored().await;
        let session = listed.open(&old).await;
        session.renew();
        increment(&session);
        listed.list.inject(fault);
        session.save().await.unwrap_err();
        let new = listed.world.commit(&session).await.unwrap();
        assert_eq!(listed.world.n(&new).await, Some(2));
        assert_eq!(listed.world.n(&old).await, None);
        // The entry names the session that the browser has.
        listed.purge(&old).await;
        assert_eq!(listed.world.n(&new).await, None);
    }
}

#[tokio::test]
async fn a_sign_out_that_is_dropped_can_be_repeated() {
    at_each_await(async |polls| {
        let listed = Listed::new(|_| {});
        let cookie = listed.world.stored().await;
        let session = listed.open(&cookie).await;
        session.purge();
        let saved = within_polls(polls, session.save()).await;
        let dropped = saved.is_none();
        if dropped {
            session.save().await.unwrap();
        }
        assert_eq!(listed.world.n(&cookie).await, None);
        !dropped
    })
    .await;
}

#[tokio::test]
async fn a_renewal_that_is_dropped_leaves_one_session_at_most() {
    at_each_await(async |polls| {
        let listed = Listed::new(|_| {});
        let old = listed.world.stored().await;
        let session = listed.open(&old).await;
        session.renew();
        let committed = within_polls(polls, listed.world.commit(&session)).await;
        if let Some(new) = &committed {
            assert_eq!(listed.world.n(new.as_ref().unwrap()).await, Some(1));
            assert_eq!(listed.world.n(&old).await, None);
        }
        committed.is_some()
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_cannot_be_decoded_still_ends_the_session() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    listed.purge(&cookie).await;
    listed
        .list
        .fail_to_decode(Some(crate::record::DecodeError::NotUtf8));
    assert_eq!(listed.world.n(&cookie).await, None);
}
