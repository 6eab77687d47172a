//! The operations of the store.

use std::{
    num::NonZeroU32,
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use sessile::{record::Record, storage::*};
use tokio::task::yield_now;

use super::{Broken, Entry, IterationFault::*};

impl Broken {
    fn check_open(&self) -> Result<(), StoreError> {
        let error = || StoreError::new(StoreErrorKind::Unavailable, "the store was closed");
        match self.is_closed() {
            false => Ok(()),
            true if self.has(ClosedIsUncertain) => Err(error()),
            true => Err(error().not_sent()),
        }
    }
}

impl Entry {
    fn new(record: &Record, version: Version, ttl: Duration) -> Self {
        Self {
            text: record.encode(),
            version,
            ends_at: Instant::now() + ttl,
        }
    }

    fn is_live(&self) -> bool {
        Instant::now() < self.ends_at
    }

    fn is_user(&self) -> bool {
        self.text.contains(r#""sub":"#)
    }

    fn loaded(&self) -> Result<Loaded, StoreError> {
        Ok(Loaded {
            record: Record::decode(self.text.as_bytes())?,
            version: self.version,
        })
    }
}

impl SessionStore for Broken {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.check_open()?;
        let entry = self.entries().get(&id.to_string()).cloned();
        let live = entry.filter(Entry::is_live);
        live.map(|entry| entry.loaded()).transpose()
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.check_open()?;
        let mut entries = self.entries();
        entries.insert(id.to_string(), Entry::new(record, version, ttl));
        Ok(CreateOutcome::Created)
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let id = id.to_string();
        match self.entries().get(&id).filter(|entry| entry.is_live()) {
            None => return Ok(UpdateOutcome::Missing),
            Some(entry) if entry.version != expected => return Ok(UpdateOutcome::Conflict),
            Some(_) => {}
        }
        if self.has(UpdateChecksFirst) {
            yield_now().await;
        }
        let entry = Entry::new(record, version, ttl);
        self.entries().insert(id, entry);
        Ok(UpdateOutcome::Updated)
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.entries().remove(&id.to_string());
        Ok(())
    }
}

impl IterableStore for Broken {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        let text = after.map(Cursor::as_str);
        let is_cursor = text.is_none_or(|text| text.parse::<SessionId>().is_ok());
        let after = text.unwrap_or_default();
        let skipped = after.parse::<usize>().ok();
        if !is_cursor && skipped.is_none() || self.has(SkipsByNumber) && after.len() > 9 {
            let error = StoreError::new(StoreErrorKind::Unsupported, "not a cursor");
            return match self.has(BeginsAgainAtAnotherCursor) {
                true => Ok(Page::default()),
                false => Err(error.not_sent()),
            };
        }
        let limit = match self.has(IgnoresTheLimit) {
            true => usize::MAX,
            false => limit.get() as usize,
        };
        let entries = self.entries();
        let shown = entries.iter().filter(|(id, entry)| {
            (entry.is_live() || self.has(ShowsExpired))
                && (entry.is_user() || !self.has(OmitsGuests))
                && (id.as_str() > after || self.has(SkipsByNumber))
        });
        let skipped = skipped.filter(|_| self.has(SkipsByNumber)).unwrap_or(0);
        let mut page = Page::default();
        for (id, entry) in shown.skip(skipped) {
            if page.sessions.len() == limit {
                let last = page.sessions.last().unwrap().0.to_string();
                page.next = Some(Cursor::new(match self.has(SkipsByNumber) {
                    true => (skipped + limit).to_string(),
                    false => last,
                }));
                break;
            }
            match entry.loaded() {
                Err(error) if self.has(UnreadableFailsThePage) => return Err(error),
                Err(_) if self.has(UnreadableIsOmitted) => {}
                loaded => page.sessions.push((id.parse().unwrap(), loaded)),
            }
        }
        if page.next.is_none() && self.has(OmitsTheLast) {
            page.sessions.pop();
        }
        Ok(page)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let entries = self.entries();
        let counted = |entry: &&Entry| entry.is_live() || self.has(CountsExpired);
        Ok(entries.values().filter(counted).count() as u64)
    }

    async fn clear(&self) -> Result<(), StoreError> {
        let omits = self.has(ClearOmitsUsers);
        self.entries().retain(|_, entry| omits && entry.is_user());
        Ok(())
    }
}

impl ManagedStore for Broken {
    async fn ping(&self) -> Result<(), StoreError> {
        match self.has(PingsWhenClosed) {
            true => Ok(()),
            false => self.check_open(),
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        match self.is_closed.swap(true, SeqCst) && self.has(ClosesOnce) {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "closed")),
            false => Ok(()),
        }
    }
}
