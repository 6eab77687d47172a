//! How often the list is asked.

use super::*;

type Handler = fn(&Session);

/// The questions and the entries of a request with this cookie.
async fn cost(listed: &Listed, cookie: &str, handler: Handler) -> (u32, u32) {
    listed.list.take_counts();
    let session = listed.open(cookie).await;
    handler(&session);
    listed.world.commit(&session).await;
    listed.list.take_counts()
}

#[tokio::test]
async fn each_kind_of_request_asks_the_list_the_fewest_times() {
    let listed = Listed::new(|_| {});
    let cookie = listed.world.stored().await;
    assert_eq!(listed.list.take_counts(), (0, 0));
    let requests: [(&str, Handler, (u32, u32)); 6] = [
        ("", |_| {}, (0, 0)),
        ("", increment, (0, 0)),
        ("id=garbage", |_| {}, (0, 0)),
        (
            &cookie,
            |session| assert!(session.contains_key("n")),
            (1, 0),
        ),
        (&cookie, increment, (2, 0)),
        (&cookie, Session::purge, (1, 1)),
    ];
    for (cookie, handler, counts) in requests {
        assert_eq!(cost(&listed, cookie, handler).await, counts, "{cookie}");
    }
    let cookie = listed.world.stored().await;
    assert_eq!(cost(&listed, &cookie, Session::renew).await, (2, 1));
}

#[tokio::test]
async fn a_sign_in_asks_for_marks() {
    let listed = Listed::new(|_| {});
    listed.signed_in("ferris").await;
    // When it is stored, and before the cookie is sent.
    assert_eq!(listed.list.take_counts(), (2, 0));
}

#[tokio::test]
async fn a_lazy_session_that_is_not_used_costs_nothing() {
    let listed = Listed::new(load_lazily);
    let cookie = listed.world.stored().await;
    assert_eq!(cost(&listed, &cookie, |_| {}).await, (0, 0));
}

#[tokio::test]
async fn a_cached_answer_costs_nothing() {
    let listed = Listed::with_staleness(Duration::from_secs(5), |_| {});
    let cookie = listed.world.stored().await;
    let read: Handler = |session| assert_eq!(session.get("n").unwrap(), Some(1));
    assert_eq!(cost(&listed, &cookie, read).await, (1, 0));
    assert_eq!(cost(&listed, &cookie, read).await, (0, 0));
    listed.world.clock.advance(Duration::from_millis(4999));
    assert_eq!(cost(&listed, &cookie, read).await, (0, 0));
    // A change asks before the cookie is sent.
    let change: Handler = |session| session.insert("m", 1).unwrap();
    assert_eq!(cost(&listed, &cookie, change).await, (1, 0));
    listed.world.clock.advance(Duration::from_secs(5));
    assert_eq!(cost(&listed, &cookie, read).await, (1, 0));
}

#[tokio::test]
async fn a_cached_answer_is_read_until_its_bound_and_changes_nothing() {
    let listed = Listed::with_staleness(Duration::from_secs(5), |_| {});
    let cookie = listed.world.stored().await;
    assert_eq!(listed.world.n(&cookie).await, Some(1));
    // On another server.
    listed
        .beside(&listed.world.clock, |_| {})
        .purge(&cookie)
        .await;
    let session = listed.open(&cookie).await;
    assert_eq!(session.get("n").unwrap(), Some(1));
    increment(&session);
    listed
        .world
        .refused(&session, SessionClosedError::Ended)
        .await;
    // The question of the change has told this server.
    assert_eq!(listed.world.n(&cookie).await, None);

    let cookie = listed.world.stored().await;
    assert_eq!(listed.world.n(&cookie).await, Some(1));
    listed
        .beside(&listed.world.clock, |_| {})
        .purge(&cookie)
        .await;
    listed.world.clock.advance(Duration::from_millis(4999));
    assert_eq!(listed.world.n(&cookie).await, Some(1));
    listed.world.clock.advance(Duration::from_millis(1));
    assert_eq!(listed.world.n(&cookie).await, None);
}

#[tokio::test]
async fn a_server_knows_at_once_what_it_ended_itself() {
    let listed = Listed::with_staleness(Duration::from_secs(5), |_| {});
    let sessions = listed.world.manager.sessions();
    let [one, two, three] = [
        listed.signed_in("ferris").await,
        listed.signed_in("ferris").await,
        listed.signed_in("corro").await,
    ];
    for cookie in [&one, &two, &three] {
        assert!(listed.open(cookie).await.subject().is_some());
    }
    listed.purge(&one).await;
    assert_eq!(listed.open(&one).await.subject(), None);
    sessions.end_all("ferris").await.unwrap();
    assert_eq!(listed.open(&two).await.subject(), None);
    assert_eq!(
        listed.open(&three).await.subject().as_deref(),
        Some("corro")
    );
    sessions.end_everything().await.unwrap();
    assert_eq!(listed.open(&three).await.subject(), None);
}

#[tokio::test]
async fn an_answer_from_before_its_own_sign_out_is_not_remembered() {
    let listed = Listed::with_staleness(Duration::from_secs(5), |_| {});
    let cookie = listed.world.stored().await;
    // The answer is on its way when another request signs out.
    listed.list.inject_into_load(Fault::DoAndWait);
    let reading = listed.open(&cookie);
    let ending = async {
        listed.purge(&cookie).await;
        listed.list.go_on.notify_one();
    };
    let (reading, ()) = tokio::join!(reading, ending);
    assert_eq!(reading.get("n").unwrap(), Some(1));
    assert_eq!(listed.world.n(&cookie).await, None);
}
