//! The audit: the author and the target of every action, row by row. No function here changes a row
//! or takes one away; rows that were written with an end go by a TTL index.

use futures_util::TryStreamExt;
use mongodb::bson::{self, doc};
use serde::{Deserialize, Serialize};

use super::Platform;
use crate::names::AUDIT;
use crate::time::{self, DateTime};
use crate::{Doing, Error};

/// One action that somebody took or was refused. Has no secret, and of a failed sign-in only the
/// account that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRow {
    /// Ids are in the order of time.
    #[serde(rename = "_id")]
    pub id: String,
    /// The instant; the id has the same.
    pub at: DateTime,
    /// The author: `user:<id>`, `key:<id>`, or `command`; none if nobody signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The action, as `sign-in` or `account-change`.
    pub action: String,
    /// Whether the action was done; else it was refused.
    pub done: bool,
    /// The target: `user:<id>`, `key:<id>`, `session:<id>`, or a method and a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// More in a few words, as the permission that was missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The client's address, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The request's id, which the log has too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The instant when the row goes; never, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime>,
}

/// The rows to read; a filter that is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditWanted {
    /// The action.
    pub action: Option<&'static str>,
    /// The author.
    pub actor: Option<String>,
    /// The target.
    pub target: Option<String>,
    /// Not before this, milliseconds since 1970.
    pub from: Option<i64>,
    /// Before this, milliseconds since 1970.
    pub to: Option<i64>,
    /// Older than the row of this id.
    pub after: Option<uuid::Uuid>,
    /// The largest number of rows.
    pub limit: usize,
}

impl AuditRow {
    /// A row with the present instant.
    #[must_use]
    pub fn new(action: &str, done: bool) -> Self {
        let id = uuid::Uuid::now_v7();
        AuditRow {
            id: id.to_string(),
            at: instant_of(id),
            actor: None,
            action: action.to_owned(),
            done,
            target: None,
            detail: None,
            address: None,
            request_id: None,
            expires_at: None,
        }
    }
}

impl Platform {
    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn insert_audit(&self, row: &AuditRow) -> Result<(), Error> {
        let rows = self.database.collection::<AuditRow>(AUDIT);
        rows.insert_one(row).await.doing("adding to the audit")?;
        Ok(())
    }

    /// Rows, the newest first.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn audit(&self, wanted: &AuditWanted) -> Result<Vec<AuditRow>, Error> {
        const DOING: &str = "reading the audit";
        let rows = self.database.collection::<AuditRow>(AUDIT);
        let limit = i64::try_from(wanted.limit).unwrap_or(i64::MAX);
        let found = rows.find(filter(wanted)).sort(doc! { "_id": -1 }).limit(limit).await;
        found.doing(DOING)?.try_collect().await.doing(DOING)
    }
}

/// Instants are looked up by id, so that every index of this collection ends in the one order.
fn filter(wanted: &AuditWanted) -> bson::Document {
    let texts = [
        ("action", wanted.action),
        ("actor", wanted.actor.as_deref()),
        ("target", wanted.target.as_deref()),
    ];
    let mut filter = doc! {};
    for (field, text) in texts {
        if let Some(text) = text {
            filter.insert(field, text);
        }
    }
    let older = wanted.after.map(|id| id.to_string());
    let ends = [older, wanted.to.map(first_id_of)];
    let mut ids = doc! {};
    if let Some(from) = wanted.from {
        ids.insert("$gte", first_id_of(from));
    }
    if let Some(end) = ends.into_iter().flatten().min() {
        ids.insert("$lt", end);
    }
    if !ids.is_empty() {
        filter.insert("_id", ids);
    }
    filter
}

/// A lower bound for the ids of an instant and of all after it: the beginning of a UUID of version
/// 7 is its milliseconds.
fn first_id_of(ms: i64) -> String {
    let text = format!("{:012x}", ms.max(0));
    format!("{}-{}-", &text[..8], &text[8..12])
}

fn instant_of(id: uuid::Uuid) -> DateTime {
    let ms = i64::try_from(id.as_u128() >> 80).unwrap_or_default();
    time::at(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_the_instant_that_it_states() {
        let row = AuditRow::new("sign-in", true);
        let at = row.at.timestamp_millis();
        assert!(row.id > first_id_of(at) && row.id < first_id_of(at + 1), "{row:?}");
        assert!((time::now().timestamp_millis() - at).abs() < 60_000);
    }

    #[test]
    fn an_end_and_a_page_before_it_are_one_bound() {
        let id = uuid::Uuid::now_v7();
        let at = instant_of(id).timestamp_millis();
        let wanted = |to| AuditWanted { to: Some(to), after: Some(id), ..Default::default() };
        let ids = |to| filter(&wanted(to)).get_document("_id").unwrap().clone();
        assert_eq!(ids(at + 1), doc! { "$lt": id.to_string() });
        assert_eq!(ids(at), doc! { "$lt": first_id_of(at) });
    }
}
