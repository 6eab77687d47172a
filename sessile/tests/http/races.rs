//! Requests of one session that run at once, on a server with several workers.
//!
//! Where the order matters, the handlers wait for each other or for the test. No test sleeps.

use std::{future::Future, sync::Arc, time::Duration};

use serde_json::{Value, json};
use sessile::CookieContentSecurity::Private;
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    client::{Client, Reply, Server},
    setup::{Builder, Kind, Setup, in_time},
};

const ROUNDS: usize = 20;
pub(crate) const MANY: usize = 20;
pub(crate) const FEW: usize = 5;

/// Defines a test of each of these functions for every store that keeps sessions on the server.
macro_rules! on_stores_that_merge {
    ($($test:ident),+ $(,)?) => {
        $crate::races::on_stores_that_merge!(@one memory Memory $($test)+);
        $crate::races::on_stores_that_merge!(@one sqlite Sqlite $($test)+);
    };
    (@one $module:ident $kind:ident $($test:ident)+) => {
        mod $module {
            use $crate::setup::$kind;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $crate::races::in_rounds::<$kind, _>(super::$test::<$kind>).await;
                }
            )+
        }
    };
}

pub(crate) use on_stores_that_merge;

on_stores_that_merge![
    writes_to_different_names_are_all_kept,
    writes_that_all_began_with_the_same_state_are_all_kept,
    increments_are_all_counted,
    increments_that_all_began_with_the_same_state_are_all_counted,
    increments_that_are_saved_in_between_are_all_counted,
    after_a_sign_out_no_cookie_opens_the_session,
    after_a_sign_in_the_old_cookie_opens_nothing,
    a_restart_wins_over_late_writes,
    a_superseded_sign_in_gets_a_new_session,
];

/// A server whose handlers can wait for each other.
pub(crate) struct Scene<K: Kind> {
    pub(crate) server: Server,
    pub(crate) setup: Setup<K>,
}

impl<K: Kind> Scene<K> {
    /// The barrier of the step `meet`.
    pub(crate) async fn new(
        meeting_of: usize,
        change: impl FnOnce(Builder<K>) -> Builder<K>,
    ) -> Self {
        let mut setup = Setup::new(Private).await;
        setup.meeting = Arc::new(Barrier::new(meeting_of));
        // A slow machine must not make the store time out.
        let builder = setup.builder().store_timeout(Duration::from_secs(100));
        let server = setup.start_with(change(builder));
        Self { server, setup }
    }

    /// A new session, and its cookie.
    pub(crate) async fn session(&self, script: &str) -> String {
        self.server.get(script).await.cookie()
    }

    pub(crate) async fn state(&self, cookie: &str) -> Value {
        self.server.get_as(cookie, "/").await.state()
    }
}

pub(crate) async fn in_rounds<K: Kind, F: Future<Output = ()>>(round: impl Fn() -> F) {
    for _ in 0..ROUNDS {
        in_time(round()).await;
    }
}

/// Sends a request for each of `scripts`, all at once.
pub(crate) fn at_once(
    client: Client,
    cookie: &str,
    scripts: impl IntoIterator<Item = String>,
) -> JoinSet<Reply> {
    let mut requests = JoinSet::new();
    for script in scripts {
        let cookie = cookie.to_owned();
        requests.spawn(async move { client.post_as(&cookie, &script).await });
    }
    requests
}

async fn different_names<K: Kind>(meeting: &str) {
    let scene = Scene::<K>::new(MANY, |builder| builder).await;
    let cookie = scene.session("/set:before:1").await;
    let scripts = (0..MANY).map(|n| format!("{meeting}/set:key{n}:{n}"));
    for reply in at_once(*scene.server, &cookie, scripts).join_all().await {
        assert_eq!(reply.status, 200);
        reply.assert_sets_no_cookie();
    }
    let mut expected: Value = (0..MANY).map(|n| (format!("key{n}"), json!(n))).collect();
    expected["before"] = json!(1);
    assert_eq!(scene.state(&cookie).await, expected);
}

async fn writes_to_different_names_are_all_kept<K: Kind>() {
    different_names::<K>("").await;
}

async fn writes_that_all_began_with_the_same_state_are_all_kept<K: Kind>() {
    different_names::<K>("/meet").await;
}

async fn increments<K: Kind>(before: &str, steps: &str, expected: usize) {
    let scene = Scene::<K>::new(MANY, |builder| builder).await;
    let cookie = scene.session(before).await;
    let scripts = (0..MANY).map(|_| steps.to_owned());
    for reply in at_once(*scene.server, &cookie, scripts).join_all().await {
        assert_eq!(reply.status, 200);
    }
    assert_eq!(scene.state(&cookie).await["n"], expected);
}

