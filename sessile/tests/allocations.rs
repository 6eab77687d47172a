//! The number of allocations that a request needs for its session.
//!
//! The numbers are exact. If a change needs fewer, it updates them. All futures here are ready at once, so no runtime
//! takes part.

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
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
    Session, SessionExt as _, SessionMiddleware,
    config::{
        Loading::{self, Eager, Lazy},
        Settings,
    },
    engine::{ResponseHead, SealingKey, SessionManager},
    record::Record,
    storage::{CookieSessionStore, MemorySessionStore, SessionId, SessionStore},
};

/// The output of `future`, which has to be ready.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is not ready"),
    }
}

/// The number of allocations of `request`, which receives the number of earlier runs. Some runs let a map grow, so the
/// lowest of several numbers counts.
fn counted(mut request: impl FnMut(u64)) -> u64 {
    let counts = (0..20).map(|turn| allocation_counter::measure(|| request(turn)).count_total);
    counts.min().unwrap()
}

const POST: ResponseHead<'_> = ResponseHead::to("POST");

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

/// The number of allocations for opening a session, running `handler` and committing.
fn of_the_engine<S: SessionStore>(store: S, loading: Loading, handler: Handler) -> u64 {
    let key = SealingKey::generate();
    let manager = SessionManager::new(store, key, settings(loading)).unwrap();
    let new_cookie = || {
        let session = ready(manager.open([])).unwrap();
        fill(&session);
        let headers = ready(manager.commit(&session, &POST)).unwrap();
        String::from(headers.set_cookie.unwrap())
    };
    let mut cookies: Vec<String> = (0..20).map(|_| new_cookie()).collect();
    counted(|turn| {
        let cookie = cookies.pop().unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let session = ready(manager.open([cookie.as_bytes()])).unwrap();
        handler(&session, turn);
        drop(ready(manager.commit(&session, &POST)).unwrap());
    })
}

#[test]
fn allocations_of_requests_with_a_cookie() {
    let memory = |loading, handler| of_the_engine(MemorySessionStore::default(), loading, handler);
    let cookie = |loading, handler| of_the_engine(CookieSessionStore::default(), loading, handler);
    let budget = [
        ("memory: opened only", 2, memory(Eager, NOTHING)),
        ("memory: read", 2, memory(Eager, READ)),
        ("memory: a value put there", 9, memory(Eager, CHANGE)),
        ("memory: a value updated", 10, memory(Eager, COUNT)),
        ("memory: renewed", 7, memory(Eager, RENEW)),
        ("memory: purged", 7, memory(Eager, PURGE)),
        ("memory: lazy, untouched", 2, memory(Lazy, NOTHING)),
        ("cookie: opened only", 4, cookie(Eager, NOTHING)),
        ("cookie: read", 4, cookie(Eager, READ)),
        ("cookie: a value put there", 13, cookie(Eager, CHANGE)),
        ("cookie: a value updated", 14, cookie(Eager, COUNT)),
        ("cookie: renewed", 9, cookie(Eager, RENEW)),
        ("cookie: purged", 9, cookie(Eager, PURGE)),
        ("cookie: lazy, untouched", 2, cookie(Lazy, NOTHING)),
    ];
    assert_within(&budget);
}

#[test]
fn allocations_of_requests_without_a_cookie() {
    for loading in [Eager, Lazy] {
        let store = MemorySessionStore::default();
        let manager =
            SessionManager::new(store, SealingKey::generate(), settings(loading)).unwrap();
        let allocations = counted(|_| {
            let session = ready(manager.open([&b"theme=dark"[..]])).unwrap();
            let headers = ready(manager.commit(&session, &POST)).unwrap();
            assert_eq!(headers.set_cookie, None);
        });
        assert_within(&[("anonymous", 1, allocations)]);
    }
}

#[test]
fn allocations_of_new_sessions() {
    fn begun<S: SessionStore>(store: S) -> u64 {
        let key = SealingKey::generate();
        let manager = SessionManager::new(store, key, Settings::default()).unwrap();
        let begin = |turn| {
            let session = ready(manager.open([])).unwrap();
            CHANGE(&session, turn);
            let headers = ready(manager.commit(&session, &POST)).unwrap();
            assert!(headers.set_cookie.is_some());
        };
        // The first session of each shard makes room for more, so every shard gets some before the count begins.
        (0..5_000).for_each(begin);
        counted(begin)
    }
    let memory = begun(MemorySessionStore::default());
    let cookie = begun(CookieSessionStore::default());
    assert_within(&[("memory: begun", 12, memory), ("cookie: begun", 10, cookie)]);
}

#[track_caller]
fn assert_within(budget: &[(&str, u64, u64)]) {
    let (expected, counted): (Vec<_>, Vec<_>) = budget
        .iter()
        .map(|(request, expected, counted)| ((request, *expected), (request, *counted)))
        .unzip();
    assert_eq!(counted, expected);
}

/// The number of allocations that the session adds to a request with a cookie, or without one, to the path `handler`.
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
fn allocations_of_the_middleware() {
    let memory = |loading, path| of_the_middleware(MemorySessionStore::default(), loading, path);
    let cookie = |loading, path| of_the_middleware(CookieSessionStore::default(), loading, path);
    let budget = [
        ("memory: read", 4, memory(Eager, "/read")),
        ("memory: changed", 11, memory(Eager, "/change")),
        ("memory: lazy, untouched", 4, memory(Lazy, "/nothing")),
        ("memory: lazy, a handle", 4, memory(Lazy, "/asks")),
        ("memory: lazy, read", 7, memory(Lazy, "/read")),
        ("cookie: read", 6, cookie(Eager, "/read")),
        ("cookie: changed", 15, cookie(Eager, "/change")),
        ("cookie: lazy, untouched", 4, cookie(Lazy, "/nothing")),
    ];
    assert_within(&budget);
}

/// The sizes of the futures of `load` and `update`, in bytes.
fn sizes<S: SessionStore>() -> [usize; 2] {
    fn of_load<A, B, C, F>(_: impl FnOnce(A, B, C) -> F) -> usize {
        size_of::<F>()
    }
    fn of_update<A, B, C, D, E, F>(_: impl FnOnce(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }
    let load =
        |store: &'static S, id: &'static SessionId, freshness| store.load(id, None, freshness);
    let update =
        |store: &'static S, id: &'static SessionId, version, record: &'static Record, ttl| {
            store.update(id, version, record, version, ttl)
        };
    [of_load(load), of_update(update)]
}

/// The future of a request contains that of its store, and is copied a few times before it is polled.
#[test]
fn the_futures_of_stores_are_small() {
    for (sizes, bound) in [
        (sizes::<MemorySessionStore>(), 64),
        (sizes::<CookieSessionStore>(), 64),
        #[cfg(feature = "sqlite-session")]
        (sizes::<sessile::storage::SqliteSessionStore>(), 512),
        #[cfg(feature = "postgres-session")]
        (sizes::<sessile::storage::PostgresSessionStore>(), 2560),
        #[cfg(feature = "mysql-session")]
        (sizes::<sessile::storage::MySqlSessionStore>(), 2560),
        #[cfg(feature = "redis-rs-session")]
        (sizes::<sessile::storage::RedisSessionStore>(), 2560),
    ] {
        assert!(sizes.into_iter().all(|size| size <= bound), "{sizes:?}");
    }
}
