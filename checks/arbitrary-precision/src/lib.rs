//! Session values in an application that enables `serde_json/arbitrary_precision`. With this feature, `serde_json`
//! keeps numbers as text, which changes how it reads and writes them.
#![cfg(test)]

use serde_json::{Number, Value, json};
use sessile::{
    Session,
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
    storage::MemorySessionStore,
};

/// The session of a second request, after `write` changed it in a first one.
async fn stored(write: impl FnOnce(&Session)) -> Session {
    let store = MemorySessionStore::default();
    let manager = SessionManager::new(store, SealingKey::generate(), Settings::default()).unwrap();
    let session = manager.open([]).await.unwrap();
    write(&session);
    let head = ResponseHead::to("POST");
    let set_cookie = manager.commit(&session, &head).await.unwrap().set_cookie;
    let set_cookie = set_cookie.unwrap();
    let cookie = set_cookie.as_str().split(';').next().unwrap();
    manager.open([cookie.as_bytes()]).await.unwrap()
}

#[tokio::test]
async fn numbers_of_every_type_are_read_back() {
    let session = stored(|session| {
        session.insert("f64", 1.577777777777001_f64).unwrap();
        session.insert("f32", 0.1_f32).unwrap();
        session.insert("u64", u64::MAX).unwrap();
        session.insert("i64", i64::MIN).unwrap();
        session.insert("u128", u128::MAX).unwrap();
        session.insert("list", vec![Some(1.5), None]).unwrap();
    })
    .await;
    assert_eq!(session.get("f64").unwrap(), Some(1.577777777777001_f64));
    assert_eq!(session.get("f32").unwrap(), Some(0.1_f32));
    assert_eq!(session.get("u64").unwrap(), Some(u64::MAX));
    assert_eq!(session.get("i64").unwrap(), Some(i64::MIN));
    assert_eq!(session.get("u128").unwrap(), Some(u128::MAX));
    assert_eq!(session.get("list").unwrap(), Some(vec![Some(1.5), None]));
    assert_eq!(session.entries()["u128"].to_string(), u128::MAX.to_string());
    assert_eq!(session.entries()["list"], json!([1.5, null]));
}

#[tokio::test]
async fn numbers_that_no_primitive_type_holds_are_read_back_as_numbers() {
    for text in [
        "1e+400",
        "0.1234567890123456789012345678901",
        "123456789012345678901234567890123456789012",
    ] {
        let number: Number = text.parse().unwrap();
        let session = stored(|session| session.insert("n", &number).unwrap()).await;
        assert_eq!(session.get("n").unwrap(), Some(number.clone()));
        assert_eq!(session.entries()["n"].to_string(), text);
        assert_eq!(session.remove("n"), Some(Value::Number(number)));
    }
}

#[tokio::test]
async fn a_change_of_a_number_is_merged() {
    let session = stored(|session| session.insert("n", 1).unwrap()).await;
    session.update("n", |n: u32| n + 1).unwrap();
    session.update_or("m", 0.5, |m: f64| m * 2.0).unwrap();
    session.save().await.unwrap();
    session.reload().await.unwrap();
    assert_eq!(session.get("n").unwrap(), Some(2));
    assert_eq!(session.get("m").unwrap(), Some(0.5));
}

#[test]
fn a_value_that_cannot_be_read_back_is_refused() {
    let session = Session::new();
    for number in [f64::NAN, f64::INFINITY] {
        assert!(session.insert("n", number).is_err());
        assert!(session.insert("n", vec![number]).is_err());
    }
    let nested = (0..128).fold(json!(1), |inner, _| json!([inner]));
    assert!(session.insert("n", nested).is_err());
    assert!(session.entries().is_empty());
}
