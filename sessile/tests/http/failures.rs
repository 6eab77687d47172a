//! A store that fails, hangs or always reports conflicts: the request ends, its response has no cause, and the
//! session is intact.

use std::time::Duration;

use serde_json::json;
use sessile::{
    CookieContentSecurity::Private,
    config::{PersistentSession, StoreFailurePolicy, TtlExtensionPolicy::OnEveryRequest},
};

use crate::{
    client::{Reply, Server},
    serving_empty::serving_empty,
    setup::{Builder, Memory, Setup, in_time},
    watched::{
        Fault::{self, Conflict, Fail, Hang, Unsaid},
        Operation::{self, Create, Delete, Load, Update},
    },
};

/// For each operation, a script whose request needs it.
pub(crate) const NEEDS: [(Operation, &str); 4] = [
    (Load, "/"),
    (Update, "/set:b:2"),
    (Update, "/renew"),
    (Delete, "/purge"),
];

pub(crate) struct Scene {
    pub(crate) setup: Setup<Memory>,
    pub(crate) server: Server,
    /// The cookie of the session `{"a": 1}`.
    pub(crate) cookie: String,
}

impl Scene {
    pub(crate) async fn new(change: impl FnOnce(Builder<Memory>) -> Builder<Memory>) -> Self {
        let setup = Setup::<Memory>::new(Private).await;
        let server = setup.start_with(change(setup.builder()));
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.seen();
        Self {
            setup,
            server,
            cookie,
        }
    }

    /// The response to `script` while `operation` goes wrong.
    pub(crate) async fn reply_under(
        &self,
        operation: Operation,
        fault: Fault,
        script: &str,
    ) -> Reply {
        self.setup.watch.inject(operation, fault);
        let reply = self.server.post_as(&self.cookie, script).await;
        self.setup.watch.heal();
        reply
    }

    /// Checks that the session under this cookie is unchanged.
    pub(crate) async fn assert_intact(&self) {
        let reply = self.server.get_as(&self.cookie, "/").await;
        assert_eq!(reply.state(), json!({"a": 1}));
        self.setup.watch.seen();
    }
}

/// Short, because the store never answers: the speed of the machine does not matter.
pub(crate) fn impatient(builder: Builder<Memory>) -> Builder<Memory> {
    builder.store_timeout(Duration::from_millis(50))
}

