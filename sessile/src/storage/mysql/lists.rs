//! [`ListStatements`]: the statements that find sessions and change none.

use std::{num::NonZeroU32, sync::Arc};

use sqlx::{Error, MySqlConnection, Row as _};

use super::{
    SessionId, SubjectDigest,
    marks::{is_live, is_refused},
    query::{NOW, id, query, row, rows, session},
};
use crate::storage::sql::{Name, RowsById};

/// The statements of a store that find sessions by something else than their ids.
#[derive(Debug)]
pub(super) struct ListStatements {
    list: Arc<str>,
    find_by_label: Arc<str>,
    is_revoked: Arc<str>,
    page: Arc<str>,
    count: Arc<str>,
}

impl ListStatements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        const SESSION: &str = "it.id, it.version, CAST(it.record AS BINARY)";
        let (is_live, is_refused) = (is_live(marks), is_refused(marks));
        let list = format!(
            "SELECT {SESSION} FROM {sessions} AS it
             WHERE it.subject = ? AND {is_live} ORDER BY it.signed_in_at, it.id"
        );
        let find_by_label =
            format!("SELECT it.id FROM {sessions} AS it WHERE it.label = ? AND {is_live}");
        let is_revoked = format!(
            "SELECT EXISTS (SELECT 1 FROM {sessions} AS it WHERE it.id = ? AND it.expires_at > {NOW})
                 OR {is_refused}"
        );
        let page = format!(
            "SELECT {SESSION} FROM {sessions} AS it
             WHERE it.id > ? AND {is_live} ORDER BY it.id LIMIT ?"
        );
        let count = format!("SELECT COUNT(*) FROM {sessions} AS it WHERE {is_live}");
        Self {
            list: list.into(),
            find_by_label: find_by_label.into(),
            is_revoked: is_revoked.into(),
            page: page.into(),
            count: count.into(),
        }
    }

    pub(super) async fn list(
        &self,
        connection: &mut MySqlConnection,
        subject: &SubjectDigest,
    ) -> Result<RowsById, Error> {
        let list = query(&self.list).bind(subject.as_bytes().as_slice());
        rows(connection, list, session).await
    }

    pub(super) async fn find_by_label(
        &self,
        connection: &mut MySqlConnection,
        label: &str,
    ) -> Result<Vec<SessionId>, Error> {
        let find = query(&self.find_by_label).bind(label.as_bytes());
        rows(connection, find, id).await
    }

    pub(super) async fn is_revoked(
        &self,
        connection: &mut MySqlConnection,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
    ) -> Result<bool, Error> {
        let id = id.as_bytes().as_slice();
        let question = query(&self.is_revoked)
            .bind(id)
            .bind(subject.map(|subject| subject.as_bytes().as_slice()))
            .bind(since)
            .bind(id)
            .bind(since);
        row(connection, question, |row| row.try_get(0)).await
    }

    pub(super) async fn page(
        &self,
        connection: &mut MySqlConnection,
        after: Option<&SessionId>,
        limit: NonZeroU32,
    ) -> Result<RowsById, Error> {
        // No id is before the empty one.
        let after = after.map_or(&[][..], |it| it.as_bytes().as_slice());
        let page = query(&self.page).bind(after).bind(u64::from(limit.get()));
        rows(connection, page, session).await
    }

    pub(super) async fn count(&self, connection: &mut MySqlConnection) -> Result<u64, Error> {
        let count: i64 = row(connection, query(&self.count), |row| row.try_get(0)).await?;
        Ok(count.cast_unsigned())
    }
}
