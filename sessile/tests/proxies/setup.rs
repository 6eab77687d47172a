//! The application, and a proxy in front of it.

use std::time::Duration;

use actix_web::cookie::Key;
use sessile::{
    SessionMiddleware, SessionMiddlewareBuilder,
    storage::{MemorySessionStore, SessionStore},
};
use sessile_rig::caching_proxy::CachingProxy;

use crate::{
    app,
    server::{Client, Server},
};

/// A kind of proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proxy {
    Nginx,
    Apache,
}

/// The application behind a proxy.
pub(crate) struct Site {
    /// The application itself, past the proxy.
    pub(crate) application: Server,
    /// The proxy.
    pub(crate) front: Client,
    _proxy: CachingProxy,
}

impl Site {
    /// With the middleware's defaults, and sessions in memory.
    pub(crate) fn start(proxy: Proxy) -> Self {
        Self::start_with(proxy, in_memory())
    }

    /// With these settings.
    pub(crate) fn start_with<S: SessionStore>(
        proxy: Proxy,
        builder: SessionMiddlewareBuilder<S>,
    ) -> Self {
        let application = Server::start(builder.build(), app::configure());
        let upstream = application.address.port();
        let proxy = match proxy {
            Proxy::Nginx => CachingProxy::nginx(upstream),
            Proxy::Apache => CachingProxy::apache(upstream),
        };
        let proxy = proxy.unwrap();
        Self {
            application,
            front: Client {
                address: ([127, 0, 0, 1], proxy.port()).into(),
            },
            _proxy: proxy,
        }
    }
}

pub(crate) fn in_memory() -> SessionMiddlewareBuilder<MemorySessionStore> {
    SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
}

/// Fails a test that hangs. The limit is far above the duration on the slowest machine.
pub(crate) async fn in_time<F: Future>(test: F) -> F::Output {
    let ended = tokio::time::timeout(Duration::from_secs(300), test).await;
    ended.expect("the test hangs")
}

/// Makes a test of each of these functions for each proxy.
macro_rules! behind_each_proxy {
    ($($test:ident),+ $(,)?) => {
        $crate::setup::behind_each_proxy!(@all nginx Nginx $($test)+);
        $crate::setup::behind_each_proxy!(@all apache Apache $($test)+);
    };
    (@all $module:ident $proxy:ident $($test:ident)+) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    $crate::setup::in_time(super::$test($crate::setup::Proxy::$proxy)).await;
                }
            )+
        }
    };
}

pub(crate) use behind_each_proxy;
