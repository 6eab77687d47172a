//! Errors of handlers, of inner middleware and of the session: earlier changes are stored, and the client gets no
//! details.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    dev::Service as _,
    error::{ErrorImATeapot, InternalError},
    web,
};
use serde::{Deserialize, Serialize, Serializer, ser::Error as _};
use serde_json::json;
use sessile::{
    CookieContentSecurity::{Private, Signed},
    Session, SessionInsertError, SessionStatus,
    error::{JsonError, WriteError},
};
use tokio::sync::Barrier;

use crate::{
    client::Server,
    script::FAILURE,
    setup::{InCookie, Kind, Memory, Setup, in_time, on_every_store},
    watched::Operation::{Create, Load, Update},
};

on_every_store![
    changes_of_a_handler_that_fails_are_stored,
    changes_from_before_an_inner_middleware_fails_are_stored,
    errors_of_the_session_are_opaque,
    a_state_over_its_bound_is_refused,
];

async fn changes_of_a_handler_that_fails_are_stored<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let reply = server.get("/set:a:1/fail").await;
    assert_eq!((reply.status, reply.body.as_str()), (418, FAILURE));
    let first = reply.cookie();
    assert_eq!(server.get_as(&first, "/").await.state(), json!({"a": 1}));

    let reply = server.get_as(&first, "/add:a/renew/fail").await;
    assert_eq!((reply.status, reply.body.as_str()), (418, FAILURE));
    assert_eq!(
        reply.headers("cache-control"),
        ["private, no-cache=\"Set-Cookie\""]
    );
    let renewed = reply.cookie();
    assert_eq!(server.get_as(&renewed, "/").await.state(), json!({"a": 2}));

    let reply = server.get_as(&renewed, "/purge/fail").await;
    assert_eq!(reply.status, 418);
    reply.assert_removes_cookie();

    // Without a change, no cookie is sent.
    let reply = server.get("/fail").await;
    assert_eq!(reply.status, 418);
    reply.assert_sets_no_cookie();
}

/// The error of the inner middleware: a plain one, or one with its own response.
fn failure(path: &str) -> actix_web::Error {
    if path == "/plain" {
        return ErrorImATeapot(FAILURE);
    }
    let response = HttpResponse::Conflict()
        .insert_header(("x-own", "1"))
        .body("mine");
    InternalError::from_response("cause", response).into()
}

async fn changes_from_before_an_inner_middleware_fails_are_stored<K: Kind>(setup: &Setup<K>) {
    let server = Server::start(setup.builder().build(), |config| {
        let handler = web::to(|session: Session| async move {
            session.update_or("n", 1, |n: u32| n + 1)?;
            Ok::<_, actix_web::Error>("never seen")
        });
        let scope = web::scope("").default_service(handler);
        config.service(scope.wrap_fn(|request, service| {
            let error = failure(request.path());
            let response = service.call(request);
            async {
                response.await?;
                Err::<actix_web::dev::ServiceResponse, _>(error)
            }
        }));
    });
    let plain = server.get("/plain").await;
    assert_eq!((plain.status, plain.body.as_str()), (418, FAILURE));
    assert_eq!(
        plain.headers("cache-control"),
        ["private, no-cache=\"Set-Cookie\""]
    );
    assert_eq!(plain.headers("vary"), ["Cookie"]);
    let own = server.get_as(&plain.cookie(), "/own").await;
    assert_eq!((own.status, own.body.as_str()), (409, "mine"));
    assert_eq!(own.headers("x-own"), ["1"]);
    let scripts = setup.start();
    assert_eq!(
        scripts
            .get_as(&own.cookie_or(&plain.cookie()), "/")
            .await
            .state(),
        json!({"n": 2})
    );
}

async fn errors_of_the_session_are_opaque<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(setup.builder().max_state_bytes(100));
    let cookie = server.get("/set:a:secret").await.cookie();
    for script in ["/number:a", "/update:a", "/add:a", "/fill:b:200"] {
        let reply = server.get_as(&cookie, script).await;
        reply.assert_failure(500);
        assert!(!reply.all_text().contains("secret"), "{script}");
    }
    // Changes from before such an error are stored.
    let reply = server.get_as(&cookie, "/set:b:2/number:a/set:c:3").await;
    assert_eq!((reply.status, reply.body.as_str()), (500, ""));
    let cookie = reply.cookie_or(&cookie);
    let state = server.get_as(&cookie, "/").await.state();
    assert_eq!(state, json!({"a": "secret", "b": 2}));
}

async fn a_state_over_its_bound_is_refused<K: Kind>(setup: &Setup<K>) {
    // The name and the quotes count, so at most 97 bytes fit.
    let server = setup.start_with(setup.builder().max_state_bytes(100));
    for script in ["/fill:a:98", "/fill:a:1000000", "/fill:a:90/fill:b:90/fail"] {
        let reply = server.get(script).await;
        assert_eq!((reply.status, reply.body.as_str()), (500, ""), "{script}");
    }
    setup.assert_asked_for("of what was within the bound", &[Create]);
    let cookie = server.get("/fill:a:97").await.cookie();
    setup.watch.seen();
    server.get_as(&cookie, "/set:b:1").await.assert_failure(500);
    setup.assert_asked(&[Load]);
    // A smaller value is still accepted.
    let reply = server.get_as(&cookie, "/set:a:1").await;
    assert_eq!(reply.state(), json!({"a": 1}));
    setup.assert_asked(&[Load, Update]);
}

