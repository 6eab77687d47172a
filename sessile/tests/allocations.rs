//! What a request's session costs in allocations, counted.
//!
//! Each number is exact: who makes a request cheaper writes the new one down, who makes it dearer sees
//! where. Everything here is ready at once, so no runtime has a part in it.

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse,
    body::BoxBody,
    cookie::Key,
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};
use sessile::{
    Clock as _, Record, SealingKey, Session, SessionExt as _, SessionManager, SessionMiddleware,
    Settings, SystemClock,
    config::Loading::{self, BeforeTheHandler, OnDemand},
    storage::{CookieSessionStore, MemorySessionStore, SessionStore},
};

/// What `future` comes to, which has to be ready.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it had to wait"),
    }
}

/// How many allocations `request` takes, told how often it ran. Maps grow now and then at some request's
/// expense, so the cheapest of several counts.
fn counted(mut request: impl FnMut(u64)) -> u64 {
    let counts = (0..20).map(|turn| allocation_counter::measure(|| request(turn)).count_total);
    counts.min().unwrap()
}

type Handler = fn(&Session, u64);

const NOTHING: Handler = |_, _| {};
const READ: Handler = |session, _| assert!(session.get::<u64>("n").unwrap().is_some());
const CHANGE: Handler = |session, turn| session.insert("n", turn).unwrap();
const COUNT: Handler = |session, _| session.update("n", |n: u64| n + 1).unwrap();
const RENEW: Handler = |session, _| session.renew();
const PURGE: Handler = |session, _| session.purge();

fn settings(loading: Loading) -> Settings {
    let mut settings = Settings::default();
    settings.loading = loading;
    settings
}

fn fill(session: &Session) {
    session.insert("user", "ferris").unwrap();
    session.insert("theme", "dark").unwrap();
    session.insert("n", 1).unwrap();
}

/// What opening a session, `handler` and committing take.
fn of_the_engine<S: SessionStore>(store: S, loading: Loading, handler: Handler) -> u64 {
    let key = SealingKey::generate();
    let manager = SessionManager::new(store, key, settings(loading)).unwrap();
    let new_cookie = || {
        let session = ready(manager.open([])).unwrap();
        fill(&session);
        String::from(ready(manager.commit(&session)).unwrap().unwrap())
    };
    let mut cookies: Vec<String> = (0..20).map(|_| new_cookie()).collect();
    counted(|turn| {
        let cookie = cookies.pop().unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let session = ready(manager.open([cookie.as_bytes()])).unwrap();
        handler(&session, turn);
        drop(ready(manager.commit(&session)).unwrap());
    })
}

#[test]
fn requests_through_the_engine() {
    let memory = |loading, handler| of_the_engine(MemorySessionStore::default(), loading, handler);
    let cookie = |loading, handler| of_the_engine(CookieSessionStore::default(), loading, handler);
    let budget = [
        ("memory: opened only", 3, memory(BeforeTheHandler, NOTHING)),
        ("memory: read", 3, memory(BeforeTheHandler, READ)),
        (
            "memory: a value put there",
            10,
            memory(BeforeTheHandler, CHANGE),
        ),
        (
            "memory: a value updated",
            11,
            memory(BeforeTheHandler, COUNT),
        ),
        ("memory: renewed", 6, memory(BeforeTheHandler, RENEW)),
        ("memory: purged", 4, memory(BeforeTheHandler, PURGE)),
        ("memory: on demand, untouched", 2, memory(OnDemand, NOTHING)),
        ("cookie: opened only", 4, cookie(BeforeTheHandler, NOTHING)),
        ("cookie: read", 4, cookie(BeforeTheHandler, READ)),
        (
            "cookie: a value put there",
            11,
            cookie(BeforeTheHandler, CHANGE),
        ),
        (
            "cookie: a value updated",
            12,
            cookie(BeforeTheHandler, COUNT),
        ),
        ("cookie: renewed", 7, cookie(BeforeTheHandler, RENEW)),
        ("cookie: purged", 5, cookie(BeforeTheHandler, PURGE)),
        ("cookie: on demand, untouched", 2, cookie(OnDemand, NOTHING)),
    ];
    assert_within(&budget);
}

#[test]
fn requests_without_a_cookie_through_the_engine() {
    for loading in [BeforeTheHandler, OnDemand] {
        let store = MemorySessionStore::default();
        let manager =
            SessionManager::new(store, SealingKey::generate(), settings(loading)).unwrap();
        let allocations = counted(|_| {
            let session = ready(manager.open([&b"theme=dark"[..]])).unwrap();
            assert!(ready(manager.commit(&session)).unwrap().is_none());
        });
        assert_within(&[("anonymous", 1, allocations)]);
    }
}

