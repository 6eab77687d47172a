//! Sessions that are loaded when they are needed.

use actix_web::{HttpRequest, HttpResponse, dev::Service as _, guard::GuardContext, web};
use serde_json::{Value, json};
use sessile::{
    Session, SessionExt as _, SessionStatus,
    config::{Loading::Lazy, PersistentSession, TtlExtensionPolicy::OnEveryRequest},
    error::{ReadError, WriteError},
};

use crate::{
    client::Server,
    setup::{Builder, Kind, Setup, on_every_store},
    watched::{
        Fault::Hang,
        Operation::{Create, Delete, Load, Update},
    },
};

on_every_store![
    a_request_that_does_not_use_the_session_calls_no_store,
    a_request_that_does_not_use_the_session_does_not_extend_its_life,
    an_argument_of_a_handler_is_loaded,
    concurrent_loads_call_the_store_once,
    a_session_that_is_not_loaded_cannot_be_read_or_written,
    a_handle_can_be_loaded,
    purging_needs_no_loading,
    renewing_needs_no_loading,
    guards_see_a_session_that_outer_middleware_has_loaded,
];

/// A middleware that loads lazily. Its other settings are the defaults.
pub(crate) fn builder<K: Kind>(setup: &Setup<K>) -> Builder<K> {
    setup.builder().loading(Lazy)
}

/// The cookie of a session `{"a": 1}`.
pub(crate) async fn cookie<K: Kind>(setup: &Setup<K>) -> String {
    let cookie = setup.start().get("/set:a:1").await.cookie();
    setup.assert_asked(&[Create]);
    cookie
}

/// What is stored under `cookie`.
pub(crate) async fn stored<K: Kind>(setup: &Setup<K>, cookie: &str) -> Value {
    let state = setup.start().get_as(cookie, "/").await.state();
    setup.watch.seen();
    state
}

async fn a_request_that_does_not_use_the_session_calls_no_store<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let server = setup.start_with(builder(setup));
    for operation in [Load, Create, Update, Delete] {
        setup.watch.inject(operation, Hang);
        let reply = server.get_as(&cookie, "/handle").await;
        assert_eq!(reply.state(), Value::Null, "it was loaded");
        reply.assert_sets_no_cookie();
        // Values that can't be a session cookie are not unsealed either, or are recognized without it.
        for (cookie, loaded) in [("id=garbage", false), ("id=", true), ("other=1", true)] {
            let reply = server.get_as(cookie, "/handle").await;
            assert_eq!(!reply.state().is_null(), loaded, "{cookie}");
            reply.assert_sets_no_cookie();
        }
    }
    setup.assert_asked(&[]);
}

async fn a_request_that_does_not_use_the_session_does_not_extend_its_life<K: Kind>(
    setup: &Setup<K>,
) {
    let cookie = cookie(setup).await;
    let lifecycle = PersistentSession::default().session_ttl_extension_policy(OnEveryRequest);
    let touching = builder(setup)
        .session_lifecycle(lifecycle)
        .touch_fraction(0.0);
    let server = setup.start_with(touching);
    server
        .get_as(&cookie, "/handle")
        .await
        .assert_sets_no_cookie();
    setup.assert_asked(&[]);
    for script in ["/", "/handle/load"] {
        let reply = server.get_as(&cookie, script).await;
        assert_eq!(reply.set_cookie().max_age(), Some(time::Duration::DAY));
        setup.assert_asked(&[Load, Update]);
    }
}

async fn an_argument_of_a_handler_is_loaded<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(builder(setup));
    assert_eq!(server.get("/").await.state(), json!({}));
    let cookie = server.get("/set:a:1").await.cookie();
    setup.assert_asked(&[Create]);

    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
    setup.assert_asked(&[Load]);
    let changed = server.get_as(&cookie, "/add:a").await;
    let changed = changed.cookie_or(&cookie);
    setup.assert_asked(&[Load, Update]);
    let renewed = server.get_as(&changed, "/renew").await.cookie();
    setup.assert_asked(&[Load, Update]);
    assert_eq!(stored(setup, &renewed).await, json!({"a": 2}));
    server
        .get_as(&renewed, "/purge")
        .await
        .assert_removes_cookie();
    setup.assert_asked(&[Load, Delete]);

    assert_eq!(server.get_as("id=garbage", "/").await.state(), json!({}));
    setup.assert_asked(&[]);
}

async fn concurrent_loads_call_the_store_once<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let server = Server::start(builder(setup).build(), |config| {
        let handler = async |one: Session, other: Session, request: HttpRequest| {
            request.get_session().load().await?;
            assert_eq!(one.entries(), other.entries());
            Ok::<_, actix_web::Error>(HttpResponse::Ok().json(request.get_session().entries()))
        };
        config.default_service(web::to(handler));
    });
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
    setup.assert_asked(&[Load]);
}

