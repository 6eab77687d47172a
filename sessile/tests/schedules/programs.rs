//! [`Program`]: what a request does.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sessile::{
    Session,
    clock::{Clock as _, Timestamp},
    engine::{HeaderChanges, ResponseHead, SessionFailure, SessionManager},
    error::{SessionReloadError, SessionSaveError, SignInError},
    storage::{SessionId, SessionStore as _},
};

use crate::{
    report::{ChangeKind, Fate, Report},
    setup::INITIAL_COUNT,
    stepped_store::{Recovery, RequestIndex, SteppedStore},
};

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Inserts a name of its own.
    Write,
    /// Increments a counter that both requests share.
    Increment,
    /// Renews the session, and inserts a name of its own.
    Renew,
    Purge,
    /// Restarts the session, and inserts a name of its own.
    Restart,
    /// Increments, saves, increments again. After a save that failed or was cancelled, the handler tries
    /// every way to continue.
    Save,
    /// Renews the session, inserts a name of its own and saves, and continues in the same ways.
    SaveRenewed,
    /// Increments and saves. During the save, another handle purges the session.
    PurgeMidway,
    /// The idle timeout passes while the handler runs, which then inserts a name of its own.
    Idle,
    /// The idle timeout and the slack pass while the handler runs, which then inserts a name of its own.
    Expiry,
    /// An administrator deletes the session in the store.
    EndFromOutside,
    /// Inserts a name of its own, and signs the [user](SUBJECT) in.
    SignIn,
    /// An administrator ends all sessions of the [user](SUBJECT). The stored session is one of them.
    EndAll,
    /// Increments the counter with a closure whose type can hold only the initial count.
    Mismatch,
    /// Increments the counter with a closure that panics if it is not the initial count.
    Panic,
}

pub(crate) const PROGRAMS: [Program; 13] = [
    Program::Write,
    Program::Increment,
    Program::Renew,
    Program::Purge,
    Program::Restart,
    Program::Save,
    Program::SaveRenewed,
    Program::PurgeMidway,
    Program::Idle,
    Program::Expiry,
    Program::EndFromOutside,
    Program::SignIn,
    Program::EndAll,
];

/// The user that is signed in.
pub(crate) const SUBJECT: &str = "ferris";

/// The idle timeout of all sessions.
pub(crate) const IDLE: Duration = Duration::from_secs(3600);
/// The time from the last use of the session to the requests.
pub(crate) const UNUSED: Duration = Duration::from_secs(600);
/// When the idle timeout has passed, and the slack of a minute has not, counted from the last use.
const IDLE_AND_HALF_THE_SLACK: Duration = Duration::from_secs(3630);
/// When both have passed, even for a session that was used when the requests began.
const PAST_THE_SLACK: Duration = Duration::from_secs(600 + 3600 + 61);

impl Program {
    pub(crate) fn renews(self) -> bool {
        matches!(self, Self::Renew | Self::SaveRenewed | Self::SignIn)
    }

    /// Whether it ends the stored session.
    pub(crate) fn ends(self) -> bool {
        match self {
            Self::Purge
            | Self::Restart
            | Self::PurgeMidway
            | Self::EndFromOutside
            | Self::EndAll => true,
            Self::Write
            | Self::Increment
            | Self::Renew
            | Self::Save
            | Self::SaveRenewed
            | Self::Idle
            | Self::Expiry
            | Self::SignIn
            | Self::Mismatch
            | Self::Panic => false,
        }
    }

    /// Whether `other`, at the same time, is a reason to refuse this one. A sign-in never loses to a renewal.
    pub(crate) fn may_be_refused_beside(self, other: Self) -> bool {
        other.ends() || (other.renews() && self != Self::SignIn)
    }

    /// Whether it is no request of the session, and has no response.
    pub(crate) fn is_from_outside(self) -> bool {
        matches!(self, Self::EndFromOutside | Self::EndAll)
    }

    pub(crate) fn increments(self) -> bool {
        matches!(
            self,
            Self::Increment | Self::Save | Self::PurgeMidway | Self::Mismatch | Self::Panic
        )
    }

