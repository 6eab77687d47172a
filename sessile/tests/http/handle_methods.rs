//! The methods of a session that are not about values: `id`, `discard`, and those that report whether they had an
//! effect.

use std::sync::{Arc, Mutex};

use actix_web::{HttpResponse, web};
use serde_json::json;
use sessile::{
    CookieContentSecurity::Private,
    Session, SessionStatus,
    error::{SessionClosedError, WriteError},
};

use crate::{
    client::Server,
    setup::{InCookie, Kind, Memory, Setup, in_time, on_every_store},
    watched::Operation::{Create, Load, Update},
};

on_every_store![
    discarded_changes_are_not_stored,
    discarding_keeps_what_was_saved,
    the_id_does_not_reveal_the_key,
];

async fn discarded_changes_are_not_stored<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:a:1").await.cookie();
    setup.watch.seen();
    for script in ["/set:b:2/discard", "/clear/discard", "/add:a/discard"] {
        let reply = server.post_as(&cookie, script).await;
        assert_eq!(reply.state(), json!({"a": 1}), "{script}");
        reply.assert_sets_no_cookie();
        setup.assert_asked_for(script, &[Load]);
    }
    server
        .post("/set:a:1/discard")
        .await
        .assert_sets_no_cookie();
    setup.assert_asked(&[]);
    let reply = server.post_as(&cookie, "/set:b:2/discard/set:c:3").await;
    setup.assert_asked(&[Load, Update]);
    let state = server.get_as(&reply.cookie_or(&cookie), "/").await.state();
    assert_eq!(state, json!({"a": 1, "c": 3}));
}

async fn discarding_keeps_what_was_saved<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let reply = server.post("/set:a:1/save/set:b:2/discard").await;
    assert_eq!(reply.state(), json!({"a": 1}));
    let state = server.get_as(&reply.cookie(), "/").await.state();
    assert_eq!(state, json!({"a": 1}));
}

/// The id of each request's session, before its steps and after them.
fn telling_ids<K: Kind>(setup: &Setup<K>) -> Server {
    Server::start(setup.builder().build(), |config| {
        fn id(session: &Session) -> Option<String> {
            session.id().map(|id| id.to_string())
        }
        let handler = async |session: Session, path: web::Path<String>| {
            let before = id(&session);
            match path.as_str() {
                "save" => {
                    session.insert("a", 1)?;
                    session.save().await?;
                }
                "renew" => session.renew(),
                "purge" => session.purge(),
                "restart" => session.restart()?,
                _ => {}
            }
            let after = id(&session);
            Ok::<_, actix_web::Error>(HttpResponse::Ok().json([before, after]))
        };
        config.route("/{step}", web::to(handler));
    })
}

async fn the_id_does_not_reveal_the_key<K: Kind>(setup: &Setup<K>) {
    let server = telling_ids(setup);
    assert_eq!(server.get("/look").await.state(), json!([null, null]));
    let first = server.post("/save").await;
    let id = first.state()[1].clone();
    assert_eq!(first.state(), json!([null, id]));
    let text = id.as_str().unwrap();
    assert_eq!(text.len(), 22);
    let cookie = first.cookie();
    assert!(!cookie.contains(text) || !setup.is_private());

    let same = json!([id, id]);
    assert_eq!(server.get_as(&cookie, "/look").await.state(), same);
    let saved = server.post_as(&cookie, "/save").await;
    assert_eq!(saved.state(), same);
    let renewed = server.post_as(&saved.cookie_or(&cookie), "/renew").await;
    assert_eq!(renewed.state(), same);
    let cookie = renewed.cookie();
    let id = match K::ON_SERVER {
        true => id,
        // If the record is in the cookie, a renewal changes the id.
        false => server.get_as(&cookie, "/look").await.state()[0].clone(),
    };
    assert_eq!(
        server.get_as(&cookie, "/look").await.state(),
        json!([id, id])
    );
    for ending in ["/purge", "/restart"] {
        let reply = server.get_as(&cookie, ending).await;
        assert_eq!(reply.state()[1], json!(null));
        if K::ON_SERVER {
            assert_eq!(
                server.get_as(&cookie, "/look").await.state(),
                json!([null, null])
            );
            break;
        }
    }
}

