//! Values for the next request.

use super::*;

fn notices(session: &Session) -> Vec<String> {
    session.take_flash("notice").unwrap()
}

async fn with_notice<S: SessionStore + Clone>(world: &World<S>) -> String {
    let session = world.manager.open([]).await.unwrap();
    session.flash("notice", "Saved.").unwrap();
    world.commit(&session).await.unwrap()
}

#[tokio::test]
async fn a_flash_is_shown_by_one_request() {
    let world = World::new(|_| {});
    let cookie = with_notice(&world).await;
    // A request that does not take it leaves it.
    let session = world.open(&cookie).await;
    session.insert("visits", 1).unwrap();
    world.commit(&session).await;

    let session = world.open(&cookie).await;
    assert!(session.entries().contains_key("visits"));
    assert_eq!(session.entries().len(), 1);
    assert_eq!(notices(&session), ["Saved."]);
    assert!(notices(&session).is_empty());
    world.commit(&session).await;
    assert!(notices(&world.open(&cookie).await).is_empty());
    let id = world.id(&cookie).await.unwrap();
    assert!(
        world
            .record(&id)
            .await
            .unwrap()
            .payload()
            .details()
            .is_none()
    );
}

#[tokio::test]
async fn a_flash_travels_in_a_cookie() {
    let store = Arc::new(crate::storage::CookieSessionStore::default());
    let world = World::over(store, ManualClock::default(), |_| {});
    let cookie = with_notice(&world).await;
    let session = world.open(&cookie).await;
    assert_eq!(notices(&session), ["Saved."]);
    let cookie = world.commit(&session).await.unwrap();
    assert!(notices(&world.open(&cookie).await).is_empty());
}

#[tokio::test]
async fn a_flash_of_another_request_is_not_lost() {
    let world = World::new(|_| {});
    let cookie = with_notice(&world).await;
    let (first, second) = (world.open(&cookie).await, world.open(&cookie).await);
    let third = world.open(&cookie).await;
    third.flash("notice", "Sent.").unwrap();
    world.commit(&third).await;
    // Both were open when there was one.
    assert_eq!(notices(&first), ["Saved."]);
    assert_eq!(notices(&second), ["Saved."]);
    world.commit(&first).await;
    world.commit(&second).await;
    assert_eq!(notices(&world.open(&cookie).await), ["Sent."]);
}

#[tokio::test]
async fn a_flash_survives_everything_except_the_end() {
    let world = World::new(|_| {});
    let cookie = with_notice(&world).await;
    let session = world.open(&cookie).await;
    session.clear();
    session.renew();
    let cookie = world.commit(&session).await.unwrap();
    let session = world.open(&cookie).await;
    session.restart().unwrap();
    session.flash("notice", "Goodbye.").unwrap();
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(notices(&world.open(&cookie).await), ["Goodbye."]);
}

#[tokio::test]
async fn a_flash_is_stored_once_by_an_update_of_unknown_outcome() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    session.flash("notice", "Saved.").unwrap();
    world.store.inject(Fault::DoAndFail);
    session.save().await.unwrap_err();
    world.commit(&session).await;
    assert_eq!(notices(&world.open(&cookie).await), ["Saved."]);
}

#[test]
fn flashes_are_bounded() {
    let session = Session::new();
    session.flash("notice", "x".repeat(1500)).unwrap();
    let error = session.flash("notice", "x".repeat(1500)).unwrap_err();
    // The key, and the text with its quotes.
    let bytes = 2 * (6 + 1502);
    assert_eq!(error, WriteError::FlashTooLarge { bytes, max: 2048 });
    let error = session.flash("ratio", f64::NAN).unwrap_err();
    assert!(matches!(error, WriteError::Json(_)));
    assert_eq!(session.take_flash::<String>("notice").unwrap().len(), 1);
}

#[tokio::test]
async fn flashes_of_concurrent_requests_are_bounded_together() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (first, second) = (world.open(&cookie).await, world.open(&cookie).await);
    for session in [&first, &second] {
        session.flash("notice", "x".repeat(1500)).unwrap();
    }
    world.commit(&first).await;
    let failure = world.failure(&second).await;
    assert!(matches!(cause(&failure), CommitError::StateTooLarge(_)));
    assert_eq!(notices(&world.open(&cookie).await), ["x".repeat(1500)]);
}

#[test]
fn a_flash_of_another_type_is_an_error_and_stays() {
    let session = Session::new();
    session.flash("notice", "Saved.").unwrap();
    session.take_flash::<u32>("notice").unwrap_err();
    assert_eq!(notices(&session), ["Saved."]);
}
