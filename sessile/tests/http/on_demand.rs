//! Sessions that are loaded when somebody asks for them.

use actix_web::{HttpRequest, HttpResponse, dev::Service as _, guard::GuardContext, web};
use serde_json::{Value, json};
use sessile::{
    CookieContentSecurity::Private,
    ReadError, Session, SessionClosedError, SessionExt as _, SessionReloadError, SessionStatus,
    WriteError,
    config::{
        Loading::OnDemand, PersistentSession, StoreFailurePolicy,
        TtlExtensionPolicy::OnEveryRequest,
    },
};

use crate::{
    client::Server,
    setup::{Builder, InCookie, Kind, Memory, Setup, Sqlite, in_time, on_every_store},
    watched::{
        Fault::{Fail, Hang},
        Operation::{Create, Delete, Load, Renew, Update},
    },
};

on_every_store![
    who_does_not_use_it_costs_nothing,
    who_does_not_use_it_does_not_extend_its_life,
    handlers_take_it_loaded,
    whoever_asks_for_it_at_once_loads_it_once,
    nothing_is_read_or_written_before_it_is_loaded,
    a_handle_is_loaded_by_hand,
    purging_needs_no_loading,
    renewing_needs_no_loading,
    guards_see_what_was_loaded_further_out,
    what_was_written_before_it_was_opened_is_merged,
    a_failing_store_matters_to_those_who_use_it,
    serving_empty_is_for_those_who_only_use_it,
];

/// The middleware that loads on demand, and has nothing else that is not the default.
fn builder<K: Kind>(setup: &Setup<K>) -> Builder<K> {
    setup.builder().loading(OnDemand)
}

/// The cookie of a session `{"a": 1}`.
async fn cookie<K: Kind>(setup: &Setup<K>) -> String {
    let cookie = setup.start().get("/set:a:1").await.cookie();
    assert_eq!(setup.watch.seen(), [Create]);
    cookie
}

/// What is stored under `cookie`.
async fn stored<K: Kind>(setup: &Setup<K>, cookie: &str) -> Value {
    let state = setup.start().get_as(cookie, "/").await.state();
    setup.watch.seen();
    state
}

async fn who_does_not_use_it_costs_nothing<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let server = setup.start_with(builder(setup));
    for operation in [Load, Create, Update, Renew, Delete] {
        setup.watch.inject(operation, Hang);
        let reply = server.get_as(&cookie, "/handle").await;
        assert_eq!(reply.state(), Value::Null, "it was loaded");
        reply.assert_sets_no_cookie();
        // What can't be a cookie of ours is not looked into either, or known for what it is.
        for (cookie, loaded) in [("id=garbage", false), ("id=", true), ("other=1", true)] {
            let reply = server.get_as(cookie, "/handle").await;
            assert_eq!(!reply.state().is_null(), loaded, "{cookie}");
            reply.assert_sets_no_cookie();
        }
    }
    assert_eq!(setup.watch.seen(), []);
}

async fn who_does_not_use_it_does_not_extend_its_life<K: Kind>(setup: &Setup<K>) {
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
    assert_eq!(setup.watch.seen(), []);
    for script in ["/", "/handle/load"] {
        let reply = server.get_as(&cookie, script).await;
        assert_eq!(reply.set_cookie().max_age(), Some(time::Duration::DAY));
        assert_eq!(setup.watch.seen(), [Load, Update]);
    }
}

async fn handlers_take_it_loaded<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(builder(setup));
    assert_eq!(server.get("/").await.state(), json!({}));
    let cookie = server.get("/set:a:1").await.cookie();
    assert_eq!(setup.watch.seen(), [Create]);

    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
    assert_eq!(setup.watch.seen(), [Load]);
    let changed = server.get_as(&cookie, "/add:a").await.cookie();
    assert_eq!(setup.watch.seen(), [Load, Update]);
    let renewed = server.get_as(&changed, "/renew").await.cookie();
    assert_eq!(setup.watch.seen(), [Load, Renew]);
    assert_eq!(stored(setup, &renewed).await, json!({"a": 2}));
    server
        .get_as(&renewed, "/purge")
        .await
        .assert_removes_cookie();
    assert_eq!(setup.watch.seen(), [Load, Delete]);

    assert_eq!(server.get_as("id=garbage", "/").await.state(), json!({}));
    assert_eq!(setup.watch.seen(), []);
}

