//! Lazy sessions that can't be loaded: before the middleware, or without the store.

use actix_web::{HttpResponse, dev::Service as _, web};
use serde_json::{Value, json};
use sessile::{SessionExt as _, config::StoreFailurePolicy};

use crate::{
    client::Server,
    lazy_loading::{builder, cookie, stored},
    setup::{Kind, Setup, on_every_store},
    watched::{
        Fault::{Fail, Hang},
        Operation::{Load, Update},
    },
};

on_every_store![changes_from_before_the_session_was_opened_are_merged];

on_every_store![on the server:
    changes_from_before_the_session_was_opened_are_not_acknowledged_without_the_store,
    a_failing_store_fails_only_requests_that_use_the_session,
    serving_empty_does_not_serve_lost_changes,
];

/// A server whose outer middleware writes to the session before it is opened.
fn writing_early<K: Kind>(setup: &Setup<K>) -> Server {
    let inner = builder(setup).build();
    Server::start_bare(move |config| {
        let scope = web::scope("")
            .default_service(web::to(HttpResponse::Ok))
            .wrap(inner.clone())
            .wrap_fn(|request, service| {
                let session = request.get_session();
                if request.path() == "/write" {
                    session.insert("b", 2).unwrap();
                }
                service.call(request)
            });
        config.service(scope);
    })
}

async fn changes_from_before_the_session_was_opened_are_merged<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let server = writing_early(setup);
    server.get_as(&cookie, "/").await.assert_sets_no_cookie();
    setup.assert_asked(&[]);
    let changed = server.get_as(&cookie, "/write").await.cookie_or(&cookie);
    setup.assert_asked(&[Load, Update]);
    assert_eq!(stored(setup, &changed).await, json!({"a": 1, "b": 2}));
}

async fn changes_from_before_the_session_was_opened_are_not_acknowledged_without_the_store<
    K: Kind,
>(
    setup: &Setup<K>,
) {
    let cookie = cookie(setup).await;
    let server = writing_early(setup);
    setup.watch.inject(Load, Fail);
    server.get_as(&cookie, "/").await.assert_sets_no_cookie();
    server.get_as(&cookie, "/write").await.assert_failure(503);
}

async fn a_failing_store_fails_only_requests_that_use_the_session<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let soon = std::time::Duration::from_millis(50);
    for (fault, status) in [(Fail, 503), (Hang, 429)] {
        let policy = StoreFailurePolicy::Respond { status };
        let settings = builder(setup).store_timeout(soon).on_store_failure(policy);
        let server = setup.start_with(settings);
        setup.watch.inject(Load, fault);
        assert_eq!(server.get_as(&cookie, "/handle").await.state(), Value::Null);
        setup.assert_asked(&[]);
        for script in ["/", "/handle/purge", "/handle/renew"] {
            let reply = server.get_as(&cookie, script).await;
            reply.assert_failure(status);
            setup.assert_asked_for(script, &[Load]);
        }
        // The error itself does not depend on the settings.
        server
            .get_as(&cookie, "/handle/load")
            .await
            .assert_failure(503);
        setup.watch.heal();
        assert_eq!(stored(setup, &cookie).await, json!({"a": 1}));
    }
}

async fn serving_empty_does_not_serve_lost_changes<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let settings = builder(setup).on_store_failure(StoreFailurePolicy::ServeEmpty);
    let server = setup.start_with(settings);
    setup.watch.inject(Load, Fail);
    for (script, state) in [
        ("/", json!({})),
        ("/handle/load", json!({})),
        ("/set:b:2/renew", json!({"b": 2})),
    ] {
        let reply = server.get_as(&cookie, script).await;
        assert_eq!(reply.state(), state, "{script}");
        reply.assert_sets_no_cookie();
        setup.assert_asked_for(script, &[Load]);
    }
    server
        .get_as(&cookie, "/set:b:2/save")
        .await
        .assert_failure(503);
    // A response would acknowledge changes that are not stored.
    for script in [
        "/purge",
        "/handle/purge",
        "/handle/load/purge",
        "/handle/restart",
        "/handle/renew",
    ] {
        let reply = server.get_as(&cookie, script).await;
        reply.assert_failure(503);
    }
    setup.watch.heal();
    assert_eq!(stored(setup, &cookie).await, json!({"a": 1}));
}
