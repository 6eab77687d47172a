//! [`Scene`]: the sessions of one check.

use std::sync::Arc;

use super::{
    contract::{
        case::{Case, MINUTE},
        content::{content, set},
    },
    known::Known,
};
use crate::{
    clock::{Clock as _, SystemClock, Timestamp},
    storage::{CreateOutcome, Loaded, SessionId, SessionStore, SubjectDigest, UpdateOutcome},
};

/// A check of one rule on the sessions of guests, and of a subject that has none yet.
pub(super) struct Scene<S> {
    pub(super) case: Case<S>,
    pub(super) subject: SubjectDigest,
    name: String,
    pub(super) start: Timestamp,
    /// The number of sessions in the check.
    sessions: u32,
}

impl<S> Clone for Scene<S> {
    fn clone(&self) -> Self {
        Self {
            case: self.case.clone(),
            name: self.name.clone(),
            ..*self
        }
    }
}

impl<S: SessionStore> Scene<S> {
    pub(super) fn new(store: &Arc<S>, rule: &'static str) -> Self {
        // Subjects are random, because stores may share their sessions.
        let name = format!("subject of a test, {}", SessionId::generate());
        let hour = 3_600_000;
        let now = SystemClock.now().as_unix_millis();
        Self {
            case: Case::new(store, rule),
            subject: SubjectDigest::of(&name),
            name,
            start: Timestamp::from_unix_millis(now.saturating_sub(hour)),
            sessions: 0,
        }
    }

    /// A check of the same rule on another subject.
    pub(super) fn beside(&self) -> Self {
        let mut beside = Self::new(&self.case.store, self.case.rule);
        beside.start = self.start;
        beside
    }

    /// The same check, when a message is to name another rule.
    pub(super) fn about(mut self, rule: &'static str) -> Self {
        self.case = self.case.about(rule);
        self
    }

    pub(super) fn store(&self) -> &S {
        &self.case.store
    }

    /// The time of the check in milliseconds.
    pub(super) fn at(&self, millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(self.start.as_unix_millis() + millis)
    }

    /// A session of a guest. It is not stored.
    pub(super) fn guest(&mut self) -> Known {
        self.sessions += 1;
        Known {
            id: SessionId::generate(),
            loaded: content(self.sessions),
            number: self.sessions,
        }
    }

    /// The entry of an ended session in a revocation list. It is not stored.
    pub(super) fn listed(&mut self) -> Known {
        let guest = self.guest();
        guest.with(|details| details.signed_in_at = Some(Timestamp::MAX))
    }

    /// A session that signs in at this time. It is not stored.
    pub(super) fn user(&mut self, millis: u64) -> Known {
        let guest = self.guest();
        self.signed_in(&guest, millis)
    }

    /// The session with a sign-in at this time, at another version.
    pub(super) fn signed_in(&self, known: &Known, millis: u64) -> Known {
        let at = self.at(millis);
        known.with(|details| {
            details.subject = Some(self.name.clone());
            details.signed_in_at = Some(at);
        })
    }

    /// Stores new sessions that signed in at these times.
    pub(super) async fn users<const N: usize>(&mut self, millis: [u64; N]) -> [Known; N] {
        let users = millis.map(|millis| self.user(millis));
        for user in &users {
            self.creates(user).await;
        }
        users
    }

    pub(super) async fn create(&mut self, new: &Known) -> CreateOutcome {
        self.case.id = new.id.clone();
        self.case.create(&new.of(), &new.loaded, MINUTE).await
    }

    pub(super) async fn creates(&mut self, new: &Known) {
        let outcome = self.create(new).await;
        self.case.wants(outcome, CreateOutcome::Created).await;
    }

    /// Stores the session with a record that `text`, one of those that make it unreadable, is put into. `None` if the
    /// store refuses such a record.
    pub(super) async fn create_unreadable(&mut self, new: &Known, text: &str) -> Option<Known> {
        let mut new = new.clone();
        set(&mut new.loaded.record, "unreadable", text);
        self.case.id = new.id.clone();
        let Loaded { record, version } = &new.loaded;
        let create = (self.case.store).create(&new.id, record, *version, MINUTE);
        let created = self.case.in_time("`create`", create).await;
        matches!(created, Ok(CreateOutcome::Created)).then_some(new)
    }

    pub(super) async fn update(&mut self, old: &Known, new: &Known) -> UpdateOutcome {
        self.case.id = new.id.clone();
        let expected = old.loaded.version;
        let how = new.of();
        self.case.update(&how, expected, &new.loaded, MINUTE).await
    }

    pub(super) async fn updates(&mut self, old: &Known, new: &Known) {
        let outcome = self.update(old, new).await;
        self.case.wants(outcome, UpdateOutcome::Updated).await;
    }

    pub(super) async fn deletes(&mut self, known: &Known) {
        self.case.id = known.id.clone();
        self.case.deletes(&known.of()).await;
    }

    /// Lets a session expire.
    pub(super) async fn expires(&mut self, known: &Known) {
        self.case.id = known.id.clone();
        let changed = known.changed();
        self.case.expires(&known.loaded, &changed.loaded).await;
    }
}
