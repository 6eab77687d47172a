//! Sessions that outer code uses before the middleware opens them.

use std::sync::{Arc, atomic::Ordering};

use super::{
    Session,
    machine::{Binding, Cookies, Machine, Target},
};
use crate::engine::Backend;

impl Session {
    /// The session of a request that no middleware has opened. Its first change logs a warning.
    pub(crate) fn early() -> Self {
        let session = Self::new();
        session.0.warns.store(true, Ordering::Relaxed);
        session
    }

    /// Sets the `backend` of a session that outer code used before it was opened.
    pub(crate) fn attach(&self, backend: Arc<dyn Backend>) {
        // If another middleware has attached it, the session stays with that middleware.
        let _ = self.0.attached.set(backend);
        self.0.warns.store(false, Ordering::Relaxed);
    }
}

impl Machine {
    /// Prepares a session that outer code used before the middleware: `cookies` name the session to open. If outer code
    /// purged or restarted it, that session ends.
    pub(crate) fn attach(&mut self, cookies: Option<Cookies>, cookie_came: bool) {
        self.cookie_came = cookie_came;
        match cookies {
            Some(cookies) if self.generation > 0 => {
                let target = Target::Cookies(cookies, self.began_at);
                self.endings().due.push(target);
                self.has_ended_any = true;
            }
            Some(cookies) => self.binding = Binding::Unopened(cookies),
            None => {}
        }
    }
}
