//! Timed rotation, over HTTP.

use std::time::Duration;

use serde_json::json;

use crate::setup::{Kind, Setup, on_every_store};

on_every_store![on the server: a_lost_response_signs_no_user_out];

const INTERVAL: Duration = Duration::from_secs(15 * 60);

async fn a_lost_response_signs_no_user_out<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(setup.builder().rotation_interval(Some(INTERVAL)));
    let first = server.get("/set:user:ferris").await.cookie();
    let state = json!({"user": "ferris"});
    setup.clock.advance(INTERVAL);
    let lost = server.get_as(&first, "/").await.cookie();
    assert_ne!(lost, first);
    let second = server.get_as(&first, "/").await.cookie();
    for cookie in [&second, &lost] {
        let reply = server.get_as(cookie, "/").await;
        assert_eq!(reply.state(), state);
        reply.assert_sets_no_cookie();
    }
    // The default grace period and the allowance for clocks.
    setup.clock.advance(Duration::from_secs(60));
    assert_eq!(server.get_as(&second, "/").await.state(), state);
    assert_eq!(server.get_as(&first, "/").await.state(), json!({}));
}
