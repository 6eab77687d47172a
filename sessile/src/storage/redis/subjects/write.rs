//! Storing a session that is in an index.
//!
//! In a cluster, a session and the index of its subject are on different nodes, so no script can change both. A write has
//! these steps, and can be given up between any two of them:
//!
//! 1. It reserves a place in the index, and is refused if a mark has ended the session.
//! 2. It stores the session, and then reads the marks. If one of them has ended the session in the meantime, it deletes
//!    it. A load finds such a mark by itself.
//! 3. It settles the reservation. If it is not settled, it ends after a minute.
//!
//! Under a limit, the third step also decides which sessions have to be deleted for this one. Only settled sessions count,
//! so of several sign-ins at the same time, the last one to settle leaves as many as are allowed.

use redis::Value;

use super::{
    super::{RedisSessionStore, error::Fault, script::DISPLACE},
    group::Group,
    marks::Marks,
    reading::Entry,
    reservation::{Reservation, Written},
};
use crate::storage::{
    AtLimit, Freshness, Refusal, SessionId, SessionLimit, SessionStore as _, SignInOutcome,
    SignInWrite, StoreError,
};

impl RedisSessionStore {
    /// Stores a session that has a subject or a lookup label, under a limit if there is one.
    pub(in super::super) async fn write_indexed(
        &self,
        write: SignInWrite<'_>,
        limit: Option<SessionLimit>,
    ) -> Result<SignInOutcome, StoreError> {
        let deadline = self.connection.deadline();
        let late = |timed_out| StoreError::from(Fault::from(timed_out));
        // Nothing is stored before all places are reserved.
        let reserved = deadline.bound(self.reserve_all(&write, limit)).await;
        let reserved = reserved
            .map_err(late)
            .flatten()
            .map_err(StoreError::not_sent)?;
        let written = deadline
            .bound(self.write_in_steps(write, limit, reserved))
            .await;
        written.map_err(late).flatten()
    }

    /// Continues after the reservations. There are none if the limit is reached.
    async fn write_in_steps(
        &self,
        write: SignInWrite<'_>,
        limit: Option<SessionLimit>,
        reserved: Option<Vec<Reservation>>,
    ) -> Result<SignInOutcome, StoreError> {
        let Some(mut reservations) = reserved else {
            let limit_reached = SignInOutcome::Refused(Refusal::LimitReached);
            return Ok(match self.is_stored(&write).await? {
                true => SignInOutcome::STORED,
                false => limit_reached,
            });
        };
        let mark = reservations.iter().find_map(|it| it.mark.clone());
        if Marks::of_subject(mark).have_ended(write.id, write.record) {
            self.settle_all(&write, &reservations, Written::Failed)
                .await;
            return Ok(SignInOutcome::Refused(Refusal::SubjectEnded));
        }
        let (outcome, marks) = self.write_record(&write).await?;
        let written = match outcome {
            SignInOutcome::Stored { .. } => Written::Stored,
            SignInOutcome::Missing => Written::Missing,
            _ => Written::Failed,
        };
        if !matches!(written, Written::Stored) {
            self.settle_all(&write, &reservations, written).await;
            return Ok(outcome);
        }
        if marks.have_ended(write.id, write.record) {
            let deleted = self.delete_record(write.id).await;
            deleted.map_err(StoreError::partly_happened)?;
            self.settle_all(&write, &reservations, Written::Missing)
                .await;
            return Ok(SignInOutcome::Refused(Refusal::SubjectEnded));
        }
        let mut displaced = Vec::new();
        if let Some(limit) = limit.filter(|limit| limit.at_limit() == AtLimit::EndEarliest)
            && reservations.iter().any(Reservation::is_sign_in)
        {
            let displacing = Box::pin(self.displace(&write, limit.max())).await;
            displaced = displacing.map_err(StoreError::partly_happened)?;
            reservations.retain(|it| !it.is_sign_in());
        }
        self.settle_all(&write, &reservations, Written::Stored)
            .await;
        Ok(SignInOutcome::Stored { displaced })
    }

    /// Stores the record, and reads the marks of its subject after that.
    async fn write_record(
        &self,
        write: &SignInWrite<'_>,
    ) -> Result<(SignInOutcome, Marks), StoreError> {
        let subject = write.record.subject();
        // In a cluster, the marks are on other nodes.
        let subject_beside = subject.filter(|_| !self.connection.is_cluster());
        let mark_keys = subject_beside
            .map(|subject| [Group::Subject(subject), Group::All].map(|group| self.mark_key(group)));
        let reads = mark_keys.as_ref().map_or(&[][..], |keys| keys);
        let (mut outcome, values) = self.store_record(write, reads).await?;
        if outcome == SignInOutcome::Taken && self.is_stored(write).await? {
            outcome = SignInOutcome::STORED;
        }
        let is_stored = matches!(outcome, SignInOutcome::Stored { .. });
        let marks = match (subject, <[Value; 2]>::try_from(values)) {
            (Some(_), Ok(values)) if is_stored => Marks::parse(values),
            (Some(subject), Err(_)) if is_stored => self.marks_of(&subject).await,
            _ => Ok(Marks::default()),
        };
        Ok((outcome, marks.map_err(StoreError::partly_happened)?))
    }

    /// Whether an earlier attempt of the same write has stored the session.
    async fn is_stored(&self, write: &SignInWrite<'_>) -> Result<bool, StoreError> {
        let subject = write.record.subject();
        let loading = self.load(write.id, subject.as_ref(), Freshness::Current);
        let loaded = Box::pin(loading).await?;
        Ok(loaded.is_some_and(|loaded| loaded.version == write.version))
    }

    /// Settles a sign-in, and deletes the sessions of the subject that signed in earliest, until there are `max` with this one.
    async fn displace(
        &self,
        write: &SignInWrite<'_>,
        max: u32,
    ) -> Result<Vec<SessionId>, StoreError> {
        let Some(subject) = write.record.subject() else {
            return Ok(Vec::new());
        };
        let group = Group::Subject(subject);
        let settle = async |is_compared: u8| {
            let arguments = [
                write.id.to_string(),
                max.to_string(),
                is_compared.to_string(),
            ];
            self.run::<i64>(group, &DISPLACE, &arguments).await
        };
        let mut displaced = Vec::new();
        let mut count = settle(0).await?;
        if count < 0 {
            // An ended session must not displace another one.
            displaced = self.read_those(group, Entry::is_settled).await?.ended;
            count = settle(1).await?;
        }
        if count > 0 {
            let pass = self.read_those(group, Entry::is_displaced).await?;
            displaced.extend(pass.ended);
        }
        Ok(displaced)
    }
}
