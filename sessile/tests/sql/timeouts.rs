//! Servers and networks that hang: requests end in time, and succeed again as soon as they can.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    cookie::Key,
    dev::{Service as _, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};
use sessile::{
    Session, SessionMiddleware,
    storage::{SessionStore as _, StoreErrorKind},
};
use sessile_rig::proxy::{Fault, Proxy};

use crate::{
    engine::{self, Server, Store},
    sql::setup::{
        At, built, create, failed, in_time, try_create, until_it_works, update, updated_at_last,
        value,
    },
};

/// The timeout, and what scheduling may add.
const LIMIT: Duration = Duration::from_millis(1500);

/// How soon requests work again.
const SOON: Duration = Duration::from_secs(2);

/// A store with its defaults: one second for each operation.
async fn impatient(url: String) -> Store {
    built(Store::builder(url).create_table(true)).await
}

/// Every operation fails, within the timeout. A server that hangs may execute them later, so they
/// are for no record.
async fn all_fail(store: &Store) {
    let begun = Instant::now();
    let at = At::generate();
    let (load, create, update, delete) = in_time(async {
        tokio::join!(
            value(store, &at),
            try_create(store, 9),
            update(store, &at, 9),
            store.delete(&at.id)
        )
    })
    .await;
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    for error in [failed(load), failed(create), failed(update), failed(delete)] {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
}

/// What many loads at once return.
async fn load_at_once(store: &Store, at: &At, many: usize) -> Vec<Option<u32>> {
    let loads = (0..many).map(|_| {
        let (store, at) = (store.clone(), at.clone());
        tokio::spawn(async move { value(&store, &at).await.ok().flatten() })
    });
    let mut loaded = Vec::new();
    for load in loads.collect::<Vec<_>>() {
        loaded.push(in_time(load).await.unwrap());
    }
    loaded
}

/// Waits until all loads succeed: no connection is lost. A slow machine may take a while to open them
/// again.
async fn until_all_are_served(store: &Store, at: &At) {
    in_time(async { while load_at_once(store, at, 100).await != [Some(1); 100] {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_fail_in_time_while_the_server_hangs() {
    let server = Server::start().unwrap();
    let store = impatient(server.url()).await;
    hangs_and_goes_on(server, store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_a_pool_fail_in_time_while_the_server_hangs() {
    let server = Server::start().unwrap();
    let builder = Store::builder_pooled(engine::pool(&server).await);
    let store = built(builder.create_table(true)).await;
    hangs_and_goes_on(server, store).await;
}

pub(crate) async fn hangs_and_goes_on(mut server: Server, store: Store) {
    let at = create(&store, 1).await;
    // As many connections as the store may open.
    load_at_once(&store, &at, 100).await;

    server.stop().unwrap();
    for _ in 0..3 {
        all_fail(&store).await;
    }
    // None waits for the others.
    let begun = Instant::now();
    assert_eq!(load_at_once(&store, &at, 500).await, [None; 500]);
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());

    server.cont().unwrap();
    let waited = until_it_works(&store, &at).await;
    assert!(waited < SOON, "{waited:?}");
    until_all_are_served(&store, &at).await;
    let at = updated_at_last(&store, &at, 2).await;

    server.stop().unwrap();
    all_fail(&store).await;
    server.kill().unwrap();
    server.restart().unwrap();
    let waited = until_it_works(&store, &at).await;
    assert!(waited < SOON, "{waited:?}");
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
    updated_at_last(&store, &at, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_fail_in_time_while_the_network_drops_all_packets() {
    let server = Server::start().unwrap();
    impatient(server.url()).await;
    let proxy = Proxy::start(server.port()).unwrap();
    let store = impatient(server.url_on(proxy.port())).await;
    let at = create(&store, 1).await;
    proxy.stall();
    for _ in 0..3 {
        all_fail(&store).await;
    }
    // Callers that give up long before the store does leave no broken connection behind.
    let patience = Duration::from_millis(50);
    for _ in 0..20 {
        let given_up = tokio::time::timeout(patience, value(&store, &at)).await;
        assert!(given_up.is_err() || given_up.unwrap().is_err());
    }
    proxy.resume();
    let waited = until_it_works(&store, &at).await;
    assert!(waited < SOON, "{waited:?}");
    until_all_are_served(&store, &at).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_missing_reply_delays_no_other_operation() {
    let server = Server::start().unwrap();
    impatient(server.url()).await;
    let proxy = Proxy::start(server.port()).unwrap();
    let store = impatient(server.url_on(proxy.port())).await;
    let at = create(&store, 1).await;
    value(&store, &at).await.unwrap();
    proxy.inject(Fault::HoldReply);
    let error = failed(value(&store, &at).await);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(proxy.pending_faults(), 0);
    until_all_are_served(&store, &at).await;
}

async fn count(session: Session) -> actix_web::Result<HttpResponse> {
    session.update_or("n", 1, |n: u32| n + 1)?;
    Ok(HttpResponse::Ok().json(session.get::<u32>("n")?))
}

#[actix_web::test]
async fn a_request_is_answered_opaquely_and_in_time_while_the_server_hangs() {
    let mut server = Server::start().unwrap();
    let store = impatient(server.url()).await;
    let sessions = SessionMiddleware::new(store, Key::generate());
    let app = App::new().wrap(sessions).route("/", web::get().to(count));
    let app = Rc::new(init_service(app).await);
    let first = app.call(TestRequest::get().to_request()).await.unwrap();
    let cookie = first.response().cookies().next().unwrap().into_owned();
    let call = || {
        let (app, request) = (Rc::clone(&app), TestRequest::get().cookie(cookie.clone()));
        actix_web::rt::spawn(async move { app.call(request.to_request()).await })
    };

    server.stop().unwrap();
    for _ in 0..2 {
        let begun = Instant::now();
        for outcome in [(); 20].map(|()| call()) {
            let error = in_time(outcome).await.unwrap().expect_err("an error");
            let response = error.error_response();
            assert_eq!(response.status(), 503);
            assert_eq!(to_bytes(response.into_body()).await.unwrap(), "");
        }
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    }
    server.cont().unwrap();

    let begun = Instant::now();
    let number = in_time(async {
        loop {
            if let Ok(response) = call().await.unwrap() {
                break number_in(response).await;
            }
        }
    })
    .await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // What was given up before the handler ran was never asked for.
    assert_eq!(number, 2);
}

async fn number_in(response: ServiceResponse) -> u32 {
    let body = to_bytes(response.into_body()).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}