async fn whoever_asks_for_it_at_once_loads_it_once<K: Kind>(setup: &Setup<K>) {
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
    assert_eq!(setup.watch.seen(), [Load]);
}

/// Nothing can be read from `session`, nor written to it, and nothing was.
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

    assert_eq!(session.status(), SessionStatus::Unchanged);
    assert_eq!((session.created_at(), session.expires_at()), (None, None));
}

async fn nothing_is_read_or_written_before_it_is_loaded<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let server = Server::start(builder(setup).build(), |config| {
        let handler = async |request: HttpRequest| {
            let session = request.get_session();
            assert_not_loaded(&session);
            // There is nothing to save yet either.
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
        assert_eq!(setup.watch.seen(), seen);
    }
    assert_eq!(stored(setup, &cookie).await, json!({"a": 1}));
}

async fn a_handle_is_loaded_by_hand<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let server = setup.start_with(builder(setup));
    let reply = server.get_as(&cookie, "/handle/load/load/set:b:2").await;
    assert_eq!(reply.state(), json!({"a": 1, "b": 2}));
    assert_eq!(setup.watch.seen(), [Load, Update]);
    let reply = server.get_as("id=garbage", "/handle/load").await;
    assert_eq!(reply.state(), json!({}));
    // Where no cookie came there is nothing to load.
    server.get("/handle/set:c:3").await.cookie();
    assert_eq!(setup.watch.seen(), [Create]);
}

async fn purging_needs_no_loading<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(builder(setup));
    for script in [
        "/handle/purge",
        "/handle/renew/purge/renew/set:b:2",
        "/handle/purge/load",
    ] {
        let cookie = cookie(setup).await;
        server.get_as(&cookie, script).await.assert_removes_cookie();
        assert_eq!(setup.watch.seen(), [Load, Delete], "{script}");
        if K::ON_SERVER {
            assert_eq!(stored(setup, &cookie).await, json!({}));
        }
    }
    let cookie = cookie(setup).await;
    let reply = server.get_as(&cookie, "/handle/purge/save").await;
    reply.assert_removes_cookie();
    assert_eq!(setup.watch.seen(), [Load, Delete]);

    server
        .get_as("id=garbage", "/handle/purge")
        .await
        .assert_removes_cookie();
    server.get("/handle/purge").await.assert_sets_no_cookie();
    assert_eq!(setup.watch.seen(), []);
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
        let seen = setup.watch.seen();
        assert_eq!(seen[..2], [Load, Renew], "{script}");
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
    assert_eq!(setup.watch.seen(), []);
}

async fn guards_see_what_was_loaded_further_out<K: Kind>(setup: &Setup<K>) {
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
    assert_eq!(setup.watch.seen(), []);
}

async fn what_was_written_before_it_was_opened_is_merged<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let inner = builder(setup).build();
    let server = Server::start_bare(move |config| {
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
    });
    server.get_as(&cookie, "/").await.assert_sets_no_cookie();
    assert_eq!(setup.watch.seen(), []);
    let changed = server.get_as(&cookie, "/write").await.cookie();
    assert_eq!(setup.watch.seen(), [Load, Update]);
    assert_eq!(stored(setup, &changed).await, json!({"a": 1, "b": 2}));

    setup.watch.inject(Load, Fail);
    server.get_as(&cookie, "/").await.assert_sets_no_cookie();
    server.get_as(&cookie, "/write").await.assert_opaque(503);
}

