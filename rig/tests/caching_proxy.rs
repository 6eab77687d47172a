//! Tests of the caching proxies: they answer in place of the web server behind them, unless its headers forbid it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy recognizes tests by their attribute, but not their helpers

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use sessile_rig::{Error, caching_proxy::CachingProxy};

type Start = fn(u16) -> Result<CachingProxy, Error>;

/// Defines a test for each function and each server.
macro_rules! for_each_server {
    ($($test:ident),+ $(,)?) => {
        mod nginx {
            $(#[test] fn $test() { super::$test(super::CachingProxy::nginx); })+
        }
        mod apache {
            $(#[test] fn $test() { super::$test(super::CachingProxy::apache); })+
        }
    };
}

for_each_server! {
    a_public_page_is_served_again_without_the_upstream,
    a_page_without_a_lifetime_is_kept_as_well,
    a_page_that_is_not_for_shared_caches_is_requested_from_the_upstream_each_time,
    a_page_that_varies_by_cookie_is_kept_for_each_cookie,
    two_proxies_share_nothing,
    a_missing_upstream_is_a_server_error,
    a_dropped_proxy_leaves_neither_server_nor_folder,
}

fn a_public_page_is_served_again_without_the_upstream(start: Start) {
    let upstream = Upstream::start("Cache-Control: public, max-age=60\r\n");
    let proxy = start(upstream.port).unwrap();

    let first = get(&proxy, "/page", "a=1");
    let second = get(&proxy, "/page", "a=2");

    assert!(first.ends_with("page 1"), "{first}");
    assert!(second.ends_with("page 1"), "{second}");
    assert_eq!(upstream.requests(), 1);
    assert!(first.contains("\r\nX-Cache: MISS"), "{first}");
    assert!(second.contains("\r\nX-Cache: HIT"), "{second}");
    let other = get(&proxy, "/other", "a=1");
    assert!(other.ends_with("page 2"), "{other}");
}

fn a_page_without_a_lifetime_is_kept_as_well(start: Start) {
    let upstream = Upstream::start("");
    let proxy = start(upstream.port).unwrap();

    for _ in 0..3 {
        let page = get(&proxy, "/page", "a=1");
        assert!(page.ends_with("page 1"), "{page}");
    }

    assert_eq!(upstream.requests(), 1);
}

fn a_page_that_is_not_for_shared_caches_is_requested_from_the_upstream_each_time(start: Start) {
    for value in ["private", "no-store", "private, max-age=60"] {
        let upstream = Upstream::start(&format!("Cache-Control: {value}\r\n"));
        let proxy = start(upstream.port).unwrap();

        for number in 1..=3 {
            let page = get(&proxy, "/page", "a=1");
            assert!(page.ends_with(&format!("page {number}")), "{page}");
        }

        assert_eq!(upstream.requests(), 3, "{value}");
    }
}

fn a_page_that_varies_by_cookie_is_kept_for_each_cookie(start: Start) {
    let upstream = Upstream::start("Cache-Control: max-age=60\r\nVary: Cookie\r\n");
    let proxy = start(upstream.port).unwrap();

    let pages = ["a=1", "a=2", "a=1"].map(|cookie| get(&proxy, "/page", cookie));

    assert!(pages[0].ends_with("page 1"), "{}", pages[0]);
    assert!(pages[1].ends_with("page 2"), "{}", pages[1]);
    assert!(pages[2].ends_with("page 1"), "{}", pages[2]);
}

fn two_proxies_share_nothing(start: Start) {
    let upstream = Upstream::start("");
    let proxies = [(); 2].map(|()| start(upstream.port).unwrap());

    let pages = proxies.each_ref().map(|it| get(it, "/page", "a=1"));

    assert!(pages[0].ends_with("page 1"), "{}", pages[0]);
    assert!(pages[1].ends_with("page 2"), "{}", pages[1]);
}

fn a_missing_upstream_is_a_server_error(start: Start) {
    let proxy = start(sessile_rig::free_port().unwrap()).unwrap();

    let response = get(&proxy, "/page", "a=1");

    let status = response.split(' ').nth(1).unwrap();
    assert!(["502", "503"].contains(&status), "{response}");
    assert!(proxy.output().contains("refused"), "{}", proxy.output());
}

fn a_dropped_proxy_leaves_neither_server_nor_folder(start: Start) {
    let upstream = Upstream::start("");
    let proxy = start(upstream.port).unwrap();
    get(&proxy, "/page", "a=1");
    let (port, folder) = (proxy.port(), proxy.folder().to_owned());

    drop(proxy);

    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!folder.exists());
}

/// A web server. Its pages have the given headers, and show the number of requests so far.
struct Upstream {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Upstream {
    /// Its thread ends with the test process.
    fn start(headers: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counter, headers) = (Arc::clone(&requests), headers.to_owned());
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = BufReader::new(client.unwrap());
                let mut line = String::new();
                while client.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
                let page = format!("page {number}");
                let length = page.len();
                let response = format!(
                    "HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{page}"
                );
                client.get_mut().write_all(response.as_bytes()).unwrap();
            }
        });
        Self { port, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// The whole response to a request with this cookie.
fn get(proxy: &CachingProxy, path: &str, cookie: &str) -> String {
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    response
}