async fn increments_are_all_counted<K: Kind>() {
    increments::<K>("/set:before:1", "/add:n", MANY).await;
}

async fn increments_that_all_began_with_the_same_state_are_all_counted<K: Kind>() {
    increments::<K>("/set:before:1", "/meet/add:n", MANY).await;
    increments::<K>("/set:n:100", "/meet/update:n", 100 + MANY).await;
}

async fn increments_that_are_saved_in_between_are_all_counted<K: Kind>() {
    increments::<K>(
        "/set:before:1",
        "/meet/add:n/save/add:n/save/add:n",
        3 * MANY,
    )
    .await;
}

/// Runs slow requests of a session, and runs `script` after all of them have loaded it and before any of them writes.
/// Each slow request waits for the test twice: when it has loaded the session, and after `script`.
pub(crate) async fn overtaken<K: Kind>(
    scene: &Scene<K>,
    cookie: &str,
    slow: [&str; FEW],
    script: &str,
) -> (Reply, Vec<Reply>) {
    let slow = at_once(*scene.server, cookie, slow.map(str::to_owned));
    scene.setup.meeting.wait().await;
    let overtaking = scene.server.post_as(cookie, script).await;
    assert_eq!(overtaking.status, 200);
    scene.setup.meeting.wait().await;
    (overtaking, slow.join_all().await)
}

/// The changes of slow requests.
const WRITES: [&str; FEW] = [
    "/meet/meet/set:secret:late",
    "/meet/meet/add:visits",
    "/set:secret:early/meet/meet",
    "/meet/meet/remove:user/set:secret:late",
    "/set:secret:early/meet/meet/clear/set:secret:late",
];

/// The same, with a renewal.
const RENEWALS: [&str; FEW] = [
    "/meet/meet/renew",
    "/renew/meet/meet",
    "/meet/meet/renew/set:secret:late",
    "/set:secret:early/meet/meet/renew",
    "/set:secret:early/renew/meet/meet/clear/set:secret:late",
];

/// A change of password renews the session. It must not restore one that an administrator has ended.
async fn after_a_sign_out_no_cookie_opens_the_session<K: Kind>() {
    for late in [WRITES, RENEWALS] {
        let scene = Scene::<K>::new(FEW + 1, |builder| builder).await;
        let cookie = scene.session("/set:user:ferris/set:secret:stored").await;
        let (logout, late) = overtaken(&scene, &cookie, late, "/purge").await;
        logout.assert_removes_cookie();
        late.iter().for_each(|reply| reply.assert_failure(409));
        for cookie in [cookie, logout.cookie()] {
            assert_eq!(scene.state(&cookie).await, json!({}));
        }
    }
}

async fn a_restart_wins_over_late_writes<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, |builder| builder).await;
    let old = scene.session("/set:user:ferris").await;
    let (restart, late) = overtaken(&scene, &old, WRITES, "/restart/set:message:bye").await;
    late.iter().for_each(|reply| reply.assert_failure(409));
    assert_eq!(scene.state(&old).await, json!({}));
    let message = json!({"message": "bye"});
    assert_eq!(scene.state(&restart.cookie()).await, message);
}

async fn after_a_sign_in_the_old_cookie_opens_nothing<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, |builder| builder).await;
    let old = scene.session("/set:cart:3").await;

    let (login, late) = overtaken(&scene, &old, WRITES, "/set:user:ferris/renew").await;

    late.iter().for_each(|reply| reply.assert_failure(409));
    assert_eq!(scene.state(&old).await, json!({}));
    let state = json!({"cart": 3, "user": "ferris"});
    assert_eq!(scene.state(&login.cookie()).await, state);
    // The old cookie does not reach later changes either.
    scene.server.get_as(&login.cookie(), "/set:secret:1").await;
    assert_eq!(scene.state(&login.cookie()).await["secret"], 1);
    assert_eq!(scene.state(&old).await, json!({}));
}

/// A sign-in never loses to a race: a late renewal begins a new session.
async fn a_superseded_sign_in_gets_a_new_session<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, |builder| builder).await;
    let old = scene.session("/set:cart:3").await;

    let (login, late) = overtaken(&scene, &old, RENEWALS, "/set:user:ferris/renew").await;

    for reply in &late {
        assert_eq!(scene.state(&reply.cookie()).await, reply.state());
        // It has no values of the other sign-in.
        assert_eq!(reply.state().get("user"), None);
    }
    let state = json!({"cart": 3, "user": "ferris"});
    assert_eq!(scene.state(&login.cookie()).await, state);
    assert_eq!(scene.state(&old).await, json!({}));
}
