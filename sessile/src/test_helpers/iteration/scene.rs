//! [`Scene`]: the sessions of one check, and iterations that look for them.

use std::{num::NonZeroU32, sync::Arc};

use super::super::contract::{
    case::{Case, MINUTE},
    content::content,
};
use crate::storage::{Cursor, IterableStore, Loaded, Page, SessionId, StoreError, Version};

/// More pages than any check needs, in a store with the sessions of other tests.
const MAX_PAGES: u32 = 100_000;

/// A check of one rule.
pub(super) struct Scene<S> {
    pub(super) case: Case<S>,
    number: u32,
}

impl<S: IterableStore> Scene<S> {
    pub(super) fn new(store: &Arc<S>, rule: &'static str) -> Self {
        Self {
            case: Case::new(store, rule),
            number: 0,
        }
    }

    /// Stores a session. Every second one is that of a user.
    pub(super) async fn creates(&mut self) -> (SessionId, Loaded) {
        self.number += 1;
        self.case.id = SessionId::generate();
        let mut new = content(self.number);
        if self.number.is_multiple_of(2) {
            let mut payload = new.record.payload();
            let details = payload.details_mut();
            details.subject = Some(format!("subject of a test, {}", self.case.id));
            details.signed_in_at = Some(new.record.created_at);
            new.record.set_payload(payload);
        }
        self.case.creates(&new, MINUTE).await;
        (self.case.id.clone(), new)
    }

    pub(super) async fn creates_many(&mut self, many: usize) -> Vec<(SessionId, Loaded)> {
        let mut created = Vec::with_capacity(many);
        for _ in 0..many {
            created.push(self.creates().await);
        }
        created
    }

    /// Stores another content of a session.
    pub(super) async fn changes(&mut self, (id, loaded): &mut (SessionId, Loaded)) {
        self.case.id = id.clone();
        let mut changed = loaded.clone();
        changed.version = Version::generate();
        self.case.updates(loaded, &changed, MINUTE).await;
        *loaded = changed;
    }

    pub(super) async fn deletes(&mut self, id: &SessionId) {
        self.case.id = id.clone();
        self.case.deletes("").await;
    }

    pub(super) async fn try_page(
        &self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        let page = self.case.store.page(after, limit);
        self.case.in_time("`page`", page).await
    }

    pub(super) async fn page(&self, after: Option<&Cursor>, limit: u32) -> Page {
        let page = self.try_page(after, limit);
        self.case.succeeds("`page`", page).await
    }

    /// All sessions, by pages of this limit.
    pub(super) async fn iterate(&self, limit: u32) -> Vec<(SessionId, Result<Loaded, StoreError>)> {
        let (mut sessions, mut after) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = self.page(after.as_ref(), limit).await;
            sessions.extend(page.sessions);
            after = page.next;
            if after.is_none() {
                return sessions;
            }
        }
        self.case.broken("The iteration did not end.");
    }

    /// Breaks the rule unless the sessions are among those that were shown.
    pub(super) fn wants_shown(
        &self,
        shown: &[(SessionId, Result<Loaded, StoreError>)],
        wanted: &[(SessionId, Loaded)],
    ) {
        for (id, wanted) in wanted {
            match shown.iter().find(|(shown, _)| shown == id) {
                Some((_, Ok(found))) => self.case.wants_found(Some(found), wanted),
                Some((_, Err(error))) => self.case.broken(format_args!(
                    "The iteration showed an error instead of a session: {error}."
                )),
                None => self
                    .case
                    .broken("The iteration did not show a live session."),
            }
        }
    }
}
