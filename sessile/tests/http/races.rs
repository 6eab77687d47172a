//! Requests of one session that run at once, on a server with several workers.
//!
//! Where an order matters it is forced: the handlers meet each other or the test, and nobody
//! sleeps.

use std::{future::Future, sync::Arc};

use serde_json::{Value, json};
use sessile::{
    CookieContentSecurity::Private,
    config::{PersistentSession, TtlExtensionPolicy::OnEveryRequest},
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    client::{Client, Reply, Server},
    setup::{Builder, Kind, Setup, in_time, seconds},
};

const ROUNDS: usize = 20;
const MANY: usize = 20;
const FEW: usize = 5;

/// Makes a test of each of these functions for every store that keeps sessions on the server.
macro_rules! on_stores_that_merge {
    ($($test:ident),+ $(,)?) => {
        on_stores_that_merge!(@one memory Memory $($test)+);
        on_stores_that_merge!(@one sqlite Sqlite $($test)+);
    };
    (@one $module:ident $kind:ident $($test:ident)+) => {
        mod $module {
            use crate::setup::$kind;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::in_rounds::<$kind, _>(super::$test::<$kind>).await;
                }
            )+
        }
    };
}

on_stores_that_merge![
    writes_to_different_names_are_all_kept,
    writes_that_all_began_with_the_same_state_are_all_kept,
    increments_are_all_counted,
    increments_that_all_began_with_the_same_state_are_all_counted,
    increments_that_are_saved_in_between_are_all_counted,
    after_a_logout_no_cookie_leads_to_the_data,
    after_a_login_the_old_cookie_leads_nowhere,
    a_logout_wins_over_a_login_that_overtook_it,
    of_many_logins_one_gets_through,
    extending_a_life_brings_no_session_back,
    a_late_read_does_not_undo_a_logout,
    a_late_read_does_not_undo_a_login,
];

/// A server whose handlers can meet.
struct Scene<K: Kind> {
    server: Server,
    setup: Setup<K>,
}

impl<K: Kind> Scene<K> {
    /// Where `meet` waits for `meeting_of`.
    async fn new(meeting_of: usize, change: impl FnOnce(Builder<K>) -> Builder<K>) -> Self {
        let mut setup = Setup::new(Private).await;
        setup.meeting = Arc::new(Barrier::new(meeting_of));
        // However slow the machine, no store is given up.
        let builder = setup.builder().store_timeout(seconds(100));
        let server = setup.start_with(change(builder));
        Self { server, setup }
    }

    /// A new session, and its cookie.
    async fn session(&self, script: &str) -> String {
        self.server.get(script).await.cookie()
    }

    async fn state(&self, cookie: &str) -> Value {
        self.server.get_as(cookie, "/").await.state()
    }
}

async fn in_rounds<K: Kind, F: Future<Output = ()>>(round: impl Fn() -> F) {
    for _ in 0..ROUNDS {
        in_time(round()).await;
    }
}

/// Sends a request for each of `scripts`, all at once.
fn at_once(
    client: Client,
    cookie: &str,
    scripts: impl IntoIterator<Item = String>,
) -> JoinSet<Reply> {
    let mut requests = JoinSet::new();
    for script in scripts {
        let cookie = cookie.to_owned();
        requests.spawn(async move { client.get_as(&cookie, &script).await });
    }
    requests
}

async fn different_names<K: Kind>(meeting: &str) {
    let scene = Scene::<K>::new(MANY, |builder| builder).await;
    let cookie = scene.session("/set:before:1").await;
    let scripts = (0..MANY).map(|n| format!("{meeting}/set:key{n}:{n}"));
    for reply in at_once(*scene.server, &cookie, scripts).join_all().await {
        assert_eq!(reply.status, 200);
        // All of them name the session.
        assert_eq!(scene.state(&reply.cookie()).await["before"], 1);
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

/// What slow requests do after they have met the test twice: once when all have loaded the
/// session, and once when it was ended.
const WRITES: [&str; FEW] = [
    "/meet/meet/set:secret:late",
    "/meet/meet/add:visits",
    "/meet/meet/renew/set:secret:late",
    "/meet/meet/remove:user/set:secret:late",
    "/set:secret:early/meet/meet/clear/set:secret:late",
];

/// Runs slow requests of a session, and `script` after all have loaded it and before any writes.
async fn overtaken<K: Kind>(
    scene: &Scene<K>,
    cookie: &str,
    slow: [&str; FEW],
    script: &str,
) -> (Reply, Vec<Reply>) {
    let slow = at_once(*scene.server, cookie, slow.map(str::to_owned));
    scene.setup.meeting.wait().await;
    let overtaking = scene.server.get_as(cookie, script).await;
    assert_eq!(overtaking.status, 200);
    scene.setup.meeting.wait().await;
    (overtaking, slow.join_all().await)
}

async fn after_a_logout_no_cookie_leads_to_the_data<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, |builder| builder).await;
    let first = scene.session("/set:user:ferris").await;
    let cookie = scene
        .server
        .get_as(&first, "/set:secret:stored")
        .await
        .cookie();

    let (logout, late) = overtaken(&scene, &cookie, WRITES, "/purge").await;

    logout.assert_removes_cookie();
    let mut cookies = vec![first, cookie, logout.cookie()];
    for reply in &late {
        assert_eq!(reply.status, 200);
        for set in reply.headers("set-cookie") {
            cookies.extend(set.split(';').next().map(str::to_owned));
        }
    }
    for cookie in cookies {
        assert_eq!(scene.state(&cookie).await, json!({}));
    }
    late.iter().for_each(Reply::assert_sets_no_cookie);
}

