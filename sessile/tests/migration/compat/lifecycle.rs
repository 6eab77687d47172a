//! The life of a session in such a store: created, changed, renewed, expired and ended.

use std::{collections::HashMap, time::Duration};

use actix_web::cookie::time;
use sessile::storage::compat::SessionKey;

use super::world::{HOUR, World, increment};
use crate::old_stores::table::{OnMissing, Table};

/// The state that the store has under `key`.
fn state(world: &World, key: &str) -> HashMap<String, String> {
    world.table.get(key).unwrap().unwrap()
}

fn names(state: &HashMap<String, String>) -> Vec<&str> {
    let mut names: Vec<_> = state.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn values_are_stored_as_actix_session_stored_them() {
    let world = World::new();
    let session = world.open("").await;
    session.insert("user", "ferris").unwrap();
    session.insert("n", 1).unwrap();
    world.commit(&session).await.unwrap();
    let key = world.table.only_key();
    assert_eq!(key.len(), 64);
    let state = state(&world, &key);
    assert_eq!(names(&state), ["_sessile", "n", "user"]);
    assert_eq!((&*state["n"], &*state["user"]), ("1", "\"ferris\""));
    // The lifetime, and a minute of slack.
    let day = 24 * HOUR;
    assert_eq!(world.table.ttl(&key), day + Duration::from_secs(60));
}

#[tokio::test]
async fn a_session_is_read_changed_and_ended() {
    let world = World::new();
    let cookie = world.stored().await;
    assert_eq!(world.table.operations(), ["save"]);
    let session = world.open(&cookie).await;
    assert_eq!(session.get("n").unwrap(), Some(1));
    assert_eq!(world.commit(&session).await, None);
    assert_eq!(world.table.operations(), ["load"]);

    let session = world.open(&cookie).await;
    increment(&session);
    assert_eq!(world.commit(&session).await, None);
    assert_eq!(world.table.operations(), ["load", "load", "update"]);
    assert_eq!(world.n(&cookie).await, Some(2));

    let session = world.open(&cookie).await;
    session.purge();
    assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
    assert!(world.table.keys().is_empty());
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn a_renewal_moves_the_session_to_another_key() {
    let world = World::new();
    let old = world.stored().await;
    let old_key = world.table.only_key();
    let session = world.open(&old).await;
    session.insert("user", "ferris").unwrap();
    session.renew();
    let new = world.commit(&session).await.unwrap();
    assert_eq!(world.n(&new).await, Some(1));

    // Nothing opens what is left under the old key, and it ends with the grace period.
    assert_eq!(
        names(&state(&world, &old_key)),
        ["_sessile", "moved_to_key"]
    );
    assert!(world.table.ttl(&old_key) <= Duration::from_secs(60));
    for cookie in [&old, &world.sealed_by_actix_session(&old_key)] {
        let session = world.open(cookie).await;
        assert_eq!((session.id(), session.entries().len()), (None, 0));
        session.insert("n", 7).unwrap();
        assert_eq!(world.failure(&session).await, 409);
    }
    assert_eq!(world.n(&new).await, Some(1));
}

#[tokio::test]
async fn a_session_can_be_renewed_again_and_again() {
    let world = World::new();
    let mut cookies = vec![world.stored().await];
    for n in 2..6 {
        let session = world.open(cookies.last().unwrap()).await;
        increment(&session);
        session.renew();
        cookies.push(world.commit(&session).await.unwrap());
        assert_eq!(world.n(cookies.last().unwrap()).await, Some(n));
    }
    for old in &cookies[..cookies.len() - 1] {
        assert_eq!(world.n(old).await, None);
    }
}

/// All steps are in one request, which has no cookie.
#[tokio::test]
async fn a_new_session_can_be_saved_renewed_and_changed() {
    let world = World::new();
    let session = world.open("").await;
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    session.renew();
    session.save().await.unwrap();
    increment(&session);
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_restart_begins_another_session() {
    let world = World::new();
    let old = world.stored().await;
    let old_key = world.table.only_key();
    let session = world.open(&old).await;
    session.restart().unwrap();
    session.insert("n", 5).unwrap();
    let new = world.commit(&session).await.unwrap();
    assert_ne!(world.table.only_key(), old_key);
    assert_eq!((world.n(&old).await, world.n(&new).await), (None, Some(5)));
}

#[tokio::test]
async fn a_session_expires_by_the_engines_clock() {
    let world = World::new();
    let cookie = world.stored().await;
    world.clock.advance(25 * HOUR);
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn a_session_of_actix_session_counts_as_used_when_it_is_loaded() {
    let world = World::new();
    let state = HashMap::from([("n".to_owned(), "1".to_owned())]);
    world.table.put("a key", state, time::Duration::days(30));
    let cookie = world.sealed_by_actix_session("a key");
    world.clock.advance(48 * HOUR);
    let session = world.open(&cookie).await;
    increment(&session);
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(2));
    world.clock.advance(25 * HOUR);
    assert_eq!(world.n(&cookie).await, None);
}

/// Sealed and with its attributes, a key of this length fits in a cookie of 4096 bytes.
const LONGEST_IN_A_COOKIE: usize = 2900;

#[tokio::test]
async fn keys_of_other_forms_work() {
    let keys: [fn() -> String; 5] = [
        || "67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned(),
        || "{67e55044-10b1-426f-9247-bb680e5fe0c8}".to_owned(),
        || "42".to_owned(),
        || "key \u{e9}\u{1f980} \"; \\ %20".to_owned(),
        || "a".repeat(LONGEST_IN_A_COOKIE),
    ];
    for new_key in keys {
        let world = World::over(Table::with_keys(new_key));
        let cookie = world.stored().await;
        assert_eq!(world.table.only_key(), new_key());
        let session = world.open(&cookie).await;
        increment(&session);
        world.commit(&session).await;
        assert_eq!(world.n(&cookie).await, Some(2));
    }
}

#[tokio::test]
async fn a_key_that_fits_in_no_cookie_is_an_error() {
    let world = World::over(Table::with_keys(|| "a".repeat(SessionKey::MAX_LEN)));
    let session = world.open("").await;
    session.insert("n", 1).unwrap();
    assert_eq!(world.failure(&session).await, 500);
}

#[tokio::test]
async fn values_under_the_reserved_name_are_kept() {
    let world = World::new();
    let session = world.open("").await;
    let record = {
        world.stored().await;
        state(&world, &world.table.only_key())["_sessile"].clone()
    };
    for name in ["_sessile", "_sessile_"] {
        session.insert(name, &record).unwrap();
    }
    let cookie = world.commit(&session).await.unwrap();
    for _ in 0..2 {
        let session = world.open(&cookie).await;
        assert_eq!(session.entries().len(), 2);
        for name in ["_sessile", "_sessile_"] {
            assert_eq!(session.get(name).unwrap().as_ref(), Some(&record));
        }
        session.insert("_sessile", &record).unwrap();
        world.commit(&session).await;
    }
    let session = world.open(&cookie).await;
    session.remove("_sessile");
    world.commit(&session).await;
    let entries = world.open(&cookie).await.entries();
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["_sessile_"]);
}

#[tokio::test]
async fn a_missing_session_is_not_brought_back() {
    for on_missing in [
        OnMissing::SaveAnother,
        OnMissing::BringBack,
        OnMissing::Fail,
    ] {
        let world = World::over(Table::on_missing(on_missing));
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        increment(&session);
        world.table.remove(&world.table.only_key());
        assert_eq!(world.failure(&session).await, 409);
        assert!(world.table.keys().is_empty());
    }
}
