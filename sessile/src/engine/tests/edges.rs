//! Edge cases of opening and committing: cookies that grow, old secrets, early sessions, caching, and timeouts.

use super::*;
use crate::config::Caching;

#[cfg(feature = "cookie-session")]
mod in_a_cookie {
    use super::*;
    use crate::storage::CookieSessionStore;

    fn world(change: impl FnOnce(&mut Settings)) -> World<CookieSessionStore> {
        let clock = ManualClock::default();
        World::over(CookieSessionStore::default(), clock, change)
    }

    /// The `name=value` in which actix-session signs a state of this length. Its cookie is as large as browsers keep.
    fn signed_by_actix_session(world: &World<CookieSessionStore>, len: usize) -> String {
        let state = format!(r#"{{"a":"\"{}\""}}"#, "x".repeat(len));
        let mut jar = cookie::CookieJar::new();
        jar.signed_mut(world.key.master())
            .add(cookie::Cookie::new("id", state));
        jar.get("id").unwrap().encoded().to_string()
    }

    #[tokio::test]
    async fn a_cookie_of_actix_session_that_would_become_too_large_is_left_as_it_is() {
        let world =
            world(|settings| settings.cookie_content_security = CookieContentSecurity::Signed);
        let cookie = signed_by_actix_session(&world, 3980);
        let session = world.open(&cookie).await;
        assert_eq!(session.entries().len(), 1);
        assert_eq!(world.answer(&session, "GET").await.unwrap(), None);
        // A change that is not stored is an error.
        let session = world.open(&cookie).await;
        session.insert("n", 1).unwrap();
        let failure = world.failure(&session).await;
        assert!(matches!(cause(&failure), CommitError::CookieTooLarge(_)));
    }

    #[tokio::test]
    async fn a_cookie_that_new_attributes_make_too_large_is_not_sent_again() {
        let world = world(|_| {});
        let session = world.open("").await;
        session.insert("a", "x".repeat(2885)).unwrap();
        let cookie = world.commit(&session).await.unwrap();
        let after = world.beside(&world.clock, |settings| {
            touching(settings);
            settings.cookie_domain = Some("a.very.long.domain.example.org".repeat(3));
        });
        let session = after.open(&cookie).await;
        assert_eq!(after.answer(&session, "GET").await.unwrap(), None);
    }

    #[cfg(feature = "actix")]
    #[tokio::test]
    async fn an_early_change_that_does_not_fit_is_not_sealed() {
        let world = world(|settings| settings.max_state_bytes = 100);
        let session = world.open("").await;
        session.insert("a", "x".repeat(60)).unwrap();
        session.flash("notice", "x".repeat(1500)).unwrap();
        let cookie = world.commit(&session).await.unwrap();
        let changes: [fn(&Session); 3] = [
            |session| session.flash("notice", "x".repeat(1500)).unwrap(),
            |session| session.update_or("a", 1, |n: u32| n + 1).unwrap(),
            |session| session.insert("b", "x".repeat(60)).unwrap(),
        ];
        for change in changes {
            let early = Session::early();
            change(&early);
            let opening = world.manager.open_early(&early, [cookie.as_bytes()]);
            let failure = opening.await.unwrap_err();
            assert_eq!(failure.status(), 500);
        }
    }
}

/// Also if it comes with more cookies than one request loads.
#[tokio::test]
async fn a_secret_that_was_replaced_long_ago_ends_nothing() {
    for loading in [Loading::Eager, Loading::Lazy] {
        let world = World::new(|_| {});
        let stolen = world.stored().await;
        let mut cookie = stolen.clone();
        for _ in 0..2 {
            let session = world.open(&cookie).await;
            session.insert("user", "ferris").unwrap();
            session.renew();
            cookie = world.commit(&session).await.unwrap();
            world.clock.advance(Duration::from_secs(1000));
        }
        let mut cookies = Vec::new();
        for _ in 0..4 {
            cookies.push(world.stored().await);
        }
        let live = cookies.clone();
        cookies.push(stolen);
        let server = world.beside(&world.clock, |settings| settings.loading = loading);
        let session = server.open(&cookies.join("; ")).await;
        session.purge();
        server.commit(&session).await;
        assert_eq!(json(&world.open(&cookie).await), RENEWED);
        for cookie in live {
            assert_eq!(world.id(&cookie).await, None, "{loading:?}");
        }
    }
}

#[tokio::test]
async fn the_page_that_signs_a_user_out_is_not_stored_either() {
    let ends: [fn(&Session); 3] = [Session::purge, |it| it.restart().unwrap(), Session::renew];
    for end in ends {
        let world = World::new(|settings| settings.caching = Caching::NoStoreSignedIn);
        let cookie = world.stored().await;
        world.sign_in(&cookie, "ferris").await;
        let session = world.open(&cookie).await;
        end(&session);
        let head = ResponseHead::to("POST");
        let headers = world.manager.commit(&session, &head).await.unwrap();
        assert_eq!(headers.cache_control.as_deref(), Some("no-store"));
    }
}

#[tokio::test]
async fn every_method_that_reads_a_session_makes_the_response_private() {
    type Read = for<'a> fn(&'a Session) -> crate::storage::BoxFuture<'a, ()>;
    let reads: [(&str, Read); 8] = [
        ("get", |it| Box::pin(async { drop(it.get::<u32>("n")) })),
        ("contains_key", |it| {
            Box::pin(async {
                let _ = it.contains_key("n");
            })
        }),
        ("id", |it| Box::pin(async { drop(it.id()) })),
        ("expires_at", |it| {
            Box::pin(async {
                let _ = it.expires_at();
            })
        }),
        ("is_loaded", |it| {
            Box::pin(async {
                let _ = it.is_loaded();
            })
        }),
        ("load", |it| Box::pin(async { drop(it.load().await) })),
        ("reload", |it| Box::pin(async { drop(it.reload().await) })),
        ("save", |it| Box::pin(async { drop(it.save().await) })),
    ];
    for (name, read) in reads {
        for loading in [Loading::Eager, Loading::Lazy] {
            let world = World::new(|settings| settings.loading = loading);
            let cookie = world.stored().await;
            for cookie in ["", &cookie] {
                let session = world.open(cookie).await;
                read(&session).await;
                let head = ResponseHead::to("GET").with_cache_control("public");
                let headers = world.manager.commit(&session, &head).await.unwrap();
                assert!(headers.vary.is_some(), "{name}");
                assert_eq!(headers.cache_control.as_deref(), Some("private"), "{name}");
            }
        }
    }
}

/// One timeout for all that a request loads.
#[tokio::test(start_paused = true)]
async fn opening_takes_no_longer_than_the_timeout_however_many_cookies_there_are() {
    let world = World::new(|_| {});
    let mut cookies = Vec::new();
    for _ in 0..3 {
        cookies.push(world.stored().await);
    }
    world.store.inject_into_load(Fault::Wait);
    let begun = tokio::time::Instant::now();
    let opening = world
        .manager
        .open([cookies[0].as_bytes(), cookies[1].as_bytes()]);
    let (opened, ()) = tokio::join!(opening, async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        world.store.inject_into_load(Fault::Hang);
        world.store.go_on.notify_one();
    });
    assert!(matches!(
        open_cause(&opened.unwrap_err()),
        OpenError::Timeout { .. }
    ));
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}
