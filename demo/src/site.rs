//! [`Site`]: the sessions of the demo, and what its handlers share.

use std::{sync::Arc, time::Duration};

use sessile::{
    SessionMiddleware, SessionMiddlewareBuilder, Sessions,
    config::{BrowserSession, KeyRing, Loading, TtlExtensionPolicy, time},
    storage::{SessionLimit, SessionStore, SubjectStore as _},
};

use crate::{
    config::Config,
    pages,
    stores::{LastWriteWins, Outage, Store},
    throttle::Throttle,
};

/// The idle timeout of a session, unless the user wants to stay signed in.
const IDLE_TIMEOUT: time::Duration = time::Duration::minutes(30);

/// The maximum number of devices that a user can be signed in on. A further sign-in ends the earliest session.
const DEVICES: Option<SessionLimit> = SessionLimit::new(10);

/// The session middleware, and what the handlers share. Clones share everything.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) middleware: SessionMiddleware<Store>,
    /// The sessions of "twenty at once" in a store that loses writes.
    pub(crate) overwriting: SessionMiddleware<LastWriteWins<Store>>,
    /// The sessions of users; `None` if the store can't find them.
    pub(crate) devices: Option<Sessions<Store>>,
    pub(crate) outage: Outage,
    pub(crate) throttle: Arc<Throttle>,
    /// Whether the store keeps nothing, because the sessions are in the cookies.
    pub(crate) keeps_nothing: bool,
    pub(crate) recent_authentication: Duration,
}

impl Site {
    pub(crate) fn new(
        config: &Config,
        store: Store,
        outage: Outage,
        keys: KeyRing,
        throttle: Throttle,
    ) -> Self {
        let keeps_nothing = store.keeps_nothing();
        let has_subjects = store.has_subjects();
        let recent_authentication = Duration::from_secs(config.recent_authentication);

        let overwriting = SessionMiddleware::strict(LastWriteWins(store.clone()), keys.clone());
        let overwriting = with_settings(overwriting, "__Host-sessile-overwriting", config);

        let sessions = SessionMiddleware::strict(store, keys);
        let sessions = with_settings(sessions, "__Host-sessile-demo", config)
            .recent_authentication(recent_authentication)
            .on_unauthenticated(pages::sign_in::ask);
        let sessions = match DEVICES.filter(|_| has_subjects) {
            Some(limit) => sessions.session_limit(limit),
            None => sessions,
        };
        let middleware = sessions.build();
        Self {
            devices: has_subjects.then(|| middleware.sessions()),
            middleware,
            overwriting: overwriting.build(),
            outage,
            throttle: Arc::new(throttle),
            keeps_nothing,
            recent_authentication,
        }
    }
}

/// The settings that both middlewares have.
fn with_settings<S: SessionStore>(
    builder: SessionMiddlewareBuilder<S>,
    cookie_name: &str,
    config: &Config,
) -> SessionMiddlewareBuilder<S> {
    let lifecycle = BrowserSession::default()
        .state_ttl(IDLE_TIMEOUT)
        .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    builder
        .cookie_name(cookie_name.to_owned())
        .allow_plain_http(!config.https)
        // Style sheets and other files need no session, so they load even if the store is down.
        .loading(Loading::Lazy)
        .session_lifecycle(lifecycle)
        // A page shows the idle timeout, so it has to be exact. This costs a write for each request.
        .touch_fraction(0.0)
        .failure_page(pages::error::session_failure)
}
