//! The values of a session as one struct.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

use super::*;
use crate::{error::ReadError, extract::TypedSession};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Shop {
    cart: Vec<String>,
    visits: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<String>,
}

async fn shop(world: &World, cookie: &str) -> TypedSession<Shop> {
    TypedSession::new(world.open(cookie).await)
}

#[tokio::test]
async fn requests_that_change_different_fields_keep_both() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (one, other) = (shop(&world, &cookie).await, shop(&world, &cookie).await);
    one.update(|it| it.visits = 3).unwrap();
    other.update(|it| it.cart.push("apple".to_owned())).unwrap();
    world.commit(one.session()).await;
    world.commit(other.session()).await;
    let expected = Shop {
        cart: vec!["apple".to_owned()],
        visits: 3,
        coupon: None,
    };
    assert_eq!(shop(&world, &cookie).await.get(), Ok(expected));
}

#[test]
fn fields_that_are_skipped_are_removed_and_other_names_stay() {
    let session = Session::new();
    session.insert("theme", "dark").unwrap();
    let shop = TypedSession::<Shop>::new(session.clone());
    shop.update(|it| it.coupon = Some("ten".to_owned()))
        .unwrap();
    assert!(session.contains_key("coupon") && !session.contains_key("visits"));
    shop.update(|it| it.coupon = None).unwrap();
    assert!(!session.contains_key("coupon"));
    assert_eq!(session.get("theme").unwrap(), Some("dark".to_owned()));
}

#[test]
fn a_map_gains_changes_and_loses_names() {
    let session = Session::new();
    let map = TypedSession::<BTreeMap<String, u32>>::new(session.clone());
    let numbers = |range: Range<u32>| range.map(|n| (n.to_string(), n)).collect();
    map.set(&numbers(0..500)).unwrap();
    map.update(|it| {
        *it = numbers(250..750);
        it.insert("300".to_owned(), 0);
    })
    .unwrap();
    let mut expected: BTreeMap<_, _> = numbers(250..750);
    expected.insert("300".to_owned(), 0);
    assert_eq!(map.get(), Ok(expected));
    assert_eq!(session.entries().len(), 500);
}

#[test]
fn setting_the_same_changes_nothing() {
    let shop = TypedSession::<Shop>::new(Session::new());
    assert_eq!(shop.get(), Ok(Shop::default()));
    shop.update(|_| {}).unwrap();
    assert_eq!(shop.session().status(), SessionStatus::Unchanged);
    shop.set(&Shop::default()).unwrap();
    assert_eq!(shop.session().status(), SessionStatus::Changed);
    assert_eq!(shop.session().entries().len(), 2);
}

#[test]
fn values_of_another_type_are_an_error() {
    let session = Session::new();
    session.insert("visits", "many").unwrap();
    let shop = TypedSession::<Shop>::new(session.clone());
    assert!(matches!(shop.get(), Err(ReadError::Json(_))));
    assert!(matches!(shop.update(|_| {}), Err(WriteError::Json(_))));
    let number = TypedSession::<u32>::new(Session::new());
    assert!(matches!(number.set(&3), Err(WriteError::Json(_))));
    session.purge();
    shop.set(&Shop::default()).unwrap_err();
}

#[tokio::test]
async fn a_session_that_is_not_loaded_is_an_error() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let lazy = world.beside(&world.clock, |settings| settings.loading = Loading::Lazy);
    let shop = shop(&lazy, &cookie).await;
    assert_eq!(shop.get(), Err(ReadError::NotLoaded));
    assert_eq!(shop.update(|_| {}), Err(WriteError::NotLoaded));
}
