//! The iterations of a check, which look for its sessions.

use std::num::NonZeroU32;

use super::super::{known::Known, scene::Scene};
use crate::storage::{Cursor, IterableStore, Loaded, Page, SessionId, StoreError};

/// More pages than any check needs, in a store with the sessions of other tests.
const MAX_PAGES: u32 = 100_000;

impl<S: IterableStore> Scene<S> {
    /// Stores a session. Every second one is that of a user.
    pub(super) async fn creates_any(&mut self) -> Known {
        let guest = self.guest();
        let known = match guest.number.is_multiple_of(2) {
            true => self.signed_in(&guest, guest.number.into()),
            false => guest,
        };
        self.creates(&known).await;
        known
    }

    pub(super) async fn creates_many(&mut self, many: usize) -> Vec<Known> {
        let mut created = Vec::with_capacity(many);
        for _ in 0..many {
            created.push(self.creates_any().await);
        }
        created
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
        wanted: &[Known],
    ) {
        for Known { id, loaded, .. } in wanted {
            match shown.iter().find(|(shown, _)| shown == id) {
                Some((_, Ok(found))) => self.case.wants_found(Some(found), loaded),
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