#[track_caller]
fn assert_within(budget: &[(&str, u64, u64)]) {
    let (expected, counted): (Vec<_>, Vec<_>) = budget
        .iter()
        .map(|(request, expected, counted)| ((request, *expected), (request, *counted)))
        .unzip();
    assert_eq!(counted, expected);
}

/// What the session adds to a request that comes with a cookie, or none, and is handled by `/handler`.
fn of_the_middleware<S: SessionStore + Clone>(store: S, loading: Loading, path: &str) -> u64 {
    actix_web::rt::System::new().block_on(async {
        let key = Key::generate();
        let sessions = SessionMiddleware::builder(store, key)
            .loading(loading)
            .build();
        let with = init_service(App::new().wrap(sessions).configure(routes)).await;
        let without = init_service(App::new().configure(routes)).await;
        let new_cookie = || {
            let response = ready(with.call(TestRequest::with_uri("/fill").to_request())).unwrap();
            let cookie = response
                .headers()
                .get("set-cookie")
                .unwrap()
                .to_str()
                .unwrap();
            cookie.split(';').next().unwrap().to_owned()
        };
        let cookies: Vec<String> = (0..20).map(|_| new_cookie()).collect();
        calls(&with, path, &cookies) - calls(&without, "/nothing", &cookies)
    })
}

fn routes(config: &mut web::ServiceConfig) {
    let fill = async |session: Session| {
        fill(&session);
        HttpResponse::Ok().finish()
    };
    let nothing = async || HttpResponse::Ok().finish();
    let asks = async |request: HttpRequest| {
        drop(request.get_session());
        HttpResponse::Ok().finish()
    };
    let read = async |session: Session| {
        READ(&session, 0);
        HttpResponse::Ok().finish()
    };
    let change = async |session: Session| {
        CHANGE(&session, 2);
        HttpResponse::Ok().finish()
    };
    config
        .route("/fill", web::get().to(fill))
        .route("/nothing", web::get().to(nothing))
        .route("/asks", web::get().to(asks))
        .route("/read", web::get().to(read))
        .route("/change", web::get().to(change));
}

fn calls<A>(app: &A, path: &str, cookies: &[String]) -> u64
where
    A: Service<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let mut requests: Vec<_> = cookies
        .iter()
        .map(|cookie| {
            let request = TestRequest::with_uri(path).insert_header(("cookie", cookie.as_str()));
            Some(request.to_request())
        })
        .collect();
    counted(|turn| {
        let request = requests[turn as usize].take().unwrap();
        assert_eq!(ready(app.call(request)).unwrap().status(), 200);
    })
}

#[test]
fn what_the_middleware_adds() {
    let memory = |loading, path| of_the_middleware(MemorySessionStore::default(), loading, path);
    let cookie = |loading, path| of_the_middleware(CookieSessionStore::default(), loading, path);
    let budget = [
        ("memory: read", 5, memory(BeforeTheHandler, "/read")),
        ("memory: changed", 12, memory(BeforeTheHandler, "/change")),
        (
            "memory: on demand, untouched",
            4,
            memory(OnDemand, "/nothing"),
        ),
        ("memory: on demand, a handle", 4, memory(OnDemand, "/asks")),
        ("memory: on demand, read", 7, memory(OnDemand, "/read")),
        ("cookie: read", 6, cookie(BeforeTheHandler, "/read")),
        ("cookie: changed", 13, cookie(BeforeTheHandler, "/change")),
        (
            "cookie: on demand, untouched",
            4,
            cookie(OnDemand, "/nothing"),
        ),
    ];
    assert_within(&budget);
}

/// What the store takes in truth is what it thinks it takes, more or less.
#[test]
fn a_full_memory_store_takes_what_it_may() {
    const MAX_BYTES: u64 = 16 * 1024 * 1024;
    let mut store = None;
    let taken = allocation_counter::measure(|| {
        let full = MemorySessionStore::builder().max_bytes(MAX_BYTES).build();
        for turn in 0..100_000 {
            let mut record = Record::new(SystemClock.now());
            record.state.insert("user", "ferris").unwrap();
            record.state.insert("theme", "dark").unwrap();
            record.state.insert("n", &turn).unwrap();
            ready(full.create(&record, Duration::from_secs(3600))).unwrap();
        }
        store = Some(full);
    });
    let taken = u64::try_from(taken.bytes_current).unwrap();
    assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&taken), "{taken}");
}
