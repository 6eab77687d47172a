//! The cookies that responses carry. In [`action`](super::action), `decide` and `cookie_of_change` decide whether one is
//! due; [`touch`](super::touch) decides whether an unchanged one is sent again.

use std::sync::Arc;

use super::Engine;
use crate::{
    cookie::{Content, CookieTooLargeError, SetCookie},
    session::{CookieDue, Session, machine::Stored},
    storage::SessionStore,
    telemetry::{self, CookieCause},
};

impl<S: SessionStore> Engine<S> {
    /// The cookie that an earlier save made due. It is sent with an error too, because the browser's old
    /// cookie may no longer name a session.
    pub(super) fn due_cookie(&self, session: &Session, is_gone: bool) -> Option<SetCookie> {
        let (due, stored) = {
            let machine = session.machine();
            (machine.cookie_due, machine.stored().cloned())
        };
        match due {
            // The browser has this cookie already, and it may no longer be valid.
            CookieDue::Nothing | CookieDue::Refresh => None,
            // The session has ended or was renewed: this cookie would replace a valid one.
            CookieDue::Issue if is_gone => None,
            CookieDue::Issue => {
                let cookie = self.issue(&stored?).ok()??;
                telemetry::cookie_sent(CookieCause::Issued);
                Some(cookie)
            }
            CookieDue::Remove => Some(self.removal_cookie()),
        }
    }

    /// The cookie that makes the browser delete that of the session.
    pub(super) fn removal_cookie(&self) -> SetCookie {
        telemetry::cookie_sent(CookieCause::Removed);
        self.cookie.removal()
    }

    /// The cookie of this session, unless only the browser has its newest secret.
    pub(super) fn issue(
        &self,
        stored: &Arc<Stored>,
    ) -> Result<Option<SetCookie>, CookieTooLargeError> {
        let now = self.clock.now();
        let content = match self.is_stateless {
            true => Content::Record(Arc::clone(stored)),
            false => match self.newest_key(stored, now) {
                Some(key) => Content::Key(key),
                None => return Ok(None),
            },
        };
        let max_age = self.lifetime.max_age(&stored.record, now);
        self.cookie.issue(&content, now, max_age).map(Some)
    }
}
