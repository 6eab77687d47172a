//! A user whose sessions a test signs in and ends.

use sessile::{
    clock::Timestamp,
    record::Record,
    storage::{
        CreateOutcome, EndOutcome, Freshness, Kept, RedisSessionStore, SessionId, SessionLimit,
        SessionStore as _, SignInOutcome, SignInWrite, StoreError, SubjectDigest,
        SubjectStore as _, UpdateOutcome, Version,
    },
};

use crate::setup::HOUR;

/// A user, known to no other test.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) store: RedisSessionStore,
    name: String,
}

/// A session that was signed in: its id, and the version that was stored last.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) id: SessionId,
    pub(crate) version: Version,
    pub(crate) at: u64,
}

pub(crate) fn time(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

pub(crate) fn limit(max: u32) -> SessionLimit {
    SessionLimit::new(max).unwrap()
}

impl User {
    pub(crate) fn of(store: &RedisSessionStore) -> Self {
        Self {
            store: store.clone(),
            name: SessionId::generate().to_string(),
        }
    }

    /// The same user, as another server sees it.
    pub(crate) fn at(&self, store: &RedisSessionStore) -> Self {
        Self {
            store: store.clone(),
            name: self.name.clone(),
        }
    }

    pub(crate) fn subject(&self) -> SubjectDigest {
        SubjectDigest::of(&self.name)
    }

    /// The Redis key of this part of the index.
    pub(crate) fn key(&self, part: &str) -> String {
        let digest = SessionId::from_bytes(*self.subject().as_bytes());
        format!("sessile:subject:{{{digest}}}:{part}")
    }

    /// The record of a session that signed in at this time.
    pub(crate) fn record(&self, at: u64) -> Record {
        self.record_with(at, "")
    }

    /// The same with further members.
    pub(crate) fn record_with(&self, at: u64, members: &str) -> Record {
        let name = &self.name;
        let text = format!(
            r#"{{"v":3,"c":{at},"u":{at},"x":9000000000000,"p":1,"s":{{}},"sub":"{name}","in":{at},"auth":{at}{members}}}"#
        );
        Record::decode(text.as_bytes()).unwrap()
    }

    pub(crate) async fn try_create(
        &self,
        at: u64,
    ) -> Result<(SignedIn, CreateOutcome), StoreError> {
        let new = SignedIn {
            id: SessionId::generate(),
            version: Version::generate(),
            at,
        };
        let record = self.record(at);
        let creating = self.store.create(&new.id, &record, new.version, HOUR);
        let outcome = creating.await?;
        Ok((new, outcome))
    }

    pub(crate) async fn create(&self, at: u64) -> SignedIn {
        let (new, outcome) = self.try_create(at).await.unwrap();
        assert_eq!(outcome, CreateOutcome::Created);
        new
    }

    /// Stores the session again, as a request does that changes it.
    pub(crate) async fn try_update(
        &self,
        session: &SignedIn,
    ) -> Result<(SignedIn, UpdateOutcome), StoreError> {
        let new = SignedIn {
            version: Version::generate(),
            ..session.clone()
        };
        let record = self.record(session.at);
        let (id, expected) = (&session.id, session.version);
        let updating = self.store.update(id, expected, &record, new.version, HOUR);
        Ok((new, updating.await?))
    }

    pub(crate) async fn update(&self, session: &SignedIn) -> SignedIn {
        let (new, outcome) = self.try_update(session).await.unwrap();
        assert_eq!(outcome, UpdateOutcome::Updated);
        new
    }

    /// Signs a new session in under a limit.
    pub(crate) async fn sign_in(
        &self,
        at: u64,
        limit: SessionLimit,
    ) -> Result<(SignedIn, SignInOutcome), StoreError> {
        let new = SignedIn {
            id: SessionId::generate(),
            version: Version::generate(),
            at,
        };
        let record = self.record(at);
        let write = SignInWrite::create(&new.id, &record, new.version, HOUR);
        let outcome = self.store.sign_in(write, limit).await?;
        Ok((new, outcome))
    }

    pub(crate) async fn listed(&self) -> Vec<SessionId> {
        let listed = self.store.list(&self.subject()).await.unwrap();
        listed.into_iter().map(|(id, _)| id).collect()
    }

    /// Whether the session opens. With and without a hint, the answer has to be the same.
    pub(crate) async fn opens(&self, id: &SessionId) -> bool {
        let (subject, other) = (self.subject(), SubjectDigest::from_bytes([7; 16]));
        let mut answers = Vec::new();
        for hint in [Some(&subject), None, Some(&other)] {
            let loaded = self.store.load(id, hint, Freshness::Current).await;
            answers.push(loaded.unwrap().is_some());
        }
        assert!(answers.iter().all(|it| *it == answers[0]), "{answers:?}");
        answers[0]
    }

    pub(crate) async fn end_all(&self, now: u64) -> (u64, Vec<SessionId>) {
        match self.try_end(now, None).await.unwrap() {
            EndOutcome::Ended { at, ids } => (at.as_unix_millis(), ids),
            EndOutcome::KeptHasEnded => panic!("none was to be kept"),
        }
    }

    pub(crate) async fn end_others(&self, now: u64, kept: &SignedIn) -> EndOutcome {
        self.try_end(now, Some(kept)).await.unwrap()
    }

    async fn try_end(&self, now: u64, kept: Option<&SignedIn>) -> Result<EndOutcome, StoreError> {
        let kept = kept.map(|kept| Kept {
            id: &kept.id,
            signed_in_at: time(kept.at),
        });
        let subject = self.subject();
        self.store.end_subject(&subject, time(now), kept).await
    }
}
