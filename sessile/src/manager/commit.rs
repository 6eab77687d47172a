//! Storing what was done to a session, merged with what others did to it meanwhile.

use std::{pin::pin, time::Duration};

use super::{
    Inner,
    decide::{Action, Situation, decide},
    turns::Turn,
};
use crate::{
    config::StoreFailurePolicy,
    cookie::SetCookie,
    failure::{CommitError, StateTooLargeError},
    lifetime::OnRead,
    record::Record,
    session::{
        Flush, Outcome, Session, SessionClosedError, SessionSaveError, SessionStatus, Work,
        live::Place,
    },
    state::State,
    storage::{Loaded, SessionStore, StoreErrorKind, Stored, Swap},
    telemetry, timeout,
};

/// How often storing is tried while others keep changing the session. Each failure means that
/// somebody else got through, and the store's timeout bounds them all.
const MAX_ATTEMPTS: u32 = 100;

/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_millis(16);

/// What to tell the browser.
enum CookieChange {
    Nothing,
    Issue(Place),
    Remove,
}

/// What storing came to.
struct Done {
    outcome: Outcome,
    cookie: CookieChange,
}

impl Done {
    const NOTHING: Self = Self {
        outcome: Outcome::Untouched,
        cookie: CookieChange::Nothing,
    };

    const GONE: Self = Self {
        outcome: Outcome::Gone,
        cookie: CookieChange::Nothing,
    };

    /// The session has ended, and with it what was changed.
    fn dropped() -> Self {
        telemetry::session_gone();
        Self::GONE
    }
}

/// Whether the changed record stays under its key.
#[derive(Clone, Copy)]
enum Key {
    Keep,
    Renew,
}

impl<S: SessionStore> Inner<S> {
    /// Stores what the request did, at its end.
    pub(super) async fn commit(&self, session: &Session) -> Result<Option<SetCookie>, CommitError> {
        // What was purged or renewed before anybody looked what it is.
        session.open().await?;
        let mut action = Action::Nothing;
        let stored = {
            let storing = pin!(async {
                let flush = session.flush(true).await;
                action = self.action(&flush.work);
                let done = self.perform(action, &flush).await?;
                Ok(finish(flush, done))
            });
            timeout::within(self.store_timeout, storing).await
        };
        let stored = stored.unwrap_or_else(|after| Err(CommitError::Timeout { after }));
        match stored {
            Ok(CookieChange::Nothing) => Ok(None),
            Ok(CookieChange::Remove) => Ok(Some(self.cookie.removal())),
            Ok(CookieChange::Issue(place)) => Ok(Some(self.issue(session, &place)?)),
            Err(error) if self.is_negligible(action) => {
                telemetry::request_failed("extend the session's life", &error);
                Ok(self.due_cookie(session))
            }
            Err(error) => Err(error),
        }
    }

    /// Closes a session that was only read, if at all, and needs nothing from its store or the browser;
    /// also one that no store is behind.
    pub(super) fn closes_untouched(&self, session: &Session) -> bool {
        // The clock is the application's: not to be read under the session's lock.
        let now = self.lifetime.reading_extends().then(|| self.clock.now());
        session.close_untouched(|live| {
            let on_read = match (&live.place, now) {
                (Some(place), Some(now)) => self.lifetime.on_read(place.last_touch(), || now),
                _ => OnRead::Nothing,
            };
            on_read == OnRead::Nothing && !live.cookie_due
        })
    }

    /// The cookie of what was saved before, if it has yet to be sent.
    pub(super) fn due_cookie(&self, session: &Session) -> Option<SetCookie> {
        let place = {
            let live = session.live();
            live.place.clone().filter(|_| live.cookie_due)
        };
        self.issue(session, &place?).ok()
    }

    fn issue(&self, session: &Session, place: &Place) -> Result<SetCookie, CommitError> {
        let now = || self.clock.now();
        let max_age = self.lifetime.max_age(place.created_at, now);
        let presented = session.live().presented.clone();
        let cookie = match presented.filter(|it| it.key == place.key) {
            Some(it) => self.cookie.issue_again(&it.value, &it.key, max_age),
            None => self.cookie.issue(&place.key, max_age),
        };
        Ok(cookie?)
    }

