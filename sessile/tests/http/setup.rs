//! The setup of a test: a store, a key, a clock, and servers.

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use actix_web::cookie::Key;
use sessile::{
    CookieContentSecurity, Session, SessionMiddleware, SessionMiddlewareBuilder,
    clock::ManualClock,
    config::PersistentSession,
    storage::{CookieSessionStore, MemorySessionStore, SessionStore, SqliteSessionStore},
};
use tempfile::TempDir;
use tokio::sync::{
    Barrier,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::{
    client::Server,
    script::{self, Props},
    watched::{Operation, Watch, Watched},
};

/// A kind of store that tests run on.
pub(crate) trait Kind: 'static {
    type Store: SessionStore + Clone;

    /// Whether sessions are on the server, which can then merge and invalidate them.
    const ON_SERVER: bool;

    fn open(folder: &Path, clock: ManualClock) -> impl Future<Output = Self::Store>;
}

pub(crate) struct Memory;

impl Kind for Memory {
    type Store = MemorySessionStore;
    const ON_SERVER: bool = true;

    async fn open(_: &Path, clock: ManualClock) -> Self::Store {
        MemorySessionStore::builder().clock(clock).build()
    }
}

pub(crate) struct InCookie;

impl Kind for InCookie {
    type Store = CookieSessionStore;
    const ON_SERVER: bool = false;

    async fn open(_: &Path, _: ManualClock) -> Self::Store {
        CookieSessionStore::default()
    }
}

pub(crate) struct Sqlite;

impl Kind for Sqlite {
    type Store = SqliteSessionStore;
    const ON_SERVER: bool = true;

    async fn open(folder: &Path, clock: ManualClock) -> Self::Store {
        let file = folder.join("sessions.db");
        let store = SqliteSessionStore::builder(file.to_str().unwrap()).clock(clock);
        store.build().await.unwrap()
    }
}

pub(crate) type Builder<K> = SessionMiddlewareBuilder<Watched<<K as Kind>::Store>>;

pub(crate) struct Setup<K: Kind> {
    pub(crate) store: K::Store,
    pub(crate) watch: Watch,
    pub(crate) clock: ManualClock,
    pub(crate) key: Key,
    pub(crate) security: CookieContentSecurity,
    /// The barrier at which handlers wait in the step `meet`. The test may wait there as well.
    pub(crate) meeting: Arc<Barrier>,
    /// The sessions of the step `hand_out`.
    pub(crate) handles: UnboundedReceiver<Session>,
    hand_out: UnboundedSender<Session>,
    _folder: TempDir,
}

impl<K: Kind> Setup<K> {
    pub(crate) async fn new(security: CookieContentSecurity) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let (hand_out, handles) = unbounded_channel();
        Self {
            store: K::open(folder.path(), clock.clone()).await,
            watch: Watch::default(),
            clock,
            key: Key::generate(),
            security,
            meeting: Arc::new(Barrier::new(1)),
            handles,
            hand_out,
            _folder: folder,
        }
    }

    /// The middleware with its defaults, except for the content policy.
    pub(crate) fn builder(&self) -> Builder<K> {
        let store = Watched::new(self.store.clone(), self.watch.clone());
        SessionMiddleware::builder(store, self.key.clone())
            .cookie_content_security(self.security)
            .clock(self.clock.clone())
    }

    pub(crate) const fn is_private(&self) -> bool {
        matches!(self.security, CookieContentSecurity::Private)
    }

    /// Checks that exactly these operations reached the store since the last call. A store that keeps nothing is never
    /// called.
    #[track_caller]
    pub(crate) fn assert_asked(&self, operations: &[Operation]) {
        self.assert_asked_for("", operations);
    }

    #[track_caller]
    pub(crate) fn assert_asked_for(&self, script: &str, operations: &[Operation]) {
        let expected = if K::ON_SERVER { operations } else { &[] };
        assert_eq!(self.watch.seen(), expected, "{script}");
    }

    /// Serves scripts with the defaults.
    pub(crate) fn start(&self) -> Server {
        self.start_with(self.builder())
    }

    /// Serves scripts with these settings.
    pub(crate) fn start_with<S: SessionStore>(
        &self,
        builder: SessionMiddlewareBuilder<S>,
    ) -> Server {
        let props = Props {
            meeting: Arc::clone(&self.meeting),
            handles: self.hand_out.clone(),
        };
        Server::start(builder.build(), script::configure(props))
    }
}

/// Fails a test that hangs. The limit is far above the duration on the slowest machine.
pub(crate) async fn in_time<F: Future>(test: F) -> F::Output {
    let enough = Duration::from_secs(120);
    let ended = tokio::time::timeout(enough, test).await;
    ended.expect("the test hangs")
}

/// Moves the clock.
pub(crate) fn pass<K: Kind>(setup: &Setup<K>, seconds: u64) {
    setup.clock.advance(Duration::from_secs(seconds));
}

/// A middleware whose sessions have a `Max-Age` of 100 seconds.
pub(crate) fn persistent<K: Kind>(setup: &Setup<K>) -> Builder<K> {
    let lifecycle = PersistentSession::default().session_ttl(seconds(100));
    setup.builder().session_lifecycle(lifecycle)
}

/// A number of seconds, in the type of the settings.
pub(crate) const fn seconds(seconds: i64) -> time::Duration {
    time::Duration::seconds(seconds)
}

/// Defines a test of each of these functions for every store and both content policies; with `on the server`, only for
/// stores that keep sessions there.
macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        $crate::setup::on_every_store!(@all memory Memory $($test)+);
        $crate::setup::on_every_store!(@all in_cookie InCookie $($test)+);
        $crate::setup::on_every_store!(@all sqlite Sqlite $($test)+);
    };
    (on the server: $($test:ident),+ $(,)?) => {
        $crate::setup::on_every_store!(@all server_memory Memory $($test)+);
        $crate::setup::on_every_store!(@all server_sqlite Sqlite $($test)+);
    };
    (@all $module:ident $kind:ident $($test:ident)+) => {
        mod $module {
            $crate::setup::on_every_store!(@one signed Signed $kind $($test)+);
            $crate::setup::on_every_store!(@one private Private $kind $($test)+);
        }
    };
    (@one $module:ident $security:ident $kind:ident $($test:ident)+) => {
        mod $module {
            use sessile::CookieContentSecurity;
            use $crate::setup::{Setup, $kind, in_time};

            $(
                #[tokio::test]
                async fn $test() {
                    let setup = Setup::<$kind>::new(CookieContentSecurity::$security).await;
                    in_time(super::super::$test(&setup)).await;
                }
            )+
        }
    };
}

pub(crate) use on_every_store;
