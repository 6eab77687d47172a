//! Requests that only read, and are answered after the session has ended or was renewed.

use serde_json::json;
use sessile::config::{PersistentSession, TtlExtensionPolicy::OnEveryRequest};

use crate::{
    client::Reply,
    races::{FEW, Scene, on_stores_that_merge, overtaken},
    setup::{Builder, Kind},
};

on_stores_that_merge![
    extending_a_life_brings_no_session_back,
    a_late_read_does_not_undo_a_logout,
    a_late_read_does_not_undo_a_login,
];

fn extended_on_every_request<K: Kind>(
    touch_fraction: f64,
) -> impl FnOnce(Builder<K>) -> Builder<K> {
    let lifecycle = PersistentSession::default().session_ttl_extension_policy(OnEveryRequest);
    move |builder| {
        builder
            .session_lifecycle(lifecycle)
            .touch_fraction(touch_fraction)
    }
}

/// Slow requests that only read.
const READS: [&str; FEW] = ["/meet/meet"; FEW];

async fn extending_a_life_brings_no_session_back<K: Kind>() {
    // Every read extends the lifetime of the stored session.
    let scene = Scene::<K>::new(FEW + 1, extended_on_every_request::<K>(0.0)).await;
    for (script, left) in [("/purge", json!({})), ("/renew", json!({"user": "ferris"}))] {
        let cookie = scene.session("/set:user:ferris").await;
        let (ending, late) = overtaken(&scene, &cookie, READS, script).await;
        late.iter().for_each(Reply::assert_sets_no_cookie);
        assert_eq!(scene.state(&cookie).await, json!({}));
        assert_eq!(scene.state(&ending.cookie()).await, left);
    }
}

/// A browser keeps the last cookie that it receives. If it received its old cookie after the removal, it would
/// keep presenting the key of an ended session.
async fn a_late_read_does_not_undo_a_logout<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, extended_on_every_request::<K>(0.5)).await;
    let cookie = scene.session("/set:user:ferris").await;
    let (_, late) = overtaken(&scene, &cookie, READS, "/purge").await;
    late.iter().for_each(Reply::assert_sets_no_cookie);
}

/// A browser keeps the last cookie that it receives. If it received its old cookie after the new one, signing in
/// would sign the user out.
async fn a_late_read_does_not_undo_a_login<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, extended_on_every_request::<K>(0.5)).await;
    let cookie = scene.session("/set:cart:3").await;
    let (_, late) = overtaken(&scene, &cookie, READS, "/set:user:ferris/renew").await;
    late.iter().for_each(Reply::assert_sets_no_cookie);
}