async fn a_failing_store_matters_to_those_who_use_it<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let soon = time::Duration::milliseconds(50);
    for (fault, status) in [(Fail, 503), (Hang, 429)] {
        let policy = StoreFailurePolicy::Respond { status };
        let settings = builder(setup).store_timeout(soon).on_store_failure(policy);
        let server = setup.start_with(settings);
        setup.watch.inject(Load, fault);
        assert_eq!(server.get_as(&cookie, "/handle").await.state(), Value::Null);
        assert_eq!(setup.watch.seen(), []);
        for script in ["/", "/handle/purge", "/handle/renew"] {
            let reply = server.get_as(&cookie, script).await;
            reply.assert_opaque(status);
            assert_eq!(setup.watch.seen(), [Load], "{script}");
        }
        // By itself, an error doesn't know what was chosen.
        server
            .get_as(&cookie, "/handle/load")
            .await
            .assert_opaque(503);
        setup.watch.heal();
        assert_eq!(stored(setup, &cookie).await, json!({"a": 1}));
    }
}

async fn serving_empty_is_for_those_who_only_use_it<K: Kind>(setup: &Setup<K>) {
    let cookie = cookie(setup).await;
    let settings = builder(setup).on_store_failure(StoreFailurePolicy::ServeEmpty);
    let server = setup.start_with(settings);
    setup.watch.inject(Load, Fail);
    for (script, state) in [
        ("/", json!({})),
        ("/handle/load", json!({})),
        ("/set:b:2/renew", json!({"b": 2})),
        ("/purge", json!({})),
        ("/handle/load/purge", json!({})),
    ] {
        let reply = server.get_as(&cookie, script).await;
        assert_eq!(reply.state(), state, "{script}");
        reply.assert_sets_no_cookie();
        assert_eq!(setup.watch.seen(), [Load], "{script}");
    }
    server
        .get_as(&cookie, "/set:b:2/save")
        .await
        .assert_opaque(503);
    // An answer would acknowledge what can't be done.
    for script in ["/handle/purge", "/handle/renew"] {
        server.get_as(&cookie, script).await.assert_opaque(503);
    }
    setup.watch.heal();
    assert_eq!(stored(setup, &cookie).await, json!({"a": 1}));
}

/// A handle of the session `{"a": 1}` that nobody loaded, and whose response has been sent.
async fn handed_out<K: Kind>() -> (Setup<K>, String, Session) {
    let mut setup = Setup::<K>::new(Private).await;
    let server = setup.start_with(builder(&setup));
    let cookie = cookie(&setup).await;
    server.get_as(&cookie, "/handle/hand_out").await;
    let handle = setup.handles.recv().await.unwrap();
    assert_eq!(setup.watch.seen(), []);
    (setup, cookie, handle)
}

async fn read_after_the_response<K: Kind>() {
    let (setup, cookie, handle) = handed_out::<K>().await;
    assert!(!handle.is_loaded());
    handle.load().await.unwrap();
    assert_eq!(handle.get("a").unwrap(), Some(1));
    let closed = WriteError::Closed(SessionClosedError::Committed);
    assert_eq!(handle.insert("b", 2).unwrap_err().source, closed);
    assert_eq!(setup.watch.seen(), [Load]);
    assert_eq!(stored(&setup, &cookie).await, json!({"a": 1}));
}

#[tokio::test]
async fn after_the_response_it_can_be_loaded_for_reading() {
    in_time(async {
        read_after_the_response::<Memory>().await;
        read_after_the_response::<InCookie>().await;
    })
    .await;
}

async fn written_after_the_response<K: Kind>() {
    let (setup, cookie, handle) = handed_out::<K>().await;
    handle.reload().await.unwrap();
    handle.update("a", |n: u32| n + 1).unwrap();
    handle.save().await.unwrap();
    assert_eq!(setup.watch.seen(), [Load, Update]);
    assert_eq!(stored(&setup, &cookie).await, json!({"a": 2}));
}

#[tokio::test]
async fn after_the_response_it_can_be_reloaded_for_writing() {
    in_time(async {
        written_after_the_response::<Memory>().await;
        written_after_the_response::<Sqlite>().await;

        let (setup, cookie, handle) = handed_out::<Memory>().await;
        setup.start().get_as(&cookie, "/purge").await;
        let reloaded = handle.reload().await;
        assert!(matches!(reloaded, Err(SessionReloadError::NotStored)));
    })
    .await;
}