#[tokio::test]
async fn the_response_to_a_failing_or_hanging_store_is_opaque() {
    in_time(async {
        for (fault, scene) in [
            (Fail, Scene::new(|builder| builder).await),
            (Hang, Scene::new(impatient).await),
        ] {
            for (operation, script) in NEEDS {
                let reply = scene.reply_under(operation, fault, script).await;
                reply.assert_failure(503);
                assert!(scene.setup.watch.seen().contains(&operation));
                scene.assert_intact().await;
            }
            scene.setup.watch.inject(Create, fault);
            scene.server.get("/set:a:1").await.assert_failure(503);
            scene.setup.watch.heal();
            assert_eq!(scene.setup.watch.seen(), [Create]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_that_needs_no_store_does_not_fail() {
    in_time(async {
        let scene = Scene::new(|builder| builder).await;
        for operation in [Load, Create, Update, Delete] {
            scene.setup.watch.inject(operation, Hang);
            for cookie in ["other=1", "id=garbage"] {
                let reply = scene.server.get_as(cookie, "/").await;
                assert_eq!(reply.state(), json!({}));
            }
        }
        assert_eq!(scene.setup.watch.seen(), []);
        let reply = scene.reply_under(Update, Hang, "/").await;
        assert_eq!(reply.state(), json!({"a": 1}));
    })
    .await;
}

#[tokio::test]
async fn the_status_can_be_configured() {
    in_time(async {
        for status in [500, 429, 599] {
            let respond = StoreFailurePolicy::Respond { status };
            let scene = Scene::new(|builder| impatient(builder.on_store_failure(respond))).await;
            for fault in [Fail, Hang] {
                for (operation, script) in NEEDS {
                    let reply = scene.reply_under(operation, fault, script).await;
                    reply.assert_failure(status);
                }
            }
            scene.assert_intact().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_whose_updates_always_conflict_fails() {
    in_time(async {
        let scene = Scene::new(|builder| builder.store_timeout(Duration::from_secs(100))).await;
        for script in ["/set:b:2", "/renew"] {
            let operation = Update;
            let reply = scene.reply_under(operation, Conflict, script).await;
            reply.assert_failure(503);
            let attempts = scene.setup.watch.seen();
            let attempts = attempts.iter().filter(|seen| **seen == operation).count();
            assert!((2..=1000).contains(&attempts), "{attempts} attempts");
            scene.assert_intact().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_timeout_bounds_all_attempts_together() {
    in_time(async {
        // The conflicts would last longer than that.
        let scene = Scene::new(|builder| builder.store_timeout(Duration::from_millis(5))).await;
        let reply = scene.reply_under(Update, Conflict, "/set:b:2").await;
        reply.assert_failure(503);
        scene.assert_intact().await;
    })
    .await;
}

#[tokio::test]
async fn a_write_with_an_unknown_outcome_is_neither_acknowledged_nor_repeated() {
    in_time(async {
        for script in ["/add:a", "/add:a/save"] {
            let scene = Scene::new(|builder| builder).await;
            let reply = scene.reply_under(Update, Unsaid, script).await;
            reply.assert_failure(503);
            let reply = scene.server.get_as(&scene.cookie, "/").await;
            assert_eq!(reply.state(), json!({"a": 2}), "{script}");
        }
        let scene = Scene::new(|builder| builder).await;
        let reply = scene.reply_under(Update, Unsaid, "/renew").await;
        reply.assert_failure(503);
        let reply = scene.server.get_as(&scene.cookie, "/").await;
        assert_eq!(reply.state(), json!({}), "the old key is dead");

        let scene = Scene::new(|builder| builder).await;
        let reply = scene.reply_under(Delete, Unsaid, "/purge").await;
        reply.assert_failure(503);
        let reply = scene.server.get_as(&scene.cookie, "/").await;
        assert_eq!(reply.state(), json!({}));
    })
    .await;
}

fn touching(builder: Builder<Memory>) -> Builder<Memory> {
    let lifecycle = PersistentSession::default().session_ttl_extension_policy(OnEveryRequest);
    builder.session_lifecycle(lifecycle).touch_fraction(0.0)
}

#[tokio::test]
async fn a_failed_touch_fails_no_request() {
    in_time(async {
        // No change was lost, so the response is served.
        let serving_empty = |builder| serving_empty(touching(builder));
        for scene in [Scene::new(touching).await, Scene::new(serving_empty).await] {
            let reply = scene.reply_under(Update, Fail, "/").await;
            assert_eq!(reply.state(), json!({"a": 1}));
            reply.assert_sets_no_cookie();
        }
    })
    .await;
}

#[tokio::test]
async fn the_operations_of_each_request_are_counted() {
    in_time(async {
        let scene = Scene::new(|builder| builder).await;
        let (server, watch) = (&scene.server, &scene.setup.watch);

        server.get("/").await;
        server.get_as("id=garbage", "/").await;
        server.get_as("id=garbage", "/purge").await;
        assert_eq!(watch.seen(), []);
        server.get("/set:a:1/add:n/set:b:2/renew").await;
        assert_eq!(watch.seen(), [Create]);
        server.get_as(&scene.cookie, "/number:a/").await;
        assert_eq!(watch.seen(), [Load]);
        server
            .get_as(&scene.cookie, "/set:b:2/add:n/remove:b")
            .await;
        assert_eq!(watch.seen(), [Load, Update]);
        let renewed = server
            .get_as(&scene.cookie, "/set:b:2/renew")
            .await
            .cookie();
        assert_eq!(watch.seen(), [Load, Update]);
        server.get_as(&renewed, "/set:b:3/purge").await;
        assert_eq!(watch.seen(), [Load, Delete]);
    })
    .await;
}

#[tokio::test]
async fn reading_under_on_every_request_writes_once_in_a_twentieth_of_the_lifetime() {
    in_time(async {
        let scene = Scene::new(|builder| touching(builder).touch_fraction(0.05)).await;
        let (server, watch) = (&scene.server, &scene.setup.watch);
        let hour = std::time::Duration::from_secs(60 * 60);
        // It is due after 72 minutes. Until then a load tells whether the session
        // still lives, so that its cookie may be sent.
        for operations in [[Load, Load], [Load, Load], [Load, Update], [Load, Load]] {
            let reply = server.get_as(&scene.cookie, "/").await;
            assert_eq!(reply.set_cookie().max_age(), Some(time::Duration::DAY));
            assert_eq!(watch.seen(), operations);
            scene.setup.clock.advance(hour);
        }
    })
    .await;
}