    /// Stores what was done so far, in the midst of a request or after it.
    pub(super) async fn save(&self, session: &Session) -> Result<(), SessionSaveError> {
        if session.status() != SessionStatus::Unchanged {
            session.open().await.map_err(CommitError::from)?;
        }
        let saved = timeout::within(self.store_timeout, async {
            let flush = session.flush(false).await;
            if flush.work.ended {
                return Err(SessionClosedError::Ended.into());
            }
            let action = match self.action(&flush.work) {
                // Left for the commit: nothing was changed that somebody could miss.
                Action::Touch | Action::Reissue => Action::Nothing,
                Action::Create | Action::Renew if !flush.work.cookie_can_go => {
                    return Err(SessionSaveError::ResponseSent);
                }
                action => action,
            };
            let done = self.perform(action, &flush).await?;
            if needs_cookie(&flush.work, &done) && !flush.work.cookie_can_go {
                return Err(SessionSaveError::ResponseSent);
            }
            let gone = matches!(done.outcome, Outcome::Gone);
            finish(flush, done);
            if gone {
                return Err(SessionClosedError::Ended.into());
            }
            Ok(())
        });
        saved
            .await
            .unwrap_or_else(|after| Err(CommitError::Timeout { after }.into()))
    }

    /// Where nothing was changed nothing is lost, so that need not fail a request that is to be
    /// served whatever the store does.
    fn is_negligible(&self, action: Action) -> bool {
        matches!(action, Action::Touch | Action::Reissue)
            && self.on_store_failure == StoreFailurePolicy::ServeEmpty
    }

    fn action(&self, work: &Work) -> Action {
        let on_read = work.place.as_ref().map_or(OnRead::Nothing, |place| {
            self.lifetime
                .on_read(place.last_touch(), || self.clock.now())
        });
        decide(Situation {
            status: work.status,
            ended: work.ended,
            stored: work.place.is_some(),
            empty: work.state.is_empty(),
            cookie_came: work.cookie_came,
            cookie_due: work.cookie_due,
            on_read,
        })
    }

    async fn perform(&self, action: Action, flush: &Flush<'_>) -> Result<Done, CommitError> {
        match (action, &flush.work.place) {
            (Action::Create, _) => self.create(flush).await,
            (Action::Update, Some(place)) => self.swap(flush, place, Key::Keep).await,
            (Action::Renew, Some(place)) => self.swap(flush, place, Key::Renew).await,
            (Action::Touch, Some(place)) => self.touch(flush, place).await,
            (Action::Reissue, Some(place)) => self.reissue(place).await,
            (Action::Delete, Some(place)) => {
                self.store.delete(&place.key).await?;
                Ok(Done {
                    outcome: Outcome::Deleted,
                    cookie: CookieChange::Remove,
                })
            }
            (Action::RemoveCookie, _) => Ok(Done {
                outcome: Outcome::Untouched,
                cookie: CookieChange::Remove,
            }),
            // Without a place there is nothing to change there.
            (_, _) => Ok(Done::NOTHING),
        }
    }

    async fn create(&self, flush: &Flush<'_>) -> Result<Done, CommitError> {
        let now = self.clock.now();
        let mut record = Record::new(now);
        record.state = flush.work.state.clone();
        let ttl = self.lifetime.ttl(&record, now);
        let stored = flush.write(pin!(self.store.create(&record, ttl))).await?;
        Ok(issued(stored, record))
    }

    /// Extends the life of a session that was only read.
    async fn touch(&self, flush: &Flush<'_>, place: &Place) -> Result<Done, CommitError> {
        let record = self.record(place, flush.work.state.clone());
        let ttl = self.lifetime.ttl(&record, record.touched_at);
        // Whether it happened doesn't matter if it fails: it changes nothing.
        let touched = self
            .store
            .update(&place.key, place.version, &record, ttl)
            .await?;
        let resend = flush.work.cookie_due || self.lifetime.is_persistent();
        match touched {
            Swap::Gone => Ok(Done::GONE),
            Swap::Stored(stored) => {
                let moved = stored.key != place.key;
                let mut done = issued(stored, record);
                if !resend && !moved {
                    done.cookie = CookieChange::Nothing;
                }
                Ok(done)
            }
            // Whoever changed it just now has extended its life.
            Swap::Conflict if resend => Ok(Done {
                outcome: Outcome::Untouched,
                cookie: CookieChange::Issue(place.clone()),
            }),
            Swap::Conflict => Ok(Done::NOTHING),
        }
    }

    /// Sends the cookie of a session that was not changed.
    ///
    /// It may have been renewed while the request ran. The browser has its new cookie then, and
    /// would lose it to this one: so it costs a look at the store.
    async fn reissue(&self, place: &Place) -> Result<Done, CommitError> {
        match self.newest(place).await? {
            None => Ok(Done::GONE),
            Some(_) => Ok(Done {
                outcome: Outcome::Untouched,
                cookie: CookieChange::Issue(place.clone()),
            }),
        }
    }

