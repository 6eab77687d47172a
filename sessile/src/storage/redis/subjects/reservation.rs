//! [`Reservation`]: the place in an index of a session that is being stored.

use redis::Value;

use super::{
    super::{
        RedisSessionStore,
        script::{RESERVE, SETTLE},
    },
    group::Group,
    marks::Mark,
    reading::Entry,
};
use crate::storage::{AtLimit, SessionId, SessionLimit, SignInWrite, StoreError, timing::millis};

/// A place in the index of a group, for a session that is about to be stored.
pub(super) struct Reservation {
    group: Group,
    pub(super) mark: Option<Mark>,
    /// When it was reserved. 0 if the session had it already, and -1 if another session has it.
    reserved_at: i64,
    is_new: bool,
}

impl Reservation {
    /// Whether it is for a sign-in: a session of the subject that is not settled yet.
    pub(super) const fn is_sign_in(&self) -> bool {
        matches!(self.group, Group::Subject(_)) && self.reserved_at > 0
    }

    /// Whether the session has to be deleted, because another one has its place.
    const fn is_displaced(&self) -> bool {
        self.reserved_at < 0
    }

    /// The reservation of a session that a reader found stored.
    pub(super) const fn read(group: Group) -> Self {
        Self {
            group,
            mark: None,
            reserved_at: 0,
            is_new: false,
        }
    }
}

/// The outcome of the write.
#[derive(Clone, Copy)]
pub(super) enum Written {
    Stored,
    Missing,
    Failed,
}

impl RedisSessionStore {
    /// Reserves a place in each group of the session. `None` if the limit of its subject is reached.
    pub(super) async fn reserve_all(
        &self,
        write: &SignInWrite<'_>,
        limit: Option<SessionLimit>,
    ) -> Result<Option<Vec<Reservation>>, StoreError> {
        let refusing = limit.filter(|limit| limit.at_limit() == AtLimit::RefuseNew);
        let mut reservations = Vec::new();
        for group in Group::of(write.record) {
            let max = match (group, refusing) {
                (Group::Subject(_), Some(limit)) => limit.max(),
                _ => 0,
            };
            let mut reserved = self.reserve_up_to(group, write, max).await?;
            if limit.is_some() && reserved.as_ref().is_some_and(Reservation::is_displaced) {
                // Another session has its place, and it is not deleted yet. A sign-in of it would not be counted.
                Box::pin(self.read_those(group, Entry::is_displaced)).await?;
                reserved = self.reserve_up_to(group, write, max).await?;
            }
            match reserved {
                Some(reservation) => reservations.push(reservation),
                None => return Ok(None),
            }
        }
        Ok(Some(reservations))
    }

    /// As [`reserve`](Self::reserve). If there is no place, removes outdated entries from the index, and
    /// tries again.
    async fn reserve_up_to(
        &self,
        group: Group,
        write: &SignInWrite<'_>,
        max: u32,
    ) -> Result<Option<Reservation>, StoreError> {
        match self.reserve(group, write, max).await? {
            None => {
                Box::pin(self.read_those(group, Entry::is_settled)).await?;
                self.reserve(group, write, max).await
            }
            reserved => Ok(reserved),
        }
    }

    /// Reserves a place in the index of `group`, unless `max` other sessions have one.
    async fn reserve(
        &self,
        group: Group,
        write: &SignInWrite<'_>,
        max: u32,
    ) -> Result<Option<Reservation>, StoreError> {
        let signed_in_at = write.record.signed_in_at();
        let arguments = [
            write.id.to_string(),
            signed_in_at.map_or(0, |at| at.as_unix_millis()).to_string(),
            millis(write.ttl).to_string(),
            max.to_string(),
        ];
        let reserved: Option<(Value, i64, bool)> = self.run(group, &RESERVE, &arguments).await?;
        let Some((mark, reserved_at, is_new)) = reserved else {
            return Ok(None);
        };
        Ok(Some(Reservation {
            group,
            mark: Mark::parse(&mark)?,
            reserved_at,
            is_new,
        }))
    }

    /// Records the outcome of the write in the index. If the reply is lost, each reservation expires after a
    /// minute.
    pub(super) async fn settle_all(
        &self,
        write: &SignInWrite<'_>,
        reservations: &[Reservation],
        written: Written,
    ) {
        for reservation in reservations {
            let is_settled = reservation.reserved_at <= 0 && !matches!(written, Written::Missing);
            if !is_settled {
                let settled = self.settle(write.id, reservation, written).await;
                drop(settled);
            }
        }
    }

    pub(super) async fn settle(
        &self,
        id: &SessionId,
        reservation: &Reservation,
        written: Written,
    ) -> Result<(), StoreError> {
        let outcome = match written {
            Written::Stored => "stored",
            Written::Missing => "missing",
            Written::Failed => "failed",
        };
        let arguments = [
            id.to_string(),
            outcome.to_owned(),
            reservation.reserved_at.to_string(),
            u8::from(reservation.is_new).to_string(),
        ];
        self.run(reservation.group, &SETTLE, &arguments).await
    }
}
