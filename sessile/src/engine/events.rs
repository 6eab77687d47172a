//! [`SessionEvents`]: what happens to sessions, for audit trails, presence, and sockets.

use std::{fmt, sync::OnceLock};

use tokio::sync::broadcast::{
    self, Receiver, Sender,
    error::RecvError::{Closed, Lagged},
};

use super::Engine;
use crate::{
    clock::Timestamp,
    record::Record,
    session::{Work, machine::Stored},
    storage::SessionId,
};

/// Something that happened to a session.
///
#[doc = include_str!("docs/session_event.md")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEvent {
    /// When it happened, by the clock of the engine.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The id of the session; `None` if a cookie was rejected, because nothing in it can be trusted.
    pub id: Option<SessionId>,
    /// The user that the session is signed in as, if it is and the engine knows.
    pub subject: Option<String>,
}

/// What happened to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A session was stored for the first time.
    Created,
    /// A user signed in.
    SignedIn,
    /// The session got another key.
    Renewed,
    /// A [timed rotation](crate::config::Settings::rotation_interval) replaced the secret in the cookie: a request presented the
    /// new one. Requests at the same time can report it more than once.
    Rotated,
    /// The session ended.
    Ended(EndCause),
    /// A request presented a key that a renewal or a rotation replaced. That is normal for a request that was in flight at
    /// that time. Much later, it may be a stolen key.
    OldKey,
    /// One or more cookies of a request failed verification.
    CookieRejected,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndCause {
    /// A request ended its own session: [`purge`](crate::Session::purge), [`sign_out`](crate::Session::sign_out),
    /// [`restart`](crate::Session::restart), or a sign-in as another user.
    Request,
    /// It was ended through [`Sessions`](crate::Sessions).
    Sessions,
    /// Another sign-in of the user took its place: see [`SessionLimit`](crate::storage::SessionLimit).
    Limit,
    /// A request presented its key after it had expired. Reported for each such request.
    Expired,
}

/// The events of a manager from now on.
///
/// Requests never wait for it. The last 1024 events are kept for a receiver that is slower. See [`SessionEvent`] for an
/// example.
pub struct SessionEvents(Receiver<SessionEvent>);

impl SessionEvents {
    /// The next event. Waits until there is one; `None` once all managers and middlewares are gone.
    ///
    /// # Errors
    ///
    /// If the receiver was too slow, and events were dropped.
    pub async fn next(&mut self) -> Option<Result<SessionEvent, MissedEventsError>> {
        match self.0.recv().await {
            Ok(event) => Some(Ok(event)),
            Err(Lagged(count)) => Some(Err(MissedEventsError { count })),
            Err(Closed) => None,
        }
    }
}

impl fmt::Debug for SessionEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEvents").finish_non_exhaustive()
    }
}

/// Events were dropped because their receiver was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{count} events of sessions were dropped because their receiver was too slow")]
#[non_exhaustive]
pub struct MissedEventsError {
    /// The number of events.
    pub count: u64,
}

/// The number of events that a receiver may be behind.
const CAPACITY: usize = 1024;

/// Sends events to those that receive them. Costs next to nothing while there is no receiver.
#[derive(Default)]
pub(super) struct EventSender(OnceLock<Sender<SessionEvent>>);

impl EventSender {
    pub(super) fn subscribe(&self) -> SessionEvents {
        let sender = self.0.get_or_init(|| broadcast::channel(CAPACITY).0);
        SessionEvents(sender.subscribe())
    }

    /// The sender, if there is a receiver.
    #[inline]
    fn heard(&self) -> Option<&Sender<SessionEvent>> {
        let sender = self.0.get()?;
        (sender.receiver_count() > 0).then_some(sender)
    }

    fn send(&self, event: impl FnOnce() -> SessionEvent) {
        if let Some(sender) = self.heard() {
            // It fails only if the last receiver has just gone.
            let _ = sender.send(event());
        }
    }
}

impl<S> Engine<S> {
    pub(super) fn report(&self, kind: EventKind, id: Option<&SessionId>, record: Option<&Record>) {
        self.events.send(|| SessionEvent {
            at: self.clock.now(),
            kind,
            id: id.cloned(),
            subject: record.and_then(|it| it.payload().subject().map(ToOwned::to_owned)),
        });
    }

    pub(super) fn report_ended(&self, cause: EndCause, ids: &[SessionId]) {
        for id in ids {
            self.report(EventKind::Ended(cause), Some(id), None);
        }
    }

    /// Reports what a flush did that stored the session as `stored`.
    pub(super) fn report_stored(&self, work: &Work, stored: &Stored) {
        if self.events.heard().is_none() {
            return;
        }
        let base = work.base();
        let signs_in = match base {
            Some(base) => stored.record.signs_in_after(&base.record),
            None => stored.record.has_subject(),
        };
        let is_renewed = base.is_some_and(|base| base.record.epoch != stored.record.epoch);
        let secret = |record: &Record| record.secrets.as_ref().map(|it| it.current);
        let is_rotated = base.is_some_and(|base| secret(&base.record) != secret(&stored.record));
        let report = |kind| self.report(kind, Some(&stored.id), Some(&stored.record));
        if base.is_none() {
            report(EventKind::Created);
        }
        if signs_in {
            report(EventKind::SignedIn);
        } else if is_renewed {
            report(EventKind::Renewed);
        } else if is_rotated {
            report(EventKind::Rotated);
        }
    }
}
