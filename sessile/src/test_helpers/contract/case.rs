//! [`Case`]: the operations of one check, and the message if the store breaks its rule.

use std::{fmt, sync::Arc, time::Duration};

use super::content::difference;
use crate::{
    clock::within,
    storage::{
        CreateOutcome, Freshness, Loaded, SessionId, SessionStore, StoreError, UpdateOutcome,
        Version,
    },
    telemetry::with_causes,
};

/// Longer than any check runs.
pub(in crate::test_helpers) const MINUTE: Duration = Duration::from_secs(60);

/// A store that takes longer than this for one operation is stuck.
const STUCK: Duration = Duration::from_secs(30);

/// The number of results of the store in a message.
const SHOWN: usize = 8;

/// A check of one rule on one id. It records the results of the store for its message.
pub(in crate::test_helpers) struct Case<S> {
    pub(in crate::test_helpers) store: Arc<S>,
    pub(in crate::test_helpers) id: SessionId,
    /// Whether the store chose the id.
    pub(in crate::test_helpers) is_chosen: bool,
    pub(in crate::test_helpers) rule: &'static str,
    answers: Vec<String>,
}

impl<S> Clone for Case<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            id: self.id.clone(),
            is_chosen: self.is_chosen,
            rule: self.rule,
            answers: self.answers.clone(),
        }
    }
}

impl<S: SessionStore> Case<S> {
    /// A check of `rule` on an id that is not in use.
    pub(in crate::test_helpers) fn new(store: &Arc<S>, rule: &'static str) -> Self {
        Self::on(store, rule, SessionId::generate())
    }

    pub(in crate::test_helpers) fn on(store: &Arc<S>, rule: &'static str, id: SessionId) -> Self {
        Self {
            store: Arc::clone(store),
            id,
            is_chosen: false,
            rule,
            answers: Vec::new(),
        }
    }

    /// The same check, when a message is to name another rule.
    pub(in crate::test_helpers) fn about(mut self, rule: &'static str) -> Self {
        self.rule = rule;
        self
    }

    /// Fails the suite with a message: the rule, what the store did, and what the rule demands.
    pub(in crate::test_helpers) fn broken(&self, verdict: impl fmt::Display) -> ! {
        let hidden = self.answers.len().saturating_sub(SHOWN);
        let shown = self.answers[hidden..].join(", ");
        let answers = match (shown.is_empty(), hidden) {
            (true, _) => String::new(),
            (false, 0) => format!("What the store did: {shown}. "),
            (false, _) => format!("What the store did last: {shown}. "),
        };
        panic!("rule broken: {}. {answers}{verdict}", self.rule);
    }

    /// Adds to what the message says the store did.
    pub(in crate::test_helpers) fn note(&mut self, answer: impl Into<String>) {
        self.answers.push(answer.into());
    }

    /// The output of `operation`, which has to come in time.
    pub(in crate::test_helpers) async fn in_time<T>(
        &self,
        name: &str,
        operation: impl Future<Output = T>,
    ) -> T {
        let output = within(STUCK, operation).await;
        output.unwrap_or_else(|limit| {
            self.broken(format_args!("{name} did not answer within {limit:?}."))
        })
    }

