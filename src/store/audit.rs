//! Who did what, row by row; only ever added to. Rows are kept for a year.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::names::AUDIT;
use super::time::{self, DateTime};
use super::{Doing, Error, Store};

/// How long a row is kept.
const KEPT: Duration = Duration::from_hours(24 * 365);

/// One thing that somebody did or was refused. Has no secret, and of a failed sign-in no more than
/// the e-mail that was tried where it is an account's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRow {
    /// Ids are in the order of time.
    #[serde(rename = "_id")]
    pub id: String,
    /// When.
    pub at: DateTime,
    /// Who: `user:<id>`, `key:<id>`, or `command`; nobody where nobody signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What, as `sign-in` or `account-change`.
    pub action: String,
    /// Whether it was done; else it was refused.
    pub done: bool,
    /// To what: `user:<id>`, `key:<id>`, `session:<id>`, or a method and a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// More in a few words, as the permission that was lacking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The client's address, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The request's id, which the log has too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When the row goes.
    pub expires_at: DateTime,
}

impl AuditRow {
    /// A row of now.
    #[must_use]
    pub fn new(action: &str, done: bool) -> Self {
        let at = time::now();
        let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        AuditRow {
            id: uuid::Uuid::now_v7().to_string(),
            at,
            actor: None,
            action: action.to_owned(),
            done,
            target: None,
            detail: None,
            address: None,
            request_id: None,
            expires_at: time::at(at.timestamp_millis().saturating_add(kept)),
        }
    }
}

impl Store {
    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn insert_audit(&self, row: &AuditRow) -> Result<(), Error> {
        let rows = self.database.collection::<AuditRow>(AUDIT);
        rows.insert_one(row).await.doing("adding to the audit")?;
        Ok(())
    }
}
