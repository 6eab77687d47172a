//! The settings of [`SessionMiddlewareBuilder`] for the lifetimes of sessions.

use std::time::Duration;

use super::SessionMiddlewareBuilder;
use crate::{
    config::{AbsoluteTimeoutFrom, SessionLifecycle},
    storage::SessionStore,
};

impl<Store: SessionStore> SessionMiddlewareBuilder<Store> {
    /// How long a session lives. It sets the same as [`session_lifecycle`](Self::session_lifecycle), in the type of
    /// older programs.
    pub fn session_length(self, length: crate::SessionLength) -> Self {
        self.session_lifecycle(length)
    }

    /// How long a session lives, and what extends its life. Default: a
    /// [browser session](crate::config::BrowserSession) of one day. See [`Settings::lifecycle`](crate::config::Settings::lifecycle).
    pub fn session_lifecycle(mut self, lifecycle: impl Into<SessionLifecycle>) -> Self {
        self.settings.lifecycle = lifecycle.into();
        self
    }

    /// How long after its creation or its sign-in a session ends, however much it is used. Default: `None`. See
    /// [`Settings::absolute_timeout`](crate::config::Settings::absolute_timeout).
    pub fn absolute_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.settings.absolute_timeout = timeout;
        self
    }

    /// The start of the absolute timeout of a signed-in session. Default: [`AbsoluteTimeoutFrom::SignIn`]. See
    /// [`Settings::absolute_timeout_from`](crate::config::Settings::absolute_timeout_from).
    pub fn absolute_timeout_from(mut self, from: AbsoluteTimeoutFrom) -> Self {
        self.settings.absolute_timeout_from = from;
        self
    }

    /// How long the sessions of signed-in users live. Default: as long as those of guests. See
    /// [`Settings::signed_in_lifecycle`](crate::config::Settings::signed_in_lifecycle).
    pub fn signed_in_lifecycle(mut self, lifecycle: impl Into<SessionLifecycle>) -> Self {
        self.settings.signed_in_lifecycle = Some(lifecycle.into());
        self
    }

    /// The absolute timeout of the sessions of signed-in users. Default: that of guests. See
    /// [`Settings::signed_in_absolute_timeout`](crate::config::Settings::signed_in_absolute_timeout).
    pub fn signed_in_absolute_timeout(mut self, timeout: Duration) -> Self {
        self.settings.signed_in_absolute_timeout = Some(timeout);
        self
    }

    /// The longest timeouts that [`set_persistence`](crate::Session::set_persistence) can give a session. Default: 400
    /// days. See [`Settings::max_persistence`](crate::config::Settings::max_persistence).
    pub fn max_persistence(mut self, max: Duration) -> Self {
        self.settings.max_persistence = max;
        self
    }

    /// The maximum age of an authentication for sensitive actions. Default: 10 minutes. See
    /// [`Settings::recent_authentication`](crate::config::Settings::recent_authentication).
    pub fn recent_authentication(mut self, max_age: Duration) -> Self {
        self.settings.recent_authentication = max_age;
        self
    }

    /// The part of the idle timeout that has to pass before a request that only reads extends the session again.
    /// Default: 0.05. See [`Settings::touch_fraction`](crate::config::Settings::touch_fraction).
    pub fn touch_fraction(mut self, fraction: f64) -> Self {
        self.settings.touch_fraction = fraction;
        self
    }
}