/// Runs `handler` in a session `{"a": 1}`, and checks that the session is unchanged.
async fn assert_changes_nothing(
    handler: impl Fn(&Session) + Clone + Send + 'static,
    status: SessionStatus,
) {
    let setup = Setup::<Memory>::new(Private).await;
    let cookie = setup.start().get("/set:a:1").await.cookie();
    setup.watch.seen();
    let builder = setup.builder().max_state_bytes(100);
    let server = Server::start(builder.build(), move |config| {
        let handler = handler.clone();
        let handler = move |session: Session| {
            handler(&session);
            assert_eq!(session.status(), status);
            async move { HttpResponse::Ok().json(session.entries()) }
        };
        config.default_service(web::to(handler));
    });
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.state(), json!({"a": 1}));
    if status == SessionStatus::Unchanged {
        reply.assert_sets_no_cookie();
        setup.assert_asked(&[Load]);
    }
}

/// Can be deserialized, but not serialized.
#[derive(Deserialize)]
struct Unwritable(#[expect(dead_code, reason = "only read")] u32);

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("not today"))
    }
}

#[tokio::test]
async fn a_value_without_a_json_form_changes_nothing() {
    fn write(session: &Session) {
        // A key of a JSON object is a string.
        let no_json = BTreeMap::from([(vec![1], 1)]);
        let inserted = session.insert("a", &no_json).unwrap_err();
        assert_eq!(inserted.name, "a");
        let updated = session.update("a", |value: Unwritable| value).unwrap_err();
        let defaulted = session
            .update_or("b", Unwritable(1), |value| value)
            .unwrap_err();
        for source in [inserted.source, updated.source, defaulted.source] {
            assert_eq!(source, WriteError::Json(JsonError::Unserializable));
        }
    }
    assert_changes_nothing(write, SessionStatus::Unchanged).await;
    let after_renewal = |session: &Session| {
        session.renew();
        write(session);
    };
    assert_changes_nothing(after_renewal, SessionStatus::Renewed).await;
}

#[tokio::test]
async fn a_state_over_its_bound_is_a_typed_error() {
    fn insert(session: &Session) {
        let error = session.insert("big", "x".repeat(200)).unwrap_err();
        let SessionInsertError {
            source: WriteError::TooLarge(too_large),
            ..
        } = error
        else {
            panic!("{error:?}");
        };
        // Names, values and their quotes.
        assert_eq!((too_large.bytes, too_large.max), (1 + 1 + 3 + 202, 100));
        let error = session.update("a", |_: serde_json::Value| "x".repeat(200).into());
        assert!(matches!(error.unwrap_err().source, WriteError::TooLarge(_)));
    }
    assert_changes_nothing(insert, SessionStatus::Unchanged).await;
    let after_renewal = |session: &Session| {
        session.renew();
        insert(session);
    };
    assert_changes_nothing(after_renewal, SessionStatus::Renewed).await;
}

#[tokio::test]
async fn states_that_are_over_the_bound_together_are_refused() {
    in_time(async {
        let mut setup = Setup::<Memory>::new(Private).await;
        setup.meeting = Arc::new(Barrier::new(2));
        let builder = setup.builder().max_state_bytes(100);
        let server = setup.start_with(builder.store_timeout(Duration::from_secs(100)));
        let cookie = server.get("/set:a:1").await.cookie();
        // Both have loaded a state with space for their own value.
        let (one, other) = tokio::join!(
            server.get_as(&cookie, "/meet/fill:b:60"),
            server.get_as(&cookie, "/meet/fill:c:60"),
        );
        let (kept, refused) = if one.status == 200 {
            (one, other)
        } else {
            (other, one)
        };
        refused.assert_failure(500);
        assert_eq!(server.get_as(&cookie, "/").await.state(), kept.state());
    })
    .await;
}

#[tokio::test]
async fn a_state_that_no_cookie_can_carry_is_refused() {
    in_time(async {
        for security in [Private, Signed] {
            let setup = Setup::<InCookie>::new(security).await;
            let server = setup.start();
            let cookie = server.get("/set:a:1").await.cookie();
            for script in ["/fill:b:5000", "/fill:b:5000/renew", "/fill:b:5000/save"] {
                server.get_as(&cookie, script).await.assert_failure(500);
                assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
            }
            // A state of any size is kept or refused. No cookie is sent that browsers would drop.
            let mut sent = 0;
            for length in 2700..4096 {
                let reply = server.get(&format!("/fill:b:{length}")).await;
                if reply.status != 200 {
                    reply.assert_failure(500);
                    break;
                }
                let set = reply.headers("set-cookie")[0];
                assert!(set.len() <= 4096, "{} bytes", set.len());
                sent = set.len();
            }
            // Base64 encodes three bytes as four.
            assert!(
                (4093..=4096).contains(&sent),
                "no more than {sent} bytes were used"
            );
        }
    })
    .await;
}