/// Checks that `session` can be neither read nor written.
fn assert_not_loaded(session: &Session) {
    assert!(!session.is_loaded());
    let read = session.get::<u32>("a").unwrap_err();
    assert_eq!(
        (read.name.as_str(), read.source),
        ("a", ReadError::NotLoaded)
    );
    assert!(!session.contains_key("a"));
    assert!(session.entries().is_empty());

    assert_eq!(
        session.insert("a", 2).unwrap_err().source,
        WriteError::NotLoaded
    );
    let updated = session.update("a", |n: u32| n + 1);
    assert_eq!(updated.unwrap_err().source, WriteError::NotLoaded);
    let added = session.update_or("b", 1, |n: u32| n + 1);
    assert_eq!(added.unwrap_err().source, WriteError::NotLoaded);
    assert_eq!(session.remove("a"), None);
    assert_eq!(session.remove_as::<u32>("a"), None);
    session.clear();
    assert_eq!(session.try_remove("a"), Err(WriteError::NotLoaded));
    assert_eq!(session.try_clear(), Err(WriteError::NotLoaded));

    assert_eq!(session.id(), None);
    assert_eq!(session.status(), SessionStatus::Unchanged);
    assert_eq!((session.created_at(), session.expires_at()), (None, None));
}

async fn a_session_that_is_not_loaded_cannot_be_read_or_written<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let server = Server::start(builder(setup).build(), |config| {
        let handler = async |request: HttpRequest| {
            let session = request.get_session();
            assert_not_loaded(&session);
            // A save has nothing to store.
            session.save().await?;
            if request.path() == "/load" {
                session.load().await?;
                assert!(session.is_loaded() && session.contains_key("a"));
                assert!(session.created_at().is_some() && session.expires_at().is_some());
            }
            Ok::<_, actix_web::Error>("")
        };
        config.default_service(web::to(handler));
    });
    for (path, seen) in [("/", vec![]), ("/load", vec![Load])] {
        let reply = server.get_as(&cookie, path).await;
        assert_eq!(reply.status, 200);
        reply.assert_sets_no_cookie();
        setup.assert_asked(&seen);
    }
    assert_eq!(stored(setup, &cookie).await, json!({"a": 1}));
}

async fn a_handle_can_be_loaded<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let server = setup.start_with(builder(setup));
    let reply = server.get_as(&cookie, "/handle/load/load/set:b:2").await;
    assert_eq!(reply.state(), json!({"a": 1, "b": 2}));
    setup.assert_asked(&[Load, Update]);
    let reply = server.get_as("id=garbage", "/handle/load").await;
    assert_eq!(reply.state(), json!({}));
    // Without a cookie there is nothing to load.
    server.get("/handle/set:c:3").await.cookie();
    setup.assert_asked(&[Create]);
}

async fn purging_needs_no_loading<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(builder(setup));
    for script in [
        "/handle/purge",
        "/handle/renew/purge/renew",
        "/handle/purge/load",
    ] {
        let cookie = cookie(setup).await;
        server.get_as(&cookie, script).await.assert_removes_cookie();
        setup.assert_asked_for(script, &[Load, Delete]);
        if K::ON_SERVER {
            assert_eq!(stored(setup, &cookie).await, json!({}));
        }
    }
    let cookie = cookie(setup).await;
    let reply = server.get_as(&cookie, "/handle/purge/save").await;
    reply.assert_removes_cookie();
    setup.assert_asked(&[Load, Delete]);

    server
        .get_as("id=garbage", "/handle/purge")
        .await
        .assert_removes_cookie();
    server.get("/handle/purge").await.assert_sets_no_cookie();
    setup.assert_asked(&[]);
}

async fn renewing_needs_no_loading<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(builder(setup));
    for (script, state) in [
        ("/handle/renew", json!({"a": 1})),
        ("/handle/renew/load/set:b:2", json!({"a": 1, "b": 2})),
        ("/handle/renew/save", json!({"a": 1})),
    ] {
        let cookie = cookie(setup).await;
        let renewed = server.get_as(&cookie, script).await.cookie();
        if K::ON_SERVER {
            assert!(setup.watch.seen().starts_with(&[Load, Update]), "{script}");
        }
        assert_eq!(stored(setup, &renewed).await, state);
        if K::ON_SERVER {
            assert_ne!(renewed, cookie);
            assert_eq!(stored(setup, &cookie).await, json!({}));
        }
    }
    server
        .get_as("id=garbage", "/handle/renew")
        .await
        .assert_sets_no_cookie();
    setup.assert_asked(&[]);
}

async fn guards_see_a_session_that_outer_middleware_has_loaded<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let server = Server::start(builder(setup).build(), |config| {
        let has_a = |context: &GuardContext<'_>| context.get_session().contains_key("a");
        let guarded = || web::route().guard(has_a).to(async || "seen");
        let not_seen = || web::to(async || "not seen");
        let loading = web::scope("/load")
            .wrap_fn(|request, service| {
                let session = request.get_session();
                let response = service.call(request);
                async move {
                    session.load().await?;
                    response.await
                }
            })
            .route("", guarded())
            .default_service(not_seen());
        config
            .service(loading)
            .route("/", guarded())
            .default_service(not_seen());
    });
    assert_eq!(server.get_as(&cookie, "/").await.body, "not seen");
    setup.assert_asked(&[]);
}