    /// Stores the changes on top of whatever is stored, by compare-and-swap.
    async fn swap(&self, flush: &Flush<'_>, place: &Place, key: Key) -> Result<Done, CommitError> {
        let work = &flush.work;
        let mut record = self.record(place, work.state.clone());
        let mut version = place.version;
        // What may have been stored already is only tried on the version that was loaded.
        let mut merges = !work.uncertain && self.turns.are_taken(&place.key);
        let mut turn = None;
        for attempt in 1..=MAX_ATTEMPTS {
            if merges {
                match turn {
                    // Boxed, since it is rare.
                    None => turn = Some(Box::pin(self.turn(place)).await),
                    Some(_) => pause_before(attempt).await,
                }
                let Some(newest) = self.newest(place).await? else {
                    return Ok(Done::dropped());
                };
                version = newest.version;
                record = self.record(place, self.merged(work, newest.record.state)?);
            }
            let ttl = self.lifetime.ttl(&record, record.touched_at);
            let swapped = match key {
                Key::Keep => {
                    let update = self.store.update(&place.key, version, &record, ttl);
                    flush.write(pin!(update)).await?
                }
                Key::Renew => {
                    let renew = self.store.renew(&place.key, version, &record, ttl);
                    flush.write(pin!(renew)).await?
                }
            };
            match swapped {
                Swap::Stored(stored) => return Ok(issued(stored, record)),
                Swap::Gone | Swap::Conflict if work.uncertain => {
                    return Err(CommitError::Uncertain);
                }
                Swap::Gone => return Ok(Done::dropped()),
                Swap::Conflict => {
                    telemetry::conflict();
                    merges = true;
                }
            }
        }
        Err(CommitError::Contention {
            attempts: MAX_ATTEMPTS,
        })
    }

    /// The turn to merge what is stored at `place`. Its time is part of the store's.
    async fn turn(&self, place: &Place) -> Turn<'_> {
        self.turns.take(&place.key, self.store_timeout / 4).await
    }

    /// What is stored at `place` now.
    async fn newest(&self, place: &Place) -> Result<Option<Loaded>, CommitError> {
        match self.store.load(&place.key).await {
            Ok(loaded) => Ok(loaded),
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                telemetry::record_corrupt(&error);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The changes made to `newest`.
    fn merged(&self, work: &Work, newest: State) -> Result<State, CommitError> {
        let before = newest.size();
        let mut merged = newest;
        work.journal.replay(&mut merged)?;
        StateTooLargeError::check(before, merged.size(), self.max_state_bytes)?;
        Ok(merged)
    }

    /// `state` as the record at `place`, touched now.
    fn record(&self, place: &Place, state: State) -> Record {
        Record {
            state,
            created_at: place.created_at,
            touched_at: self.clock.now(),
            undated: false,
        }
    }
}

fn finish(flush: Flush<'_>, done: Done) -> CookieChange {
    let cookie_due = match &done.cookie {
        CookieChange::Issue(_) => true,
        CookieChange::Nothing => flush.work.cookie_due,
        CookieChange::Remove => false,
    };
    flush.finish(done.outcome, cookie_due);
    done.cookie
}

/// Whether what was done is lost on a browser that gets no cookie.
fn needs_cookie(work: &Work, done: &Done) -> bool {
    match (&work.place, &done.outcome) {
        (Some(before), Outcome::Stored { place, .. }) => before.key != place.key,
        _ => false,
    }
}

/// `record` was stored, and the browser gets its key.
fn issued(stored: Stored, record: Record) -> Done {
    let place = Place::new(stored.key, stored.version, &record);
    Done {
        outcome: Outcome::Stored {
            place: place.clone(),
            state: record.state,
        },
        cookie: CookieChange::Issue(place),
    }
}

/// Lets others go first: the more often this one lost, the longer it may wait, at random so that
/// those who lost together don't meet again. They are on other servers, or came too late for a turn.
async fn pause_before(attempt: u32) {
    /// Until then losing was no more than bad luck.
    const PATIENT: u32 = 4;
    let Some(losses @ 1..) = attempt.checked_sub(PATIENT) else {
        return;
    };
    let longest = Duration::from_millis(1 << losses.min(10)).min(MAX_PAUSE);
    tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
}
