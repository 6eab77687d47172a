//! [`SessionEvents`]: what happens to sessions, for audit trails, presence, and sockets.

use std::sync::OnceLock;

use tokio::sync::broadcast::{
    self, Receiver, Sender,
    error::{
        RecvError::{self, Closed, Lagged},
        TryRecvError,
    },
};

use super::{Engine, SessionManager};
use crate::{
    clock::Timestamp,
    record::Record,
    session::{Work, machine::Stored},
    storage::{EndReporter, SessionId, SessionStore},
};

/// Something that happened to a session.
///
#[doc = include_str!("docs/session_event.md")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEvent {
    /// When it happened, by the clock of the engine. If the store ended the session by itself, the time at which it deleted the
    /// session, by the clock of the store.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The id of the session. `None` if a cookie was rejected, because nothing in it can be trusted, and if all sessions
    /// ended: those of the [`subject`](Self::subject), or those of all users and guests.
    pub id: Option<SessionId>,
    /// The user that the session is signed in as, if it is and the engine knows.
    pub subject: Option<String>,
}

impl SessionEvent {
    /// Whether a session has ended, or may have: the event is the end of this session, or of all sessions of its user, or of
    /// everyone.
    ///
    /// In the latter cases, a session that signed in at about the same time may live.
    /// [`reload`](crate::Session::reload) fails if it has ended.
    ///
    /// ```
    /// # use sessile::{config::Settings, engine::{SealingKey, SessionManager}, storage::MemorySessionStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let store = MemorySessionStore::default();
    /// # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
    /// let session = manager.open([]).await?;
    /// session.sign_in("user-17").await?;
    /// let id = session.id().expect("it is stored");
    ///
    /// let mut events = manager.events();
    /// manager.sessions().end_all("user-8").await?;
    /// let other = events.next().await.expect("the manager is alive")?;
    /// assert!(!other.may_end(&id, Some("user-17")));
    ///
    /// manager.sessions().end_all("user-17").await?;
    /// let own = events.next().await.expect("the manager is alive")?;
    /// assert!(own.may_end(&id, Some("user-17")));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn may_end(&self, id: &SessionId, subject: Option<&str>) -> bool {
        matches!(self.kind, EventKind::Ended(_))
            && match (&self.id, &self.subject) {
                (Some(ended), _) => ended == id,
                (None, Some(ended)) => subject == Some(ended),
                (None, None) => true,
            }
    }
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
    /// It was ended through [`Sessions`](crate::Sessions). Without an id, all sessions of everyone were: see
    /// [`clear`](crate::Sessions::clear).
    Sessions,
    /// A mark in the store ended all sessions that signed in before it: those of a user
    /// ([`end_all`](crate::Sessions::end_all), [`end_all_and_sign_in`](crate::Sessions::end_all_and_sign_in)), or of everyone
    /// ([`end_everything`](crate::Sessions::end_everything)).
    ///
    /// Reported once for the mark, without an id. The sessions of the user that the store deleted are reported before it, as
    /// [`Sessions`](Self::Sessions). With `CookieSessionStore`, which lists no sessions, it is also reported with an id, for
    /// each request with the cookie of such a session. A session in a store is missing then: the engine knows neither that it
    /// existed nor that a mark ended it.
    Mark,
    /// A renewal or a sign-in moved the session to another id: a session in a cookie, or one that actix-session or a store
    /// written for it made. [`Renewed`](EventKind::Renewed) or [`SignedIn`](EventKind::SignedIn) of the same request follows,
    /// with the new id.
    Moved,
    /// Another sign-in of the user took its place: see [`SessionLimit`](crate::storage::SessionLimit).
    Limit,
    /// It expired. Reported for each request that presents its key and finds it in the store, and when the store deletes it: for
    /// most sessions, the latter is the only report, about a minute or more after the end.
    ///
    /// The memory store reports it when it frees the session, and stores in SQL databases when this process deletes the row:
    /// [`start_cleanup`](crate::storage::AnySessionStore::start_cleanup). If a clean-up fails or is stopped, some of the
    /// sessions that it deleted may not be reported. In MySQL and MariaDB, two processes that clean up at the same time may both
    /// report a session. A receiver misses events of [`delete_expired`](crate::storage::SqliteSessionStore::delete_expired) if it
    /// deletes more than 1024 sessions at once. Redis deletes expired sessions by itself and does not tell, and a session in a cookie is
    /// nowhere else, so these are reported for requests only. A [`MigratingStore`](crate::storage::MigratingStore) does not
    /// report what its stores delete, because that may be a copy of a session that lives.
    Expired,
    /// A [`MemorySessionStore`](crate::storage::MemorySessionStore) was full, and the session had not been used for the longest
    /// time.
    Evicted,
}

