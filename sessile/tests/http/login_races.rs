//! Sign-ins during other requests of the session. A sign-in never fails because of a race, and a sign-out always wins.

use std::collections::HashSet;

use serde_json::json;

use crate::{
    races::{MANY, Scene, at_once, on_stores_that_merge},
    setup::Kind,
};

on_stores_that_merge![
    a_sign_out_ends_a_session_that_a_sign_in_has_renewed,
    a_superseded_sign_in_keeps_the_state_that_it_loaded,
    a_refused_request_sends_no_cookie,
    each_of_many_concurrent_sign_ins_gets_a_working_session,
];

/// A sign-out also ends the session if another request has renewed it in the meantime.
async fn a_sign_out_ends_a_session_that_a_sign_in_has_renewed<K: Kind>() {
    let scene = Scene::<K>::new(2, |builder| builder).await;
    let old = scene.session("/set:cart:3").await;
    let logout = at_once(*scene.server, &old, ["/meet/meet/purge".to_owned()]);
    scene.setup.meeting.wait().await;
    let login = scene.server.post_as(&old, "/set:user:ferris/renew").await;
    scene.setup.meeting.wait().await;
    let logout = &logout.join_all().await[0];
    logout.assert_removes_cookie();
    for cookie in [old, login.cookie(), logout.cookie()] {
        assert_eq!(scene.state(&cookie).await, json!({}));
    }
}

/// The new session of a renewal has the loaded state, even if the request's changes were discarded.
async fn a_superseded_sign_in_keeps_the_state_that_it_loaded<K: Kind>() {
    let scene = Scene::<K>::new(2, |builder| builder).await;
    let old = scene.session("/set:cart:3").await;
    let script = "/set:b:2/meet/meet/try_save/discard/renew";
    let late = at_once(*scene.server, &old, [script.to_owned()]);
    scene.setup.meeting.wait().await;
    scene.server.post_as(&old, "/set:user:ferris/renew").await;
    scene.setup.meeting.wait().await;
    let late = &late.join_all().await[0];
    assert_eq!(scene.state(&late.cookie()).await, json!({"cart": 3}));
}

/// The renewed session has ended before the response, so its cookie would open nothing.
async fn a_refused_request_sends_no_cookie<K: Kind>() {
    let scene = Scene::<K>::new(2, |builder| builder).await;
    let old = scene.session("/set:cart:3").await;
    let script = "/renew/save/meet/meet/set:b:2";
    let late = at_once(*scene.server, &old, [script.to_owned()]);
    scene.setup.meeting.wait().await;
    scene
        .server
        .post_as(&old, "/purge")
        .await
        .assert_removes_cookie();
    scene.setup.meeting.wait().await;
    late.join_all().await[0].assert_failure(409);
}

/// A double click: the browser may keep the cookie of any of the responses.
async fn each_of_many_concurrent_sign_ins_gets_a_working_session<K: Kind>() {
    let scene = Scene::<K>::new(MANY, |builder| builder).await;
    let old = scene.session("/set:cart:3").await;
    let scripts = (0..MANY).map(|_| "/meet/set:user:ferris/renew".to_owned());
    let replies = at_once(*scene.server, &old, scripts).join_all().await;
    let mut cookies = HashSet::new();
    for reply in &replies {
        let state = json!({"cart": 3, "user": "ferris"});
        assert_eq!(scene.state(&reply.cookie()).await, state);
        cookies.insert(reply.cookie());
    }
    assert_eq!(cookies.len(), MANY, "no two have the same key");
    assert_eq!(scene.state(&old).await, json!({}));
}
