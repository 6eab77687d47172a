//! Requests that only read, and whose response comes after the session was ended or renewed.

use serde_json::json;
use sessile::config::{PersistentSession, TtlExtensionPolicy::OnEveryRequest};

use crate::{
    client::Reply,
    races::{FEW, Scene, on_stores_that_merge, overtaken},
    setup::{Builder, Kind},
};

on_stores_that_merge![
    a_touch_does_not_restore_an_ended_session,
    a_late_read_does_not_undo_a_sign_out,
    a_late_read_does_not_undo_a_sign_in,
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

async fn a_touch_does_not_restore_an_ended_session<K: Kind>() {
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
async fn a_late_read_does_not_undo_a_sign_out<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, extended_on_every_request::<K>(0.5)).await;
    let cookie = scene.session("/set:user:ferris").await;
    let (_, late) = overtaken(&scene, &cookie, READS, "/purge").await;
    late.iter().for_each(Reply::assert_sets_no_cookie);
}

/// A browser keeps the last cookie that it receives. If it received its old cookie after the new one, signing in
/// would sign the user out.
async fn a_late_read_does_not_undo_a_sign_in<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, extended_on_every_request::<K>(0.5)).await;
    let cookie = scene.session("/set:cart:3").await;
    let (_, late) = overtaken(&scene, &cookie, READS, "/set:user:ferris/renew").await;
    late.iter().for_each(Reply::assert_sets_no_cookie);
}
