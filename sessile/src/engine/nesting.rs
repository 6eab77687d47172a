//! Requests that have a session before the middleware opens one: from outer code, or from an outer middleware.
//!
//! The request's extensions hold one session per marker of the middlewares, which all code uses. A session of outer code
//! gets its store when the middleware opens it, in place, so its handles stay valid. Its changes are replayed on the
//! stored state. If they do not fit, the request fails before the handler runs, so no earlier version of the session has
//! to be kept.
//!
//! A session of an outer middleware is used if its cookie has the same name, because a browser has one cookie per name.
//! Otherwise the inner middleware replaces it with its own session, and restores it after the commit.

use std::{
    any::TypeId,
    sync::{Arc, atomic::Ordering},
};

use super::{SessionFailure, SessionManager, open::shared};
use crate::{
    config::Loading,
    session::{Session, SessionStatus},
    storage::SessionStore,
};

impl<S: SessionStore> SessionManager<S> {
    /// As [`open`](Self::open), for a session that outer code used before it was opened. The changes so far are applied
    /// to the stored state.
    pub(crate) async fn open_early<'h>(
        &self,
        session: &Session,
        cookie_headers: impl IntoIterator<Item = &'h [u8]>,
    ) -> Result<(), SessionFailure> {
        let (cookies, cookie_came) = self.0.cookies(cookie_headers);
        let cookies = cookies.map(|cookies| shared(&cookies));
        let now = self.0.clock.now();
        let is_changed = {
            let mut machine = session.machine();
            machine.max_state_bytes = self.0.settings.max_state_bytes;
            machine.began_at = now;
            machine.attach(cookies, cookie_came);
            machine.status != SessionStatus::Unchanged
        };
        session.attach(Arc::clone(&self.0) as _);
        if self.0.settings.loading == Loading::Eager || is_changed {
            let loaded = session.load_quietly().await;
            return loaded.map_err(|error| SessionFailure::open(error, &self.0.settings));
        }
        Ok(())
    }

    /// Whether `outer`, the session of an outer middleware, is also the session of this manager.
    ///
    /// Stores can't be compared: two stores count as the same if they have one type and their cookies one key.
    pub(crate) fn serves(&self, outer: &Session) -> bool {
        let Some(backend) = outer.backend() else {
            return false;
        };
        if !self.0.cookie.is_named_as(backend.cookie()) {
            return false;
        }
        let is_same = backend.store_type() == TypeId::of::<S>()
            && backend.cookie().is_interchangeable_with(&self.0.cookie);
        let has_warned = &self.0.has_warned_of_middleware;
        if !is_same && !has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                cookie = self.0.cookie.name(),
                "two session middlewares in one request have the same cookie and different stores: \
                 give one of them another cookie name"
            );
        }
        is_same
    }
}
