//! Concurrent requests, on one server and on several.

use std::{collections::HashMap, sync::Arc};

use actix_web::cookie::time;
use tokio::task::JoinSet;

use super::world::{World, increment};
use crate::old_stores::table::{OnMissing, Table};

#[tokio::test]
async fn requests_on_one_server_lose_nothing() {
    let world = Arc::new(World::new());
    let cookie = world.stored().await;
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let (world, cookie) = (world.clone(), cookie.clone());
        requests.spawn(async move {
            let session = world.open(&cookie).await;
            increment(&session);
            world.commit(&session).await;
        });
    }
    requests.join_all().await;
    assert_eq!(world.n(&cookie).await, Some(21));
}

#[tokio::test]
async fn changes_on_two_servers_are_merged_unless_they_write_at_the_same_moment() {
    let world = World::new();
    let other = world.beside();
    let cookie = world.stored().await;
    let (one, two) = (world.open(&cookie).await, other.open(&cookie).await);
    increment(&one);
    increment(&two);
    world.commit(&one).await;
    other.commit(&two).await;
    for server in [&world, &other] {
        assert_eq!(server.n(&cookie).await, Some(3));
    }
}

#[tokio::test]
async fn a_session_that_another_server_ended_stays_ended() {
    let world = World::new();
    let other = world.beside();
    let cookie = world.stored().await;
    let (one, two) = (world.open(&cookie).await, other.open(&cookie).await);
    increment(&one);
    two.purge();
    other.commit(&two).await;
    assert_eq!(world.failure(&one).await, 409);
    assert!(world.table.keys().is_empty());
}

#[tokio::test]
async fn a_sign_out_during_a_change_on_one_server_wins() {
    for on_missing in [
        OnMissing::SaveAnother,
        OnMissing::BringBack,
        OnMissing::Fail,
    ] {
        let world = World::over(Table::on_missing(on_missing));
        let cookie = world.stored().await;
        let (changing, out) = (world.open(&cookie).await, world.open(&cookie).await);
        increment(&changing);
        out.purge();
        let (changed, ended) = tokio::join!(world.answer(&changing), world.answer(&out));
        assert!(changed.is_ok() && ended.is_ok());
        assert_eq!(world.n(&cookie).await, None);
        assert!(world.table.keys().is_empty());
    }
}

#[tokio::test]
async fn a_change_after_a_renewal_is_refused() {
    let world = World::new();
    let other = world.beside();
    let old = world.stored().await;
    let (one, two) = (world.open(&old).await, other.open(&old).await);
    two.renew();
    let new = other.commit(&two).await.unwrap();
    increment(&one);
    assert_eq!(world.failure(&one).await, 409);
    assert_eq!(world.n(&new).await, Some(1));
}

/// A double click on the sign-in button.
#[tokio::test]
async fn two_renewals_at_once_both_succeed() {
    let world = World::new();
    let old = world.stored().await;
    let (one, two) = (world.open(&old).await, world.open(&old).await);
    one.renew();
    two.renew();
    let (one, two) = tokio::join!(world.answer(&one), world.answer(&two));
    for cookie in [one.unwrap().unwrap(), two.unwrap().unwrap()] {
        assert_eq!(world.n(&cookie).await, Some(1));
    }
    assert_eq!(world.n(&old).await, None);
}

#[tokio::test]
async fn a_renewal_keeps_the_changes_that_others_made_in_the_meantime() {
    let world = World::new();
    let old = world.stored().await;
    let (one, two) = (world.open(&old).await, world.open(&old).await);
    increment(&two);
    world.commit(&two).await;
    increment(&one);
    one.renew();
    let new = world.commit(&one).await.unwrap();
    assert_eq!(world.n(&new).await, Some(3));
}

/// Another server ends the session between the comparison and the write.
#[tokio::test]
async fn a_session_has_ended_if_the_store_returns_another_key() {
    let world = World::new();
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    let key = world.table.only_key();
    let remove = move |table: &Table| table.remove(&key);
    world.table.before("update", remove);
    assert_eq!(world.failure(&session).await, 409);
    // The session under the other key was deleted.
    assert!(world.table.keys().is_empty());
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn a_session_under_the_other_key_that_cannot_be_deleted_opens_nothing() {
    let world = World::new();
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    let key = world.table.only_key();
    let removed = key.clone();
    let remove = move |table: &Table| table.remove(&removed);
    world.table.before("update", remove);
    world.table.fail("delete");
    assert_eq!(world.failure(&session).await, 409);
    assert_ne!(world.table.only_key(), key);
    assert_eq!(world.n(&cookie).await, None);
}

/// The documentation of the adapter names this risk: the store can't compare and swap.
#[tokio::test]
async fn a_change_between_the_comparison_and_the_write_of_another_server_is_lost() {
    let world = World::new();
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    let key = world.table.only_key();
    world.table.before("update", move |table| {
        let mut state: HashMap<String, String> = table.get(&key).unwrap().unwrap();
        state.insert("n".to_owned(), "10".to_owned());
        table.put(&key, state, time::Duration::days(1));
    });
    world.commit(&session).await;
    assert_eq!(world.n(&cookie).await, Some(2));
}