#[tokio::test]
async fn fallible_methods_return_the_errors_that_others_log() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = Server::start(setup.builder().build(), |config| {
            let handler = async |session: Session| {
                session.insert("a", 1)?;
                assert_eq!(session.try_remove("a"), Ok(Some(json!(1))));
                assert_eq!(session.try_remove("a"), Ok(None));
                assert_eq!(session.try_clear(), Ok(()));
                assert_eq!(session.try_renew(), Ok(()));
                assert_eq!(session.status(), SessionStatus::Renewed);
                assert_eq!(session.try_purge(), Ok(()));

                let purged = SessionClosedError::Purged;
                assert_eq!(session.try_remove("a"), Err(WriteError::Closed(purged)));
                assert_eq!(session.try_clear(), Err(WriteError::Closed(purged)));
                assert_eq!(session.try_renew(), Err(purged));
                assert_eq!(session.try_purge(), Ok(()), "it is the same wish");
                assert_eq!(session.status(), SessionStatus::Purged);

                assert_eq!(session.restart(), Ok(()));
                assert_eq!(session.status(), SessionStatus::Renewed);
                assert_eq!(session.try_clear(), Ok(()));
                Ok::<_, actix_web::Error>("")
            };
            config.default_service(web::to(handler));
        });
        assert_eq!(server.post("/").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn after_the_response_fallible_methods_fail() {
    in_time(async {
        let mut setup = Setup::<Memory>::new(Private).await;
        let server = setup.start();
        server.post("/set:a:1/hand_out").await;
        let handle = setup.handles.recv().await.unwrap();
        let committed = SessionClosedError::Committed;
        assert_eq!(handle.try_remove("a"), Err(WriteError::Closed(committed)));
        assert_eq!(handle.try_clear(), Err(WriteError::Closed(committed)));
        assert_eq!(handle.try_renew(), Err(committed));
        assert_eq!(handle.try_purge(), Err(committed));
        assert_eq!(handle.restart(), Err(committed));
        assert_eq!(handle.get("a").unwrap(), Some(1));
    })
    .await;
}

/// Notifies the test when it is dropped.
struct Dropped(Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            let _ = tell.send(());
        }
    }
}

/// No cookie can be sent, so the session is not acknowledged and does not stay in the store.
#[tokio::test]
async fn saving_a_new_session_while_the_client_disconnects_stores_nothing() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let (tell_saved, saved) = tokio::sync::oneshot::channel();
        let (tell_left, left) = tokio::sync::oneshot::channel();
        let channels = Arc::new(Mutex::new(Some((tell_saved, tell_left))));
        let server = Server::start(setup.builder().build(), move |config| {
            let channels = Arc::clone(&channels);
            let handler = move |session: Session| {
                let (tell_saved, tell_left) = channels.lock().unwrap().take().unwrap();
                async move {
                    let _dropped = Dropped(Some(tell_left));
                    session.insert("a", 1).unwrap();
                    actix_web::rt::spawn(async move {
                        let _ = tell_saved.send((session.save().await, session));
                    });
                    std::future::pending::<&str>().await
                }
            };
            config.default_service(web::to(handler));
        });
        setup.watch.inject(Create, crate::watched::Fault::Hold);
        let client = server.begin_request("POST", "/", &[]).await;
        setup.watch.held().await;
        client.set_zero_linger().unwrap();
        drop(client);
        left.await.unwrap();
        setup.watch.release();

        let (saved, session) = saved.await.unwrap();
        crate::handles::assert_sent_already(saved);
        assert_eq!(session.id(), None);
        assert_eq!(
            setup.watch.seen(),
            [Create, crate::watched::Operation::Delete]
        );
    })
    .await;
}

#[tokio::test]
async fn a_cookie_that_would_be_too_large_fails_the_save() {
    in_time(async {
        let setup = Setup::<InCookie>::new(Private).await;
        let server = Server::start(setup.builder().build(), |config| {
            let handler = async |session: Session| {
                session.insert("a", 1)?;
                session.save().await?;
                session.insert("letters", "x".repeat(5000))?;
                let saved = session.save().await.unwrap_err();
                assert!(matches!(
                    saved,
                    sessile::error::SessionSaveError::Commit(
                        sessile::error::CommitError::CookieTooLarge(_)
                    )
                ));
                // Without the large value it can be saved.
                session.discard();
                session.save().await?;
                Ok::<_, actix_web::Error>("")
            };
            config.default_service(web::to(handler));
        });
        let reply = server.post("/").await;
        assert_eq!(reply.status, 200);
        let state = setup.start().get_as(&reply.cookie(), "/").await.state();
        assert_eq!(state, json!({"a": 1}));
    })
    .await;
}