/// The events of a manager from now on.
///
/// Requests never wait for it. The last 1024 events are kept for a receiver that is slower. See [`SessionEvent`] for an
/// example.
pub struct SessionEvents {
    of_engine: Receiver<SessionEvent>,
    /// The sessions that the store ended by itself.
    of_store: Option<Receiver<SessionEvent>>,
}

impl SessionEvents {
    /// The next event. Waits until there is one; `None` once all managers and middlewares are gone.
    ///
    /// # Errors
    ///
    /// If the receiver was too slow, and events were dropped.
    pub async fn next(&mut self) -> Option<Result<SessionEvent, MissedEventsError>> {
        loop {
            let received = match &mut self.of_store {
                None => self.of_engine.recv().await,
                Some(of_store) => tokio::select! {
                    // A session begins before it ends, and a clean-up of many sessions must not displace other events.
                    biased;
                    received = self.of_engine.recv() => match received {
                        Err(Closed) => left(of_store),
                        received => received,
                    },
                    received = of_store.recv() => match received {
                        Err(Closed) => {
                            self.of_store = None;
                            continue;
                        }
                        received => received,
                    },
                },
            };
            return match received {
                Ok(event) => Some(Ok(event)),
                Err(Lagged(count)) => Some(Err(MissedEventsError { count })),
                Err(Closed) => None,
            };
        }
    }
}

/// The next of the events that were sent, or `Closed`.
fn left(events: &mut Receiver<SessionEvent>) -> Result<SessionEvent, RecvError> {
    events.try_recv().map_err(|error| match error {
        TryRecvError::Lagged(count) => Lagged(count),
        TryRecvError::Empty | TryRecvError::Closed => Closed,
    })
}

crate::debug::opaque!(SessionEvents);

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
pub(crate) struct EventSender {
    /// Created for the first receiver.
    pub(super) sender: OnceLock<Sender<SessionEvent>>,
}

impl EventSender {
    pub(crate) fn subscribe(&self) -> Receiver<SessionEvent> {
        let sender = self.sender.get_or_init(|| broadcast::channel(CAPACITY).0);
        sender.subscribe()
    }

    pub(crate) fn has_receiver(&self) -> bool {
        self.heard().is_some()
    }

    /// The sender, if there is a receiver.
    #[inline]
    fn heard(&self) -> Option<&Sender<SessionEvent>> {
        let sender = self.sender.get()?;
        (sender.receiver_count() > 0).then_some(sender)
    }

    pub(crate) fn send(&self, event: impl FnOnce() -> SessionEvent) {
        if let Some(sender) = self.heard() {
            // It fails only if the last receiver has just gone.
            let _ = sender.send(event());
        }
    }
}

impl<S: SessionStore> SessionManager<S> {
    /// What happens to the sessions from now on: for audit trails, presence, and sockets.
    #[must_use]
    pub fn events(&self) -> SessionEvents {
        SessionEvents {
            of_engine: self.0.events.subscribe(),
            of_store: self.0.store.end_reporter().map(EndReporter::subscribe),
        }
    }
}

impl<S> Engine<S> {
    /// Reports an event of the session with this id, or else of all sessions of this subject, or else of all sessions.
    pub(super) fn report(&self, kind: EventKind, id: Option<&SessionId>, subject: Option<&str>) {
        self.events.send(|| SessionEvent {
            at: self.clock.now(),
            kind,
            id: id.cloned(),
            subject: subject.map(ToOwned::to_owned),
        });
    }

    /// Reports an event of this session.
    pub(super) fn report_of(&self, kind: EventKind, stored: &Stored) {
        self.report(kind, Some(&stored.id), stored.record.subject_name());
    }

    /// Reports what a flush did that stored the session as `stored`.
    pub(super) fn report_stored(&self, work: &Work, stored: &Stored) {
        let base = work.base();
        let signs_in = match base {
            Some(base) => stored.record.signs_in_after(&base.record),
            None => stored.record.has_subject(),
        };
        let is_renewed = base.is_some_and(|base| base.record.epoch != stored.record.epoch);
        let secret = |record: &Record| record.secrets.as_ref().map(|it| it.current);
        let is_rotated = base.is_some_and(|base| secret(&base.record) != secret(&stored.record));
        let report = |kind| self.report_of(kind, stored);
        let is_new = match base {
            Some(base) if base.id == stored.id => false,
            Some(base) if self.is_stateless || base.secret.is_none() => {
                self.report_of(EventKind::Ended(EndCause::Moved), base);
                false
            }
            // If there is a base, another request has renewed or ended it, and this one began another session.
            Some(_) | None => true,
        };
        if is_new {
            report(EventKind::Created);
        }
        if signs_in {
            report(EventKind::SignedIn);
        } else if is_renewed && !is_new {
            report(EventKind::Renewed);
        } else if is_rotated && !is_new {
            report(EventKind::Rotated);
        }
    }
}