async fn after_a_login_the_old_cookie_leads_nowhere<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, |builder| builder).await;
    let old = scene.session("/set:cart:3").await;

    let (login, late) = overtaken(&scene, &old, WRITES, "/set:user:ferris/renew").await;

    late.iter().for_each(Reply::assert_sets_no_cookie);
    assert_eq!(scene.state(&old).await, json!({}));
    let state = json!({"cart": 3, "user": "ferris"});
    assert_eq!(scene.state(&login.cookie()).await, state);
    // What is stored after the renewal stays out of reach too.
    let later = scene.server.get_as(&login.cookie(), "/set:secret:1").await;
    assert_eq!(scene.state(&later.cookie()).await["secret"], 1);
    assert_eq!(scene.state(&old).await, json!({}));
}

/// Who signs out is signed out, also of a key that the logout could not know of.
async fn a_logout_wins_over_a_login_that_overtook_it<K: Kind>() {
    let scene = Scene::<K>::new(2, |builder| builder).await;
    let old = scene.session("/set:cart:3").await;
    let logout = at_once(*scene.server, &old, ["/meet/meet/purge".to_owned()]);
    scene.setup.meeting.wait().await;
    let login = scene.server.get_as(&old, "/set:user:ferris/renew").await;
    scene.setup.meeting.wait().await;
    let logout = &logout.join_all().await[0];
    logout.assert_removes_cookie();
    for cookie in [old, login.cookie(), logout.cookie()] {
        assert_eq!(scene.state(&cookie).await, json!({}));
    }
}

async fn of_many_logins_one_gets_through<K: Kind>() {
    let scene = Scene::<K>::new(MANY, |builder| builder).await;
    let old = scene.session("/set:cart:3").await;
    let scripts = (0..MANY).map(|n| format!("/meet/set:user:{n}/renew"));
    let replies = at_once(*scene.server, &old, scripts).join_all().await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    let mut with_cookie = replies
        .iter()
        .filter(|reply| !reply.headers("set-cookie").is_empty());
    let winner = with_cookie.next().expect("one that got through");
    assert!(with_cookie.next().is_none(), "the session has two keys");
    assert_eq!(scene.state(&winner.cookie()).await, winner.state());
    assert_eq!(scene.state(&old).await, json!({}));
}

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
    // Every read extends the life of what is stored.
    let scene = Scene::<K>::new(FEW + 1, extended_on_every_request::<K>(0.0)).await;
    for (script, left) in [("/purge", json!({})), ("/renew", json!({"user": "ferris"}))] {
        let cookie = scene.session("/set:user:ferris").await;
        let (ending, late) = overtaken(&scene, &cookie, READS, script).await;
        late.iter().for_each(Reply::assert_sets_no_cookie);
        assert_eq!(scene.state(&cookie).await, json!({}));
        assert_eq!(scene.state(&ending.cookie()).await, left);
    }
}

/// A browser takes what comes last: were it given its old cookie after the removal, it would go on
/// presenting the key of a session that has ended.
async fn a_late_read_does_not_undo_a_logout<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, extended_on_every_request::<K>(0.5)).await;
    let cookie = scene.session("/set:user:ferris").await;
    let (_, late) = overtaken(&scene, &cookie, READS, "/purge").await;
    late.iter().for_each(Reply::assert_sets_no_cookie);
}

/// A browser takes what comes last: were it given its old cookie after the new one, the user would
/// be signed out by having signed in.
async fn a_late_read_does_not_undo_a_login<K: Kind>() {
    let scene = Scene::<K>::new(FEW + 1, extended_on_every_request::<K>(0.5)).await;
    let cookie = scene.session("/set:cart:3").await;
    let (_, late) = overtaken(&scene, &cookie, READS, "/set:user:ferris/renew").await;
    late.iter().for_each(Reply::assert_sets_no_cookie);
}
