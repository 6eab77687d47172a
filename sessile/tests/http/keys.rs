//! Replacing the sealing keys of servers that run.

use serde_json::json;
use sessile::{SessionMiddleware, config::KeyRing, engine::SealingKey};

use crate::{
    client::Server,
    log::Log,
    setup::{Kind, Setup, on_every_store},
};

on_every_store![
    a_key_is_replaced_on_two_servers_without_losing_a_session,
    a_cookie_of_the_old_key_is_sealed_again_by_the_next_response,
    a_visitor_who_was_away_loses_the_session_only_when_the_old_key_is_removed,
];

/// A server whose keys are in `ring`.
fn start<K: Kind>(setup: &Setup<K>, ring: &KeyRing) -> Server {
    let builder = SessionMiddleware::builder(setup.store.clone(), ring.clone());
    let builder = builder.cookie_content_security(setup.security);
    setup.start_with(builder.clock(setup.clock.clone()))
}

/// A visitor's requests, each to the server after that of the last one.
struct Visitor<'a> {
    servers: [&'a Server; 2],
    cookie: String,
    visits: usize,
}

impl Visitor<'_> {
    /// Requests that change the session and that only read it, on each server.
    async fn come(&mut self) {
        for path in ["/add:n", "/", "/"] {
            for server in self.servers {
                let reply = server.get_as(&self.cookie, path).await;
                self.visits += usize::from(path != "/");
                assert_eq!(reply.state(), json!({"n": self.visits}));
                self.cookie = reply.cookie_or(&self.cookie);
            }
        }
    }
}

/// The steps of the guide: the servers are changed one after the other, and each step is complete before the next one.
async fn a_key_is_replaced_on_two_servers_without_losing_a_session<K: Kind>(setup: &Setup<K>) {
    let (old, new) = (SealingKey::generate(), SealingKey::generate());
    let rings = [(); 2].map(|()| KeyRing::from(old.clone()));
    let servers = [start(setup, &rings[0]), start(setup, &rings[1])];
    let mut visitor = Visitor {
        cookie: servers[0].get("/add:n").await.cookie(),
        servers: servers.each_ref(),
        visits: 1,
    };
    visitor.come().await;
    for step in [
        vec![old.clone(), new.clone()],
        vec![new.clone(), old],
        vec![new],
    ] {
        for ring in &rings {
            ring.replace(step.clone()).unwrap();
            visitor.come().await;
        }
    }
}

async fn a_cookie_of_the_old_key_is_sealed_again_by_the_next_response<K: Kind>(setup: &Setup<K>) {
    let (old, new) = (SealingKey::generate(), SealingKey::generate());
    let ring = KeyRing::from(old.clone());
    let server = start(setup, &ring);
    let sealed_by_old = server.get("/set:a:1").await.cookie();
    server
        .get_as(&sealed_by_old, "/")
        .await
        .assert_sets_no_cookie();

    ring.replace([new.clone(), old]).unwrap();
    let reply = server.get_as(&sealed_by_old, "/").await;
    assert_eq!(reply.state(), json!({"a": 1}));
    let sealed_by_new = reply.cookie();
    let reply = server.get_as(&sealed_by_new, "/").await;
    assert_eq!(reply.state(), json!({"a": 1}));
    reply.assert_sets_no_cookie();

    // A server that has only the new key opens it.
    let another = start(setup, &KeyRing::from(new));
    let reply = another.get_as(&sealed_by_new, "/").await;
    assert_eq!(reply.state(), json!({"a": 1}));
}

async fn a_visitor_who_was_away_loses_the_session_only_when_the_old_key_is_removed<K: Kind>(
    setup: &Setup<K>,
) {
    let (old, new) = (SealingKey::generate(), SealingKey::generate());
    let ring = KeyRing::from(old.clone());
    let server = start(setup, &ring);
    let cookie = server.get("/set:a:1").await.cookie();
    ring.replace([new.clone(), old]).unwrap();
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
    ring.replace([new]).unwrap();
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.state(), json!({}));
    reply.assert_sets_no_cookie();
}

#[test]
fn a_ring_that_has_none_of_its_former_keys_logs_a_warning() {
    let log = Log::of_warnings();
    let (first, second) = (SealingKey::generate(), SealingKey::generate());
    let ring = KeyRing::from(first.clone());
    ring.replace([second.clone(), first]).unwrap();
    ring.replace([second]).unwrap();
    assert_eq!(log.lines(), [""; 0]);
    ring.replace([SealingKey::generate()]).unwrap();
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("all keys of a key ring were replaced"));
}