    /// Whether its changes can't be applied to a counter that another request incremented.
    pub(crate) fn is_fragile(self) -> bool {
        matches!(self, Self::Mismatch | Self::Panic)
    }
}

/// A request: its program and what it needs for that.
pub(crate) struct Request {
    pub(crate) index: RequestIndex,
    pub(crate) program: Program,
    pub(crate) manager: SessionManager<SteppedStore>,
    pub(crate) store: SteppedStore,
    /// The stored session, and the cookie that names it.
    pub(crate) id: SessionId,
    pub(crate) cookie: Arc<str>,
    pub(crate) last_used: Timestamp,
    pub(crate) report: Arc<Mutex<Report>>,
}

/// The name that a request inserts.
pub(crate) fn own_name(index: RequestIndex) -> &'static str {
    ["written by A", "written by B"][index]
}

/// The name of the counter that both requests increment.
pub(crate) const COUNTER: &str = "counter";

/// The message of the panic of [`Program::Panic`].
pub(crate) const PANIC: &str = "a bug in the application";

/// A counter that can be read only before it is incremented.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
struct InitialCount(u32);

impl TryFrom<u32> for InitialCount {
    type Error = &'static str;

    fn try_from(n: u32) -> Result<Self, Self::Error> {
        match n {
            INITIAL_COUNT => Ok(Self(n)),
            _ => Err("another value"),
        }
    }
}

impl From<InitialCount> for u32 {
    fn from(InitialCount(n): InitialCount) -> Self {
        n
    }
}

impl Request {
    pub(crate) async fn run(self) {
        if self.program.is_from_outside() {
            return self.end_from_outside().await;
        }
        let session = match self.manager.open([self.cookie.as_bytes()]).await {
            Ok(session) => session,
            Err(failure) => return self.failed(&failure),
        };
        self.handle(&session).await;
        match self
            .manager
            .commit(&session, &ResponseHead::to("POST"))
            .await
        {
            Ok(headers) => self.committed(&session, &headers),
            Err(failure) => self.failed(&failure),
        }
    }

    async fn end_from_outside(&self) {
        self.report(|report| report.ending = Some(Fate::Unknown));
        let ended = match self.program {
            Program::EndAll => self.manager.sessions().end_all(SUBJECT).await.map(drop),
            _ => self.store.delete(&self.id).await,
        };
        if ended.is_ok() {
            self.report(|report| report.ending = Some(Fate::Acknowledged(None)));
        }
    }

    async fn handle(&self, session: &Session) {
        match self.program {
            Program::Write => self.insert(session),
            Program::Increment => self.increment(session),
            Program::Renew => self.renew(session),
            Program::Purge => self.purge(session),
            Program::Restart => {
                self.report(|report| report.ending = Some(Fate::Unknown));
                session.restart().unwrap();
                self.insert(session);
            }
            Program::Save => {
                self.increment(session);
                self.save_or_recover(session).await;
                self.increment(session);
            }
            Program::SaveRenewed => {
                self.renew(session);
                self.save_or_recover(session).await;
            }
            Program::PurgeMidway => self.purge_midway(session).await,
            Program::Idle => self.insert_after(IDLE_AND_HALF_THE_SLACK, session),
            Program::Expiry => self.insert_after(PAST_THE_SLACK, session),
            Program::Mismatch => {
                self.increment_with(session, |InitialCount(n)| InitialCount(n + 1));
            }
            Program::Panic => {
                self.increment_with(session, |n: u32| match n {
                    INITIAL_COUNT => n + 1,
                    _ => panic!("{PANIC}"),
                });
            }
            Program::SignIn => self.sign_in(session).await,
            Program::EndFromOutside | Program::EndAll => unreachable!("they have no session"),
        }
    }

    fn insert(&self, session: &Session) {
        if session.insert(own_name(self.index), true).is_ok() {
            self.asked_for(ChangeKind::Name);
        }
    }

    fn increment(&self, session: &Session) {
        if session.update_or(COUNTER, 1, |n: u32| n + 1).is_ok() {
            self.asked_for(ChangeKind::Increment);
        }
    }

