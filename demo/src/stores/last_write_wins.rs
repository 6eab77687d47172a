//! [`LastWriteWins`]: a store that overwrites whatever is stored.

use std::time::Duration;

use sessile::{
    record::Record,
    storage::{
        CreateOutcome, Freshness, Loaded, RevocationList, SessionId, SessionStore, StoreError,
        SubjectDigest, UpdateOutcome, Version,
    },
};

/// A store that does not compare versions, like most session stores of other libraries. Each request loads the session,
/// and later overwrites it with its own copy.
///
/// It breaks the contract of [`SessionStore`] on purpose, so that a page can show the effect. It wraps the store that
/// the rest of the demo uses.
#[derive(Clone, Debug)]
pub(crate) struct LastWriteWins<S>(pub(crate) S);

impl<S: SessionStore> SessionStore for LastWriteWins<S> {
    async fn update(
        &self,
        id: &SessionId,
        _expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        loop {
            let subject = record.subject();
            let stored = self.load(id, subject.as_ref(), Freshness::Current).await?;
            let Some(Loaded { version: found, .. }) = stored else {
                return Ok(UpdateOutcome::Missing);
            };
            match self.0.update(id, found, record, version, ttl).await? {
                UpdateOutcome::Conflict => {}
                outcome => return Ok(outcome),
            }
        }
    }

    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.0.load(id, subject, freshness).await
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.0.create(id, record, version, ttl).await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.0.delete(id).await
    }

    fn keeps_nothing(&self) -> bool {
        self.0.keeps_nothing()
    }

    fn revocations(&self) -> Option<&RevocationList> {
        self.0.revocations()
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        self.0.opens_actix_session_key(key)
    }
}
