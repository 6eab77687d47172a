//! The responses under `ServeEmpty` if the store fails, and the requests that fail nevertheless.

use std::sync::Arc;

use serde_json::json;
use sessile::{CookieContentSecurity::Private, config::StoreFailurePolicy};
use tokio::sync::Barrier;

use crate::{
    failures::{NEEDS, Scene, impatient},
    setup::{Builder, Memory, Setup, in_time},
    watched::{
        Fault::{Fail, Hang},
        Operation::{Create, Load},
    },
};

pub(crate) fn serving_empty(builder: Builder<Memory>) -> Builder<Memory> {
    builder.on_store_failure(StoreFailurePolicy::ServeEmpty)
}

#[tokio::test]
async fn serving_empty_neither_shows_nor_touches_the_stored_session() {
    in_time(async {
        for (fault, scene) in [
            (Fail, Scene::new(serving_empty).await),
            (
                Hang,
                Scene::new(|builder| impatient(serving_empty(builder))).await,
            ),
        ] {
            for (script, state) in [
                ("/", json!({})),
                ("/set:b:2", json!({"b": 2})),
                ("/add:a", json!({"a": 1})),
                ("/clear", json!({})),
                ("/renew", json!({})),
                ("/set:b:2/renew", json!({"b": 2})),
            ] {
                let reply = scene.reply_under(Load, fault, script).await;
                assert_eq!(reply.state(), state, "{script}");
                reply.assert_sets_no_cookie();
                assert_eq!(scene.setup.watch.seen(), [Load], "{script}");
                scene.assert_intact().await;
            }
            // A save must not acknowledge changes either.
            let reply = scene.reply_under(Load, fault, "/set:b:2/save").await;
            reply.assert_failure(503);
            scene.assert_intact().await;
            // A failed sign-out must not be acknowledged.
            for script in ["/purge", "/set:b:2/purge", "/restart/set:b:2"] {
                let reply = scene.reply_under(Load, fault, script).await;
                reply.assert_failure(503);
                assert_eq!(scene.setup.watch.seen(), [Load, Load], "{script}");
                scene.assert_intact().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_purge_without_the_store_ends_the_session_if_the_store_recovers() {
    in_time(async {
        let mut setup = Setup::<Memory>::new(Private).await;
        setup.meeting = Arc::new(Barrier::new(2));
        let server = setup.start_with(serving_empty(setup.builder()));
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.inject(Load, Fail);
        let purging = server.post_as(&cookie, "/meet/meet/purge");
        let healing = async {
            setup.meeting.wait().await;
            // The handler runs, so the store has failed by now.
            setup.watch.heal();
            setup.meeting.wait().await;
        };
        let (reply, ()) = tokio::join!(purging, healing);
        assert_eq!(reply.state(), json!({}));
        reply.assert_removes_cookie();
        assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
    })
    .await;
}

#[tokio::test]
async fn serving_empty_acknowledges_no_lost_change() {
    in_time(async {
        for (fault, scene) in [
            (Fail, Scene::new(serving_empty).await),
            (
                Hang,
                Scene::new(|builder| impatient(serving_empty(builder))).await,
            ),
        ] {
            for (operation, script) in &NEEDS[1..] {
                let reply = scene.reply_under(*operation, fault, script).await;
                reply.assert_failure(503);
                scene.assert_intact().await;
            }
            scene.setup.watch.inject(Create, fault);
            scene.server.get("/set:a:1").await.assert_failure(503);
        }
    })
    .await;
}