    fn increment_with<T: Serialize + DeserializeOwned>(
        &self,
        session: &Session,
        increment: impl Fn(T) -> T + Send + Sync + 'static,
    ) {
        // The closure runs here first, on the counter that was loaded.
        let fits = session.get(COUNTER).unwrap() == Some(INITIAL_COUNT);
        if fits && session.update(COUNTER, increment).is_ok() {
            self.asked_for(ChangeKind::Increment);
        }
    }

    fn insert_after(&self, unused: Duration, session: &Session) {
        let clock = self.store.clock();
        clock.set(clock.now().max(self.last_used.saturating_add(unused)));
        self.insert(session);
    }

    fn purge(&self, session: &Session) {
        self.report(|report| report.ending = Some(Fate::Unknown));
        session.purge();
    }

    fn renew(&self, session: &Session) {
        self.insert(session);
        self.report(|report| report.renewal = Some(Fate::Unknown));
        session.renew();
    }

    async fn save_or_recover(&self, session: &Session) {
        if !self.save(session).await {
            match self.store.recovery(self.index).await {
                Recovery::Commit => {}
                Recovery::Save => drop(self.save(session).await),
                Recovery::Reload => {
                    if let Err(SessionReloadError::Unknown) = session.reload().await {
                        self.report(Report::drop_pending);
                    }
                }
            }
        }
    }

    async fn purge_midway(&self, session: &Session) {
        self.increment(session);
        let mut saving = pin!(self.save(session));
        let is_saved = poll_fn(|cx| Poll::Ready(saving.as_mut().poll(cx).is_ready())).await;
        self.purge(session);
        if !is_saved {
            saving.await;
        }
        self.report(Report::drop_pending);
    }

    /// Returns whether the changes were saved.
    async fn save(&self, session: &Session) -> bool {
        let before = session.id();
        match self
            .store
            .unless_cancelled(self.index, session.save())
            .await
        {
            Some(Ok(())) => {
                // A session that was purged in the meantime has no id.
                self.saved(session.id().or(before));
                true
            }
            Some(Err(SessionSaveError::Closed(_))) => false,
            Some(Err(_)) | None => {
                self.report(Report::tried);
                false
            }
        }
    }

    /// Notes that the changes so far were stored in the session with this id.
    fn saved(&self, id: Option<SessionId>) {
        self.report(|report| {
            report.settle(&Fate::Acknowledged(id.clone()));
            report.renewal = report.renewal.take().map(|_| Fate::Acknowledged(id));
        });
    }

    async fn sign_in(&self, session: &Session) {
        self.insert(session);
        self.report(|report| report.renewal = Some(Fate::Unknown));
        match session.sign_in(SUBJECT).await {
            Ok(()) => self.saved(session.id()),
            // The session is as it was before.
            Err(SignInError::Refused(_)) => self.report(|report| report.renewal = None),
            Err(_) => self.report(Report::tried),
        }
    }

    fn asked_for(&self, kind: ChangeKind) {
        self.report(|report| report.ask(kind));
    }

    fn committed(&self, session: &Session, headers: &HeaderChanges) {
        let acknowledged = Fate::Acknowledged(session.id());
        self.report(|report| {
            report.status = Some(200);
            report.cookie = issued(headers);
            report.settle(&acknowledged);
            for fate in [&mut report.renewal, &mut report.ending] {
                *fate = fate.take().map(|_| acknowledged.clone());
            }
        });
    }

    fn failed(&self, failure: &SessionFailure) {
        self.report(|report| {
            report.status = Some(failure.status());
            report.cookie = issued(failure.headers());
            if matches!(failure.status(), 409 | 500) {
                report.settle(&Fate::Refused);
                if report.renewal == Some(Fate::Unknown) {
                    report.renewal = Some(Fate::Refused);
                }
            }
        });
    }

    fn report(&self, note: impl FnOnce(&mut Report)) {
        note(&mut self.report.lock().unwrap());
    }
}

/// What the browser sends back after a response with these headers.
pub(crate) fn issued(headers: &HeaderChanges) -> Option<String> {
    let set_cookie = headers.set_cookie.as_ref()?.as_str();
    let is_removal = set_cookie.contains("Max-Age=0");
    (!is_removal).then(|| set_cookie.split(';').next().unwrap_or_default().to_owned())
}