    /// The answer to an operation that has no reason to fail.
    pub(in crate::test_helpers) async fn succeeds<T>(
        &self,
        name: &str,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> T {
        let answer = self.in_time(name, operation).await;
        answer.unwrap_or_else(|error| {
            self.broken(format_args!("{name} failed: {}.", with_causes(&error)))
        })
    }

    /// Loads the current record. The caller checks the answer.
    pub(in crate::test_helpers) async fn try_load(&self) -> Result<Option<Loaded>, StoreError> {
        let load = self.store.load(&self.id, None, Freshness::Current);
        self.in_time("`load`", load).await
    }

    pub(in crate::test_helpers) async fn load(&self) -> Option<Loaded> {
        self.succeeds("`load`", self.try_load()).await
    }

    /// Loads a record that may come from a cache.
    pub(in crate::test_helpers) async fn load_cached(&self) -> Option<Loaded> {
        let load = self.store.load(&self.id, None, Freshness::Cached);
        self.succeeds("a cached `load`", load).await
    }

    /// Calls `create`. The caller checks the answer. `how` describes the call in messages.
    pub(in crate::test_helpers) async fn create(
        &mut self,
        how: &str,
        new: &Loaded,
        ttl: Duration,
    ) -> CreateOutcome {
        let name = named("create", how);
        let create = self.store.create(&self.id, &new.record, new.version, ttl);
        let outcome = self.succeeds(&name, create).await;
        self.note(format!("{name} answered {outcome:?}"));
        self.follow(outcome)
    }

    /// Continues with the id that the store chose, if it chose one: the record counts as created.
    pub(in crate::test_helpers) fn follow(&mut self, outcome: CreateOutcome) -> CreateOutcome {
        match outcome {
            CreateOutcome::CreatedAs(id) => {
                self.id = id;
                self.is_chosen = true;
                CreateOutcome::Created
            }
            outcome => outcome,
        }
    }

    /// The record that has to be stored after a `create` of `new`.
    pub(in crate::test_helpers) fn created(&self, new: &Loaded) -> Loaded {
        let mut created = new.clone();
        if self.is_chosen {
            // The id is the secret.
            created.record.secrets = None;
        }
        created
    }

    /// Calls `update`. The caller checks the answer. `how` describes the call in messages.
    pub(in crate::test_helpers) async fn update(
        &mut self,
        how: &str,
        expected: Version,
        new: &Loaded,
        ttl: Duration,
    ) -> UpdateOutcome {
        let name = named("update", how);
        let update = (self.store).update(&self.id, expected, &new.record, new.version, ttl);
        let outcome = self.succeeds(&name, update).await;
        self.note(format!("{name} answered {outcome:?}"));
        outcome
    }

    /// Calls `delete`, which has to succeed.
    pub(in crate::test_helpers) async fn deletes(&mut self, how: &str) {
        let name = named("delete", how);
        self.succeeds(&name, self.store.delete(&self.id)).await;
        self.note(format!("{name} succeeded"));
    }

    /// Calls `create`, which has to succeed.
    pub(in crate::test_helpers) async fn creates(&mut self, new: &Loaded, ttl: Duration) {
        let outcome = self.create("", new, ttl).await;
        self.wants(outcome, CreateOutcome::Created).await;
    }

    /// Lets the record expire by an update.
    pub(in crate::test_helpers) async fn expires(&mut self, old: &Loaded, new: &Loaded) {
        let how = "with a TTL of zero";
        let outcome = self.update(how, old.version, new, Duration::ZERO).await;
        self.wants(outcome, UpdateOutcome::Updated).await;
    }

    /// Calls `update` from `old` to `new`, which has to succeed.
    pub(in crate::test_helpers) async fn updates(
        &mut self,
        old: &Loaded,
        new: &Loaded,
        ttl: Duration,
    ) {
        let outcome = self.update("", old.version, new, ttl).await;
        self.wants(outcome, UpdateOutcome::Updated).await;
    }

    /// Breaks the rule unless the last operation answered `wanted`.
    pub(in crate::test_helpers) async fn wants<T: PartialEq + fmt::Debug>(
        &self,
        answered: T,
        wanted: T,
    ) {
        if answered != wanted {
            let now = match self.try_load().await {
                Ok(Some(_)) => "finds a record",
                Ok(None) => "finds nothing",
                Err(_) => "fails",
            };
            self.broken(format_args!(
                "The rule asks for {wanted:?}. A load now {now}."
            ));
        }
    }

    /// Breaks the rule unless a load finds exactly this.
    pub(in crate::test_helpers) async fn finds(&self, wanted: &Loaded) {
        self.wants_found(self.load().await.as_ref(), wanted);
    }

    pub(in crate::test_helpers) fn wants_found(&self, found: Option<&Loaded>, wanted: &Loaded) {
        match found {
            None => self.broken("A load then found nothing."),
            Some(found) if found != wanted => {
                let difference = difference(found, wanted);
                self.broken(format_args!(
                    "A load then found another record: {difference}."
                ))
            }
            Some(_) => {}
        }
    }

    /// Breaks the rule if a load finds a record.
    pub(in crate::test_helpers) async fn finds_nothing(&self) {
        if self.load().await.is_some() {
            self.broken("A load then found a record.");
        }
    }
}

fn named(operation: &str, how: &str) -> String {
    match how {
        "" => format!("`{operation}`"),
        how => format!("`{operation}` {how}"),
    }
}
